"""Comparison: what two runs did task by task, why one took longer, and what was reused, as text and as HTML."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from html import escape
from math import isnan
from statistics import median
from typing import TYPE_CHECKING, Final

from wfkit.core.phases import is_plain, phases
from wfkit.core.states import BAD, NO_WORK, RUN_ENDS, TaskState
from wfkit.core.view import GroupView, RunView
from wfkit.notebook.plain import clean, duration, one_line

if TYPE_CHECKING:
    from bokeh.plotting import figure

_MOST_TASKS: Final = 30  #: rows in a table
_MOST_NODES: Final = 8
_MOST_REASONS: Final = 3  #: tasks in a headline
_NOTABLE: Final = 0.05  #: differences below this share are none
_NAME_CHARS: Final = 60


@dataclass(slots=True)
class TaskSum:
    """What the nodes of one task did in one run."""

    nodes: int = 0
    executed: int = 0
    reused: int = 0
    failed: int = 0  #: of any kind
    retries: int = 0
    times_s: list[float] = field(default_factory=list)  #: of what was executed, all attempts of a node together

    @property
    def busy_s(self) -> float:
        """Time of all of them together."""
        return sum(self.times_s)

    @property
    def median_s(self) -> float:
        """Time of the one in the middle; 0 if none was executed."""
        return median(self.times_s) if self.times_s else 0.0


@dataclass(slots=True)
class RunSum:
    """One side of a comparison."""

    id: str
    flow: str
    state: str
    elapsed_s: float
    workers: int = 0
    tasks: dict[str, TaskSum] = field(default_factory=dict)
    nodes: dict[str, float] = field(default_factory=dict)  #: time of each node that was executed, by its name

    @property
    def busy_s(self) -> float:
        """Time of all tasks together."""
        return sum(task.busy_s for task in self.tasks.values())

    @property
    def at_once(self) -> float:
        """How many tasks ran at the same time, on average."""
        return self.busy_s / self.elapsed_s if self.elapsed_s > 0 else 0.0

    def total(self, what: str) -> int:
        """Number of nodes of all tasks: "nodes", "executed", "reused", "failed" or "retries"."""
        return sum(getattr(task, what) for task in self.tasks.values())


@dataclass(frozen=True, slots=True)
class TaskPair:
    """One task in both runs; None where a run has no such task."""

    task: str
    this: TaskSum | None
    other: TaskSum | None

    @property
    def difference_s(self) -> float:
        """How much more time it took in this run."""
        return (self.this.busy_s if self.this else 0.0) - (self.other.busy_s if self.other else 0.0)


@dataclass(frozen=True, slots=True)
class NodePair:
    """One node that both runs executed."""

    name: str
    this_s: float
    other_s: float

    @property
    def difference_s(self) -> float:
        """How much more time it took in this run."""
        return self.this_s - self.other_s


class Comparison:
    """Two runs side by side: `print` it, look at it in a cell, or draw its `figure()`.

    Attributes
    ----------
    headline : str
        Which took longer, by how much, and why.
    tasks : list of TaskPair
        All tasks, those with the greatest difference first.
    nodes : list of NodePair
        What both runs executed, the greatest difference first.
    """

    def __init__(self, this: RunSum, other: RunSum) -> None:
        self.this, self.other = this, other
        names = list(dict.fromkeys([*this.tasks, *other.tasks]))
        pairs = [TaskPair(name, this.tasks.get(name), other.tasks.get(name)) for name in names]
        self.tasks = sorted(pairs, key=lambda pair: -abs(pair.difference_s))
        both = [NodePair(name, took_s, other.nodes[name]) for name, took_s in this.nodes.items() if name in other.nodes]
        self.nodes = sorted(both, key=lambda pair: -abs(pair.difference_s))
        self.headline = _headline(self)

    def figure(self) -> figure:
        """Bars of each task in both runs: a Bokeh figure that a cell shows, and that can be exported."""
        from wfkit.notebook.plots import comparison_figure

        return comparison_figure(self)

    def __str__(self) -> str:
        rows = [_HEAD, *map(_cells, self.tasks[:_MOST_TASKS])]
        widths = [max(len(row[i]) for row in rows) for i in range(len(_HEAD))]
        table = [
            "  ".join(
                [row[0].ljust(widths[0]), *(cell.rjust(width) for cell, width in zip(row[1:], widths[1:], strict=True))]
            )
            for row in rows
        ]
        return "\n".join([self.headline, *_facts(self), "", *table, *_tail(self)])

    __repr__ = __str__

    def _repr_html_(self) -> str:
        body = "".join(map(_html_row, self.tasks[:_MOST_TASKS]))
        facts = "".join(f"<li>{escape(fact)}</li>" for fact in [*_facts(self), *filter(None, _tail(self))])
        return (
            f'<div style="font-variant-numeric:tabular-nums"><b>{escape(self.headline)}</b><ul>{facts}</ul>'
            f"<table><thead><tr>{_html_cells('th', _HEAD)}</tr></thead><tbody>{body}</tbody></table></div>"
        )


# --- sums -------------------------------------------------------------------------------------------------------------


def summed(view: RunView, now_s: float) -> RunSum:
    """Add up what a run did; of one that goes on, what it did until `now_s`."""
    ends_s = view.ended_s if view.state in RUN_ENDS and view.ended_s is not None else now_s
    elapsed_s = 0.0 if view.started_s is None else max(0.0, ends_s - view.started_s)
    run = RunSum(view.run_id, clean(view.flow_name, _NAME_CHARS), view.state.value, elapsed_s)
    workers: set[int] = set()
    for group in view.ordered():
        if group.spec.kind == "task":
            task = run.tasks.setdefault(group.spec.task, TaskSum())
            for index, took_s in _count(group, task, ends_s):
                run.nodes[group.name(index)] = took_s
            workers.update(group.worker_of)
    run.workers = len(workers - {-1})
    return run


def _count(group: GroupView, task: TaskSum, ends_s: float) -> Iterator[tuple[int, float]]:
    """Add the nodes of a group to its task; gives the time of those that were executed."""
    states: Counter[TaskState] = Counter(group.state(index) for index in range(len(group)))
    task.nodes += len(group)
    task.reused += states[TaskState.REUSED]
    task.failed += sum(states[state] for state in BAD)
    for index, start_s in enumerate(group.started_s):
        if isnan(start_s):
            continue
        took_s = _took_s(group, index, ends_s)
        task.executed += 1
        task.retries += max(0, group.attempts[index] - 1)
        task.times_s.append(took_s)
        yield index, took_s


def _took_s(group: GroupView, index: int, ends_s: float) -> float:
    """Time that a node worked, in all its attempts, without waits and delays."""
    if is_plain(group, index):
        end_s = group.ended_s[index]
        return max(0.0, (ends_s if isnan(end_s) else end_s) - group.started_s[index])
    return sum(
        max(0.0, (ends_s if isnan(phase.end_s) else phase.end_s) - phase.start_s)
        for phase in phases(group, index)
        if phase.state not in NO_WORK
    )


# --- words ------------------------------------------------------------------------------------------------------------

_HEAD: Final = (
    *("task", "time", "other", "difference", "median", "other"),
    *("executed", "other", "reused", "other", "failed", "other"),
)
_DIFFERENCE: Final = _HEAD.index("difference")
_NOTHING: Final = "-"


def _cells(pair: TaskPair) -> list[str]:
    this, other = pair.this, pair.other
    return [
        one_line(pair.task, _NAME_CHARS),
        *(duration(side.busy_s) if side and side.executed else _NOTHING for side in (this, other)),
        _signed(pair.difference_s) if pair.difference_s else _NOTHING,
        *(duration(side.median_s) if side and side.executed else _NOTHING for side in (this, other)),
        *(f"{side.executed:,}" if side else _NOTHING for side in (this, other)),
        *(f"{side.reused:,}" if side else _NOTHING for side in (this, other)),
        *(f"{side.failed:,}" if side else _NOTHING for side in (this, other)),
    ]


def _html_row(pair: TaskPair) -> str:
    most_s = max(side.busy_s if side else 0.0 for side in (pair.this, pair.other))
    strong = abs(pair.difference_s) > _NOTABLE * most_s
    texts = [escape(text) for text in _cells(pair)]
    if strong:
        texts[_DIFFERENCE] = f"<b>{texts[_DIFFERENCE]}</b>"
    return f"<tr>{_html_cells('td', texts)}</tr>"


def _html_cells(tag: str, texts: Sequence[str]) -> str:
    first, *rest = texts
    style = "padding:2px 8px;text-align"
    others = "".join(f'<{tag} style="{style}:right">{text}</{tag}>' for text in rest)
    return f'<{tag} style="{style}:left">{first}</{tag}>{others}'


def _signed(seconds: float) -> str:
    return f"{'+' if seconds >= 0 else '-'}{duration(abs(seconds))}"


def _headline(both: Comparison) -> str:
    this, other = both.this, both.other
    difference_s = this.elapsed_s - other.elapsed_s
    name = f"{this.flow} {this.id}"
    if abs(difference_s) <= _NOTABLE * max(this.elapsed_s, other.elapsed_s):
        return f"{name} took {duration(this.elapsed_s)}, about as long as {other.id} ({duration(other.elapsed_s)})."
    words = "longer" if difference_s > 0 else "less"
    reasons = "; ".join(_reasons(both, slower=difference_s > 0))
    took = f"{name} took {duration(this.elapsed_s)}, {duration(abs(difference_s))} {words} than {other.id}"
    return f"{took}: {reasons}." if reasons else f"{took}."


def _reasons(both: Comparison, *, slower: bool) -> Iterator[str]:
    """What made the difference: tasks that took more, or less, and how many ran at once."""
    this, other = both.this, both.other
    least_s = _NOTABLE * max(this.busy_s, other.busy_s)
    same_way = [pair for pair in both.tasks if abs(pair.difference_s) > least_s and (pair.difference_s > 0) is slower]
    for pair in same_way[:_MOST_REASONS]:
        reused = pair.this.reused if pair.this else 0
        why = f" ({reused:,} reused)" if reused and not slower else ""
        yield f"{one_line(pair.task, _NAME_CHARS)} {_signed(pair.difference_s)}{why}"
    if (
        (this.at_once < other.at_once * (1 - 2 * _NOTABLE))
        if slower
        else (this.at_once > other.at_once * (1 + 2 * _NOTABLE))
    ):
        yield f"{this.at_once:.1f} tasks ran at once, {other.at_once:.1f} in the other run"


def _facts(both: Comparison) -> list[str]:
    sides = [
        (
            f"{side.state}: {side.total('executed'):,} executed, {side.total('reused'):,} reused, "
            f"{side.total('failed'):,} failed, {side.total('retries'):,} retries; "
            f"{duration(side.busy_s)} of work on {side.workers:,} workers, {side.at_once:.1f} tasks at once"
        )
        for side in (both.this, both.other)
    ]
    return [f"this  {sides[0]}", f"other {sides[1]}"]


def _tail(both: Comparison) -> list[str]:
    told = [pair for pair in both.nodes if abs(pair.difference_s) > _NOTABLE * max(pair.this_s, pair.other_s)]
    nodes = ", ".join(
        f"{one_line(pair.name, _NAME_CHARS)} {duration(pair.this_s)} instead of {duration(pair.other_s)}"
        for pair in told[:_MOST_NODES]
    )
    lines = [f"greatest differences of single nodes: {nodes}"] if nodes else []
    for label, mine, others in (
        ("only in this run", both.this.tasks, both.other.tasks),
        ("only in the other", both.other.tasks, both.this.tasks),
    ):
        if alone := [one_line(name, _NAME_CHARS) for name in mine if name not in others]:
            lines.append(f"{label}: {', '.join(alone[:_MOST_TASKS])}")
    if len(both.tasks) > _MOST_TASKS:
        lines.append(f"{len(both.tasks) - _MOST_TASKS:,} more tasks with smaller differences")
    return ["", *lines] if lines else []
