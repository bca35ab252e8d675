"""Plots: a run's timeline and two runs side by side as Bokeh figures, for notebooks, reports and exports."""

from __future__ import annotations

import time
from collections import defaultdict
from textwrap import wrap
from typing import TYPE_CHECKING, Any, Final

from bokeh.models import ColumnDataSource, FactorRange, FixedTicker, HoverTool, NumeralTickFormatter, Range1d

from wfkit.core.states import OWN_FAILURES, RUN_ENDS, STATES, TaskState
from wfkit.core.view import RunView
from wfkit.notebook.charts import Chart
from wfkit.notebook.lanes import Bar, Lane, laid_out
from wfkit.notebook.plain import clean, duration, one_line

if TYPE_CHECKING:
    from wfkit.notebook.comparison import Comparison, TaskSum

#: The light palette of the live view; a test compares it with its style.
PALETTE: Final = {
    TaskState.PENDING: "#a9b1bd",
    TaskState.RUNNING: "#2468d8",
    TaskState.RETRYING: "#b96f00",
    TaskState.WAITING: "#7a5bd0",
    TaskState.COMPLETED: "#178765",
    TaskState.REUSED: "#58a89b",
    TaskState.SKIPPED: "#8c95a3",
    TaskState.FAILED: "#c6301d",
    TaskState.UPSTREAM_FAILED: "#d5735f",
    TaskState.CRASHED: "#a0267c",
    TaskState.CANCELLED: "#646c78",
}
#: A shape beside the colour; the others are plain.
_HATCHES: Final = {
    TaskState.RETRYING: "right_diagonal_line",
    TaskState.WAITING: "right_diagonal_line",
    TaskState.FAILED: "cross",
    TaskState.CRASHED: "diagonal_cross",
    TaskState.CANCELLED: "horizontal_line",
    TaskState.RUNNING: "dot",
}
_LABELS: Final = {
    TaskState.RETRYING: "delay before a retry",
    TaskState.WAITING: "waiting for children",
}
MOST_BARS: Final = 20_000  #: more are drawn as shares of time, which browsers bear
_MOST_BINS: Final = 600  #: on a lane
_LANE_PX: Final = ((12, 26), (48, 18), (10**9, 11))  #: up to so many lanes each is so high
_LONG_S: Final = 300  #: longer runs have clock times at their axis
_WORKER_CHARS: Final = 40
_NAME_CHARS: Final = 120
_TALLEST_PX: Final = 4_000
_MOST_TASKS: Final = 40
_TITLE_CHARS: Final = 110


def timeline_figure(view: RunView, now_s: float | None = None) -> Chart:
    """Draw what ran where and when: a lane for whatever ran at the same time on a worker.

    Parameters
    ----------
    view : RunView
        The run.
    now_s : float, optional
        The end of what goes on, in seconds since the epoch; now, unless it is given.
    """
    ended_s = view.ended_s if view.state in RUN_ENDS else None
    ends_s = ended_s if ended_s is not None else time.time() if now_s is None else now_s
    bars, lanes = laid_out(view, ends_s)
    began_s = view.started_s if view.started_s is not None else min((bar.phase.start_s for bar in bars), default=ends_s)
    plot = _empty(view, lanes, bars, ends_s - began_s)
    if len(bars) <= MOST_BARS:
        _draw_bars(plot, view, bars, began_s)
    else:
        _draw_shares(plot, view, bars, lanes, began_s, ends_s)
    if plot.legend:
        plot.add_layout(plot.legend[0], "above")
        plot.legend.orientation = "horizontal"
        plot.legend.click_policy = "hide"
        plot.legend.border_line_alpha = 0
    return plot


