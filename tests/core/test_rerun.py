"""Rerun: what becomes of each node of a run that is repeated, and the reason that people read."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.core.histories import finished, started
from tests.core.repeats import (
    COMPLETED,
    FAILED,
    SKIPPED,
    V1,
    V2,
    Repeat,
    call,
    code,
    each,
    needed,
    one,
    over,
    plain,
    recorded,
    whole,
)
from wfkit.core.events import Edge, GroupSpec, NodeFinished, RunFinished, Verdict
from wfkit.core.ids import GroupId
from wfkit.core.reducer import fold
from wfkit.core.rerun import Decision, Fate, Wishes, verdicts
from wfkit.core.states import RunState, TaskState

CHANGED = Wishes(changed=True)


def forced(*nodes: tuple[str, int | None]) -> Wishes:
    return Wishes(forced=frozenset((GroupId(group), index) for group, index in nodes))


def given_by_hand(*nodes: tuple[str, int | None]) -> Wishes:
    return Wishes(by_hand=frozenset((GroupId(group), index) for group, index in nodes))


def pipeline(values: str = "abc") -> tuple[GroupSpec, GroupSpec, GroupSpec]:
    """A map, a map over it, and a reduce."""
    n = len(values)
    return (
        call("g1", "load", each("x", values), length=n),
        call("g2", "clean", length=n, uses=[over("g1")]),
        call("g3", "report", uses=[whole("g2")]),
    )


# --- what failed, and what lies downstream ---


def test_what_failed_runs_again_with_all_that_is_made_from_it_and_all_else_is_kept() -> None:
    load, clean, report = calls = pipeline()
    past = recorded(*calls, ends={("g2", 1): FAILED, "g3": TaskState.UPSTREAM_FAILED})
    again = Repeat(past, *calls)
    assert again.told(load) == ["keep: reused"] * 3
    assert again.told(clean) == ["keep: reused", "run: failed before", "keep: reused"]
    assert again.told(report) == ["run: its inputs failed before"]


@pytest.mark.parametrize(
    ("state", "reason"),
    [
        (FAILED, "failed before"),
        (TaskState.CRASHED, "crashed before"),
        (TaskState.CANCELLED, "was cancelled"),
        (TaskState.UPSTREAM_FAILED, "its inputs failed before"),
        (TaskState.PENDING, "never started"),
    ],
)
def test_each_end_without_a_value_is_a_reason_to_run(state: TaskState, reason: str) -> None:
    spec = call("g1")
    again = Repeat(recorded(spec, ends={"g1": state}), spec)
    assert again["g1"] == Decision(Fate.RUN, reason)


def test_a_failure_that_was_handled_runs_again_with_those_that_ran_with_it() -> None:
    first, second = call("g1", "clean"), call("g2", "report", uses=[one("g1")])
    again = Repeat(recorded(first, second, ends={"g1": FAILED}), first, second)
    assert again["g2"] == Decision(Fate.RUN, "`g1[0]` runs again")


def test_who_takes_a_map_whole_runs_again_for_one_of_its_elements() -> None:
    calls = pipeline()
    again = Repeat(recorded(*calls, ends={("g2", 1): FAILED}), *calls)
    assert again["g3"] == Decision(Fate.RUN, "`g2` runs again")


@pytest.mark.parametrize("state", [COMPLETED, SKIPPED, TaskState.REUSED])
def test_what_is_fine_is_kept(state: TaskState) -> None:
    spec = call("g1")
    assert Repeat(recorded(spec, ends={"g1": state}), spec)["g1"] == Decision(Fate.KEEP, "reused")


def test_a_node_of_a_run_that_ended_in_the_middle_was_interrupted() -> None:
    spec = call("g1")
    past = recorded(spec, ends={"g1": TaskState.PENDING}, going_on=True)
    fold(past, [started(GroupId("g1"), seq=50), RunFinished(seq=51, state=RunState.INTERRUPTED)])
    assert Repeat(past, spec)["g1"] == Decision(Fate.RUN, "was interrupted")


# --- inputs ---


def test_changed_plain_inputs_run_and_are_named() -> None:
    past = recorded(call("g1", "clean", plain("f", 1), plain("x", 1)))
    again = Repeat(past, call("g1", "clean", plain("f", 2), plain("x", 1)))
    assert again["g1"] == Decision(Fate.RUN, "input `f` changed")


def test_a_handle_of_another_node_is_another_input() -> None:
    loads = [call("g1", "load", plain("x", 1)), call("g2", "load", plain("x", 2))]
    past = recorded(*loads, call("g3", uses=[one("g1")]))
    again = Repeat(past, *loads, call("g3", uses=[one("g2")]))
    assert again["g3"] == Decision(Fate.RUN, "its inputs are other ones")


def test_what_was_not_called_before_is_new_and_what_is_made_from_it_runs() -> None:
    past = recorded(call("g1", "load"), call("g2", uses=[one("g1")]))
    again = Repeat(past, call("g1", "fetch"), call("g2", uses=[one("g1")]))
    assert again["g1"] == Decision(Fate.RUN, "new")
    assert again["g2"] == Decision(Fate.RUN, "`g1[0]` runs again")


@pytest.mark.parametrize("after", ["ab", "acb"])
def test_a_list_that_became_shorter_or_has_another_order_makes_who_takes_it_run(after: str) -> None:
    again = Repeat(recorded(*pipeline("abc")), *pipeline(after))
    load, clean, _ = pipeline(after)
    assert {*again.told(load), *again.told(clean)} == {"keep: reused"}
    assert again["g3"] == Decision(Fate.RUN, "the list of `g2` changed")


def test_a_list_with_one_more_makes_who_takes_it_run_for_that_one() -> None:
    again = Repeat(recorded(*pipeline("abc")), *pipeline("abcd"))
    assert again["g1", 3] == Decision(Fate.RUN, "new")
    assert again["g2", 3] == Decision(Fate.RUN, "new")
    assert again["g3"] == Decision(Fate.RUN, "`g2` runs again")


def test_inputs_that_cannot_be_compared_are_reused_and_said_so_and_run_with_changed() -> None:
    spec = call("g1", "clean", plain("engine", None))
    past = recorded(spec)
    assert Repeat(past, spec)["g1"] == Decision(Fate.KEEP, "reused; input `engine` cannot be compared")
    assert Repeat(past, spec, wishes=CHANGED)["g1"] == Decision(Fate.RUN, "input `engine` cannot be compared")


# --- code ---


def test_a_value_of_an_earlier_version_of_its_code_is_kept_and_stale() -> None:
    spec = call("g1")
    again = Repeat(recorded(spec), spec, code=code(V2))
    assert again["g1"] == Decision(Fate.KEEP, "reused", "its body changed")


def test_what_is_made_from_stale_values_uses_them_kept_or_executed() -> None:
    load, clean, report = calls = pipeline("ab")
    past = recorded(*calls, ends={("g2", 1): FAILED})
    again = Repeat(past, load, code=code(V2))
    for spec in (clean, report):
        again.rerun.matching.add(spec, lambda _: "task")
        again.rerun.matching.find_elements(spec, range(spec.length or 0))
        for index in range(spec.length or 0):
            again.decide(spec, index, code(V1))
    assert again["g2", 0] == Decision(Fate.KEEP, "reused", "uses stale `g1[0]`")
    assert again["g2", 1] == Decision(Fate.RUN, "failed before", "uses stale `g1[1]`")
    assert again["g3"] == Decision(Fate.RUN, "`g2` runs again", "uses stale `g2`")


def test_changed_executes_what_is_stale_and_what_is_made_from_it() -> None:
    calls = pipeline("ab")
    again = Repeat(recorded(*calls), *calls, wishes=CHANGED, code=code(V2))
    assert again["g1", 0] == Decision(Fate.RUN, "its body changed")
    assert again["g2", 0] == Decision(Fate.RUN, "`g1[0]` runs again")
    assert again["g3"] == Decision(Fate.RUN, "`g2` runs again")


def test_changed_executes_nothing_where_the_code_means_the_same() -> None:
    calls = pipeline("ab")
    same = replace(code(V2), fingerprint=code(V1).fingerprint)
    again = Repeat(recorded(*calls), *calls, wishes=CHANGED, code=same)
    assert set(again.decisions.values()) == {Decision(Fate.KEEP, "reused")}


def test_code_that_cannot_be_hashed_is_reused_and_said_so_and_runs_with_changed() -> None:
    spec = call("g1")
    unknown = code(V2, unknown="unknown (`engine` cannot be hashed)")
    past = recorded(spec)
    assert Repeat(past, spec, code=unknown)["g1"] == Decision(Fate.KEEP, "reused; unknown (`engine` cannot be hashed)")
    assert Repeat(past, spec, code=unknown, wishes=CHANGED)["g1"] == Decision(
        Fate.RUN, "unknown (`engine` cannot be hashed)"
    )


def test_a_value_that_unknown_code_has_made_is_reused_and_said_so_and_runs_with_changed() -> None:
    spec = call("g1")
    past = recorded(spec)
    past.codes[V1] = code(V1, unknown="`big` cannot be hashed")
    reason = "in the code that made it, `big` cannot be hashed"
    assert Repeat(past, spec, code=code(V2))["g1"] == Decision(Fate.KEEP, f"reused; {reason}")
    assert Repeat(past, spec, code=code(V2), wishes=CHANGED)["g1"] == Decision(Fate.RUN, reason)


def test_a_reused_value_is_as_old_as_the_code_that_made_it() -> None:
    spec = call("g1", code=V2)
    past = recorded(spec, ends={"g1": TaskState.REUSED}, made_by=V1)
    assert Repeat(past, spec, code=code(V2))["g1"] == Decision(Fate.KEEP, "reused", "its body changed")
    assert Repeat(past, spec, code=code(V1))["g1"] == Decision(Fate.KEEP, "reused")


def test_nothing_is_stale_where_nothing_is_known_of_the_code() -> None:
    spec = call("g1")
    assert Repeat(recorded(spec), spec, code=None)["g1"] == Decision(Fate.KEEP, "reused")


# --- what is asked for ---


def test_an_element_or_a_whole_map_can_be_asked_for() -> None:
    load, clean, report = calls = pipeline()
    again = Repeat(recorded(*calls), *calls, wishes=forced(("g2", 1)))
    assert again.told(clean) == ["keep: reused", "run: asked for", "keep: reused"]
    assert again.told(report) == ["run: `g2` runs again"]
    again = Repeat(recorded(*calls), *calls, wishes=forced(("g1", None)))
    assert again.told(load) == ["run: asked for"] * 3


def test_what_is_given_by_hand_is_not_executed_and_what_is_made_from_it_is() -> None:
    load, clean, report = calls = pipeline()
    again = Repeat(recorded(*calls, ends={("g1", 1): FAILED}), *calls, wishes=given_by_hand(("g1", 1)))
    assert again.told(load) == ["keep: reused", "give: set by hand", "keep: reused"]
    assert again.told(clean) == ["keep: reused", "run: `g1[1]` is set by hand", "keep: reused"]
    assert again.told(report) == ["run: `g2` runs again"]


# --- values that are lost, and runs that go on ---


def test_a_lost_result_is_executed_again_and_says_why() -> None:
    calls = pipeline()
    again = Repeat(recorded(*calls), *calls, lost={("g2", 2): "its file is damaged"})
    assert again["g2", 2] == Decision(Fate.RUN, "its result is lost: its file is damaged")
    assert again["g2", 1] == Decision(Fate.KEEP, "reused")


def test_who_was_skipped_has_no_result_to_lose() -> None:
    spec = call("g1")
    again = Repeat(recorded(spec, ends={"g1": SKIPPED}), spec, lost={("g1", 0): "its file is damaged"})
    assert again["g1"] == Decision(Fate.KEEP, "reused")


def test_what_the_recorded_run_still_works_on_is_awaited_and_decided_when_it_has_ended() -> None:
    spec = call("g1")
    past = recorded(spec, ends={"g1": TaskState.PENDING}, going_on=True)
    again = Repeat(past, spec)
    assert again["g1"].fate is Fate.AWAIT
    fold(past, [NodeFinished(seq=50, group=GroupId("g1"), index=0, attempt=1, state=FAILED)])
    again.decide(spec, 0, None)
    assert again["g1"] == Decision(Fate.RUN, "failed before")


def test_what_failed_already_runs_at_once_though_the_recorded_run_goes_on() -> None:
    spec = call("g1", length=2)
    past = recorded(spec, ends={("g1", 0): FAILED, ("g1", 1): TaskState.PENDING}, going_on=True)
    again = Repeat(past, spec)
    assert [again["g1", 0].fate, again["g1", 1].fate] == [Fate.RUN, Fate.AWAIT]


@pytest.mark.parametrize("use", [one("g1", 1), whole("g1")])
def test_what_uses_a_node_that_is_decided_later_is_decided_behind_it(use: Edge) -> None:
    load, clean = call("g1", "load", length=2), call("g2", "clean", uses=[use])
    past = recorded(load, clean, ends={("g1", 1): TaskState.PENDING, "g2": TaskState.PENDING}, going_on=True)
    again = Repeat(past, load, clean, wishes=CHANGED, code=code(V1))
    fold(past, [finished(GroupId("g1"), index=1, seq=50), finished(GroupId("g2"), seq=51)])
    again.decide(clean, 0, code(V1))
    assert again["g2"].fate is Fate.AWAIT
    assert again.rerun.first_awaited(needed(clean, 0)) == ("g1", 1)
    again.decide(load, 1, code(V2))
    again.decide(clean, 0, code(V1))
    assert (again["g1", 1].reason, again["g2"].fate) == ("its body changed", Fate.RUN)


def test_nobody_waits_for_a_node_that_ended_before_it_was_decided() -> None:
    load, clean = call("g1", "load"), call("g2", "clean", uses=[one("g1")])
    past = recorded(load, clean, ends={"g1": TaskState.PENDING}, going_on=True)
    again = Repeat(past, load, clean)
    fates = [again["g2"].fate]
    again.rerun.forget((load.id, 0))
    again.decide(clean, 0, None)
    assert [*fates, again["g2"].fate] == [Fate.AWAIT, Fate.KEEP]


# --- what a node has spawned ---

PARENT, CHILD, GRANDCHILD = call("g1", "parent"), call("g1.0/1", "child", length=2), call("g1.0/1.1/1", "leaf")


def test_a_parent_runs_again_for_a_child_that_failed_and_its_finished_children_are_kept() -> None:
    past = recorded(PARENT, CHILD, ends={"g1": FAILED, ("g1.0/1", 1): FAILED})
    again = Repeat(past, PARENT, CHILD)
    assert again["g1"] == Decision(Fate.RUN, "failed before")
    assert again.told(CHILD) == ["keep: reused", "run: failed before"]


def test_a_parent_that_is_fine_runs_again_for_a_descendant_that_is_not() -> None:
    past = recorded(PARENT, CHILD, GRANDCHILD, ends={"g1.0/1.1/1": TaskState.CRASHED})
    again = Repeat(past, PARENT, CHILD, GRANDCHILD)
    assert again["g1"] == Decision(Fate.RUN, "its child `leaf@g1.0/1.1/1` crashed before")
    assert again["g1.0/1", 1] == Decision(Fate.RUN, "its child `leaf@g1.0/1.1/1` crashed before")
    assert again["g1.0/1", 0] == Decision(Fate.KEEP, "reused")


def test_a_child_that_was_made_anew_stands_for_the_one_that_failed() -> None:
    anew = replace(CHILD, id=GroupId(f"{CHILD.id}x2"))
    past = recorded(PARENT, CHILD, anew, ends={(CHILD.id, 1): FAILED})
    assert Repeat(past, PARENT)["g1"] == Decision(Fate.KEEP, "reused")
    again = Repeat(past, PARENT, CHILD, wishes=forced(("g1", 0)))
    assert again["g1"] == Decision(Fate.RUN, "asked for")
    assert again.told(CHILD) == ["keep: reused"] * 2


def test_a_parent_runs_again_for_a_child_that_is_asked_for_or_given() -> None:
    past = recorded(PARENT, CHILD)
    for wishes, why in [(forced(("g1.0/1", 1)), "is asked for"), (given_by_hand(("g1.0/1", 1)), "is set by hand")]:
        again = Repeat(past, PARENT, CHILD, wishes=wishes)
        assert again["g1"] == Decision(Fate.RUN, f"its child `child@g1.0/1[1]` {why}")
        assert again["g1.0/1", 0] == Decision(Fate.KEEP, "reused")


def test_a_parent_is_awaited_as_long_as_the_recorded_run_works_on_its_children() -> None:
    past = recorded(PARENT, CHILD, ends={("g1.0/1", 1): TaskState.PENDING}, going_on=True)
    again = Repeat(past, PARENT)
    assert again["g1"].fate is Fate.AWAIT
    fold(past, [NodeFinished(seq=50, group=CHILD.id, index=1, attempt=1, state=FAILED)])
    again.decide(PARENT, 0, None)
    assert again["g1"] == Decision(Fate.RUN, "its child `child@g1.0/1[1]` failed before")


def test_a_parent_uses_the_stale_values_of_its_children_and_runs_again_with_changed() -> None:
    child = call("g1.0/1", "child", code=V2)
    past = recorded(PARENT, child, ends={"g1.0/1": TaskState.REUSED}, made_by=V1)
    past.groups[PARENT.id].made_by.clear()
    assert Repeat(past, PARENT)["g1"] == Decision(Fate.KEEP, "reused", "uses stale `child@g1.0/1`")
    again = Repeat(past, PARENT, wishes=CHANGED)
    assert again["g1"] == Decision(Fate.RUN, "its child `child@g1.0/1` is stale")


# --- what has been decided ---


def test_fates_are_known_one_by_one_and_as_a_whole() -> None:
    calls = pipeline()
    rerun = Repeat(recorded(*calls, ends={("g2", 1): FAILED}), *calls).rerun
    g1, g2 = GroupId("g1"), GroupId("g2")
    assert [rerun.fate((g2, index)) for index in (0, 1, 2, 9)] == [Fate.KEEP, Fate.RUN, Fate.KEEP, None]
    assert [rerun.is_new(g2, 1), rerun.is_new(g2, 0), rerun.is_new(g2, -1)] == [True, False, True]
    assert [rerun.is_new(g1, -1), rerun.is_new(GroupId("g9"), 0)] == [False, False]


def test_verdicts_put_together_what_is_said_of_several_and_leave_out_who_is_awaited() -> None:
    kept, run = Decision(Fate.KEEP, "reused", "old"), Decision(Fate.RUN, "failed before")
    told = verdicts([(0, kept), (1, run), (2, kept), (3, kept), (4, Decision(Fate.AWAIT, "later"))])
    assert told == (Verdict((0, 1, 2, 4), True, "reused", "old"), Verdict((1, 2), False, "failed before", ""))


@given(
    ends=st.lists(st.sampled_from([COMPLETED, SKIPPED, FAILED, TaskState.CANCELLED]), min_size=1, max_size=6),
    changed=st.booleans(),
    data=st.data(),
)
def test_a_node_is_kept_where_it_was_fine_and_all_that_it_is_made_from_is_kept(
    ends: list[TaskState], changed: bool, data: st.DataObject
) -> None:
    n = len(ends)
    sources = [data.draw(st.sets(st.integers(0, at - 1), max_size=2)) if at else set() for at in range(n)]
    calls = [call(f"g{at}", f"t{at}", uses=[one(f"g{source}") for source in sorted(sources[at])]) for at in range(n)]
    past = recorded(*calls, ends={f"g{at}": end for at, end in enumerate(ends)})
    again = Repeat(past, *calls, wishes=Wishes(changed=changed))
    kept: list[bool] = []
    for at in range(n):
        kept.append(ends[at] in {COMPLETED, SKIPPED} and all(kept[source] for source in sources[at]))
    assert [again[f"g{at}"].fate is Fate.KEEP for at in range(n)] == kept


def test_what_is_kept_with_a_stale_node_makes_what_uses_it_stale() -> None:
    parent, child, user = call("g1", "parent"), call("g1.0/1", "child"), call("g2", "use", uses=[one("g1.0/1")])
    rerun = Repeat(recorded(parent, child, user), parent, code=code(V2)).rerun
    rerun.matching.take(child, child.id)
    rerun.keep_with((child.id, 0), (parent.id, 0))
    rerun.matching.add(user, lambda _: "task")
    rerun.matching.find_elements(user, [0])
    found = rerun.decide(user, 0, code(V1), list(needed(user, 0)))
    assert (found.fate, found.stale) == (Fate.KEEP, "uses stale `g1.0/1[0]`")
