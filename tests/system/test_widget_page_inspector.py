"""The inspector in a real browser: why a node failed and where, what it was made from, what changed since."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace

import pytest
from playwright.sync_api import Page as Tab
from playwright.sync_api import expect

from tests.notebook.shells import open_lab
from tests.notebook.telling import (
    HOSTILE,
    StoryRun,
    edge,
    ended,
    logged,
    retrying,
    run_finished,
    run_started,
    spec,
    started,
)
from tests.system.widget_page import opened, served
from wfkit.core.events import (
    Argument,
    CodesAdded,
    CodeSpec,
    ErrorInfo,
    How,
    NodesAdded,
    NodesDecided,
    Verdict,
)
from wfkit.core.ids import GroupId, RunId
from wfkit.core.states import RunState, TaskState

pytestmark = [pytest.mark.browser, pytest.mark.timeout(60)]

PANDAS = "/opt/venv/lib/python3.12/site-packages/pandas/core"
TRACEBACK = f"""\
Traceback (most recent call last):
  File "/opt/venv/lib/python3.12/json/decoder.py", line 355, in raw_decode
    obj, end = self.scan_once(s, idx)
               ~~~~~~~~~~~~~~^^^^^^^^
KeyError: 'dep_delay'

The above exception was the direct cause of the following exception:

