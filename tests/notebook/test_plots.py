"""Bokeh figures of runs: what they show, and that large ones stay small."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
from bokeh.document import Document
from bokeh.embed import file_html
from bokeh.models import HoverTool
from bokeh.models.renderers import GlyphRenderer
from bokeh.resources import CDN

from tests.notebook.stories import long_run, monthly
from tests.notebook.telling import BEGIN_S, HOSTILE, StoryRun, ended, run_started, spec, started
from tests.notebook.test_comparison import compare, etl
from wfkit.core.events import NodesAdded
from wfkit.core.states import STATES, TaskState
from wfkit.notebook.plots import MOST_BARS, PALETTE, comparison_figure, timeline_figure

STYLE = Path(__file__).parents[2] / "labextension" / "src" / "style.css"


def rows(plot: Any) -> list[dict[str, Any]]:
    """The data of all bars."""
    told = []
    for renderer in plot.select(GlyphRenderer):
        data = renderer.data_source.data
        told += [dict(zip(data, values, strict=True)) for values in zip(*data.values(), strict=True)]
    return told


def test_the_timeline_has_a_bar_for_each_attempt_and_delay() -> None:
    plot: Any = timeline_figure(monthly().view_model)
    bars = {(row["name"], row["attempt"], row["state"]): row for row in rows(plot)}
    assert len(bars) == 12 + 11 + 3 + 11 + 1
    first = bars["clean[6]", "1 of 2", "failed"]
    delay = bars["clean[6]", "1 of 2", "delay before a retry"]
    second = bars["clean[6]", "2 of 2", "failed"]
    assert first["end"] == delay["start"]
    assert delay["end"] == pytest.approx(second["start"]) == pytest.approx(7.0)
    assert second["took"] == "0.6 s"
    assert second["worker"] == "127.0.0.1:40001"
    assert plot.title.text == "monthly r-0123456789abcdefghjkmnpqrs: FAILED, 7.8 s"
    assert ("name", "@name") in plot.select_one(HoverTool).tooltips


def test_a_figure_can_be_exported() -> None:
    document = Document()
    document.add_root(timeline_figure(monthly().view_model))
    document.add_root(comparison_figure(compare(etl("r-b", 10.0, reused=2), etl("r-a", 4.0))))
    document.validate()
    page = file_html(document, CDN)
    assert "longer than r-a" in page
    assert "clean[6]" in page


@pytest.mark.parametrize("run", [StoryRun(), long_run(3)], ids=["empty", "nothing ran"])
def test_a_run_in_which_nothing_ran_has_an_empty_timeline(run: StoryRun) -> None:
    assert rows(timeline_figure(run.view_model, BEGIN_S)) == []


def test_what_runs_is_drawn_until_now() -> None:
    run = long_run(3)
    run.tell(started(0, 0, after_s=1))
    [row] = rows(timeline_figure(run.view_model, BEGIN_S + 9))
    assert (row["start"], row["end"], row["state"]) == (1.0, 9.0, "running")


def test_many_bars_become_shares_of_time_and_a_failure_among_them_is_seen() -> None:
    count = MOST_BARS + 100
    run = long_run(count)
    run.tell(*(started(0, index, after_s=index / 20) for index in range(count)))
    bad = 12_345
    run.tell(
        *(
            ended(0, index, TaskState.FAILED if index == bad else TaskState.COMPLETED, after_s=index / 20 + 0.04)
            for index in range(count)
        )
    )
    plot: Any = timeline_figure(run.view_model, BEGIN_S + count / 20)
    told = rows(plot)
    assert len(told) <= 2 * 600 + 2
    [failed] = [row for row in told if row["state"] == "failed"]
    assert failed["start"] <= bad / 20 <= failed["end"]
    assert failed["alpha"] == 1.0
    assert f"shares of time of {count:,} bars" in plot.title.text


def test_a_comparison_has_two_bars_a_task_and_tells_what_was_reused() -> None:
    plot: Any = comparison_figure(compare(etl("r-b", 10.0, reused=2), etl("r-a", 4.0)))
    told = {row["task"]: row for row in rows(plot)}
    assert set(told) == {(task, side) for task in ("load", "clean") for side in ("this", "other")}
    assert told["clean", "this"]["note"] == "4 executed, 2 reused"
    assert told["clean", "this"]["busy"] == 40.0
    assert told["clean", "other"]["run"] == "r-a"
    assert plot.y_range.factors[-1] == ("clean", "this")  # on top: the greatest difference


def test_colours_are_those_of_the_view() -> None:
    light = STYLE.read_text().partition("[data-theme")[0]
    style = dict(re.findall(r"--wf-(\w+): (#\w+);", light))
    tones = {state: state.value.lower().replace("upstream_failed", "upstream") for state in STATES}
    assert {state: style[tones[state]] for state in STATES} == PALETTE


def test_names_of_users_stay_text() -> None:
    run = StoryRun(run_started(HOSTILE), NodesAdded(groups=(spec(0, HOSTILE),)), started(0), ended(0))
    [row] = rows(timeline_figure(run.view_model, BEGIN_S + 2))
    assert row["name"] == HOSTILE
    plot: Any = timeline_figure(run.view_model, BEGIN_S + 2)
    assert all(
        "{safe}" not in shown for _, shown in plot.select_one(HoverTool).tooltips
    )  # Bokeh escapes what is not marked so
