"""Viewing: how a run gets its live view, plots and report, which a room above makes; the wiring gives them."""

from __future__ import annotations

from collections.abc import Callable
from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Protocol

from wfkit.errors import WfkitError

if TYPE_CHECKING:
    from wfkit.engine.driver.reading import ReadableRun


class View(Protocol):
    """A picture of a run that follows it."""

    def show(self) -> None:
        """Display it as an output of the running cell."""

    def close(self) -> None:
        """End the picture; the run goes on."""


class Plotter(Protocol):
    """Draws runs."""

    def timeline(self, run: ReadableRun) -> Any:
        """What ran where and when."""

    def compare(self, run: ReadableRun, other: ReadableRun) -> Any:
        """Two runs side by side."""


_MAKER: Final[list[Callable[[Any], View]]] = []  #: of a run; what else it needs of it this room does not know
_REPORTER: Final[list[Callable[[ReadableRun, str | PathLike[str]], Path]]] = []
_PLOTTER: Final[list[Callable[[], Plotter]]] = []


def provide_view(maker: Callable[[Any], View]) -> None:
    """Tell runs what makes their views; called once, by the package's wiring."""
    _MAKER[:] = [maker]


def view_of(run: ReadableRun) -> View:
    """Make a view of a run.

    Raises
    ------
    WfkitError : what notebooks need is not installed
    """
    try:
        return _MAKER[0](run)
    except ModuleNotFoundError as error:
        raise WfkitError(
            f"The live view needs `{error.name}`, which is not installed.",
            "Install it (`pip install wfkit` brings all that notebooks need), or print the run: `print(run.nodes)`.",
        ) from error


def provide_report(reporter: Callable[[ReadableRun, str | PathLike[str]], Path]) -> None:
    """Tell runs what writes their reports; called once, by the package's wiring."""
    _REPORTER[:] = [reporter]


def report_of(run: ReadableRun, path: str | PathLike[str]) -> Path:
    """Write the report of a run."""
    return _REPORTER[0](run, path)


def provide_plotter(provider: Callable[[], Plotter]) -> None:
    """Tell runs what draws them; called once, by the package's wiring."""
    _PLOTTER[:] = [provider]


def plotter() -> Plotter:
    """What draws runs."""
    return _PLOTTER[0]()
