"""Plan: what a rerun would do, row by row and in words, with nothing executed."""

from __future__ import annotations

from dataclasses import replace

from tests.core.repeats import COMPLETED, FAILED, V2, call, code, each, one, over, recorded, whole
from wfkit.core.events import CodeSpec, GroupSpec
from wfkit.core.ids import GroupId
from wfkit.core.layers import Layers
from wfkit.core.plan import FOLLOWS, Plan, PlanRow, plan_of
from wfkit.core.rerun import Rerun, Wishes
from wfkit.core.states import TaskState
from wfkit.core.view import RunView

UPSTREAM_FAILED = TaskState.UPSTREAM_FAILED


def planned(past: RunView, wishes: Wishes | None = None, codes: dict[str, CodeSpec] | None = None) -> Plan:
    rerun = Rerun(past, wishes or Wishes(), lambda _: "", lambda *_: "its body changed")
    return plan_of(Layers([rerun]), codes or {})


def named(spec: GroupSpec, name: str) -> GroupSpec:
    return replace(spec, name=name)


def pipeline(n: int = 3) -> tuple[GroupSpec, GroupSpec, GroupSpec]:
    """A map, a map over it, and a reduce."""
    return (
        named(call("g1", "load", each("x", range(n)), length=n, code="load, first"), "load"),
        named(call("g2", "clean", length=n, uses=[over("g1")], code="clean, first"), "clean"),
        named(call("g3", "report", uses=[whole("g2")]), "report"),
    )


def actions(plan: Plan) -> dict[str, str]:
    return {row.name: row.action for row in plan}


def test_a_plan_says_what_runs_and_what_is_reused_and_why() -> None:
    plan = planned(recorded(*pipeline(), ends={("g2", 1): FAILED, "g3": UPSTREAM_FAILED}))
    assert list(plan) == [
        PlanRow("load[0]", "reuse", "reused"),
        PlanRow("load[1]", "reuse", "reused"),
        PlanRow("load[2]", "reuse", "reused"),
        PlanRow("clean[0]", "reuse", "reused"),
        PlanRow("clean[1]", "run", "failed before"),
        PlanRow("clean[2]", "reuse", "reused"),
        PlanRow("report", "run", "its inputs failed before"),
    ]
    assert (len(plan), plan[4].name) == (7, "clean[1]")
    assert plan.counts == {"run": 2, "reuse": 5, "await": 0, "stale": 0}
    assert plan.headline == "2 run, 5 reused"


def test_stale_values_are_told_with_what_changed_and_those_that_use_them() -> None:
    past = recorded(*pipeline(1), ends={"g3": FAILED})
    plan = planned(past, codes={"load, first": code(V2, "load")})
    assert [(row.name, row.action, row.stale) for row in plan] == [
        ("load[0]", "reuse", "its body changed"),
        ("clean[0]", "reuse", "uses stale `load[0]`"),
        ("report", "run", "uses stale `clean`"),
    ]
    assert plan.headline == "1 run, 2 reused, of these 1 stale"
    assert "load[0]                        reuse  reused, stale: its body changed" in repr(plan).splitlines()


def test_with_changed_what_is_stale_would_run_with_all_downstream() -> None:
    plan = planned(recorded(*pipeline(2)), Wishes(changed=True), {"clean, first": code(V2, "clean")})
    assert actions(plan) == {
        "load[0]": "reuse",
        "load[1]": "reuse",
        "clean[0]": "run",
        "clean[1]": "run",
        "report": "run",
    }


def test_a_task_that_is_not_found_counts_as_unchanged() -> None:
    assert planned(recorded(*pipeline()), Wishes(changed=True)).counts["run"] == 0


def test_what_the_run_still_works_on_would_be_awaited() -> None:
    plan = planned(recorded(*pipeline(1), ends={"g2": TaskState.PENDING, "g3": TaskState.PENDING}, going_on=True))
    assert actions(plan) == {"load[0]": "reuse", "clean[0]": "await", "report": "await"}
    assert plan.headline == "0 run, 1 reused, 2 awaited"


