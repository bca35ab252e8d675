"""Lineage of a run, as a view tells it: the run that was first, and all that went on from it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, Protocol, Self, TypeVar

from wfkit.core.ids import RunId
from wfkit.core.states import RunState

_MOST: Final = 50  #: generations that a view offers; the newest


class KindredRun(Protocol):
    """What the lineage of a run is made of."""

    @property
    def id(self) -> RunId:
        """Its id; later runs have greater ones."""

    @property
    def state(self) -> RunState:
        """Where it stands."""

    @property
    def parent(self) -> Self | None:
        """The run that it goes on from, where this process drives it."""

    @property
    def reruns(self) -> Sequence[Self]:
        """The runs that go on from it."""


_Run = TypeVar("_Run", bound=KindredRun)


def lineage(run: _Run) -> list[_Run]:
    """All runs that are kin to one through reruns, itself among them, oldest first."""
    first = run
    while first.parent is not None:
        first = first.parent
    found = [first]
    for one in found:  # grows meanwhile
        found += one.reruns
    return sorted(found, key=lambda one: one.id)


def generations(run: KindredRun) -> list[list[object]]:
    """The newest of the lineage for a browser: id, number from 1, state; none where a run stands alone."""
    kin = lineage(run)
    if len(kin) == 1:
        return []
    numbered = list(enumerate(kin, 1))[-_MOST:]
    return [[one.id, number, one.state.value] for number, one in numbered]
