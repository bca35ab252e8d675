"""Tasks of all kinds of functions: methods, static and class methods, async functions, partials, objects."""

from __future__ import annotations

import asyncio
import functools
import pickle

import cloudpickle
import pytest

from tests.authoring.conftest import Recording
from wfkit import flow, task
from wfkit.errors import BadArguments, BadTask


@task
def add(x: int, y: int = 1) -> int:
    return x + y


class Scaler:
    def __init__(self, factor: object) -> None:
        self.factor = factor

    @task
    def scale(self, x: int) -> object:
        return self.factor * x  # type: ignore[operator]

    @staticmethod
    @task
    def static(x: int) -> int:
        return -x

    @classmethod
    @task
    def of_class(cls, x: int) -> tuple[str, int]:
        return cls.__name__, x


def test_methods_run_inline_outside_flows() -> None:
    scaler = Scaler(3)
    assert (scaler.scale(2), scaler.static(2), Scaler.static(2), Scaler.scale(scaler, 2)) == (6, -2, -2, 6)
    assert scaler.of_class(1) == ("Scaler", 1)
    assert scaler.scale.with_options(name="s")(2) == 6
    assert scaler.scale.fn(2) == 6


@pytest.mark.usefixtures("cluster")
def test_methods_are_tasks_in_flows() -> None:
    @flow
    def etl() -> object:
        by_handle = Scaler(add(3))  # an instance is an argument like any other: what it holds is resolved
        return [
            Scaler(3).scale(2),
            Scaler(3).scale.map([1, 2]),
            Scaler(3).scale.with_options(retries=1)(5),
            by_handle.scale(10),
            Scaler(3).static(2),
            Scaler.of_class(1),
        ]

    assert etl() == [6, [3, 6], 15, 40, -2, ("Scaler", 1)]


def test_a_method_names_its_own_parameters_only(body: Recording) -> None:
    with pytest.raises(BadArguments, match=r"missing a required argument: 'x'. It takes scale\(x: 'int'\)"):
        Scaler(3).scale()
    with pytest.raises(BadArguments, match=r"too many positional arguments"):
        Scaler(3).scale(1, 2)


def test_a_bound_method_survives_a_pickle() -> None:
    copy = pickle.loads(cloudpickle.dumps(Scaler(3).scale))
    assert copy(2) == 6


@pytest.mark.usefixtures("cluster")
def test_async_functions_partials_and_objects_are_tasks() -> None:
    class Adder:
        def __call__(self, x: int) -> int:
            return x + 10

    @task
    async def soon(x: int) -> int:
        await asyncio.sleep(0)
        return x + 1

    part = task(functools.partial(add.fn, y=100))
    assert (part.name, task(Adder()).name) == ("add", "Adder")

    @flow
    def etl() -> object:
        return [soon(1), part(1), task(Adder())(1), task(len)([1, 2]), task(lambda x: x)(5)]

    assert etl() == [2, 101, 11, 2, 5]


@pytest.mark.parametrize("kind", [staticmethod, classmethod])
def test_the_order_of_decorators_is_told(kind: type) -> None:
    with pytest.raises(BadTask, match=f"@task was put on a {kind.__name__}. Write @{kind.__name__} above @task"):
        task(kind(lambda x: x))
