"""Lineage of a run, as a view tells it: the run that was first, and all that went on from it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
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


class TellingRun(KindredRun, Protocol):
    """What is told of a run."""

    @property
    def parent_id(self) -> RunId | None:
        """The run that it goes on from, whoever drives that."""

    @property
    def pinned(self) -> bool:
        """Whether it is kept from newer runs."""

    def when_ended(self, callback: Callable[[], None]) -> None:
        """Call back once when it has ended."""


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


class About:
    """Where the run of a view stands among its reruns and against the code; told where that is news."""

    def __init__(self) -> None:
        self._told: dict[str, object] = {}
        self._wanted = False
        self._watched: set[RunId] = set()  # whose end is news

    def repeat(self) -> None:
        """Somebody came who has not heard it."""
        self._wanted = True

    def news(self, run: TellingRun, changed: Sequence[str], wake: Callable[[], None]) -> dict[str, object] | None:
        """What to say now; None where it is known, or where there is nothing to know.

        Parameters
        ----------
        run : run
        changed : sequence of str
            What has changed in the code of its tasks since, in words.
        wake : callable
            Called when another run of the lineage has ended, which is news.
        """
        about: dict[str, object] = {
            "op": "about",
            "id": run.id,
            "parent": run.parent_id,
            "lineage": generations(run),
            "changed": list(changed),
            "pinned": run.pinned,
        }
        told, self._told = self._told, about
        is_plain = run.parent_id is None and not (run.reruns or changed or run.pinned)
        if about == told and not self._wanted:
            return None
        if is_plain and told in ({}, about):
            return None
        self._wanted = False
        for one in lineage(run):
            if one is not run and one.id not in self._watched:
                self._watched.add(one.id)
                one.when_ended(wake)
        return about
