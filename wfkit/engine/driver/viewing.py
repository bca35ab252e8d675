"""Viewing: how a run gets its live view and its report, made in a room above and given by the package's wiring."""

from __future__ import annotations

from collections.abc import Callable
from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING, Final, Protocol

from wfkit.errors import WfkitError

if TYPE_CHECKING:
    from wfkit.engine.driver.reading import ReadableRun
    from wfkit.engine.driver.run import Run


class View(Protocol):
    """A picture of a run that follows it."""

    def show(self) -> None:
        """Display it as an output of the running cell."""

    def close(self) -> None:
        """End the picture; the run goes on."""


_MAKER: Final[list[Callable[[Run], View]]] = []
_REPORTER: Final[list[Callable[[ReadableRun, str | PathLike[str]], Path]]] = []


def provide_view(maker: Callable[[Run], View]) -> None:
    """Tell runs what makes their views; called once, by the package's wiring."""
    _MAKER[:] = [maker]


def view_of(run: Run) -> View:
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
