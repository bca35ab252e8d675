"""Triggers: the truth table of each rule, written out."""

from __future__ import annotations

import pytest

from wfkit.core.states import TASK_ENDS, WITH_VALUE, TaskState
from wfkit.core.trigger import Trigger, Verdict, decide

RUN, SKIP, FAIL = Verdict.RUN, Verdict.SKIP, Verdict.FAIL

#: C = completed, F = failed, S = skipped. A blank parts the inputs; "[…]" is a reduce, "-" is no input at all.
INPUTS = ("-", "[]", "C", "F", "S", "C C", "C F", "C S", "F F", "F S", "S S", "C F S")
REDUCES = (
    "[CC]",
    "[CF]",
    "[CS]",
    "[FF]",
    "[FS]",
    "[SS]",
    "[S]",
    "[CFS]",
    "C [SS]",
    "F [SS]",
    "C [CS]",
    "F [FS]",
    "C []",
)

#: One row a rule, one column for each of INPUTS. R = run, s = skip, F = fail.
TABLE = {
    #                              -  []  C  F  S  CC CF CS FF FS SS CFS
    Trigger.ALL_SUCCESS: "                 R  R  R  F  s  R  F  s  F  F  s  F",
    Trigger.ALL_DONE: "                    R  R  R  R  R  R  R  R  R  R  R  R",
    Trigger.ALL_FAILED: "                  R  s  s  R  s  s  s  s  R  s  s  s",
    Trigger.ANY_SUCCESS: "                 R  s  R  F  s  R  R  R  F  F  s  R",
    Trigger.ANY_FAILED: "                  R  s  s  R  s  s  R  s  R  R  s  R",
    Trigger.NONE_FAILED: "                 R  R  R  F  R  R  F  R  F  F  R  F",
    Trigger.NONE_FAILED_MIN_ONE_SUCCESS: " R  s  R  F  s  R  F  R  F  F  s  F",
}

#: The same for REDUCES.
REDUCE_TABLE = {
    #                            CC CF CS FF FS SS S  CFS | C SS, F SS, C CS, F FS, C []
    Trigger.ALL_SUCCESS: "                 R  F  R  F  F  s  s  F  s  F  R  F  R",
    Trigger.ALL_DONE: "                    R  R  R  R  R  R  R  R  R  R  R  R  R",
    Trigger.ALL_FAILED: "                  s  s  s  R  R  s  s  s  s  s  s  R  s",
    Trigger.ANY_SUCCESS: "                 R  R  R  F  F  s  s  R  R  F  R  F  R",
    Trigger.ANY_FAILED: "                  s  R  s  R  R  s  s  R  s  R  s  R  s",
    Trigger.NONE_FAILED: "                 R  F  R  F  F  R  R  F  R  F  R  F  R",
    Trigger.NONE_FAILED_MIN_ONE_SUCCESS: " R  F  R  F  F  s  s  F  R  F  R  F  R",
}

_LETTERS = {"C": TaskState.COMPLETED, "F": TaskState.FAILED, "S": TaskState.SKIPPED}
_VERDICTS = {"R": RUN, "s": SKIP, "F": FAIL}


def states(text: str) -> list[list[TaskState]]:
    return [] if text == "-" else [[_LETTERS[letter] for letter in one.strip("[]")] for one in text.split()]


def cases(table: dict[Trigger, str], columns: tuple[str, ...]) -> list[tuple[Trigger, str, Verdict]]:
    return [
        (trigger, inputs, _VERDICTS[letter])
        for trigger, row in table.items()
        for inputs, letter in zip(columns, row.split(), strict=True)
    ]


def test_every_rule_is_in_both_tables() -> None:
    assert set(TABLE) == set(REDUCE_TABLE) == set(Trigger)


@pytest.mark.parametrize(("trigger", "inputs", "verdict"), cases(TABLE, INPUTS))
def test_truth_table(trigger: Trigger, inputs: str, verdict: Verdict) -> None:
    assert decide(trigger, states(inputs)) is verdict


@pytest.mark.parametrize(("trigger", "inputs", "verdict"), cases(REDUCE_TABLE, REDUCES))
def test_truth_table_of_reduces(trigger: Trigger, inputs: str, verdict: Verdict) -> None:
    assert decide(trigger, states(inputs)) is verdict


@pytest.mark.parametrize(("trigger", "inputs", "verdict"), cases(TABLE, INPUTS) + cases(REDUCE_TABLE, REDUCES))
def test_without_skip_on_upstream_skip_only_all_success_changes(
    trigger: Trigger, inputs: str, verdict: Verdict
) -> None:
    expected = RUN if trigger is Trigger.ALL_SUCCESS and verdict is SKIP else verdict
    assert decide(trigger, states(inputs), skip_on_upstream_skip=False) is expected


@pytest.mark.parametrize("trigger", Trigger)
@pytest.mark.parametrize("state", sorted(TASK_ENDS))
def test_each_end_counts_as_success_failure_or_skip(trigger: Trigger, state: TaskState) -> None:
    like = "C" if state in WITH_VALUE else "S" if state is TaskState.SKIPPED else "F"
    assert decide(trigger, [[state]]) is decide(trigger, states(like))


@pytest.mark.parametrize("trigger", Trigger)
@pytest.mark.parametrize("state", sorted(set(TaskState) - TASK_ENDS))
def test_an_input_that_has_not_ended_is_refused(trigger: Trigger, state: TaskState) -> None:
    with pytest.raises(ValueError, match=state.value):
        decide(trigger, [[TaskState.COMPLETED], [TaskState.FAILED, state]])


def test_rules_go_by_the_names_that_users_type() -> None:
    assert Trigger("all_done") is Trigger.ALL_DONE
    assert [trigger.value for trigger in Trigger] == [
        "all_success",
        "all_done",
        "all_failed",
        "any_success",
        "any_failed",
        "none_failed",
        "none_failed_min_one_success",
    ]
