"""Flows in a real kernel, on a real cluster: cells, magics, errors, adopted clients, sockets, and no orphans."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterator
from pathlib import Path

import psutil  # type: ignore[import-untyped]  # no types shipped
import pytest

from tests.system.kernels import SETUP, Kernel, gone, open_kernel, open_notebook


@pytest.fixture(scope="module")
def started() -> Iterator[Kernel]:
    with open_notebook() as kernel:
        yield kernel


@pytest.fixture
def kernel(started: Kernel) -> Kernel:
    started.messages.clear()
    return started


@pytest.fixture
def gate(tmp_path: Path) -> Iterator[Path]:
    """A file for which `hold` waits; at the end of the test at the latest it is there."""
    gate = tmp_path / "gate"
    yield gate
    gate.touch()


def test_the_story_of_a_cell_flow(kernel: Kernel) -> None:
    cell = kernel.run("%%flow monthly -p n=4\nones = inc.map(range(n))\nsummary = total(inc.map(ones))\nsummary")
    assert cell.traceback == []
    assert cell.shown[-1] == "<Handle total: COMPLETED 14>"
    assert kernel.value("summary.result(), ones.result(), 'n' in globals()") == (14, [1, 2, 3, 4], False)
    assert kernel.run("monthly").shown == ["<Flow monthly(n=4)>"]
    assert kernel.value("monthly.last_run['summary'].result(), monthly.last_run.result()") == (14, 14)
    assert kernel.value("second = monthly.run(n='3'); second['ones'].result(), second.result()") == ([1, 2, 3], 9)
    assert kernel.value("second is monthly.last_run, len(ones)") == (True, 4)
    assert kernel.value("monthly()") == 14
    assert kernel.run("monthly.run(n='x')").traceback[-1].startswith("BadParameter: Parameter `n` of the flow")
    assert kernel.run("second").shown[0].startswith("monthly COMPLETED in ")


def test_without_a_last_expression_the_value_is_what_the_body_bound(kernel: Kernel) -> None:
    kernel.run("%%flow pair\na = inc(1)\nb = inc(a)\nc = 3")
    assert kernel.value("pair.last_run.result()") == {"a": 2, "b": 3}


def test_what_is_sent_after_the_cell_has_ended_finds_its_inputs(kernel: Kernel) -> None:
    kernel.run(
        "@task(retries=1, retry_delay_seconds=0.4)\n"
        "def late(x):\n    if wfkit.current.attempt == 1:\n        raise OSError('busy')\n    return x"
    )
    cell = kernel.run(
        "%%flow again_later --wait\nones = late.map([1, 1])\nsummary = total.submit(ones, wait_for=[ones])"
    )
    assert cell.traceback == []
    assert kernel.value("summary.result()") == 2


@pytest.mark.parametrize(
    ("options", "stdin", "waits"),
    [("", True, False), ("", False, True), ("--wait", True, True), ("--no-wait", False, False)],
)
def test_a_cell_waits_where_nobody_can_click_or_as_it_is_told(
    kernel: Kernel, gate: Path, options: str, stdin: bool, waits: bool
) -> None:
    cell = kernel.begin(f"%%flow waits --no-view {options}\nh = hold({str(gate)!r}, 7)\nprint('body')", stdin=stdin)
    cell.prints("body")
    if waits:
        gate.touch()
        cell.end()
        assert kernel.value("waits.last_run.state.value") == "COMPLETED"
    else:
        cell.end()
        assert kernel.value("waits.last_run.state.value") == "RUNNING"
        gate.touch()
    assert kernel.value("h.result(20)") == 7


def test_a_failed_run_is_one_line_where_the_cell_waits(kernel: Kernel) -> None:
    cell = kernel.run("%%flow fails --wait\nxs = picky.map(range(5))\ntotal(xs)")
    (line,) = cell.traceback
    assert line.startswith("FlowFailed: The flow `fails` ended FAILED: `picky[3]` FAILED. Look at run.failed and ")
    assert kernel.run("%%flow fails --no-wait\nxs = picky.map(range(5))").traceback == []
    assert kernel.run("fails.last_run.wait().result()").traceback[-1].startswith("FlowFailed: ")


def test_an_exception_of_the_body_is_ordinary_python_and_what_was_submitted_finishes(
    kernel: Kernel, gate: Path
) -> None:
    cell = kernel.run(f"%%flow broken\nh = hold({str(gate)!r}, 5)\nraise RuntimeError('mine')\ng = inc(1)")
    assert "----> 3 raise RuntimeError('mine')" in cell.traceback
    assert cell.traceback[-1] == "RuntimeError: mine"
    assert not any("wfkit" in line for line in cell.traceback)
    assert kernel.value("broken.last_run.state.value") == "RUNNING"
    gate.touch()
    assert kernel.value("h.result(20), broken.last_run.wait(20).state.value") == (5, "FAILED")
    assert kernel.value("broken.last_run.view_model.reason") == "RuntimeError: mine (body, line 3)"
    assert kernel.value("[row.name for row in broken.last_run.nodes]") == ["hold"]


@pytest.mark.parametrize(
    ("line", "error"),
    [
        ("inc.map('abc')", "NotMappable: `inc.map()` would go over the characters"),
        ("inc.map([1, 2], [3])", "BadArguments: "),
        ("inc(1, 2, 3)", "BadArguments: "),
        ("h = inc(1); h + 1", "HandleMisuse: "),
        ("h = inc(1); [x for x in inc.map(h)]", "UnknownLength: "),
        ("inc(threading.Lock())", "NotPicklable: "),
        ("picky(3).result()", "ValueError: three"),
    ],
)
def test_a_misuse_points_at_the_users_line_and_nowhere_else(kernel: Kernel, line: str, error: str) -> None:
    cell = kernel.run(f"%%flow misuse\nx = 1\n{line}")
    assert f"----> 3 {line}" in cell.traceback
    assert any(text.startswith(error) for text in cell.traceback), cell.traceback
    assert not any("wfkit/" in text for text in cell.traceback), cell.traceback
    assert kernel.value("misuse.last_run.wait(20).view_model.reason").endswith("(body, line 3)")


def test_submitting_outside_a_flow_points_at_the_users_line(kernel: Kernel) -> None:
    cell = kernel.run("x = 1\ninc.map([1])")
    assert cell.traceback[1].split()[0] == "NotInFlow"
    assert "----> 2 inc.map([1])" in cell.traceback
    assert not any("wfkit/" in text for text in cell.traceback)


def test_a_cell_whose_run_lives_is_refused_unless_it_says_what_to_do(kernel: Kernel, gate: Path) -> None:
    text = f"%%flow again --no-wait --no-view\nh = hold.map([{str(gate)!r}] * 8)"
    kernel.run(text)
    kernel.run("first = again.last_run")
    (line,) = kernel.run(text).traceback
    assert line.startswith("RunIsLive: `again` still runs (r-")
    assert line.endswith("Use --again cancel or --again parallel, or wait for it.")
    assert kernel.value("again.last_run is first") is True

    assert kernel.run(text.replace("--no-wait", "--no-wait --again parallel")).traceback == []
    kernel.run("second = again.last_run")
    assert kernel.value("[first.state.value, second.state.value]") == ["RUNNING", "RUNNING"]

    cell = kernel.begin(text.replace("--no-wait", "--no-wait --again cancel"))
    cell.prints("Cancelling the last run first")
    gate.touch()  # what runs is waited for
    assert cell.end().traceback == []
    assert kernel.value("[first.state.value, second.state.value]") == ["CANCELLED", "CANCELLED"]
    assert kernel.value("again.last_run.wait(20).state.value") == "COMPLETED"
    assert kernel.run(text).traceback == []


def test_cells_without_a_name_stand_in_each_others_way_only_if_they_are_the_same(kernel: Kernel, gate: Path) -> None:
    text = f"%%flow --no-wait --no-view\nu = hold({str(gate)!r})"
    assert kernel.run(text).traceback == []
    assert kernel.run(text).traceback[0].startswith("RunIsLive: `flow` still runs")
    assert kernel.run(f"{text}\nv = 1").traceback == []
    gate.touch()
    assert kernel.value("u.result(20), 'flow' in globals() and flow.__module__") == (0, "wfkit.authoring.flow")


def test_the_flow_magic(kernel: Kernel, gate: Path) -> None:
    kernel.run("@task(log_prints=True)\ndef chatty(x):\n    print('said', x)\n    return x")
    kernel.run("%%flow talk\nchatty.map([1, 2])")
    kernel.run("%%flow last --no-view\ninc(1)")
    kernel.run(f"%%flow long --no-wait --no-view\nxs = hold.map([{str(gate)!r}] * 30)")
    rows = kernel.run("%flow list").printed.splitlines()
    assert [row.split()[1:3] for row in rows[:3]] == [["long", "RUNNING"], ["last", "COMPLETED"], ["talk", "COMPLETED"]]
    assert kernel.run("%flow show talk").shown[0].startswith("talk COMPLETED in ")
    lines = kernel.run("%flow logs talk").printed.splitlines()
    assert sorted(line.partition(" ")[2] for line in lines) == ["print: said 1", "print: said 2"]
    assert kernel.run("%flow logs talk chatty[1]").printed.endswith(" print: said 2\n")
    assert kernel.run("%flow logs last").printed == "Nothing was logged.\n"
    cluster = kernel.run("%flow cluster").printed
    assert cluster.startswith("The local cluster of wfkit at tcp://127.0.0.1:")
    assert " workers, " in cluster
    assert kernel.run("%flow cancel").printed.endswith("of long: what waits will not start; what runs is waited for.\n")
    gate.touch()
    assert kernel.value("long.last_run.wait(20).state.value") == "CANCELLED"
    assert kernel.run("%flow cancel long").printed.endswith("of long has ended already: CANCELLED.\n")
    assert "%flow cancel [RUN]" in kernel.run("%flow help").printed


@pytest.mark.parametrize(
    ("line", "error"),
    [
        ("%flow nonsense", "BadCommand: `%flow`: `nonsense` is not one of list, show"),
        ("%flow cancel --now", "BadCommand: `%flow`: unknown option `--now`"),
        ("%flow show r-nope", "NoSuchRun: The history has no run 'r-nope'."),
        ("%flow logs pair nope", "NoSuchNode: The run r-"),
        ("%%flow x --wiat\n1", "BadCommand: `%%flow`: unknown option `--wiat`, did you mean `--wait`?"),
        ("%%flow x -p y=1/0\n1", "BadParameter: `-p y=1/0`: ZeroDivisionError: division by zero"),
        ("get_ipython().run_cell_magic('flow', '', '1')", "BadCommand: `%%flow` works only as the first line"),
    ],
)
def test_a_bad_magic_line_is_answered_by_one_line(kernel: Kernel, line: str, error: str) -> None:
    kernel.run("%%flow pair --no-view\na = inc(1)")
    cell = kernel.run(line)
    assert len(cell.traceback) == 1, cell.traceback
    assert cell.traceback[0].startswith(error)


def test_our_magics_are_magics_like_others(kernel: Kernel) -> None:
    listed = kernel.run("%lsmagic").shown[0]
    assert {"%flow", "%%flow", "%%task"} <= set(listed.split())
    for asked, found in (("%%flow?", "--no-view"), ("%%task?", "--retries"), ("%flow?", "%flow cancel [RUN]")):
        identity = kernel.client.execute(asked, allow_stdin=False)
        while (reply := kernel.client.get_shell_msg(timeout=30))["parent_header"]["msg_id"] != identity:
            pass
        assert found in reply["content"]["payload"][0]["data"]["text/plain"]
    cell = kernel.run("%%time\n%%flow timed --wait\nx = inc(1)\nx")
    assert cell.traceback == []
    assert "Wall time" in cell.printed
    assert kernel.value("x.result(), timed.last_run.state.value") == (2, "COMPLETED")
    assert kernel.run("%%capture kept\n%%flow timed --wait\nprint('in'); x").shown == []
    assert kernel.value("kept.stdout") == "in\n"


def test_a_run_gives_its_view_as_a_widget(kernel: Kernel) -> None:
    kernel.run("%%flow pair --no-view\na = inc(1)")
    cell = kernel.run("pair.last_run.view()")
    assert cell.comm_id
    assert cell.shown[0].startswith("pair COMPLETED")


def test_the_output_of_a_started_body_is_kept_in_its_run(kernel: Kernel, gate: Path) -> None:
    body = f"""
