"""Recorded runs: what the record tells of a run that this process does not drive."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

import pytest

from tests.engine.driver import gates
from tests.engine.driver.repeating import held, large, load, pipeline, size
from wfkit.authoring.flattening import flatten
from wfkit.authoring.task import task
from wfkit.core.ids import RunId
from wfkit.core.states import RunState, TaskState
from wfkit.core.view import RunView
from wfkit.engine.driver.recorded import RecordedRun
from wfkit.engine.driver.run import Run
from wfkit.errors import CannotRerun, FlowFailed, HandleMisuse, MapFailed, ResultLost, UpstreamFailed, WaitTimeout

Start = Callable[..., Run]


@task
def listing(n: Any) -> Any:
    return list(range(n))


class Record:
    """What is on record of a run: all that its view has."""

    def __init__(self, run: Run) -> None:
        self._run = run
        self.id, self.flow_name = run.id, run.flow_name
        self.parent_id: RunId | None = run.parent_id

    def view(self) -> RunView:
        return self._run.view_model

    def flow(self) -> None:
        return None


class Shelf:
    """A store of results that has one value."""

    def for_run(self, run_id: str) -> Any:
        raise NotImplementedError

    def check_all(self, references: Iterable[str]) -> Mapping[str, str]:
        return dict.fromkeys(references, "")

    def load(self, reference: str) -> object:
        return f"loaded {reference}"


def recorded(run: Run, shelf: Shelf | None = None) -> RecordedRun:
    return RecordedRun(Record(run), shelf)


def test_a_recorded_run_tells_states_values_errors_and_logs(run_of: Start) -> None:
    run = run_of(pipeline)
    kept = recorded(run)
    assert (kept.id, kept.flow_name, kept.state) == (run.id, "flow", RunState.FAILED)
    assert list(kept.nodes) == list(run.nodes)
    assert kept.node("load[2]").result() == 2
    assert kept["raw"].result() == [0, 1, 2, 3]
    error = kept.node("picky[1]").exception()
    assert isinstance(error, ValueError)
    assert [type(one).__name__ for one in kept["tidy"].exception() or []] == [  # type: ignore[attr-defined]  # a list
        "NoneType",
        "ValueError",
        "NoneType",
        "ValueError",
    ]
    assert kept["summary"].state is TaskState.UPSTREAM_FAILED
    assert [handle.name for handle in kept.failed] == ["picky[1]", "picky[3]"]
    assert kept.logs() == run.logs() == []


def test_errors_are_those_of_a_run_that_is_driven_here(run_of: Start) -> None:
    kept = recorded(run_of(pipeline))
    with pytest.raises(ValueError, match="1"):
        kept.node("picky[1]").result()
    with pytest.raises(MapFailed):
        kept["tidy"].result()
    with pytest.raises(UpstreamFailed):
        kept["summary"].result()
    with pytest.raises(FlowFailed):
        kept.result()


def test_the_value_of_the_flow_is_made_of_those_of_its_nodes(run_of: Start) -> None:
    run = run_of(lambda: {"a": [load(1), 2], "b": load.map([3, 4])})
    assert recorded(run).result() == {"a": [1, 2], "b": [3, 4]}


def test_a_large_value_of_a_flow_is_not_on_record(run_of: Start) -> None:
    run = run_of(lambda: "x" * 100_000)
    with pytest.raises(ResultLost, match="is not on record"):
        recorded(run).result()


def test_values_that_are_not_in_the_record_come_from_the_store_or_are_lost(run_of: Start) -> None:
    run = run_of(lambda: {"x": large(300_000)})
    with pytest.raises(ResultLost, match="in cluster memory only"):
        recorded(run)["x"].result()
    run.view_model.groups[run["x"]._ref.group].stored[0] = "r/1"
    assert recorded(run, Shelf())["x"].result() == "loaded r/1"


def test_lists_over_a_flatten_are_in_the_order_of_the_parts(run_of: Start) -> None:
    run = run_of(lambda: {"x": load.map(flatten(listing.map([2, 3])))})
    kept = recorded(run)
    assert kept["x"].result() == [0, 1, 0, 1, 2]
    assert kept["x"][4].result() == 2
    assert len(kept["x"]) == 5


def test_it_waits_for_a_run_that_goes_on_elsewhere(start: Start) -> None:
    run = start(lambda: {"x": held(1)})
    kept = recorded(run)
    with pytest.raises(WaitTimeout):
        kept.wait(0.01)
    with pytest.raises(WaitTimeout):
        kept.node("held").result(0.01)
    gates.open_gates("held 1")
    assert kept.wait(gates.PATIENCE_S).state is RunState.COMPLETED
    assert kept.node("held").result() == 1


def test_it_can_be_looked_at_and_not_steered(run_of: Start) -> None:
    run = run_of(lambda: {"x": load(1)})
    kept = recorded(run)
    for steer in (kept.cancel, kept.pause, kept.resume, kept["x"].cancel):
        with pytest.raises(HandleMisuse, match=r"driven by another process|is driven"):
            steer()
    with pytest.raises(HandleMisuse, match="no cluster has it"):
        _ = kept["x"].future
    assert (kept.held_bytes, kept.subscribe(lambda: None)()) == (0, None)
    kept.release()
    kept.flush()
    told = list[str]()
    kept.when_ended(lambda: told.append("ended"))
    assert told == ["ended"]


def test_its_handles_are_no_inputs(run_of: Start) -> None:
    kept = recorded(run_of(lambda: {"x": load(1)}))
    with pytest.raises(CannotRerun, match="known from the record") as refused:
        run_of(lambda: {"y": size(kept["x"])})
    assert ".result()" in str(refused.value)


def test_previews_show_state_and_value(run_of: Start) -> None:
    kept = recorded(run_of(pipeline))
    assert kept.node("load[2]")._source.preview(kept.node("load[2]")._ref) == "COMPLETED 2"
    assert kept["tidy"]._source.preview(kept["tidy"]._ref) == "2 COMPLETED, 2 FAILED"
