"""Layers: of several records the newest that has a node as it is now decides; what has changed since is not kept."""

from __future__ import annotations

from collections.abc import Sequence

from hypothesis import given
from hypothesis import strategies as st

from tests.core.repeats import (
    COMPLETED,
    FAILED,
    V1,
    V2,
    call,
    code,
    each,
    kind_of,
    needed,
    one,
    over,
    plain,
    recorded,
    whole,
)
from wfkit.core.events import GroupSpec, NodesDecided, Verdict
from wfkit.core.ids import GroupId
from wfkit.core.layers import Layers
from wfkit.core.plan import plan_of
from wfkit.core.reducer import fold
from wfkit.core.rerun import Decision, Fate, Rerun, Wishes
from wfkit.core.states import TaskState
from wfkit.core.view import RunView

REUSED, CANCELLED = TaskState.REUSED, TaskState.CANCELLED
Ends = dict[str | tuple[str, int], TaskState]


def pipeline(n: int = 3) -> list[GroupSpec]:
    """A map, a map over it, and a reduce."""
    return [
        call("g1", "load", each("x", range(n)), length=n),
        call("g2", "clean", length=n, uses=[over("g1")]),
        call("g3", "report", uses=[whole("g2")]),
    ]


def rerun_of(calls: Sequence[GroupSpec], ends: Ends) -> RunView:
    """The record of a rerun: what is REUSED was kept, all else was executed."""
    view = recorded(*calls, ends=ends)
    for group in view.groups.values():
        for index in range(len(group)):
            verdict = Verdict((index, index + 1), reused=group.state(index) is REUSED, reason="as it was")
            fold(view, [NodesDecided(group=group.spec.id, verdicts=(verdict,), seq=10_000 + index)])
    return view


def layers(*views: RunView, wishes: Sequence[Wishes] = ()) -> Layers:
    told = [*wishes, *[Wishes()] * len(views)]
    return Layers([Rerun(view, told[at], lambda _: "", lambda *_: "it changed") for at, view in enumerate(views)])


def decided(rules: Layers, *calls: GroupSpec) -> dict[str, Decision]:
    """What becomes of each node of these calls, in order."""
    kinds, found = kind_of(*calls), dict[str, Decision]()
    for spec in calls:
        rules.add(spec, lambda group: kinds[group])
        if spec.kind == "task":
            rules.find_elements(spec, range(spec.length or 0))
            for index in range(spec.length or 0):
                name = f"{spec.id}[{index}]"
                found[name] = rules.decide(spec, index, code(V1, spec.task), needed(spec, index))
    return found


def told(rules: Layers, *calls: GroupSpec) -> dict[str, str]:
    return {name: f"{one.fate}: {one.reason}" for name, one in decided(rules, *calls).items()}


def test_what_the_newest_record_did_not_come_to_is_kept_from_the_one_before() -> None:
    calls = pipeline(2)
    first = recorded(*calls, ends={("g2", 1): FAILED, "g3": TaskState.UPSTREAM_FAILED})
    cut = rerun_of(calls[:1], {"g1": REUSED})
    assert told(layers(cut, first), *calls) == {
        "g1[0]": "keep: reused",
        "g1[1]": "keep: reused",
        "g2[0]": "keep: reused",
        "g2[1]": "run: failed before",
        "g3[0]": "run: its inputs failed before",
    }


def test_a_record_without_any_call_hides_nothing() -> None:
    calls = pipeline(2)
    nothing = recorded()
    assert {one.fate for one in decided(layers(nothing, nothing, recorded(*calls)), *calls).values()} == {Fate.KEEP}


def test_what_was_made_from_a_value_that_the_newer_run_has_made_anew_is_executed() -> None:
    calls = pipeline(2)
    cut = rerun_of(calls[:1], {("g1", 0): REUSED, ("g1", 1): COMPLETED})
    assert told(layers(cut, recorded(*calls)), *calls) == {
        "g1[0]": "keep: reused",
        "g1[1]": "keep: reused",
        "g2[0]": "keep: reused",
        "g2[1]": "run: `g1[1]` runs again",
        "g3[0]": "run: `g2` runs again",
    }


