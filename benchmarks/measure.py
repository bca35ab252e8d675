"""Measuring: contestants take turns, and what counts is the median of their repetitions."""

from __future__ import annotations

import gc
import statistics
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

#: The name of our contestant in every benchmark.
OURS: Final = "wfkit"

#: Runs once and gives what was measured; the argument is the number of the repetition.
Contestant = Callable[[int], float]


@dataclass(frozen=True, slots=True)
class Budget:
    """What was promised.

    Attributes
    ----------
    limit : float
    of : str
        "ratio": ours by the best other; "value": ours.
    """

    limit: float
    of: str = "ratio"


@dataclass(frozen=True, slots=True)
class Result:
    """What one benchmark gave.

    Attributes
    ----------
    name : str
        For `--only`.
    title : str
        What was measured.
    unit : str
        "s", "ms", "B", "%", "x" (of an ideal that is computed) or "items"; less is better in all of them.
    samples : mapping
        Contestant -> one number per repetition; ours is called "wfkit".
    tasks : int
        So many tasks were done in each repetition; 0 where a rate says nothing.
    section : str
        Heading of the table that it stands in.
    cell : tuple of str, optional
        Row and column, in a section that is a table of cases by measures.
    machine : mapping
        On what, with which versions and when it was measured.
    """

    name: str
    title: str
    unit: str
    samples: Mapping[str, Sequence[float]]
    budget: Budget | None = None
    tasks: int = 0
    note: str = ""
    section: str = "Cost"
    cell: Sequence[str] | None = None
    machine: Mapping[str, str] = field(default_factory=dict)

    @property
    def ours(self) -> float:
        """Our median."""
        return statistics.median(self.samples[OURS])

    @property
    def best_other(self) -> str | None:
        """The other contestant with the least median."""
        others = [name for name in self.samples if not name.startswith(OURS)]
        return min(others, key=lambda name: statistics.median(self.samples[name]), default=None)

    @property
    def ratio(self) -> float | None:
        """Our median by that of the best other."""
        best = self.best_other
        return None if best is None else self.ours / statistics.median(self.samples[best])

    @property
    def pair_ratios(self) -> list[float]:
        """Our value by that of the best other, repetition by repetition."""
        best = self.best_other
        return [] if best is None else [a / b for a, b in zip(self.samples[OURS], self.samples[best], strict=True)]

    @property
    def met(self) -> bool | None:
        """Whether the budget is met; None where there is none."""
        if self.budget is None:
            return None
        found = self.ratio if self.budget.of == "ratio" else self.ours
        return found is not None and found <= self.budget.limit


def take_turns(
    contestants: Mapping[str, Contestant], repetitions: int, between: Callable[[], None] = lambda: None
) -> dict[str, list[float]]:
    """Run every contestant once per repetition, each time in another order.

    Parameters
    ----------
    contestants : mapping
    repetitions : int
    between : callable
        Called before each turn: brings the machine to rest.

    Returns
    -------
    dict : contestant -> one number per repetition
    """
    names = list(contestants)
    samples: dict[str, list[float]] = {name: [] for name in names}
    for repetition in range(repetitions):
        start = repetition % len(names)
        for name in [*names[start:], *names[:start]]:
            between()
            gc.collect()
            samples[name].append(contestants[name](repetition))
            print(f"    {name}, {repetition + 1} of {repetitions}: {samples[name][-1]:.3g}", flush=True)
    return samples
