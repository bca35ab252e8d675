"""Again: how a run is repeated, which is decided in a room above and given by the package's wiring."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Final, Protocol

from wfkit.core.events import CodeSpec
from wfkit.core.plan import Plan

if TYPE_CHECKING:
    from wfkit.authoring.handle import Handle
    from wfkit.engine.driver.reading import ReadableRun
    from wfkit.engine.driver.run import Run


class Rerunner(Protocol):
    """What repeats runs: the session."""

    def rerun(self, run: ReadableRun, what: Sequence[str | Handle], replace: Mapping[str, object]) -> Run:
        """Start a run that goes on from a recorded one."""

    def plan(self, run: ReadableRun, what: Sequence[str | Handle], replace: Mapping[str, object]) -> Plan:
        """Tell what `rerun` would do."""

    def codes_now(self, run: ReadableRun) -> Mapping[str, CodeSpec]:
        """The code of a run's tasks as it is now, by the id of the version on record, where the task is found."""

    def changes(self, run: ReadableRun) -> Mapping[str, str]:
        """What has changed since versions of the code of a run's tasks, in words, by the id of the version."""


_RERUNNER: Final[list[Callable[[], Rerunner]]] = []


def provide_rerunner(provider: Callable[[], Rerunner]) -> None:
    """Tell runs what repeats them; called once, by the package's wiring."""
    _RERUNNER[:] = [provider]


def rerunner() -> Rerunner:
    """The rerunner that the package provided."""
    return _RERUNNER[0]()