def _empty(view: RunView, lanes: list[Lane], bars: list[Bar], elapsed_s: float) -> Chart:
    """Axes and title; a tick at the first lane of each worker."""
    firsts = [row for row, lane in enumerate(lanes) if lane.number == 0]
    height = next(pixels for most, pixels in _LANE_PX if len(lanes) <= most)
    shares = f", as shares of time of {len(bars):,} bars" if len(bars) > MOST_BARS else ""
    plot = Chart(
        title=f"{clean(view.flow_name, _NAME_CHARS)} {view.run_id}: {view.state.value}, {duration(elapsed_s)}{shares}",
        x_axis_label="time since the start" if elapsed_s > _LONG_S else "seconds since the start",
        x_range=Range1d(start=0, end=max(elapsed_s, 1e-3) * 1.01),
        y_range=Range1d(start=max(len(lanes), 1) - 0.4, end=-0.6),
        height=min(_TALLEST_PX, 150 + height * max(len(lanes), 3)),
        sizing_mode="stretch_width",
        tools="xpan,xwheel_zoom,xbox_zoom,xzoom_in,xzoom_out,reset,save",
        active_drag="xpan",
    )
    if elapsed_s > _LONG_S:
        plot.xaxis.formatter = NumeralTickFormatter(format="00:00:00")
    plot.yaxis.ticker = FixedTicker(ticks=firsts)
    plot.yaxis.major_label_overrides = {row: _worker(view, lanes[row].worker) for row in firsts}
    plot.ygrid.ticker = FixedTicker(ticks=[row - 0.5 for row in firsts])
    return plot


def _worker(view: RunView, number: int) -> str:
    return one_line(view.workers[number].rpartition("//")[2], _WORKER_CHARS) if number >= 0 else "no worker"


def _draw_bars(plot: Chart, view: RunView, bars: list[Bar], began_s: float) -> None:
    """Each stretch as a bar, a renderer for each state."""
    by_state: dict[TaskState, list[Bar]] = defaultdict(list)
    for bar in bars:
        by_state[bar.phase.state].append(bar)
    renderers = []
    for state in sorted(by_state, key=STATES.index):
        some = by_state[state]
        data: dict[str, list[Any]] = {
            "lane": [bar.lane + 0.34 if bar.is_tail else bar.lane for bar in some],
            "start": [bar.phase.start_s - began_s for bar in some],
            "end": [bar.phase.end_s - began_s for bar in some],
            "name": [one_line(bar.group.name(bar.element), _NAME_CHARS) for bar in some],
            "took": [duration(bar.phase.end_s - bar.phase.start_s) for bar in some],
            "worker": [_worker(view, bar.phase.worker) for bar in some],
            "attempt": [f"{bar.phase.attempt} of {max(1, bar.group.attempts[bar.element])}" for bar in some],
            "state": [_label(state)] * len(some),
        }
        renderers.append(_bars(plot, state, data, 0.22 if some[0].is_tail else 0.86))
    hover = [
        ("name", "@name"),
        ("state", "@state"),
        ("duration", "@took"),
        ("started", "@start{0.00} s"),
        ("attempt", "@attempt"),
        ("worker", "@worker"),
    ]
    plot.add_tools(HoverTool(renderers=renderers, tooltips=hover, point_policy="follow_mouse"))


def _label(state: TaskState) -> str:
    return _LABELS.get(state, state.value.lower().replace("_", " "))


def _bars(plot: Chart, state: TaskState, data: dict[str, list[Any]], height: float, alpha: str | float = 1.0) -> Any:
    color = PALETTE[state]
    return plot.hbar(
        y="lane",
        left="start",
        right="end",
        height=height,
        source=ColumnDataSource(data),
        fill_color=color,
        fill_alpha=0.25 if state in _LABELS else alpha,
        line_color=color if state in _LABELS else None,
        hatch_pattern=_HATCHES.get(state),
        hatch_color=color if state in _LABELS else "white",
        hatch_alpha=0.7,
        hatch_scale=6,
        legend_label=_label(state),
    )


