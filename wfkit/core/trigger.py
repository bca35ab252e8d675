"""Triggers: whether a node runs, is skipped or fails, given how its inputs ended."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from enum import StrEnum
from typing import Final

from wfkit.core.states import WITH_VALUE, TaskState


class Trigger(StrEnum):
    """What a node asks of its inputs before it runs."""

    ALL_SUCCESS = "all_success"
    ALL_DONE = "all_done"
    ALL_FAILED = "all_failed"
    ANY_SUCCESS = "any_success"
    ANY_FAILED = "any_failed"
    NONE_FAILED = "none_failed"
    NONE_FAILED_MIN_ONE_SUCCESS = "none_failed_min_one_success"


class Verdict(StrEnum):
    """What becomes of the node."""

    RUN = "run"
    SKIP = "skip"  #: ends SKIPPED
    FAIL = "fail"  #: ends UPSTREAM_FAILED


_FAILED: Final = frozenset({TaskState.FAILED, TaskState.UPSTREAM_FAILED, TaskState.CRASHED, TaskState.CANCELLED})


def decide(  # noqa: PLR0911  # one return a rule
    trigger: Trigger, inputs: Sequence[Sequence[TaskState]], *, skip_on_upstream_skip: bool = True
) -> Verdict:
    """Apply a trigger rule to the end states of a node's inputs.

    Parameters
    ----------
    trigger : Trigger
        The rule.
    inputs : sequence of sequences of TaskState
        One inner sequence per input: of length 1 for a single handle, one state per element for a mapped handle that is
        given whole (a reduce). All states must be ends.
    skip_on_upstream_skip : bool
        Whether one skipped input skips the node; looked at by `all_success` only. Where False, skipped counts as fine.

    Raises
    ------
    ValueError : an input has not ended

    Notes
    -----
    What counts: COMPLETED and REUSED succeed; FAILED, UPSTREAM_FAILED, CRASHED and CANCELLED fail. The elements of a
    reduce count one by one; its skipped elements are left out, unless all of them (one or more) were skipped: then the
    input counts as one that was skipped.

    ============================= ==================== ============================ ====
    rule                          RUN                  else SKIP                    else
    ============================= ==================== ============================ ====
    `all_success`                 all succeeded        none failed, one skipped     FAIL
    `all_done`                    always
    `all_failed`                  one failed, no other always
    `any_success`                 one succeeded        none failed                  FAIL
    `any_failed`                  one failed           always
    `none_failed`                 none failed          never                        FAIL
    `none_failed_min_one_success` none failed,         none failed                  FAIL
                                  one succeeded
    ============================= ==================== ============================ ====

    Zero inputs are two cases. A node without any input runs under every rule, as in Airflow: a rule about what lies
    upstream cannot hold back what has nothing upstream, and a task that was called and can never run would be a trap.
    A node whose inputs hold no elements (the reduce of an empty map, which completes with 0 items) has an upstream, and
    there nothing went wrong, nothing failed and nothing succeeded: the rules about *all* and *none* run, with an empty
    list, and those that wait for *some* success or failure skip. `all_failed` is one of these: whoever writes it wants
    to act on failures, and there are none.

    Source: Apache Airflow, "Trigger Rules" (`one_success` and `one_failed` are called `any_…` here).
    """
    if not inputs:
        return Verdict.RUN
    succeeded, failed, skipped = _tally(inputs)
    run, skip, fail = Verdict.RUN, Verdict.SKIP, Verdict.FAIL
    match trigger:
        case Trigger.ALL_SUCCESS:
            return fail if failed else skip if skipped and skip_on_upstream_skip else run
        case Trigger.ALL_DONE:
            return run
        case Trigger.ALL_FAILED:
            return run if failed and not succeeded and not skipped else skip
        case Trigger.ANY_SUCCESS:
            return run if succeeded else fail if failed else skip
        case Trigger.ANY_FAILED:
            return run if failed else skip
        case Trigger.NONE_FAILED:
            return fail if failed else run
        case Trigger.NONE_FAILED_MIN_ONE_SUCCESS:
            return fail if failed else run if succeeded else skip


def _tally(inputs: Sequence[Sequence[TaskState]]) -> tuple[int, int, int]:
    """Count what succeeded, what failed, and the inputs that were skipped as a whole."""
    succeeded = failed = skipped = 0
    for states in inputs:
        counts = Counter(states)
        good = sum(counts[state] for state in WITH_VALUE)
        bad = sum(counts[state] for state in _FAILED)
        left_out = counts[TaskState.SKIPPED]
        if good + bad + left_out != len(states):
            open_states = ", ".join(sorted(set(states) - WITH_VALUE - _FAILED - {TaskState.SKIPPED}))
            raise ValueError(f"a trigger looks at inputs that have ended, not at {open_states}")
        succeeded += good
        failed += bad
        skipped += 1 if left_out and left_out == len(states) else 0
    return succeeded, failed, skipped
