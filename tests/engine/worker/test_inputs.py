"""Inputs: verdicts over outcomes, and the values that fill a node's arguments."""

from __future__ import annotations

import pickle
from typing import Any

import pytest

from tests.engine.worker.driving import ONE, TWO, frozen, slotted
from tests.system import hostile
from wfkit.authoring.freeze import OWN_INDEX, Frozen, Use
from wfkit.authoring.inputs import Missing
from wfkit.authoring.options import task_options
from wfkit.core.states import TaskState
from wfkit.core.trigger import Verdict
from wfkit.engine.worker.failure import describe
from wfkit.engine.worker.inputs import Deps, Inputs, hold_constant
from wfkit.engine.worker.outcome import Bounced, Err, Ok
from wfkit.errors import ResultUnreadable, TaskFailed


def inputs(args: tuple[object, ...], deps: Deps, *uses: Use, index: int = 0) -> Inputs:
    return Inputs("r-1", "node", index, frozen(args, *uses), deps)


def failed(maker: str = "bad") -> Err:
    return Err(TaskState.FAILED, "ValueError: no", describe(ValueError("no")), maker)


SKIPPED = Err(TaskState.SKIPPED, "why", None, "skip")


def verdict(given: Inputs, **options: Any) -> tuple[Verdict, str]:
    return given.verdict(task_options(options))


def test_a_node_without_inputs_runs() -> None:
    given = inputs((1, "two"), [])
    assert verdict(given) == (Verdict.RUN, "")
    assert given.arguments() == ((1, "two"), {})


def test_values_fill_their_slots() -> None:
    given = inputs((ONE, [TWO, 3]), [Ok("a", "one"), [Ok(1, "x[0]"), Ok(2, "x[1]")]], Use(), Use())
    assert verdict(given) == (Verdict.RUN, "")
    assert given.arguments() == (("a", [[1, 2], 3]), {})


def test_failures_upstream_are_named() -> None:
    given = inputs((ONE,), [[failed("a[0]"), Ok(1, "a[1]"), failed("a[2]"), failed("a[3]"), failed("a[4]")]], Use())
    assert verdict(given) == (Verdict.FAIL, "`a[0]` FAILED, `a[2]` FAILED, `a[3]` FAILED and 1 more")


def test_what_is_only_waited_for_counts_too() -> None:
    given = inputs((1,), [failed()])
    assert verdict(given) == (Verdict.FAIL, "`bad` FAILED")
    assert verdict(given, trigger="all_done") == (Verdict.RUN, "`bad` FAILED")


def test_an_input_allowed_to_fail_counts_as_a_success() -> None:
    given = inputs((ONE,), [failed()], Use(failure_allowed=True))
    assert verdict(given) == (Verdict.RUN, "")
    ((missing,), _) = given.arguments()
    assert isinstance(missing, Missing)
    assert (missing.state, missing.reason, type(missing.exception)) == (TaskState.FAILED, "ValueError: no", ValueError)


def test_skipped_elements_are_left_out_of_a_list_and_a_skipped_input_is_missing() -> None:
    given = inputs((ONE, TWO), [[Ok(1, "x[0]"), SKIPPED], SKIPPED], Use(), Use())
    assert verdict(given)[0] is Verdict.SKIP
    (values, missing), _ = given.arguments()
    assert values == [1]
    assert missing.state is TaskState.SKIPPED  # type: ignore[attr-defined]


def test_constants_are_no_inputs_that_a_rule_counts() -> None:
    given = inputs((ONE, TWO), [failed(), hold_constant(frozen((("big",),)))], Use(), Use())
    assert verdict(given, trigger="all_failed") == (Verdict.RUN, "`bad` FAILED")
    alone = inputs((ONE,), [hold_constant(frozen((7,)))], Use())
    assert verdict(alone, trigger="all_failed")[0] is Verdict.RUN
    assert alone.arguments() == ((7,), {})


def test_a_constant_that_cannot_be_loaded_fails_its_users() -> None:
    given = inputs((ONE,), [hold_constant(frozen((hostile.Unloadable(),)))], Use())
    assert verdict(given)[0] is Verdict.RUN
    with pytest.raises(TaskFailed, match="An argument of `node` cannot be loaded on the worker: RuntimeError"):
        given.arguments()


def test_an_argument_that_cannot_be_loaded_is_told() -> None:
    with pytest.raises(TaskFailed, match="RuntimeError: cannot be rebuilt") as caught:
        inputs((hostile.Unloadable(),), []).arguments()
    assert isinstance(caught.value.__cause__, RuntimeError)


def test_an_input_that_cannot_be_loaded_is_blamed() -> None:
    arrived = pickle.loads(pickle.dumps(Ok(hostile.Unloadable(), "make"), protocol=4))
    with pytest.raises(ResultUnreadable, match="`make`"):
        inputs((ONE,), [arrived], Use()).arguments()


def test_items_are_taken_one_after_the_other() -> None:
    value = Ok([["a", "b"], ["c", "d"]], "pairs")
    assert inputs((ONE,), [value], Use((1, OWN_INDEX)), index=1).arguments() == (("d",), {})


@pytest.mark.parametrize("value", [[1], 5, {"a": 1}, hostile.Destructive], ids=["short", "int", "dict", "class"])
def test_a_value_without_the_item_is_told(value: object) -> None:
    with pytest.raises(TaskFailed, match=r"`pairs` returned a .* without item 3"):
        inputs((ONE,), [Ok(value, "pairs")], Use((3,))).arguments()


def test_an_exception_that_could_not_travel_is_named_in_missing() -> None:
    err = Err(TaskState.FAILED, "r", describe(hostile.WithLock("locked")), "bad")
    ((missing,), _) = inputs((ONE,), [err], Use(failure_allowed=True)).arguments()
    assert str(missing.exception) == "WithLock: locked"  # type: ignore[attr-defined]


@pytest.mark.parametrize("deps", [[Bounced("b")], [Ok(1, "a"), [Ok(2, "c[0]"), Bounced("c[1]")]]])
def test_one_input_that_bounced_is_enough(deps: Deps) -> None:
    assert inputs((1,), deps).bounced
    assert not inputs((1,), [Ok(1, "a"), [Ok(2, "b")], failed()]).bounced


def test_the_value_of_a_node_that_returned_handles_is_put_together() -> None:
    given = Inputs(
        "r-1", "node", 0, Frozen(slotted({"a": [ONE], "b": TWO}), (Use(), Use())), [Ok(1, "x"), [Ok(2, "y[0]")]]
    )
    assert given.value() == {"a": [1], "b": [2]}
    with pytest.raises(TaskFailed, match="cannot be loaded on the worker: RuntimeError"):
        Inputs("r-1", "node", 0, Frozen(slotted([hostile.Unloadable()]), ()), []).value()