def _draw_shares(plot: Chart, view: RunView, bars: list[Bar], lanes: list[Lane], began_s: float, ends_s: float) -> None:
    """How busy each lane was, by stretches of time of equal length; what went wrong gives a stretch its colour."""
    bins = max(20, min(_MOST_BINS, MOST_BARS // max(1, len(lanes))))
    width_s = max(ends_s - began_s, 1e-3) / bins
    busy: dict[tuple[int, int], dict[TaskState, float]] = defaultdict(lambda: defaultdict(float))
    count: dict[tuple[int, int], int] = defaultdict(int)
    for bar in bars:
        if bar.is_tail:
            continue
        start_s, end_s = bar.phase.start_s - began_s, bar.phase.end_s - began_s
        first, last = max(0, int(start_s / width_s)), min(bins - 1, int(end_s / width_s))
        for at in range(first, last + 1):
            shared_s = min(end_s, (at + 1) * width_s) - max(start_s, at * width_s)
            busy[bar.lane, at][bar.phase.state] += max(shared_s, 0.0)
            count[bar.lane, at] += 1
    by_state: dict[TaskState, dict[str, list[Any]]] = {}
    for (lane, at), shares in busy.items():
        state = max(shares, key=lambda state: (state in OWN_FAILURES, shares[state]))
        data = by_state.setdefault(state, defaultdict(list))
        share = min(1.0, sum(shares.values()) / width_s)
        row = {
            "lane": lane,
            "start": at * width_s,
            "end": (at + 1) * width_s,
            "alpha": 1.0 if state in OWN_FAILURES else 0.2 + 0.8 * share,
            "count": f"{count[lane, at]:,}",
            "share": f"{share:.0%}",
            "worker": _worker(view, lanes[lane].worker),
            "state": _label(state),
        }
        for name, value in row.items():
            data[name].append(value)
    renderers = [
        _bars(plot, state, dict(by_state[state]), 0.86, "alpha") for state in sorted(by_state, key=STATES.index)
    ]
    hover = [
        ("from", "@start{0.0} s"),
        ("bars", "@count"),
        ("busy", "@share"),
        ("most", "@state"),
        ("worker", "@worker"),
    ]
    plot.add_tools(HoverTool(renderers=renderers, tooltips=hover, point_policy="follow_mouse"))


def comparison_figure(compared: Comparison) -> Chart:
    """Draw the time of each task in both runs, the greatest difference on top."""
    pairs = compared.tasks[:_MOST_TASKS]
    sides = (("this", compared.this), ("other", compared.other))
    factors = [(one_line(pair.task, _WORKER_CHARS), label) for pair in pairs for label, _ in sides]
    longest_s = max((run_sum.busy_s for pair in pairs for run_sum in (pair.this, pair.other) if run_sum), default=0.0)
    plot = Chart(
        title="\n".join(wrap(compared.headline, _TITLE_CHARS)),
        x_axis_label="seconds of work, all nodes of the task together",
        x_range=Range1d(start=0, end=max(longest_s, 1e-3) * 1.3),  # room for the notes
        y_range=FactorRange(factors=factors[::-1]),
        height=min(_TALLEST_PX, 130 + 44 * max(1, len(pairs))),
        sizing_mode="stretch_width",
        tools="save,reset",
    )
    renderers: list[Any] = []
    for label, run in sides:
        sums = [getattr(pair, label) for pair in pairs]
        data = _side(label, [one_line(pair.task, _WORKER_CHARS) for pair in pairs], sums)
        data["run"] = [run.id] * len(data["task"])
        source = ColumnDataSource(data)
        color = PALETTE[TaskState.RUNNING] if label == "this" else PALETTE[TaskState.PENDING]
        renderers.append(
            plot.hbar(y="task", right="busy", height=0.8, source=source, color=color, legend_label=f"{label}: {run.id}")
        )
        plot.text(
            x="busy", y="task", text="note", source=source, x_offset=6, text_baseline="middle", text_font_size="11px"
        )
    hover = [
        ("run", "@run"),
        ("time", "@time"),
        ("median", "@median"),
        ("executed", "@executed"),
        ("reused", "@reused"),
        ("failed", "@failed"),
        ("retries", "@retries"),
    ]
    plot.add_tools(HoverTool(renderers=renderers, tooltips=hover))
    plot.ygrid.grid_line_color = None
    plot.add_layout(plot.legend[0], "above")
    plot.legend.orientation = "horizontal"
    plot.legend.border_line_alpha = 0
    return plot


def _side(label: str, tasks: list[str], sums: list[TaskSum | None]) -> dict[str, list[Any]]:
    """The columns of one run."""
    known = [(task, one) for task, one in zip(tasks, sums, strict=True) if one is not None]
    return {
        "task": [(task, label) for task, _ in known],
        "busy": [one.busy_s for _, one in known],
        "time": [duration(one.busy_s) for _, one in known],
        "median": [duration(one.median_s) for _, one in known],
        "note": [_note(one) for _, one in known],
        **{
            name: [f"{getattr(one, name):,}" for _, one in known]
            for name in ("executed", "reused", "failed", "retries")
        },
    }


def _note(one: TaskSum) -> str:
    """What the bar does not tell: "12 executed, 8 reused"."""
    parts = [f"{one.executed:,} executed"] if one.executed else []
    parts += [f"{getattr(one, name):,} {name}" for name in ("reused", "failed") if getattr(one, name)]
    return ", ".join(parts) or "nothing executed"