def test_what_was_made_anew_two_runs_before_is_new_to_the_first_even_if_it_was_kept_since() -> None:
    calls = pipeline(1)
    anew, kept = rerun_of(calls[:1], {"g1": COMPLETED}), rerun_of(calls[:1], {"g1": REUSED})
    found = told(layers(kept, anew, recorded(*calls)), *calls)
    assert (found["g1[0]"], found["g2[0]"]) == ("keep: reused", "run: `g1[0]` runs again")


def test_what_the_newer_run_executed_without_success_is_executed_whatever_the_older_one_has() -> None:
    calls = pipeline(1)
    cut = rerun_of(calls[:1], {"g1": CANCELLED})
    assert told(layers(cut, recorded(*calls)), *calls)["g1[0]"] == "run: was cancelled"


def test_a_value_that_was_given_to_the_newer_run_is_another_one_to_the_older() -> None:
    calls = pipeline(1)
    cut = recorded(*calls[:1], ends={"g1": REUSED})
    by_hand = Verdict((0, 1), reused=True, reason="set by hand")
    fold(cut, [NodesDecided(group=GroupId("g1"), verdicts=(by_hand,), seq=10_000)])
    found = told(layers(cut, recorded(*calls)), *calls)
    assert (found["g1[0]"], found["g2[0]"]) == ("keep: reused", "run: `g1[0]` runs again")


def test_of_a_call_that_an_edit_took_back_the_older_record_has_the_value() -> None:
    before, between = call("g1", "load", plain("x", 1)), call("g1", "load", plain("x", 2))
    after = call("g2", "clean", uses=[whole("g1")])
    rules = layers(rerun_of([between, after], {}), recorded(before, after))
    assert told(rules, before, after) == {"g1[0]": "keep: reused", "g2[0]": "keep: reused"}


def test_elements_that_the_newer_map_has_not_are_kept_from_the_older() -> None:
    longer, shorter = pipeline(3)[:2], pipeline(2)[:2]
    rules = layers(rerun_of(shorter, {"g1": REUSED, "g2": REUSED}), recorded(*longer))
    assert {one.fate for one in decided(rules, *longer).values()} == {Fate.KEEP}


def test_what_is_asked_for_of_an_older_record_counts() -> None:
    calls = pipeline(1)
    cut = rerun_of(calls[:2], {"g1": REUSED, "g2": REUSED})
    asked = Wishes(forced=frozenset({(GroupId("g2"), None)}))
    rules = layers(cut, recorded(*calls), wishes=[Wishes(), asked])
    assert told(rules, *calls)["g2[0]"] == "run: asked for"
    assert rules.is_forced((GroupId("g2"), 0))


def test_children_of_a_kept_node_are_known_to_the_older_record_and_are_new_to_it_where_it_has_others() -> None:
    parent, child, user = (
        call("g1", "spawn"),
        call("g1.0/1", "part", plain("x", 1)),
        call("g2", "use", uses=[whole("g1.0/1")]),
    )
    for state, fate in ((REUSED, Fate.KEEP), (COMPLETED, Fate.RUN)):
        cut = rerun_of([parent, child], {"g1": state, "g1.0/1": state})
        rules = layers(cut, recorded(parent, child, user))
        assert decided(rules, parent)["g1[0]"].fate is Fate.KEEP
        rules.keep_child(child, child.id, (parent.id, 0), lambda _: "task")
        assert decided(rules, user)["g2[0]"].fate is fate


def test_an_item_that_only_the_newer_record_has_is_new_to_the_older_though_it_stands_where_another_one_stood() -> None:
    parent, child = call("g1", "spawn", each("x", [1]), length=1), call("g1.0/1", "part", plain("x", 1))
    parts = call("g2", "flatten", kind="flatten", uses=[whole("g1")], mapped=True)
    user = call("g3", "use", length=1, uses=[over("g2")], parts=((0, 1),))
    cut = rerun_of([parent, child, parts], {"g1": COMPLETED, "g1.0/1": COMPLETED})
    rules = layers(cut, recorded(parent, parts, user, ends={"g1": FAILED}))
    assert told(rules, parent) == {"g1[0]": "keep: reused"}
    rules.keep_child(child, child.id, (parent.id, 0), lambda _: "task")
    kinds = kind_of(parent, parts, user)
    for spec in (parts, user):
        rules.add(spec, lambda group: kinds[group])
    rules.find_elements(user, [0])
    item = needed(call("g3", "use", uses=[one("g1.0/1")]), 0)
    decision = rules.decide(user, 0, code(V1, "use"), item)
    assert (decision.fate, decision.reason) == (Fate.RUN, "`g1.0/1[0]` runs again")


