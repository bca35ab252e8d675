"""The live view in a real kernel: buttons while a cell runs, and the output that a saved notebook keeps."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from jupyter_client.blocking.client import BlockingKernelClient
from jupyter_client.manager import KernelManager

ROOT = Path(__file__).parents[2]
SETUP = f"""
import sys, threading, time
sys.path.insert(0, {str(ROOT)!r})
from tests.notebook.stories import monthly_graph
from tests.notebook.telling import StoryRun, run_finished, run_started, started
from wfkit.core.states import RunState
from wfkit.notebook.output import StaticView
from wfkit.notebook.view import FlowView
run = StoryRun(run_started(), monthly_graph(), started(0, 0))
"""
BUSY_S = 4.0


@pytest.fixture
def kernel() -> Iterator[BlockingKernelClient]:
    manager = KernelManager(kernel_name="python3")
    manager.start_kernel(cwd=str(ROOT))
    client = manager.client()
    client.start_channels()
    try:
        client.wait_for_ready(timeout=60)
        yield client
    finally:
        client.stop_channels()
        manager.shutdown_kernel(now=True)


def told(client: BlockingKernelClient, code: str) -> list[dict[str, Any]]:
    """Run a cell to its end; the messages it and its threads sent."""
    messages: list[dict[str, Any]] = []
    reply = client.execute_interactive(code, timeout=60, output_hook=messages.append)
    assert reply["content"]["status"] == "ok", reply["content"].get("traceback")
    return messages


def comm_of(messages: list[dict[str, Any]]) -> str:
    opened = [m["content"] for m in messages if m["msg_type"] == "comm_open"]
    (comm_id,) = (each["comm_id"] for each in opened if "_esm" in each["data"]["state"])
    return str(comm_id)


def custom(client: BlockingKernelClient, comm_id: str, subshell: str | None, **content: object) -> None:
    data = {"method": "custom", "content": {"v": 1} | content}
    message = client.session.msg("comm_msg", {"comm_id": comm_id, "data": data})
    if subshell is not None:
        message["header"]["subshell_id"] = subshell
    client.shell_channel.send(message)


def subshell_of(client: BlockingKernelClient) -> str | None:
    """Ask for a subshell, as JupyterLab does for widgets; None where the kernel has none."""
    client.control_channel.send(client.session.msg("create_subshell_request", {}))
    reply = client.control_channel.get_msg(timeout=10)
    subshell = reply["content"].get("subshell_id")
    return str(subshell) if subshell else None


def test_a_button_works_while_a_cell_runs(kernel: BlockingKernelClient) -> None:
    messages = told(kernel, f"{SETUP}\nview = FlowView(run)\nview.show()")
    comm_id, subshell = comm_of(messages), subshell_of(kernel)
    if subshell is None:
        pytest.skip("this kernel has no subshells; messages wait for the cell")
    # News are sent from the publisher's thread: just what makes ipykernel 7.4.0 take the comm for the main shell's.
    kernel.execute(f"end = time.time() + {BUSY_S}\nwhile time.time() < end: run.tell(started(0, 1)); time.sleep(0.05)")
    time.sleep(0.5)
    asked_s = time.monotonic()
    custom(kernel, comm_id, subshell, op="hello", have=None)
    custom(kernel, comm_id, subshell, op="command", request="c1", name="cancel")
    answers: dict[str, float] = {}
    while time.monotonic() < asked_s + BUSY_S + 5 and not {"snapshot", "ack"} <= answers.keys():
        message = kernel.get_iopub_msg(timeout=10)
        if message["msg_type"] == "comm_msg" and message["content"]["comm_id"] == comm_id:
            op = message["content"]["data"]["content"]["op"]
            answers.setdefault(op, time.monotonic() - asked_s)
    assert answers["snapshot"] < BUSY_S / 2
    assert answers["ack"] < BUSY_S / 2


@pytest.mark.parametrize("kind", ["FlowView", "StaticView"])
def test_the_output_of_a_cell_that_waits_ends_with_the_outcome(kernel: BlockingKernelClient, kind: str) -> None:
    finish = "threading.Timer(0.3, run.tell, [run_finished(RunState.COMPLETED)]).start()"
    wait = "while run.state is not RunState.COMPLETED: time.sleep(0.02)"
    messages = told(kernel, f"{SETUP}\nview = {kind}(run)\nview.show()\n{finish}\n{wait}\nview.settle()")
    (shown,) = (m for m in messages if m["msg_type"] == "display_data")
    (final,) = (m for m in messages if m["msg_type"] == "update_display_data")
    assert shown["content"]["transient"] == final["content"]["transient"]
    assert "monthly RUNNING" in shown["content"]["data"]["text/plain"]
    assert "monthly COMPLETED" in final["content"]["data"]["text/plain"]
    assert "monthly COMPLETED" in final["content"]["data"]["text/html"]
    widget = "application/vnd.jupyter.widget-view+json"
    assert (widget in shown["content"]["data"]) == (widget in final["content"]["data"]) == (kind == "FlowView")
    assert any(m["msg_type"] == "comm_open" for m in messages) == (kind == "FlowView")


def test_the_output_of_a_cell_that_returned_at_once_is_updated_when_the_run_ends(kernel: BlockingKernelClient) -> None:
    messages = told(kernel, f"{SETUP}\nview = FlowView(run)\nview.show()")
    (shown,) = (m for m in messages if m["msg_type"] == "display_data")
    kernel.execute("run.tell(run_finished(RunState.FAILED))")
    until_s = time.monotonic() + 20
    while time.monotonic() < until_s:
        message = kernel.get_iopub_msg(timeout=20)
        if message["msg_type"] == "update_display_data":
            assert message["content"]["transient"] == shown["content"]["transient"]
            assert "monthly FAILED" in message["content"]["data"]["text/plain"]
            return
    pytest.fail("no update came")
