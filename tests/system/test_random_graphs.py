"""Random flows end on the engine as in a serial interpreter of the rules: the same values, states and kinds."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from hypothesis import HealthCheck, Phase, given, settings

from tests.system.random_graphs.programs import programs
from tests.system.random_graphs.running import engine_on, refuse_troubles, troubles
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


#: What random programs have found; each went wrong once.
FOUND = {
    "a returned map whose length is not known yet": """
    m1 = spread.submit()
    x2 = looked(m1)
""",
    "a flatten that is mapped over, waited for, and passed whole": """
    m1 = several.map([1, 2, 3])
    c2 = flatten(m1)
    m3 = number.map(c2, unmapped(c2))
    m4 = number.map(c2, wait_for=[c2])
""",
    "a map over a flatten that is complete": """
    m1 = several.map([1, 2, 3])
    x2 = looked(m1)
    c3 = flatten(m1)
    m4 = number.map(c3)
""",
    "a failed part of a flatten whose result the body asks for": """
    m1 = several.map([1, -1, 3])
    c2 = flatten(m1)
    x3 = looked(c2)
""",
    "a map over handles that were returned before one of them failed": """
    h1 = broken.submit()
    x2 = looked(h1)
    m3 = number.map(h1)
""",
    "a task that asks for the result of a flatten": """
    h1 = asking.submit()
""",
    "elements that are lists, many to a Dask task": """
    h1 = listing.submit()
    m2 = number.map(h1, chunk=2)
""",
    "children that need the slots of the task that returned them": """
    m1 = holding.map([1, 2, 3])
""",
    "a wait for a flatten whose part has failed for its children": """
    m1 = promising.map([1, -1])
    c2 = flatten(m1)
    h3 = number.submit(wait_for=[c2])
    x4 = looked(h3)
""",
    "elements of a flatten whose parts come in another order": """
    c1 = flatten(several.map([3, 1, 2]))
    wait([c1])
    m2 = number.map([c1[0], c1[3], c1[-1]], by=[c1[at] for at in range(3)])
    x3 = [looked(c1[at]) for at in range(len(c1))]
    h4 = number.submit(x3)
""",
    "elements of a map over such a flatten": """
    m1 = number.map(flatten(several.map([3, 1, 2])))
    wait([m1])
    m2 = number.map([m1[0], m1[3], m1[-1]], by=[m1[at] for at in range(3)])
    x3 = [looked(m1[at]) for at in range(len(m1))]
    h4 = number.submit(x3)
""",
    "elements of a flatten in the body of a task": """
    m1 = picking.map([0, 3, 5])
""",
    "elements of a map over a flatten in the body of a task": """
    m1 = picking.map([0, 3, 5], mapped=unmapped(True))
""",
}
TASKS = """
SALT = 1


@task()
def number(*inputs, by=None):
    return mix(inputs, by)


@task(retries=1)
def several(size):
    if size == 3 and current.attempt == 1:
        raise Retry(delay_seconds=0.1)  # this part comes later than the others
    return [[size] * size for each in range(size)] if size > 0 else end('f', 0)


@task()
def spread():
    h1 = several.submit(3)
    return number.map(flatten(h1))


@task()
def listing():
    return [number.map([1, 2]), number.map([]), number.map([3])]


@task()
def broken():
    return several.map([1, -1, 2])


@task()
def asking():
    c1 = flatten(several.map([2, 1]))
    return looked(c1)


@task()
def promising(size):
    return several.map([size])


@task()
def picking(at, mapped=False):
    many = flatten(several.map([3, 1, 2]))
    many = number.map(many) if mapped else many
    wait([many])
    return {"value": looked(many[at]), "passed": number.submit(many[at], by=many[at]), "returned": many[at]}


@task(limits={"db": 1})
def slow(value):
    return mix(value)


@task(limits={"db": 1})
def holding(value):
    return [slow.submit(value), slow.submit(value + 1)]


def graph():"""


def test_a_failed_part_of_a_flatten_that_a_map_ran_with_is_handled(threads: Engine) -> None:
    program = """
    m1 = several.map([1, -1, 3])
    c2 = flatten(m1)
    m3 = number.with_options(trigger="all_done").map(c2)
"""
    assert not troubles(threads, TASKS + program)


@pytest.mark.parametrize("story", FOUND)
def test_what_random_flows_have_found_ends_as_the_rules_say(threads: Engine, story: str) -> None:
    assert not troubles(threads, TASKS + FOUND[story])


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
