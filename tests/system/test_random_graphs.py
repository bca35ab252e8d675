"""Random flows end on the engine as in a serial interpreter of the rules: the same values, states and kinds."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from hypothesis import HealthCheck, Phase, given, settings

from tests.system.random_graphs.programs import programs
from tests.system.random_graphs.running import engine_on, refuse_troubles
from wfkit.engine.driver.engine import Engine

#: The same programs every time; what of one fails is found by `reducing`, not by Hypothesis.
SAME = settings(
    derandomize=True,
    database=None,
    phases=[Phase.generate],
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture],
)


@pytest.fixture(scope="module")
def threads() -> Iterator[Engine]:
    """A cluster in this process."""
    with engine_on(processes=False) as (engine, _):
        yield engine


@pytest.fixture(scope="module")
def processes() -> Iterator[Engine]:
    """A cluster of worker processes."""
    with engine_on(processes=True) as (engine, _):
        yield engine


@pytest.mark.timeout(400)
@settings(SAME, max_examples=200)
@given(programs())
def test_random_flows_on_threads_end_as_the_rules_say(threads: Engine, program: str) -> None:
    refuse_troubles(threads, program)


@pytest.mark.timeout(300)
@settings(SAME, max_examples=20)
@given(programs())
def test_random_flows_on_processes_end_as_the_rules_say(processes: Engine, program: str) -> None:
    refuse_troubles(processes, program)
