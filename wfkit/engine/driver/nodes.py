"""Node table: the nodes of a run as rows, for people and for pandas."""

from __future__ import annotations

import math
from bisect import bisect_right
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from itertools import accumulate
from typing import TYPE_CHECKING, Final, overload

from wfkit.core.stalls import reason_now, why_stalled
from wfkit.core.states import WITH_VALUE, TaskState
from wfkit.core.view import GroupView, RunView

if TYPE_CHECKING:
    import pandas as pd


_SHOWN: Final = 40


@dataclass(frozen=True, slots=True)
class NodeRow:
    """One node as it stood when the table was made."""

    name: str
    state: TaskState
    group: str
    attempts: int
    start: float | None  #: seconds since the epoch
    end: float | None
    worker: str | None
    reason: str
    stale: str  #: why the value is not what the code would give now; empty where it is
    stalled: str  #: why nothing may come of it: its worker is not heard of; empty where it is


class NodeTable(Sequence[NodeRow]):
    """All nodes of a run at one moment; rows are made when they are asked for.

    Parameters
    ----------
    view : RunView
        As it was at that moment (`core.still`); its task nodes are the rows.
    changes : mapping, optional
        By version of code: what has changed since, in words.
    """

    def __init__(self, view: RunView, changes: Mapping[str, str] | None = None) -> None:
        self._view, self._changes = view, changes or {}
        self._groups = [group for group in view.ordered() if group.spec.kind == "task"]
        self._starts = list(accumulate(map(len, self._groups), initial=0))

    def __len__(self) -> int:
        return self._starts[-1]

    @overload
    def __getitem__(self, place: int) -> NodeRow: ...
    @overload
    def __getitem__(self, place: slice) -> list[NodeRow]: ...
    def __getitem__(self, place: int | slice) -> NodeRow | list[NodeRow]:
        places = range(len(self))[place]
        return self._row(places) if isinstance(places, int) else [self._row(one) for one in places]

    def __iter__(self) -> Iterator[NodeRow]:
        return (_row(self._view, group, index, self._changes) for group in self._groups for index in range(len(group)))

    def _row(self, place: int) -> NodeRow:
        at = bisect_right(self._starts, place) - 1
        return _row(self._view, self._groups[at], place - self._starts[at], self._changes)

    def to_pandas(self) -> pd.DataFrame:
        """The table as a DataFrame; needs pandas."""
        import pandas as pd

        return pd.DataFrame([asdict(row) for row in self])

    def __repr__(self) -> str:
        lines = [f"{row.name:30} {row.state:16} {row.attempts:3} {row.reason[:60]}" for row in self[:_SHOWN]]
        more = [f"… and {len(self) - _SHOWN} more"] if len(self) > _SHOWN else []
        return "\n".join([f"{'name':30} {'state':16} try reason", *lines, *more])


def _row(view: RunView, group: GroupView, index: int, changes: Mapping[str, str]) -> NodeRow:
    worker = group.worker_of[index]
    return NodeRow(
        name=group.name(index),
        state=group.state(index),
        group=group.spec.name,
        attempts=group.attempts[index],
        start=_seconds(group.started_s[index]),
        end=_seconds(group.ended_s[index]),
        worker=view.workers[worker] if worker >= 0 else None,
        reason=reason_now(view, group, index),
        stale=_stale(group, index, changes),
        stalled=why_stalled(view, group, index),
    )


def _stale(group: GroupView, index: int, changes: Mapping[str, str]) -> str:
    """Why a value is stale: as the code is now, else as it was when a rerun decided."""
    if group.state(index) not in WITH_VALUE:
        return ""
    verdict = group.verdict(index)
    since = changes.get(group.made_by.get(index, group.spec.code), "")
    return since or (verdict.stale if verdict is not None else "")


def _seconds(value: float) -> float | None:
    return None if math.isnan(value) else value
