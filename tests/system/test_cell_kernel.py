"""Flow cells in a real kernel: messages as a front end sees them, interrupts, completion, who can click."""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import nbformat
import pytest
from jupyter_client.blocking.client import BlockingKernelClient
from jupyter_client.manager import KernelManager, start_new_kernel
from nbclient import NotebookClient

ROOT: Final = Path(__file__).parents[2]
#: Runs in the kernel; `wait` waits as the engine does, `clicks` is what `can_click` said in each cell.
SETUP: Final = f"""
import sys, time
sys.path.insert(0, {str(ROOT)!r})
from wfkit.errors import FlowFailed
from wfkit.notebook.cell import install
from wfkit.notebook.completion import install_completion
from wfkit.notebook.execution import can_click, is_interrupt

class Hooks:
    def __init__(self):
        self.calls, self.clicks, self.to_wait_s, self.to_raise = [], [], 0, None

    def enter(self, cell):
        self.clicks.append(can_click(get_ipython()))
        self.calls.append(("enter", cell.parameters))

    def leave(self, cell, last_value):
        self.calls.append(("leave", last_value))

    def failed(self, cell, error, line):
        self.calls.append(("failed", type(error).__name__, is_interrupt(error), line))

    def wait(self, cell):
        self.calls.append(("wait",))
        end = time.monotonic() + self.to_wait_s
        try:
            if self.to_wait_s:
                print("waiting", flush=True)
            while time.monotonic() < end:
                time.sleep(0.02)
        except KeyboardInterrupt:
            raise KeyboardInterrupt("the run goes on") from None
        if self.to_raise:
            raise self.to_raise

    def define(self, function, arguments):
        return function

hooks = Hooks()
uninstalls = [install(get_ipython(), hooks), install_completion(get_ipython(), lambda: ["monthly", "r-01abc"])]
"""


@dataclass
class Outcome:
    """What came back from one cell."""

    status: str = ""
    printed: str = ""
    shown: list[str] = field(default_factory=list)
    error: str = ""  #: "Type: message", as in the reply
    traceback: list[str] = field(default_factory=list)


class Kernel:
    """A real kernel that knows our cells."""

    def __init__(self, manager: KernelManager, client: BlockingKernelClient) -> None:
        self.manager = manager
        self.client: Any = client
        assert self.run(SETUP).status == "ok"

    def run(self, code: str, during: Callable[[Outcome], None] = lambda _: None, **how: Any) -> Outcome:
        """Run a cell; `during` is called after each output."""
        outcome = Outcome()

        def take(message: dict[str, Any]) -> None:
            content, kind = message["content"], message["msg_type"]
            if kind == "stream":
                outcome.printed += content["text"]
            elif kind in {"execute_result", "display_data"}:
                outcome.shown.append(content["data"]["text/plain"])
            elif kind == "error":
                text = re.sub(r"\x1b\[[0-9;]*m", "", "\n".join(content["traceback"]))
                outcome.traceback = text.splitlines()
                outcome.error = f"{content['ename']}: {content['evalue']}"
            during(outcome)

        reply = self.client.execute_interactive(code, output_hook=take, timeout=60, **{"allow_stdin": False, **how})
        outcome.status = reply["content"]["status"]
        return outcome

    def value(self, expression: str) -> Any:
        shown = self.run(expression).shown
        return eval(shown[0]) if shown else None

    def interrupt_at(self, text: str) -> Callable[[Outcome], None]:
        """Interrupt the kernel once, as soon as the cell has printed a text."""
        sent: list[float] = []

        def during(outcome: Outcome) -> None:
            if text in outcome.printed and not sent:
                sent.append(time.monotonic())
                self.manager.interrupt_kernel()

        return during


@pytest.fixture(scope="module")
def started() -> Iterator[Kernel]:
    manager, client = start_new_kernel(kernel_name="python3", extra_arguments=["--HistoryManager.enabled=False"])
    try:
        yield Kernel(manager, client)
    finally:
        client.stop_channels()
        manager.shutdown_kernel(now=True)


@pytest.fixture
def kernel(started: Kernel) -> Kernel:
    started.run("hooks.__init__()")
    return started


def test_a_cell_with_all_that_cells_may_have_runs_and_shows_its_last_value(kernel: Kernel) -> None:
    cell = """%%flow monthly -p year=2000 + 13
    import asyncio
    !echo shell $year
    %time timed = 1
    x = [await asyncio.sleep(0, int(year) + i) for i in range(timed + 1)]
    def f():
        return year
    {'x': x, 'f': f()}"""
    assert kernel.run(cell).error.startswith("BadCommand: ")
    outcome = kernel.run(cell.replace("2000 + 13", "'2013'"))
    assert (outcome.status, outcome.shown) == ("ok", ["{'x': [2013, 2014], 'f': '2013'}"])
    assert "shell 2013" in outcome.printed
    assert "Wall time" in outcome.printed
    assert kernel.value("x, 'year' in globals(), [n for n in globals() if 'wfkit_cell' in n]") == (
        [2013, 2014],
        False,
        [],
    )
    assert kernel.value("hooks.calls")[0] == ("enter", {"year": "2013"})


def test_a_traceback_in_the_kernel_points_at_the_line_and_names_the_cell(kernel: Kernel) -> None:
    for prefix in ("", "import asyncio; await asyncio.sleep(0); "):
        outcome = kernel.run(f"%%flow monthly\n{prefix}x = 1\n\nx / 0")
        assert outcome.error == "ZeroDivisionError: division by zero"
        assert "----> 4 x / 0" in outcome.traceback
        assert any(re.fullmatch(r"Cell In\[\d+\], line 4", line) for line in outcome.traceback)
        assert not any("wfkit" in line for line in outcome.traceback)
    assert kernel.value("hooks.calls[-1]") == ("failed", "ZeroDivisionError", False, 4)


