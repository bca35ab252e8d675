"""Wrappers that say how an argument is passed, and what stands for an input without a result."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Generic, TypeVar

from wfkit.core.states import TaskState

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class unmapped(Generic[T]):  # noqa: N801 - reads as a function, as in Prefect
    """Pass a value whole to every element of a `.map()`."""

    value: T


@dataclass(frozen=True, slots=True)
class allow_failure(Generic[T]):  # noqa: N801 - reads as a function, as in Prefect
    """Let a task run although this input failed; it then receives a `Missing` in its place."""

    value: T


@dataclass(frozen=True, slots=True)
class Missing:
    """Stands in a task's arguments for an input that has no result.

    Attributes
    ----------
    state : TaskState
        FAILED, UPSTREAM_FAILED, SKIPPED, CANCELLED or CRASHED.
    reason : str
        Why, in words.
    exception : BaseException or None
        The exception itself where it could travel, else one that names it.
    """

    state: TaskState
    reason: str = ""
    exception: BaseException | None = None

    def __bool__(self) -> bool:
        return False


def present(values: Iterable[T | Missing]) -> list[T]:
    """Drop every `Missing` from a list of inputs.

    Parameters
    ----------
    values : iterable

    Returns
    -------
    list : the values that are there, in order
    """
    return [value for value in values if not isinstance(value, Missing)]
