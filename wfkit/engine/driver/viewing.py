"""Viewing: how a run gets its live view and its plots, which a room above makes; the package's wiring gives them."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Final, Protocol

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


class Plotter(Protocol):
    """Draws runs."""

    def timeline(self, run: ReadableRun) -> Any:
        """What ran where and when."""

    def compare(self, run: ReadableRun, other: ReadableRun) -> Any:
        """Two runs side by side."""


_MAKER: Final[list[Callable[[Run], View]]] = []
_PLOTTER: Final[list[Callable[[], Plotter]]] = []


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


def provide_plotter(provider: Callable[[], Plotter]) -> None:
    """Tell runs what draws them; called once, by the package's wiring."""
    _PLOTTER[:] = [provider]


def plotter() -> Plotter:
    """What draws runs."""
    return _PLOTTER[0]()
