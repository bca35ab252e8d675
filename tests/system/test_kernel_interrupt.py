"""The stop button of a real notebook: the wait ends, the run goes on, no worker is lost (F50)."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Final

import pytest

from tests.system.kernels import Cell, Kernel, open_notebook

#: Prints once the main thread is inside functions of these names; what a thread prints appears in the cell that runs.
WATCH: Final = """
def tell_when_in(*wanted):
    main = threading.main_thread().ident
    def names(frame):
        while frame is not None:
            yield frame.f_code.co_name
            frame = frame.f_back
    def watch():
        while not set(wanted) <= set(names(sys._current_frames()[main])):
            time.sleep(0.005)
        print("it is there", flush=True)
    threading.Thread(target=watch, daemon=True).start()
"""
GOES_ON: Final = "The run goes on. Interrupt again within 2 s to cancel it."


@pytest.fixture(scope="module")
def started() -> Iterator[Kernel]:
    with open_notebook() as kernel:
        assert kernel.run(WATCH).traceback == []
        yield kernel


@pytest.fixture
def kernel(started: Kernel) -> Iterator[Kernel]:
    started.messages.clear()
    workers = started.workers
    yield started
    assert started.workers == workers, "all workers live"


@pytest.fixture
def gate(tmp_path: Path) -> Iterator[Path]:
    """A file for which `hold` waits; at the end of the test at the latest it is there."""
    gate = tmp_path / "gate"
    yield gate
    gate.touch()


def waiting_cell(kernel: Kernel, gate: Path, first: str = "pass") -> Cell:
    """A flow cell that waits for tasks which wait for the gate."""
    watch = "tell_when_in('wait_interruptibly', 'until')"
    body = f"{first}\nh = hold.map([{str(gate)!r}] * 6, range(6))\n{watch}"
    return kernel.begin(f"%%flow held --wait --no-view\n{body}").prints("it is there")


@pytest.mark.parametrize("first", ["pass", "import asyncio; await asyncio.sleep(0)"])
def test_the_first_interrupt_ends_the_wait_and_the_run_goes_on(kernel: Kernel, gate: Path, first: str) -> None:
    cell = waiting_cell(kernel, gate, first)
    stopped_s = kernel.interrupt()
    cell.prints(GOES_ON).end()
    assert 1.5 < cell.ended_s - stopped_s < 4
    assert cell.traceback == ["KeyboardInterrupt"]
    following = kernel.run("inc(1), held.last_run.state.value")
    assert following.shown == ["(2, 'RUNNING')"]
    assert following.ended_s - cell.ended_s < 2
    gate.touch()
    assert kernel.value("held.last_run.wait(20).state.value, h.result()") == ("COMPLETED", [0, 1, 2, 3, 4, 5])


@pytest.mark.parametrize("first", ["pass", "import asyncio; await asyncio.sleep(0)"])
def test_a_second_interrupt_while_the_cell_lingers_cancels_the_run(kernel: Kernel, gate: Path, first: str) -> None:
    cell = waiting_cell(kernel, gate, first)
    kernel.interrupt()
    cell.prints(GOES_ON)
    again_s = kernel.interrupt()
    cell.prints("Cancelling the run.").end()
    assert cell.ended_s - again_s < 2
    assert cell.traceback == ["KeyboardInterrupt"]
    assert kernel.value("held.last_run.state.value") in {"CANCELLING", "CANCELLED"}
    gate.touch()
    assert kernel.value("held.last_run.wait(20).state.value") == "CANCELLED"
    assert "interrupted twice" in kernel.value("held.last_run.view_model.reason")


def test_a_cell_lingers_no_longer_than_its_run(kernel: Kernel, gate: Path) -> None:
    cell = waiting_cell(kernel, gate)
    kernel.interrupt()
    cell.prints(GOES_ON)
    gate.touch()
    cell.end()
    assert cell.traceback == ["KeyboardInterrupt"]
    assert kernel.value("held.last_run.state.value") == "COMPLETED"


def test_the_next_waiting_cell_can_be_interrupted_as_the_first(kernel: Kernel, gate: Path) -> None:
    for _ in range(2):
        kernel.run("%flow cancel")
        cell = waiting_cell(kernel, gate)
        kernel.interrupt()
        cell.prints(GOES_ON)
        kernel.interrupt()
        cell.end()
        gate.touch()
        kernel.run("held.last_run.wait(20)")
        gate.unlink()
    cell = kernel.begin("print('in', flush=True)\nwhile True: time.sleep(0.01)").prints("in")
    kernel.interrupt()
    assert cell.end().traceback[-1].startswith("KeyboardInterrupt")


def test_a_call_of_a_flow_in_a_cell_is_interrupted_like_a_flow_cell(kernel: Kernel, gate: Path) -> None:
    kernel.run(f"@flow\ndef called():\n    tell_when_in('wait_interruptibly')\n    return hold({str(gate)!r}, 3)")
    cell = kernel.begin("called.run()").prints("it is there")
    kernel.interrupt()
    cell.prints(GOES_ON).end()
    assert cell.traceback[-1].startswith("KeyboardInterrupt")
    assert not any("wfkit/" in line for line in cell.traceback)
    gate.touch()
    assert kernel.value("called.last_run.result(20)") == 3


@pytest.mark.parametrize(
    ("line", "error"),
    [
        ("for i in range(3000): i == 1 and print('it is there', flush=True); time.sleep(0.01)", "KeyboardInterrupt"),
        ("for i in range(3000): i == 1 and print('it is there'); await asyncio.sleep(0.01)", "CancelledError"),
        ("h.result()", "KeyboardInterrupt"),
    ],
)
def test_an_interrupt_in_the_body_ends_the_run_when_what_was_submitted_has_finished(
    kernel: Kernel, gate: Path, line: str, error: str
) -> None:
    body = f"h = hold.map([{str(gate)!r}] * 6); tell_when_in('until')\nimport asyncio\n{line}\nnever = inc(1)"
    cell = kernel.begin(f"%%flow cut --no-view\n{body}").prints("it is there")
    kernel.interrupt()
    assert cell.end().traceback[-1].startswith(error)
    assert f"----> 4 {line}" in cell.traceback
    assert kernel.value("cut.last_run.state.value") == "RUNNING"
    gate.touch()
    assert kernel.value("cut.last_run.wait(20).state.value, cut.last_run.view_model.reason") == (
        "INTERRUPTED",
        "interrupted (body, line 4)",
    )
    assert kernel.value("{row.name.partition('[')[0] for row in cut.last_run.nodes}") == {"hold"}
    assert kernel.value("set(h.result()), 'never' in globals()") == ({0}, False)
