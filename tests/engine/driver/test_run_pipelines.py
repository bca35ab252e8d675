"""Random pipelines of maps, lists, flattens, spawned tasks, skips and retries give what plain Python gives."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

import pytest
from hypothesis import HealthCheck, Phase, assume, given, settings
from hypothesis import strategies as st

from wfkit.authoring.context import current
from wfkit.authoring.flattening import flatten
from wfkit.authoring.signals import Skip
from wfkit.authoring.task import task
from wfkit.core.states import RunState
from wfkit.engine.driver.run import Run

SKIPPED: Final = object()


@task
def add_one(x: Any) -> Any:
    return x + 1


@task
def add(x: Any, y: Any) -> Any:
    return x + y


@task(retries=1)
def flaky(x: Any) -> Any:
    if x % 3 == 0 and current.attempt == 1:
        raise ValueError(x)
    return 2 * x


@task
def drop(x: Any) -> Any:
    if x % 4 == 1:
        raise Skip("a one")
    return x


@task
def split(x: Any) -> Any:
    return [x + item for item in range(x % 3)]


@task
def spawned_split(x: Any) -> Any:
    return [add_one.submit(x + item) for item in range(x % 3)]


@task
def as_list(xs: Any) -> Any:
    return list(xs)


@task
def spawn(xs: Any) -> Any:
    return [add_one.submit(x) for x in xs]


@task
def spawn_map(xs: Any) -> Any:
    return flaky.map(add_one.map(xs))


def _mapped(function: Callable[[int], Any]) -> Callable[[list[Any]], list[Any]]:
    return lambda xs: [x if x is SKIPPED else function(x) for x in xs]


def _split(xs: list[Any], more: int) -> list[Any]:
    return [item for x in xs for item in ([SKIPPED] if x is SKIPPED else [x + at + more for at in range(x % 3)])]


def _there(xs: list[Any]) -> list[Any]:
    return [x for x in xs if x is not SKIPPED]


#: What each step does to a handle, given how many elements travel together, and to a list.
_STEPS: Final[dict[str, tuple[Callable[[Any, int | None], Any], Callable[[list[Any]], list[Any]]]]] = {
    "map": (lambda h, n: add_one.map(h, chunk=n or "auto"), _mapped(lambda x: x + 1)),
    "few at once": (lambda h, n: add_one.map(h, max_concurrency=2), _mapped(lambda x: x + 1)),
    "limited": (lambda h, n: add_one.with_options(limits={"pipes": 1}).map(h), _mapped(lambda x: x + 1)),
    "twice": (lambda h, n: add.map(h, h, chunk=n or "auto"), _mapped(lambda x: 2 * x)),
    "flaky": (lambda h, n: flaky.map(h, chunk=n or "auto"), _mapped(lambda x: 2 * x)),
    "late": (
        lambda h, n: flaky.with_options(retry_delay_seconds=0.26).map(h, chunk=n or "auto"),
        _mapped(lambda x: 2 * x),
    ),
    "drop": (lambda h, n: drop.map(h, chunk=n or "auto"), _mapped(lambda x: SKIPPED if x % 4 == 1 else x)),
    "list": (lambda h, n: as_list(h), _there),
    "split": (lambda h, n: flatten(split.map(h, chunk=n or "auto")), lambda xs: _split(xs, 0)),
    "spawned split": (lambda h, n: flatten(spawned_split.map(h)), lambda xs: _split(xs, 1)),
    "spawn": (lambda h, n: spawn(h), lambda xs: [x + 1 for x in _there(xs)]),
    "spawn a map": (lambda h, n: spawn_map(h), lambda xs: [2 * (x + 1) for x in _there(xs)]),
}
_PIPELINES: Final = st.lists(
    st.tuples(st.sampled_from(sorted(_STEPS)), st.sampled_from([None, 1, 2, 3, 50])), min_size=1, max_size=5
)


@pytest.mark.timeout(60)
@settings(
    max_examples=40,
    phases=[Phase.generate],
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(st.lists(st.integers(0, 20), max_size=6), _PIPELINES)
def test_a_pipeline_gives_what_plain_python_gives(
    start: Callable[..., Run], given_: list[int], steps: list[tuple[str, int | None]]
) -> None:
    expected: list[Any] = list(given_)
    for name, _ in steps:
        expected = _STEPS[name][1](expected)
        assume(_there(expected) or not expected)  # who gets nothing but skips is skipped

    def body() -> dict[str, object]:
        handle: Any = given_
        for name, together in steps:
            handle = _STEPS[name][0](handle, together)
        return {"end": handle, "list": as_list(handle)}

    run = start(body).wait(8)
    assert run.state is RunState.COMPLETED, run.nodes
    assert run["end"].result() == run["list"].result() == _there(expected)
    assert run.sender.open == 0