Traceback (most recent call last):
  File "/tmp/ipykernel_71/2884403313.py", line 12, in clean
    return numbers(frame, "dep_delay")
           ^^^^^^^^^^^^^^^^^^^^^^^^^^^
  File "/home/ada/flights/columns.py", line 27, in numbers
    return frame.astype({{column: "float64"}})
           ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^
  File "{PANDAS}/generic.py", line 6640, in astype
    new_data = self._mgr.astype(dtype=dtype, copy=copy, errors=errors)
               ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^
  File "{PANDAS}/internals/managers.py", line 430, in astype
    return self.apply(
           ^^^^^^^^^^^
  File "{PANDAS}/internals/blocks.py", line 1890, in _astype_nansafe
    return arr.astype(dtype, copy=True)
           ^^^^^^^^^^^^^^^^^^^^^^^^^^^^
ValueError: could not convert string to float: 'n/a (see remark 7)'
"""
ERROR = ErrorInfo(
    type_name="ValueError",
    message="could not convert string to float: 'n/a (see remark 7)'",
    traceback=TRACEBACK,
)
SOURCE = '''\
@task(retries=1, retry_delay_seconds=2)
def clean(frame, limit, unit="min"):
    """One month without the rows that have no tail number."""
    log.info("%d rows read", len(frame))
    known = frame.dropna(subset=["tailnum"])
    late = known[known.dep_delay < limit]
    return numbers(late, "dep_delay")
'''
FIXED = SOURCE.replace(
    "    late = known", '    known = known.replace("n/a (see remark 7)", None)\n    late = known'
).replace("limit]", "limit * 2]")


def code(source: str, mark: str) -> CodeSpec:
    return CodeSpec(
        id=f"code-{mark}",
        task="clean",
        fingerprint=mark,
        parts=(("body of `clean`", f"#{mark}"), ("global `FACTOR`", mark), ("library pandas", "2.2.3")),
        source=source,
    )


def flights() -> StoryRun:
    """load.map -> clean.map -> report: twelve months, one of which fails twice."""
    clean = replace(
        spec(1, "clean", 12, edge(0, How.EACH), mapped=True),
        code="code-1",
        arguments=(
            Argument("frame", "", 1),
            Argument("limit", "600"),
            Argument("unit", "'min'"),
            Argument("password", "***"),
        ),
    )
    report = replace(
        spec(2, "report", 1, edge(1)), arguments=(Argument("months", "", 1), Argument("title", "'Delays of 2013'"))
    )
    run = StoryRun(
        run_started("flights"),
        CodesAdded(codes=(code(SOURCE, "1"),)),
        NodesAdded(groups=(spec(0, "load", 12, mapped=True), clean, report)),
    )
    for month in range(12):
        run.tell(started(0, month, after_s=0.2), ended(0, month, after_s=0.6 + month / 10))
        run.tell(started(1, month, after_s=1.0 + month / 10))
        if month not in {6, 9}:
            done = ended(1, month, after_s=1.4 + month / 4, preview="<DataFrame (27004, 19)>")
            run.tell(replace(done, wall_s=0.3 + month * month / 60))
    run.tell(
        logged(1, 6, 1, "28,243 rows read"),
        retrying(1, 6, after_s=2.2),
        replace(retrying(1, 6, after_s=2.2), error=ERROR),
        started(1, 6, 2, after_s=4.3),
        logged(1, 6, 2, "28,243 rows read", level=30),
        ended(1, 6, TaskState.FAILED, 2, after_s=5.1, error=ERROR),
        ended(1, 9, TaskState.FAILED, after_s=5.2, error=ERROR),
        ended(2, 0, TaskState.UPSTREAM_FAILED, after_s=5.3, reason="clean[6] failed"),
        run_finished(
            RunState.FAILED, after_s=5.4, reason="2 failures were not handled: clean[6], clean[9] (ValueError)"
        ),
    )
    run.codes = {"code-1": code(FIXED, "2")}
    return run


def open_node(tab: Tab, group: str, index: int) -> None:
    tab.locator(".wf-card", has_text=group).first.click()
    tab.locator(f'.wf-element[data-wfkit-node="{group}[{index}]"]').click()


def test_a_failure_shows_the_lines_of_the_user_and_folds_those_of_libraries(tab: Tab) -> None:
    with served(flights()) as host:
        opened(tab, host)
        open_node(tab, "clean", 6)
        attempt = tab.locator(".wf-attempt").first
        expect(attempt.locator(".wf-attempt-title")).to_have_text("Attempt 2 of 2")
        frames = attempt.locator(".wf-chain > .wf-frames > .wf-frame")
        expect(frames.locator(".wf-frame-where")).to_have_text(
            ["a cell, line 12 in clean", "columns.py, line 27 in numbers"]
        )
        expect(attempt.locator(".wf-failing")).to_contain_text('return frame.astype({column: "float64"})')
        library = attempt.locator(".wf-library").first
        expect(library.locator("summary")).to_have_text("3 frames of pandas")
        expect(library.locator(".wf-frame").first).to_be_hidden()
        library.locator("summary").click()
        expect(library.locator(".wf-frame").first).to_contain_text("generic.py, line 6640")
        expect(attempt.locator(".wf-cause > summary")).to_have_text("Caused byKeyError: 'dep_delay'")
        expect(attempt.locator(".wf-traceback")).to_have_text(TRACEBACK)


def test_the_history_tells_each_state_when_and_for_how_long(tab: Tab) -> None:
    with served(flights()) as host:
        opened(tab, host)
        open_node(tab, "clean", 6)
        expect(tab.locator(".wf-move")).to_have_text(
            [
                re.compile(r"^Pending1\.6 s"),
                re.compile(r"^Runningattempt 1 on tcp://127\.0\.0\.1:40001"),
                re.compile(r"^Retryingin 2\.0 s2\.1 s\+2\.2 s"),
                re.compile(r"^Runningattempt 2 on tcp://"),
                re.compile(r"^Failed\+5\.1 s"),
            ]
        )


def test_of_many_attempts_the_first_and_the_last_are_shown_and_how_many_lie_between(tab: Tab) -> None:
    run = StoryRun(run_started(), NodesAdded(groups=(spec(0, "crunch"),)))
    for number in range(1, 101):
        run.tell(started(0, attempt=number, after_s=number), retrying(0, attempt=number, after_s=number + 0.5))
    with served(run) as host:
        opened(tab, host)
        tab.locator(".wf-card", has_text="crunch").click()
        expect(tab.locator(".wf-attempt")).to_have_count(20)
        expect(tab.locator(".wf-attempt + .wf-note")).to_have_text("… 80 attempts more …")
        expect(tab.locator(".wf-attempt:has(+ .wf-note) .wf-attempt-title")).to_have_text("Attempt 86 of 100")
        expect(tab.locator(".wf-move:has(+ .wf-note) .wf-move-took")).to_have_text("")
        expect(tab.locator(".wf-moves > .wf-note")).to_have_text("… 101 more …")


def test_inputs_and_users_lead_to_their_nodes_and_back(tab: Tab) -> None:
    with served(flights()) as host:
        opened(tab, host)
        open_node(tab, "clean", 6)
        inputs = tab.get_by_role("region", name="Inputs")
        expect(inputs.locator("dt")).to_have_text(["frame", "limit", "unit", "password"])
        expect(inputs.locator("dd").nth(1)).to_have_text("600")
        inputs.get_by_role("button", name="load[6], completed").click()
        expect(tab.locator(".wf-panel-title")).to_have_text("load[6]")
        tab.get_by_role("region", name="Used by").get_by_role("button", name="clean[6], failed").click()
        expect(tab.locator(".wf-panel-title")).to_have_text("clean[6]")
        tab.get_by_role("region", name="Used by").get_by_role("button", name="report, upstream failed").click()
        expect(tab.locator(".wf-panel-title")).to_have_text("report")
        tab.get_by_role("region", name="Inputs").get_by_role("button", name="clean, failed").click()
        expect(tab.locator(".wf-element")).to_have_count(12)


def test_a_call_sums_up_its_nodes_and_their_failures(tab: Tab) -> None:
    with served(flights()) as host:
        opened(tab, host)
        tab.locator(".wf-card", has_text="clean").click()
        failure = tab.locator(".wf-failure")
        expect(failure).to_have_count(1)
        expect(failure).to_contain_text("ValueErrorcould not convert string to float")
        expect(tab.get_by_role("img", name="Durations of 12 nodes, from 0.3 s to 2.3 s")).to_be_visible()
        expect(tab.locator("[data-wfkit-summary] .wf-facts")).to_contain_text("1 node: 2 attempts")
        failure.get_by_role("button", name="clean[9], failed").click()
        expect(tab.locator('[data-wfkit-detail="clean[9]"]')).to_be_visible()


def test_the_source_is_asked_for_when_it_is_opened_and_shows_what_changed(tab: Tab) -> None:
    with served(flights()) as host:
        opened(tab, host)
        open_node(tab, "clean", 6)
        expect(tab.locator(".wf-node")).to_be_visible()
        assert "source" not in tab.evaluate("window.sent.map(message => message.op)")
        tab.locator("summary", has_text="Source").click()
        expect(tab.locator(".wf-changes li")).to_have_text(
            ["body of clean changed", "global FACTOR changed from 1 to 2"]
        )
        expect(tab.locator(".wf-line-gone .wf-line-text")).to_have_text(
            ["as it ran:     late = known[known.dep_delay < limit]"]
        )
        expect(tab.locator(".wf-line-new .wf-line-mark")).to_have_text(["+", "+"])
        expect(tab.locator(".wf-line-new .wf-line-number").nth(1)).to_have_text("6")


def test_what_is_open_and_focused_stays_so_while_the_run_goes_on(tab: Tab) -> None:
    run = StoryRun(run_started(), NodesAdded(groups=(spec(0, "crunch"),)))
    run.tell(
        started(0),
        retrying(0, after_s=0.8),
        replace(retrying(0, after_s=0.8), error=ERROR),
        started(0, attempt=2, after_s=2.9),
    )
    with served(run) as host:
        opened(tab, host)
        tab.locator(".wf-card", has_text="crunch").click()
        tab.locator(".wf-library summary").first.click()
        tab.locator("summary", has_text="Full text").click()
        tab.locator("summary", has_text="Source").click()
        tab.locator(".wf-library summary").first.focus()
        tab.locator(".wf-panel-body").evaluate("body => (body.scrollTop = 120)")
        tab.locator(".wf-traceback").evaluate("text => (text.scrollTop = 60)")
        run.tell(logged(0, 0, 2, "half way"))
        expect(tab.locator(".wf-log-text")).to_have_text("half way", timeout=8000)
        expect(tab.locator(".wf-library").first).to_have_attribute("open", "")
        expect(tab.locator(".wf-whole")).to_have_attribute("open", "")
        expect(tab.locator(".wf-foldable")).to_have_attribute("open", "")
        expect(tab.locator(".wf-library summary").first).to_be_focused()
        assert tab.locator(".wf-panel-body").evaluate("body => body.scrollTop") == 120
        assert tab.locator(".wf-traceback").evaluate("text => text.scrollTop") == 60


def test_a_rerun_says_why_a_node_ran_or_was_kept(tab: Tab) -> None:
    begun = replace(run_started(), parent_id=RunId("r-before"))
    run = StoryRun(begun, NodesAdded(groups=(spec(0, "load", 2, mapped=True), spec(1, "report", 1, edge(0)))))
    stale = "body of `load` changed"
    run.tell(
        NodesDecided(group=GroupId("g0"), verdicts=(Verdict((0, 2), reused=True, reason="reused", stale=stale),)),
        NodesDecided(group=GroupId("g1"), verdicts=(Verdict((0, 1), reused=False, reason="failed before"),)),
        ended(0, 0, TaskState.REUSED),
        ended(0, 1, TaskState.REUSED),
        ended(1),
    )
    with served(run) as host:
        opened(tab, host)
        tab.locator(".wf-card", has_text="report").click()
        expect(tab.locator(".wf-node-cause")).to_have_text("Executed again: failed before.")
        tab.locator(".wf-card", has_text="load").click()
        expect(tab.get_by_role("region", name="Why")).to_contain_text(
            "2: Kept from the run r-before. Stale: body of load changed."
        )
        tab.locator(".wf-element").first.click()
        expect(tab.locator(".wf-node-cause")).to_have_text("Kept from the run r-before. Stale: body of load changed.")
        expect(tab.locator(".wf-node-reason")).to_have_count(0)


NOTEBOOK = """() => {
  const notebook = document.createElement("div");
  notebook.className = "jp-Notebook";
  for (const count of [3, 4]) {
    const cell = document.createElement("div");
    cell.className = "jp-Cell";
    cell.style.cssText = "height: 900px";
    const prompt = document.createElement("div");
    prompt.className = "jp-InputPrompt";
    prompt.textContent = `[${count}]:`;
    cell.append(prompt);
    notebook.append(cell);
  }
  const out = document.getElementById("out");
  out.before(notebook);
  notebook.append(out);
}"""


@pytest.fixture
def cell_four() -> Iterator[str]:
    """The file of a cell that was executed as number 4 in a shell of this process."""
    with open_lab() as lab:
        yield lab.shell.compile.cache("def clean(): ...", 4)


def test_a_frame_in_a_cell_leads_to_the_cell_where_the_page_shows_it(tab: Tab, cell_four: str) -> None:
    frame = f'  File "{cell_four}", line 1, in clean\n    def clean(): ...\n'
    text = f"Traceback (most recent call last):\n{frame}ValueError: no\n"
    run = StoryRun(run_started(), NodesAdded(groups=(spec(0, "clean"),)))
    run.tell(ended(0, state=TaskState.FAILED, error=replace(ERROR, traceback=text)))
    with served(run) as host:
        opened(tab, host)
        tab.locator(".wf-card", has_text="clean").click()
        expect(tab.locator(".wf-frame-where")).to_have_text("cell 4, line 1 in clean")
        expect(tab.locator(".wf-frame-where button")).to_have_count(0)
        tab.evaluate(NOTEBOOK)
        tab.evaluate("window.again()")
        link = tab.locator(".wf-frame-where").get_by_role("button", name="cell 4, line 1")
        link.click()
        expect(tab.locator(".jp-Cell").nth(1)).to_be_in_viewport(ratio=0.5)
        tab.evaluate("document.querySelectorAll('.jp-InputPrompt')[1].textContent = '[9]:'")
        link.click()
        expect(tab.locator(".wf-frame-where")).to_contain_text("the page does not show this cell now")
        tab.evaluate("document.querySelectorAll('.jp-InputPrompt')[1].textContent = '[4]:'")
        link.click()
        expect(tab.locator(".wf-frame-where")).to_have_text("cell 4, line 1 in clean")
        tab.evaluate("document.body.append(document.getElementById('out'))")  # the cells are those of another notebook
        tab.evaluate("window.again()")
        expect(tab.locator(".wf-frame-where")).to_have_text("cell 4, line 1 in clean")
        expect(tab.locator(".wf-frame-where button")).to_have_count(0)


@pytest.mark.parametrize("text", [HOSTILE, "<script>window.canary='ran'</script>", "`<b>x</b>`\u202e"])
def test_hostile_texts_are_only_text(tab: Tab, text: str) -> None:
    frame = f'  File "/a/{text.replace(chr(34), "")}", line 3, in {text}\n    {text}\n'
    trace = f"Traceback (most recent call last):\n{frame}{text}\n"
    bad = ErrorInfo(type_name=text, message=text, traceback=trace)
    group = replace(
        spec(1, text, 2, edge(0, How.EACH), mapped=True),
        code="c",
        arguments=(Argument(text, "", 1), Argument(text, text)),
    )
    run = StoryRun(run_started(), NodesAdded(groups=(spec(0, f"{text}0", 2, mapped=True), group)))
    run.tell(CodesAdded(codes=(CodeSpec(id="c", task=text, fingerprint="1", parts=((text, "1"),), source=text),)))
    run.codes = {text: CodeSpec(id="d", task=text, fingerprint="2", parts=((text, "2"),), source=f"{text}\n{text}")}
    run.tell(
        NodesDecided(group=GroupId("g1"), verdicts=(Verdict((0, 2), reused=False, reason=text, stale=text),)),
        *(replace(ended(1, index, TaskState.FAILED, error=bad, reason=text), worker=text) for index in (0, 1)),
    )
    with served(run) as host:
        opened(tab, host)
        tab.locator(".wf-card").nth(1).click()
        expect(tab.locator(".wf-failure")).to_have_count(1)
        tab.locator("summary", has_text="Source").click()
        expect(tab.locator(".wf-code")).to_be_visible()
        tab.locator(".wf-element").first.click()
        expect(tab.locator(".wf-frame")).to_have_count(1)
        assert tab.evaluate("window.canary") is None
        assert tab.locator(".wfkit img, .wfkit script, .wfkit b").count() == 0