import warnings
print("first")
display({{"shown": 1}})
!echo shell
while not os.path.exists({str(gate)!r}): time.sleep(0.005)
print("later", file=sys.stderr)
warnings.warn("careful")
x = inc(1)"""
    gate.touch()
    assert kernel.run(f"%%flow chatty --no-view{body}").printed.startswith("first\n")
    gate.unlink()
    kernel.run("run = chatty.start()")
    during = kernel.run("print('a cell'); display(3); inc(5)")  # while the body is still at it
    assert (during.printed, during.shown) == ("a cell\n", ["3", "6"])
    gate.touch()
    kernel.messages.clear()
    assert kernel.value("run.wait(20).state.value") == "COMPLETED"
    texts = kernel.value("[(line.source, line.text) for line in run.logs()]")
    assert texts[:4] == [("print", "first"), ("display", "{'shown': 1}"), ("print", "shell"), ("print", "later")]
    assert any("UserWarning: careful" in text for _, text in texts)
    assert kernel.run("%flow logs").printed.count("print: ") >= 4
    assert not any(
        message["msg_type"] == "stream"
        and "later" in message["content"]["text"]
        and "print:" not in message["content"]["text"]
        for message in kernel.messages
    )
    assert kernel.value("type(sys.stdout).__name__") == "OutStream"


def test_a_body_that_awaits_runs_again_from_a_cell(kernel: Kernel) -> None:
    kernel.run("%%flow awaits -p n=1 --no-view\nimport asyncio\nawait asyncio.sleep(0)\nx = inc(n)\nx")
    assert kernel.value("awaits.run(n=4).result(), x.result()") == (5, 2)


def test_unloading_takes_all_back_and_the_cluster_stays(kernel: Kernel) -> None:
    kernel.run("%%flow pair --no-view\na = inc(1)")
    workers = kernel.workers
    kernel.run("%unload_ext wfkit")
    assert "`%%flow` not found" in kernel.run("%%flow pair\na = inc(1)").printed
    assert "%%flow" not in kernel.run("%lsmagic").shown[0].split()
    assert kernel.run("pair.last_run").shown[0].startswith("<Run r-")
    assert kernel.run("%load_ext wfkit").traceback == []
    assert kernel.run("%%flow pair --wait --no-view\na = inc(1)").traceback == []
    assert kernel.workers == workers


def test_every_socket_that_listens_is_on_loopback(kernel: Kernel) -> None:
    kernel.run("%%flow pair --no-view\na = inc(1)")
    listening = [
        (process.name(), connection.laddr.ip)
        for process in [kernel.process, *kernel.children]
        for connection in process.net_connections(kind="inet")
        if connection.status == psutil.CONN_LISTEN
    ]
    assert len(listening) > 5  # the kernel's own, the scheduler's, the workers'
    assert [(name, ip) for name, ip in listening if not ipaddress.ip_address(ip).is_loopback] == []


def test_a_clients_cluster_is_adopted_once_cautioned_and_never_closed() -> None:
    with open_kernel() as kernel:
        kernel.run("import os; os.environ['WFKIT_CLUSTER_N_WORKERS'] = 'many'")
        (line,) = kernel.run("%load_ext wfkit").traceback
        assert line.startswith("BadSetting: WFKIT_CLUSTER_N_WORKERS is 'many'")
        kernel.run("os.environ['WFKIT_CLUSTER_N_WORKERS'] = '1'")
        assert kernel.run("%load_ext wfkit").traceback == []
        kernel.run(SETUP)
        assert "The first run will use its own" in kernel.run("%flow cluster").printed
        kernel.read(lambda: bool(kernel.children))
        ours = kernel.children
        kernel.run(
            "from distributed import Client\nlater = Client(processes=False, n_workers=1, dashboard_address=':0')"
        )
        assert "The first run will use the notebook's Dask client" in kernel.run("%flow cluster").printed
        first = kernel.run("%%flow pair --wait --no-view\na = inc(1)")
        assert first.printed.startswith("wfkit did not start this cluster: ")
        assert first.printed.count("\n") == 1
        assert kernel.run("%%flow pair --wait --no-view\na = inc(1)").printed == ""
        assert kernel.value("client() is later, a.result()") == (True, 2)
        assert gone(ours), "our own cluster, which nobody used"

        kernel.run("%unload_ext wfkit")
        assert kernel.run("%load_ext wfkit").traceback == []
        assert kernel.value("later.status, later.submit(abs, -1).result()") == ("running", 1)

        kernel.run("later.close()")
        assert kernel.run("%%flow pair --wait --no-view\na = inc(2)").traceback == []
        assert kernel.value("client() is later, a.result(), len(client().scheduler_info()['workers'])") == (False, 3, 1)


def test_no_process_outlives_its_kernel() -> None:
    with open_kernel() as kernel:
        for leave in ("restart", "shut down"):
            assert kernel.run("%load_ext wfkit").traceback == []
            kernel.run(SETUP)
            kernel.run("%%flow endless --no-wait --no-view\nxs = hold.map(['/nowhere'] * 4)\nxs[0]")
            below = kernel.children
            assert len(below) > len(kernel.workers) == 2
            if leave == "restart":
                kernel.manager.restart_kernel(now=True)
                kernel.client.wait_for_ready(timeout=60)
            else:
                kernel.client.stop_channels()
                kernel.manager.shutdown_kernel()
            assert gone(below), f"after: {leave}"