def test_errors_of_ours_are_one_line_in_the_reply_too(kernel: Kernel) -> None:
    kernel.run("hooks.to_raise = FlowFailed('3 of 12 failed.')")
    outcome = kernel.run("%%flow monthly\n1 + 1")
    assert (outcome.shown, outcome.traceback) == (["2"], ["FlowFailed: 3 of 12 failed."])
    assert (outcome.status, outcome.error) == ("error", "FlowFailed: 3 of 12 failed.")
    outcome = kernel.run("%%flow monthly --nonsense")
    assert len(outcome.traceback) == 1
    assert outcome.printed == ""


@pytest.mark.parametrize("first", ["x = 1", "import asyncio; await asyncio.sleep(0)"])
def test_an_interrupt_while_the_cell_waits_ends_it_in_one_line(kernel: Kernel, first: str) -> None:
    kernel.run("hooks.to_wait_s = 30")
    began = time.monotonic()
    outcome = kernel.run(f"%%flow monthly\n{first}\n'value'", during=kernel.interrupt_at("waiting"))
    assert outcome.traceback == ["KeyboardInterrupt: the run goes on"]
    assert outcome.shown == ["'value'"]
    assert time.monotonic() - began < 10
    assert [call[0] for call in kernel.value("hooks.calls")] == ["enter", "leave", "wait"]


@pytest.mark.parametrize(
    ("body", "error"),
    [
        (
            "import time\n\nfor i in range(1500): i == 1 and print('in'); time.sleep(0.02)",
            "KeyboardInterrupt",
        ),
        ("import asyncio\n\nfor i in range(1500): i == 1 and print('in'); await asyncio.sleep(0.02)", "CancelledError"),
    ],
)
def test_an_interrupt_in_the_body_closes_it_at_its_line(kernel: Kernel, body: str, error: str) -> None:
    outcome = kernel.run(f"%%flow monthly -p p=1\n{body}", during=kernel.interrupt_at("in"))
    assert outcome.error.startswith(error)
    assert kernel.value("hooks.calls[-1]") == ("failed", error, True, 4)
    assert kernel.value("'p' in globals(), [n for n in globals() if 'wfkit_cell' in n]") == (False, [])
    kernel.run("hooks.to_wait_s = 30")
    kernel.run("%%flow monthly\n1", during=kernel.interrupt_at("waiting"))  # the kernel's own handler is back in place
    assert kernel.value("hooks.calls[-1]") == ("wait",)


def test_who_sends_with_stdin_can_click(kernel: Kernel) -> None:
    for body in ("1", "import asyncio; await asyncio.sleep(0)"):
        for allowed in (True, False, True):
            kernel.run(f"%%flow monthly\n{body}", allow_stdin=allowed)
    assert kernel.value("hooks.clicks") == [True, False, True] * 2


def test_nobody_can_click_where_nbclient_runs_the_notebook() -> None:
    cells = [nbformat.v4.new_code_cell(code) for code in (SETUP, "%%flow monthly\n1", "hooks.clicks")]
    notebook = nbformat.v4.new_notebook(cells=cells)
    NotebookClient(notebook, timeout=60, kernel_name="python3").execute()
    assert notebook.cells[1].source == "%%flow monthly\n1"
    assert [cell.outputs[0]["data"]["text/plain"] for cell in notebook.cells[1:]] == ["1", "[False]"]


@pytest.mark.parametrize(
    ("code", "at", "matches"),
    [
        ("%%flow mo", 9, ["monthly"]),
        ("%%flow monthly --no\nx = 1", 19, ["--no-wait", "--no-view"]),
        ("%%task clean(df) --ret", 22, ["--retries", "--retry-delay-seconds", "--retry-jitter-factor"]),
        ("x = 1\n%flow c", 13, ["cancel", "cluster"]),
        ("%flow show ", 11, ["monthly", "r-01abc"]),
    ],
)
def test_the_kernel_completes_after_our_magics(kernel: Kernel, code: str, at: int, matches: list[str]) -> None:
    reply = kernel.client.complete(code, at, reply=True, timeout=30)["content"]
    assert [match for match in reply["matches"] if match.startswith(code[reply["cursor_start"] : at])] == matches
    assert reply["cursor_end"] == at


def test_a_cell_being_typed_is_incomplete_until_a_blank_line(kernel: Kernel) -> None:
    for code, state in (("%%flow a", "incomplete"), ("%%flow a\n1\n\n", "complete")):
        asked = kernel.client.is_complete(code)
        reply = kernel.client.get_shell_msg(timeout=30)
        assert (reply["parent_header"]["msg_id"], reply["content"]["status"]) == (asked, state)
    assert kernel.value("hooks.calls") == []


def test_the_functions_of_a_body_travel_to_other_processes(kernel: Kernel) -> None:
    kernel.run(
        "%%flow monthly -p year=2013\ndef f(x):\n    return x + year\nimport cloudpickle\nblob = cloudpickle.dumps(f)"
    )
    assert kernel.value("b'wfkit' in blob, b'year' in blob, 'year' in globals()") == (False, True, False)
    assert kernel.value("__import__('pickle').loads(blob)(1)") == 2014


def test_unloading_leaves_a_kernel_as_it_was(kernel: Kernel) -> None:
    kernel.run("for uninstall in uninstalls: uninstall()")
    outcome = kernel.run("%%flow monthly\n1")
    assert "UsageError: Cell magic `%%flow` not found" in outcome.printed + "".join(outcome.traceback)
    assert kernel.run(SETUP).status == "ok"