def test_a_value_by_hand_is_reused_and_what_is_made_from_it_runs() -> None:
    plan = planned(recorded(*pipeline(2)), Wishes(by_hand=frozenset({(GroupId("g1"), 0)})))
    assert actions(plan) == {
        "load[0]": "reuse",
        "load[1]": "reuse",
        "clean[0]": "run",
        "clean[1]": "reuse",
        "report": "run",
    }


def test_what_lies_behind_a_look_at_something_that_runs_depends_on_the_body() -> None:
    first = named(call("g1", "probe"), "probe")
    before = named(call("g2", "before"), "before")
    after = named(call("g3", "after", looks=[("g1", 0)]), "after")
    later = named(call("g4", "later"), "later")
    plan = planned(recorded(first, before, after, later, ends={"g1": FAILED}))
    assert [(row.name, row.depends_on_body) for row in plan] == [
        ("probe", False),
        ("before", False),
        ("after", True),
        ("later", True),
    ]
    assert "after                          reuse  reused, depends on the body" in repr(plan).splitlines()
    kept = planned(recorded(first, before, after, later))
    assert not any(row.depends_on_body for row in kept)


def test_a_look_at_a_whole_map_counts_for_each_of_its_elements() -> None:
    probes = named(call("g1", "probe", length=2), "probe")
    after = named(call("g2", "after", looks=[("g1", -1)]), "after")
    plan = planned(recorded(probes, after, ends={("g1", 1): FAILED}))
    assert plan[2].depends_on_body


def test_children_of_a_parent_that_runs_depend_on_its_body() -> None:
    parent = named(call("g1", "parent"), "parent")
    child = named(call("g1.0/1", "child", length=2), "parent/child")
    plan = planned(recorded(parent, child, ends={"g1": FAILED, ("g1.0/1", 0): FAILED}))
    assert [(row.name, row.action, row.depends_on_body) for row in plan] == [
        ("parent", "run", False),
        ("parent/child[0]", "run", True),
        ("parent/child[1]", "reuse", True),
    ]


def test_a_map_over_what_a_task_has_called_later_is_planned_behind_it() -> None:
    parent = named(call("g1", "spread", code="spread, first"), "spread")
    use = named(call("g2", "use", length=2, uses=[over("g1.0/1")]), "use")
    total = named(call("g3", "total", uses=[whole("g2")]), "total")
    child = named(call("g1.0/1", "part", length=2, code="part, first"), "spread/part")
    past = recorded(parent, use, total, child)
    codes = {"spread, first": code(V2, "spread"), "part, first": code(V2, "part")}
    changed = planned(past, Wishes(changed=True), codes)
    assert [row.name for row in changed] == ["spread", "use[0]", "use[1]", "total", "spread/part[0]", "spread/part[1]"]
    assert {row.action for row in changed} == {"run"}
    stale = {row.name: row.stale for row in planned(past, codes=codes)}
    assert stale["use[1]"] == "uses stale `spread/part[1]`"
    assert stale["total"] == "uses stale `use`"


def test_a_look_in_the_body_of_a_parent_counts_for_what_its_children_make() -> None:
    parent = named(call("g1", "parent"), "parent")
    probe = named(call("g1.0/1", "probe"), "parent/probe")
    middle = named(call("g1.0/2", "middle", looks=[("g1.0/1", 0)]), "parent/middle")
    leaf = named(call("g1.0/2.0/1", "leaf"), "parent/middle/leaf")
    beside = named(call("g2", "beside"), "beside")
    plan = planned(recorded(parent, probe, middle, leaf, beside, ends={"g1.0/1": FAILED}))
    assert [row.name for row in plan if row.depends_on_body] == ["parent/probe", "parent/middle", "parent/middle/leaf"]


