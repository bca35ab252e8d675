"""The value of a node is looked at wherever it is, without a thread of the tasks, and never loaded into the kernel."""

from __future__ import annotations

import pickle
from collections.abc import Callable
from dataclasses import replace
from typing import Any, cast

import numpy as np
import pytest

from tests.engine.driver import gates
from wfkit import task
from wfkit.core import wire
from wfkit.core.ids import GroupId
from wfkit.core.reducer import fold
from wfkit.core.view import RunView
from wfkit.engine.driver.looking import look_recorded
from wfkit.engine.driver.run import Run
from wfkit.engine.worker.look.form import Fields
from wfkit.errors import ResultLost

RunOf = Callable[..., Run]


class Model:
    """Shows itself by its own code."""

    def __init__(self, size: int = 0) -> None:
        self.padding = bytes(size)

    def __repr__(self) -> str:
        return "a model"


@task
def numbers(n: int) -> Any:
    return np.arange(n)


@task
def blob(n: int) -> Any:
    return [n, "x" * 5_000]


@task
def model(size: int) -> Any:
    return Model(size)


@task
def fails() -> None:
    raise ValueError("no")


@task
def waits(name: str) -> None:
    gates.wait_at(name)


def group(run: Run, name: str) -> GroupId:
    return run.view_model.by_name(name)[0].spec.id


def reason(fields: Fields) -> str:
    return str(fields["reason"])


def test_a_large_value_is_looked_at_on_its_worker(run_of: RunOf) -> None:
    run = run_of(lambda: numbers(100_000))
    looked = run.look(group(run, "numbers"), 0)
    assert (looked.look.kind, looked.look.fields["shape"]) == ("array", [100_000])
    assert looked.where in run.view_model.workers


def test_an_element_of_a_carrier_is_looked_at_alone(run_of: RunOf) -> None:
    run = run_of(lambda: blob.map(range(20), chunk=8))
    root: Any = run.look(group(run, "blob"), 13).look.fields["root"]
    assert [item["text"][:6] for item in root["items"]] == ["13", "xxxxxx"]


def test_a_small_value_comes_from_the_record_also_when_the_run_was_released(run_of: RunOf) -> None:
    run = run_of(lambda: model(0))
    run.release()
    looked = run.look(group(run, "model"), 0)
    assert (looked.look.fields["head"], looked.where) == ("a model", "the record")


def test_no_thread_of_the_tasks_is_needed(start: RunOf) -> None:
    run = start(lambda: (numbers(50_000), waits("a"), waits("b")))
    gates.until_came("a", "b")  # both threads of the worker
    gates.until(lambda: group(run, "numbers") and run.node("numbers").state == "COMPLETED")
    assert run.look(group(run, "numbers"), 0).look.kind == "array"
    gates.open_gates("a", "b")
    run.wait(gates.PATIENCE_S)


def test_what_has_no_value_says_so(start: RunOf) -> None:
    run = start(lambda: (waits("a"), fails()))
    gates.until(lambda: run.node("fails").state == "FAILED")
    assert reason(run.look(group(run, "waits"), 0).look.fields) == "it has no value yet"
    assert reason(run.look(group(run, "fails"), 0).look.fields) == "it has no value: it ended FAILED"
    gates.open_gates("a")
    run.wait(gates.PATIENCE_S)


def test_what_is_lost_is_told_in_the_words_of_a_lost_result(run_of: RunOf) -> None:
    run = run_of(lambda: numbers(100_000))
    run.release()
    looked = run.look(group(run, "numbers"), 0)
    assert reason(looked.look.fields) == "the results of `numbers` were released"
    assert looked.where == ""


def test_a_node_that_is_not_there_is_no_node(run_of: RunOf) -> None:
    run = run_of(lambda: numbers(3))
    with pytest.raises(LookupError):
        run.look(group(run, "numbers"), 5)
    with pytest.raises(LookupError):
        run.look(GroupId("g99"), 0)


class Store:
    """A store that has one value, and gives bytes alone."""

    def __init__(self, value: object) -> None:
        self.payload = pickle.dumps(value)

    def read(self, reference: str) -> tuple[bytes, list[bytes]]:
        if reference != "r-1/model-0":
            raise ResultLost(f"The stored result `{reference}` is lost: it is not there.", "Execute its task again.")
        return self.payload, []

    def load(self, reference: str) -> object:
        raise AssertionError("nothing is loaded in the kernel")


@pytest.mark.parametrize(
    ("reference", "shown"),
    [("r-1/model-0", "a model"), ("r-1/gone-0", "the stored result `r-1/gone-0` is lost: it is not there")],
)
def test_a_stored_value_is_looked_at_in_a_process(run_of: RunOf, reference: str, shown: str) -> None:
    events: list[Any] = []
    run_of(lambda: model(100_000), keep=lambda encoded: events.extend(map(wire.decode, encoded)))
    view = RunView()
    fold(view, [replace(event, stored=reference) if hasattr(event, "stored") else event for event in events])
    (only,) = view.groups.values()
    look, where = look_recorded(only, 0, cast("Any", Store(Model())))
    assert look.fields.get("head", look.fields.get("reason")) == shown
    assert where == ("the store of results" if look.kind == "text" else "")


def test_a_value_that_was_in_cluster_memory_only_is_gone_for_other_processes(run_of: RunOf) -> None:
    run = run_of(lambda: numbers(100_000))
    (only,) = run.view_model.groups.values()
    look, _ = look_recorded(only, 0, None)
    assert reason(look.fields) == "the result of `numbers` was in cluster memory only"
