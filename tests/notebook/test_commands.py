"""The `%flow` magic: what each subcommand says, without a cluster."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from tests.notebook.shells import Lab
from tests.notebook.stories import monthly_graph
from tests.notebook.telling import StoryRun, run_finished, run_started
from wfkit.clusters.facts import ClusterFacts
from wfkit.core.events import LogLine
from wfkit.core.states import RunState
from wfkit.errors import BadCommand, NoSuchRun
from wfkit.notebook import commands
from wfkit.notebook.arguments import FlowCommand
from wfkit.notebook.commands import make_magics, told


class ListedRun(StoryRun):
    """A run in a list."""

    def __init__(self, flow_name: str, state: RunState | None = None) -> None:
        end = [] if state is None else [run_finished(state)]
        super().__init__(run_started(flow_name), monthly_graph(), *end)
        self.flow_name = flow_name
        self.lines = [LogLine(at_s=0.25, level=20, source="print", text=f"of {flow_name}")]

    def logs(self) -> list[LogLine]:
        return self.lines

    def node(self, name: str) -> Any:
        return SimpleNamespace(logs=lambda: [LogLine(at_s=0, level=20, source=name, text="of a node")])


@pytest.fixture
def current() -> Any:
    """A session with three runs, the middle one alive."""
    runs = [ListedRun("a", RunState.COMPLETED), ListedRun("b"), ListedRun("c", RunState.FAILED)]

    def find(name: str) -> ListedRun:
        for run in runs:
            if run.flow_name == name:
                return run
        raise NoSuchRun(f"no {name}")

    return SimpleNamespace(runs=runs, find=find, is_decided=False)


def test_list_tells_the_newest_first(current: Any) -> None:
    rows = told(current, FlowCommand("list")).splitlines()
    assert [row.split()[1:3] for row in rows] == [["c", "FAILED"], ["b", "RUNNING"], ["a", "COMPLETED"]]
    current.runs.clear()
    assert told(current, FlowCommand("list")) == "No runs yet."


def test_cancel_means_the_newest_run_that_lives(current: Any) -> None:
    assert told(current, FlowCommand("cancel")).startswith("Cancelling the run r-")
    assert [run.cancelled for run in current.runs] == [[], ["by %flow cancel"], []]
    answer = told(current, FlowCommand("cancel", "a"))
    assert answer.startswith("The run r-")
    assert answer.endswith("of a has ended already: COMPLETED.")
    with pytest.raises(NoSuchRun, match="no z"):
        told(current, FlowCommand("cancel", "z"))
    current.runs.pop(1)
    assert told(current, FlowCommand("cancel")).endswith("of c has ended already: FAILED.")
    current.runs.clear()
    with pytest.raises(NoSuchRun, match="There is no run in this session yet"):
        told(current, FlowCommand("cancel"))


def test_orders_without_a_name_mean_the_run_that_they_fit(current: Any) -> None:
    done, live, failed = current.runs
    assert told(current, FlowCommand("pause")).startswith(f"Pausing the run {live.id} of b: nothing new starts")
    assert told(current, FlowCommand("pause", "b")).endswith("of b cannot be paused: it is PAUSED.")
    assert told(current, FlowCommand("resume")) == f"Going on with the run {live.id} of b."
    assert told(current, FlowCommand("resume", "b")).endswith("of b is not paused: it is RUNNING.")
    assert live.ordered == ["pause", "resume"]
    done.held_bytes = 1_234_567
    assert told(current, FlowCommand("release")).startswith("Released 1.2 MB of cluster memory that the run r-")
    assert (done.ordered, failed.ordered) == (["release"], [])
    assert told(current, FlowCommand("release", "c")).endswith("of c holds nothing in cluster memory.")
    assert told(current, FlowCommand("release", "b")).endswith("Release it when it has ended, or cancel it.")


def test_logs_are_told_with_time_and_source(current: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    assert told(current, FlowCommand("logs")).endswith(":00.250 print: of c")
    assert told(current, FlowCommand("logs", "a", "clean[3]")).endswith(" clean[3]: of a node")
    current.runs[0].lines = []
    assert told(current, FlowCommand("logs", "a")) == "Nothing was logged."
    current.runs[0].lines = [LogLine(at_s=0, level=20, source="print", text=str(n)) for n in range(5_000)]
    assert len(told(current, FlowCommand("logs", "a")).splitlines()) == 1_000


def test_the_cluster_is_told_without_deciding_for_one(current: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(commands, "current_client", lambda: None)
    assert "The first run will use its own" in told(current, FlowCommand("cluster"))
    client = SimpleNamespace(scheduler=SimpleNamespace(address="tcp://10.0.0.1:8786"))
    monkeypatch.setattr(commands, "current_client", lambda: client)
    assert "the notebook's Dask client (tcp://10.0.0.1:8786)" in told(current, FlowCommand("cluster"))


def test_the_cluster_in_use_is_told_with_its_size_and_what_it_does_not_promise(current: Any) -> None:
    current.is_decided = True
    known: dict[str, Any] = {"address": "tcp://10.0.0.1:8786", "workers": 3, "threads": 6, "memory_bytes": 2**31}
    current.facts = lambda: ClusterFacts(**known, dashboard_link="http://d", owned=False, caution="beware")
    assert told(current, FlowCommand("cluster")).splitlines() == [
        "A cluster that wfkit did not start, at tcp://10.0.0.1:8786",
        "3 workers, 6 threads, 2.00 GiB memory",
        "Dask dashboard: http://d",
        "beware",
    ]
    current.facts = lambda: ClusterFacts(**known, dashboard_link=None, owned=True)
    assert len(told(current, FlowCommand("cluster")).splitlines()) == 2


def test_a_subcommand_that_is_not_known_is_refused(current: Any) -> None:
    with pytest.raises(BadCommand, match="nonsense"):
        told(current, FlowCommand("nonsense"))


@pytest.fixture
def magics(lab: Lab, current: Any) -> Any:
    return {(kind, name): magic for kind, name, magic in make_magics(current)}


def test_the_magic_prints_its_answer(magics: Any, capsys: pytest.CaptureFixture[str]) -> None:
    flow = magics["line", "flow"]
    flow("list")
    assert len(capsys.readouterr().out.splitlines()) == 3
    flow("")
    out = capsys.readouterr().out
    assert all(f"%flow {order} [RUN]" in out for order in ("cancel", "pause", "resume", "release"))
    flow("show a")
    assert capsys.readouterr().out.startswith("a COMPLETED in")


def test_an_error_of_the_magic_is_one_line(magics: Any) -> None:
    with pytest.raises(NoSuchRun) as caught:
        magics["line", "flow"]("show z")
    assert caught.value._render_traceback_() == ["NoSuchRun: no z"]  # type: ignore[attr-defined]


@pytest.mark.parametrize(("name", "option"), [("flow", "--no-view"), ("task", "--retries")])
def test_the_stand_ins_document_the_cells(
    magics: Any, name: str, option: str, capsys: pytest.CaptureFixture[str]
) -> None:
    stand_in = magics["cell", name]
    assert option in stand_in.__doc__
    stand_in("-h", "")
    assert option in capsys.readouterr().out
    with pytest.raises(BadCommand, match="works only as the first line of a cell"):
        stand_in("x(a)" if name == "task" else "x", "1")
    with pytest.raises(BadCommand, match="--nonsense"):
        stand_in("x(a) --nonsense" if name == "task" else "x --nonsense", "1")
