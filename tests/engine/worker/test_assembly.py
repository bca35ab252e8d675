"""Assemblies: the value of a node that returned handles, from those of its children."""

from __future__ import annotations

from typing import Any

import pytest

from tests.engine.worker.driving import ONE, TWO, Driver, slotted
from tests.system import hostile
from wfkit.authoring.freeze import Frozen, Use
from wfkit.core.states import FailureKind, TaskState
from wfkit.engine.worker.assembly import Assembly
from wfkit.engine.worker.envelope import More
from wfkit.engine.worker.failure import describe
from wfkit.engine.worker.outcome import Bounced, Err, Ok
from wfkit.engine.worker.past import Past

pytestmark = pytest.mark.timeout(60)


def assemble(driver: Driver, value: object, *given: Any) -> Any:
    uses = tuple(Use() for _ in given)
    return driver.outcome(
        driver.spec(lambda: 1 / 0), 7, Assembly(Frozen(slotted(value), uses), 0.5), given, More(None, Past(3))
    )


def failed(maker: str) -> Err:
    return Err(TaskState.FAILED, "ValueError: no", describe(ValueError("no")), maker)


def test_values_stand_where_the_handles_stood(driver: Driver) -> None:
    outcome = assemble(driver, {"a": [ONE], "all": TWO, 3: "plain"}, Ok("x", "a"), [Ok(1, "b[0]"), Ok(2, "b[1]")])
    assert outcome.value() == {"a": ["x"], "all": [1, 2], 3: "plain"}
    end = driver.end()
    assert (end.state, end.attempt, end.wall_s, end.length) == (TaskState.COMPLETED, 3, 0.5, None)
    assert end.preview.startswith("{'a': ['x'], 'all': [1, 2]")


def test_a_child_that_is_not_there_yet_bounces_it(driver: Driver) -> None:
    assert isinstance(assemble(driver, ONE, [Ok(1, "b[0]"), Bounced("b[1]")]), Bounced)
    assert driver.told("event") == []


def test_a_child_s_failure_is_its_own(driver: Driver) -> None:
    outcome = assemble(driver, [ONE, TWO], Ok(1, "a"), [failed(f"b[{number}]") for number in range(5)])
    assert isinstance(outcome, Err)
    assert outcome.reason.startswith("its child `b[0]` FAILED: ValueError: no; `b[1]` FAILED")
    assert outcome.reason.endswith("and 2 more")
    end = driver.end()
    assert (end.state, end.kind, end.error) == (TaskState.FAILED, FailureKind.CHILD, outcome.error)
    assert outcome.error is not None
    assert outcome.error.type_name == "ValueError"


def test_a_child_that_was_skipped_skips_it(driver: Driver) -> None:
    outcome = assemble(driver, ONE, Err(TaskState.SKIPPED, "today", None, "a"))
    assert isinstance(outcome, Err)
    assert (outcome.state, outcome.reason) == (TaskState.SKIPPED, "its child `a` was skipped")


def test_a_value_that_cannot_be_put_together_fails_it(driver: Driver) -> None:
    outcome = assemble(driver, [ONE, hostile.Unloadable()], Ok(1, "a"))
    assert isinstance(outcome, Err)
    assert (outcome.state, driver.end().kind) == (TaskState.FAILED, FailureKind.ERROR)