def test_what_goes_over_a_flatten_depends_on_its_part_and_who_takes_it_whole_on_all() -> None:
    lists = named(call("g1", "lists", length=2), "lists")
    flat = replace(call("g2", "flatten", kind="flatten", uses=[whole("g1")], mapped=True), parts=((0, 2), (1, 1)))
    clean = named(call("g3", "clean", length=3, uses=[over("g2")], parts=((0, 2), (1, 1))), "clean")
    report = named(call("g4", "report", uses=[whole("g2")]), "report")
    past = recorded(lists, replace(flat, length=3), clean, report, ends={("g1", 1): FAILED})
    assert actions(planned(past)) == {
        "lists[0]": "reuse",
        "lists[1]": "run",
        "clean[0.0]": "reuse",
        "clean[0.1]": "reuse",
        "clean[1.0]": "run",
        "report": "run",
    }


def test_an_edge_that_one_node_has_is_an_input_of_that_node_alone() -> None:
    sources = named(call("g1", "load", length=2), "load")
    spelled = [one("g1", 0, at=0), one("g1", 1, at=1)]
    users = named(call("g2", "clean", length=2, spelled=spelled), "clean")
    plan = planned(recorded(sources, users, ends={("g1", 0): FAILED}))
    assert actions(plan) == {"load[0]": "run", "load[1]": "reuse", "clean[0]": "run", "clean[1]": "reuse"}


def test_the_text_of_a_long_plan_shows_what_runs_first_of_all() -> None:
    past = recorded(*pipeline(100), ends={("g2", 77): FAILED, "g3": UPSTREAM_FAILED})
    lines = repr(planned(past)).splitlines()
    assert lines[0] == "2 run, 199 reused"
    assert lines[-1] == "… and 161 more"
    assert any(line.startswith("clean[77] ") for line in lines)
    assert any(line.startswith("report ") for line in lines)


def test_a_map_of_which_only_values_by_hand_are_new_does_not_run_again() -> None:
    given = Wishes(by_hand=frozenset({(GroupId("g2"), 1)}))
    (report,) = planned(recorded(*pipeline()), given).executed()
    assert (report.name, report.reason) == ("report", "`clean` is set by hand")
    failed = recorded(*pipeline(), ends={("g2", 0): FAILED, "g3": UPSTREAM_FAILED})
    assert [row.name for row in planned(failed, given).executed()] == ["clean[0]", "report"]


def test_reasons_are_counted_and_what_only_follows_is_told_together_and_last() -> None:
    past = recorded(*pipeline(5), ends={("g2", 1): FAILED, ("g2", 3): FAILED, "g3": UPSTREAM_FAILED})
    assert planned(past).why == [("failed before", 2), (FOLLOWS, 1)]
    forced = planned(past, Wishes(forced=frozenset({(GroupId("g1"), 0)})))
    assert forced.why == [("failed before", 2), ("asked for", 1), (FOLLOWS, 2)]
    by_hand = planned(past, Wishes(by_hand=frozenset({(GroupId("g1"), 0)})))
    assert by_hand.why == [("failed before", 2), ("set by hand", 1), (FOLLOWS, 2)]
    assert planned(recorded(*pipeline())).why == []


def test_what_runs_is_listed_alone_with_its_tasks() -> None:
    past = recorded(*pipeline(100), ends={("g2", 77): FAILED, "g3": UPSTREAM_FAILED})
    plan = planned(past)
    assert [row.name for row in plan.executed()] == ["clean[77]", "report"]
    assert plan.tasks == {"clean", "report"}


def test_flows_and_flattens_have_no_rows() -> None:
    branch = call("g1", "part", kind="flow")
    inside = named(call("g2", "clean", parent="g1"), "clean")
    assert actions(planned(recorded(branch, inside, ends={"g2": COMPLETED}))) == {"clean": "reuse"}


def test_a_call_that_was_made_anew_is_planned_and_the_one_before_is_not() -> None:
    calls = [named(call("g1", "parent"), "parent"), named(call("g1.0/1", "leaf"), "parent/leaf")]
    anew = named(call("g1.0/1x2", "leaf"), "parent/leaf#2")
    plan = planned(recorded(*calls, anew, ends={"g1.0/1": FAILED}))
    assert actions(plan) == {"parent": "reuse", "parent/leaf#2": "reuse"}
