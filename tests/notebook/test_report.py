"""The report of a run: one page, whole or not at all, that says all in words and holds what its view asks for."""

from __future__ import annotations

import json
import os
import re
from base64 import b64encode
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest

from tests.notebook.stories import crawl, long_run, monthly, stalled
from tests.notebook.telling import BEGIN_S, ERROR, StoryRun, ended, run_finished, run_started, spec, started
from wfkit.core.events import ErrorInfo, LogLine, NodesAdded
from wfkit.core.ids import RunId
from wfkit.core.states import RunState, TaskState
from wfkit.errors import CannotWrite
from wfkit.history.records import RunRecord
from wfkit.notebook.report import report_html, write_report

NOW_S = BEGIN_S + 60
EVIL = "</script><script>window.canary=1</script><!--<script>"


def held(page: str) -> dict[str, Any]:
    """The data in a page, found as a browser finds it: up to the first thing that ends a script."""
    start = page.index('id="wfkit-data">') + len('id="wfkit-data">')
    return json.loads(page[start : page.index("</script", start)])


def many_failures() -> StoryRun:
    run = long_run(10_000)
    for index in range(10_000):
        failed = index % 100 == 0
        state, error = (TaskState.FAILED, ERROR) if failed else (TaskState.COMPLETED, None)
        run.tell(started(0, index), ended(0, index, state, error=error))
    run.tell(run_finished(RunState.FAILED))
    return run


def test_the_page_tells_who_when_where_with_what_and_what_came_out() -> None:
    record = RunRecord(
        id=RunId("r-0123456789abcdefghjkmnpqrs"),
        flow_name="monthly",
        started_s=BEGIN_S,
        lineage_id=RunId("r-first"),
        git_commit="0b1c2d+",
        environment={"python": "3.11.7", "wfkit": "0.1.0", "program": "/secret/place"},
        cluster={"kind": "local", "threads": "4"},
        user="ada",
        host="engine",
    )
    page = report_html(monthly(), NOW_S, record)
    for told in (
        "r-0123456789abcdefghjkmnpqrs",
        "r-first",
        "ada@engine",
        "0b1c2d with changes",
        "3.11.7",
        "kind local, threads 4",
        "monthly FAILED in 7.8 s: 35 completed, 1 failed, 4 upstream failed",
        "ERROR clean[6]: cannot make sense of column dep_delay",
    ):
        assert told in page
    assert "/secret/place" not in page


def test_the_page_of_a_run_that_lives_tells_what_is_stalled_and_why() -> None:
    page = report_html(stalled(), NOW_S)
    assert "5 running (3 stalled)" in page
    reasons = held(page)["reasons"]
    assert {card: list(cells) for card, cells in reasons.items()} == {"g0": ["6", "8"], "g3": ["0"]}
    assert reasons["g3"]["0"].startswith("stalled: nothing is heard of its worker")


def test_the_page_may_run_its_one_script_and_load_nothing() -> None:
    page = report_html(monthly(), NOW_S)
    policy = re.search(r'Content-Security-Policy" content="([^"]+)"', page)
    assert policy is not None
    (script,) = re.findall(r"<script>(.*?)</script>", page, re.DOTALL)
    digest = b64encode(sha256(script.encode()).digest()).decode()
    assert policy[1].startswith(f"default-src 'none'; script-src 'sha256-{digest}';")
    assert not re.findall(r"(?:src|href)=\"(?!data:)", page[: page.index('id="wfkit-data"')])


@pytest.mark.parametrize("text", [EVIL, "<!--", "\u2028]]>", "<img src=x onerror=alert(1)>"])
def test_whatever_stands_in_names_and_errors_stays_data(text: str) -> None:
    error = ErrorInfo(type_name=text, message=text, traceback=text)
    run = StoryRun(run_started(text), NodesAdded(groups=(spec(0, text),)), started(0))
    run.tell(ended(0, 0, TaskState.FAILED, error=error), run_finished(RunState.FAILED, reason=text))
    page = report_html(run, NOW_S)
    kept = held(page)
    assert kept["details"]["g0"]["0"]["attempts"][0]["error"]["message"] == text
    assert page.count("<script") == page.count("</script>") == 2
    assert "<img src=x" not in page


def test_10_000_nodes_make_a_page_below_2_mb_that_holds_every_failure() -> None:
    page = report_html(many_failures(), NOW_S)
    assert len(page.encode()) < 2_000_000
    details = held(page)["details"]["g0"]
    assert all(str(index) in details for index in range(0, 10_000, 100))
    assert len(details) < 10_000


def test_names_that_are_more_than_numbers_are_in_the_page() -> None:
    kept = held(report_html(crawl(), NOW_S))
    assert any(name.startswith("read#") for names in kept["names"].values() for name in names)
    assert held(report_html(monthly(), NOW_S))["names"] == {}


def test_a_report_replaces_what_was_there_and_leaves_nothing_else(tmp_path: Path) -> None:
    target = tmp_path / "x.html"
    target.write_text("old")
    assert write_report(monthly(), str(target)) == target
    assert target.read_text(encoding="utf-8").startswith("<!doctype html>")
    assert list(tmp_path.iterdir()) == [target]


def test_where_it_cannot_be_written_is_told_in_words(tmp_path: Path) -> None:
    with pytest.raises(CannotWrite, match=r"There is no folder .*missing"):
        write_report(monthly(), tmp_path / "missing" / "x.html")
    with pytest.raises(CannotWrite, match="is a folder"):
        write_report(monthly(), tmp_path)


def test_a_folder_that_refuses_is_told_in_words() -> None:
    with pytest.raises(CannotWrite, match=r"cannot be written to /proc/x\.html"):
        write_report(monthly(), "/proc/x.html")


@pytest.mark.parametrize("path", ["~nobody-has-this-name/x.html", f"{'long/' * 2_000}x.html"], ids=["home", "long"])
def test_a_place_that_cannot_be_looked_at_is_told_in_words(path: str) -> None:
    with pytest.raises(CannotWrite, match="The report cannot be written to "):
        write_report(monthly(), path)


@pytest.mark.parametrize(("umask", "mode"), [(0o022, 0o644), (0o077, 0o600)], ids=oct)
def test_a_report_may_be_read_by_whoever_may_read_new_files(tmp_path: Path, umask: int, mode: int) -> None:
    before = os.umask(umask)
    try:
        target = write_report(monthly(), tmp_path / "x.html")
    finally:
        os.umask(before)
    assert target.stat().st_mode & 0o777 == mode


def test_the_log_has_what_the_body_of_the_flow_wrote_at_its_time() -> None:
    run = monthly()
    for after_s, text in ((0.0, "the body begins"), (60.0, "the body ends")):
        run.body_log.append(LogLine(at_s=BEGIN_S + after_s, level=20, source="print", text=text))
    log = report_html(run, NOW_S).rpartition('<pre class="log"')[2]
    assert log.index("the body begins") < log.index("cannot make sense of column") < log.index("the body ends")