def test_what_uses_the_children_of_a_kept_stale_node_is_stale_whichever_record_decides_about_it() -> None:
    parent, child = call("g1", "spawn"), call("g1.0/1", "part", plain("x", 1))
    user = call("g2", "use", uses=[one("g1.0/1")])
    everything = recorded(parent, child, user)
    for rules in (layers(rerun_of([parent, child], {"g1": REUSED, "g1.0/1": REUSED}), everything), layers(everything)):
        rules.add(parent, lambda _: "task")
        rules.find_elements(parent, [0])
        rules.decide(parent, 0, code(V2, "spawn"), [])
        rules.keep_child(child, child.id, (parent.id, 0), lambda _: "task")
        found = decided(rules, user)["g2[0]"]
        assert (found.fate, found.stale) == (Fate.KEEP, "uses stale `g1.0/1[0]`")


def test_a_plan_over_records_decides_a_map_behind_what_a_task_has_called_later() -> None:
    calls = [
        call("g1", "spread"),
        call("g2", "use", length=2, uses=[over("g1.0/1")]),
        call("g3", "total", uses=[whole("g2")]),
        call("g1.0/1", "part", each("x", range(2)), length=2),
    ]
    kept: Ends = {"g1": REUSED, "g1.0/1": REUSED, "g2": REUSED}
    for cut in (rerun_of([*calls[:2], calls[3]], kept), rerun_of([calls[0], calls[3]], kept), rerun_of([], {})):
        assert {row.action for row in plan_of(layers(cut, recorded(*calls)), {})} == {"reuse"}
        failed = recorded(*calls, ends={("g1.0/1", 1): FAILED, ("g2", 1): TaskState.UPSTREAM_FAILED, "g3": FAILED})
        anew = rerun_of([calls[0], calls[3]], {"g1": COMPLETED, ("g1.0/1", 0): REUSED, ("g1.0/1", 1): COMPLETED})
        rows = {row.name: row.action for row in plan_of(layers(anew, failed), {})}
        assert list(rows.values()) == ["reuse", "reuse", "reuse", "reuse", "run", "run"]


@given(st.data())
def test_a_node_is_kept_exactly_where_it_is_fine_and_nothing_above_it_was_made_anew(data: st.DataObject) -> None:
    """The same by hand: the newest record that has a node tells its end, and what it is made of must be as old."""
    n = data.draw(st.integers(1, 3))
    calls = pipeline(n)
    nodes = [(spec.id, index) for spec in calls for index in range(spec.length or 0)]
    generations = data.draw(st.integers(1, 3))
    views, holds, made = list[RunView](), dict[tuple[str, int], bool](), dict[tuple[str, int], int]()
    above: dict[tuple[str, int], list[tuple[str, int]]] = {node: [] for node in nodes} | {
        ("g2", at): [("g1", at)] for at in range(n)
    }
    above["g3", 0] = [("g2", at) for at in range(n)]
    for generation in range(generations):
        reached = len(calls) if generation == 0 else data.draw(st.integers(0, len(calls)))
        ends: Ends = {}
        for node in nodes[: sum(spec.length or 0 for spec in calls[:reached])]:
            fed = all(holds[one] for one in above[node])
            same = holds.get(node, False) and all(made[one] <= made[node] for one in above[node])
            kept = fed and same and data.draw(st.booleans())
            if not kept:
                holds[node], made[node] = fed and data.draw(st.booleans()), generation
            ends[node] = REUSED if kept else COMPLETED if holds[node] else FAILED
        views.insert(0, rerun_of(calls[:reached], ends))
    rules = layers(*views)
    found = decided(rules, *calls)
    now = dict[tuple[str, int], bool]()
    for node in nodes:
        now[node] = holds[node] and all(now[one] and made[one] <= made[node] for one in above[node])
        assert (found[f"{node[0]}[{node[1]}]"].fate is Fate.KEEP) is now[node]
        assert found[f"{node[0]}[{node[1]}]"].reason != "new"
    plan = plan_of(layers(*views), {})
    assert [row.action == "reuse" for row in plan] == [now[node] for node in nodes]
    assert [row.reason.replace("clean@g2", "g2") for row in plan if "`" not in row.reason] == [
        one.reason for one in found.values() if "`" not in one.reason
    ]
