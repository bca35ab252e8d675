"""Layout: which of the results that Dask hands to a task fills which slot of which element.

A Dask task lists each key it needs once. Where every slot has a dependency of its own there is no layout; else a
layout says, slot by slot, where its outcome is found.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from wfkit.core.states import TaskState
from wfkit.engine.worker.failure import describe, in_one_line
from wfkit.engine.worker.outcome import Bounced, Err, Ok, Outcome, Outcomes

#: A result as Dask hands it over: of a node, of a carrier, or of several nodes.
Given = Outcome | Outcomes | Sequence[Outcome]


@dataclass(frozen=True, slots=True)
class Pick:
    """One outcome among the results."""

    dep: int  #: which result
    offset: int = -1  #: which element of a carrier; -1: the result is no carrier
    items: tuple[int, ...] = ()  #: take this item of the value, of that item this one, …


@dataclass(frozen=True, slots=True)
class Each:
    """Of a carrier: its element j uses element `start` + j of another carrier."""

    dep: int
    start: int


@dataclass(frozen=True, slots=True)
class Column:
    """Of a carrier: its element j uses the j-th of these: one outcome, or all of several."""

    picks: tuple[Pick | tuple[Pick, ...], ...]


#: For each slot: one outcome, all of several, or what depends on the element.
Layout = tuple[Pick | tuple[Pick, ...] | Each | Column, ...]


def laid_out(given: Sequence[Given], layout: Layout | None, element: int, run_id: str) -> list[Outcome | list[Outcome]]:
    """The outcomes for the slots of one element, in order.

    Parameters
    ----------
    given : sequence
        The results that Dask hands over.
    layout : Layout or None
        None: one result a slot.
    element : int
        Position within the carrier; 0 for a node that travels alone.
    run_id : str
        The run of the task.
    """
    if layout is None:
        return [one if isinstance(one, Ok | Err | Bounced) else list(_several(one)) for one in given]
    return [_for_slot(given, place, element, run_id) for place in layout]


def _several(given: Given) -> Sequence[Outcome]:
    assert not isinstance(given, Ok | Err | Bounced | Outcomes)
    return given


def _for_slot(
    given: Sequence[Given], place: Pick | tuple[Pick, ...] | Each | Column, element: int, run_id: str
) -> Outcome | list[Outcome]:
    if isinstance(place, Each):
        return _picked(given, Pick(place.dep, place.start + element), run_id)
    if isinstance(place, Column):
        place = place.picks[element]
    if isinstance(place, Pick):
        return _picked(given, place, run_id)
    return [_picked(given, pick, run_id) for pick in place]


def _picked(given: Sequence[Given], pick: Pick, run_id: str) -> Outcome:
    found = given[pick.dep]
    if isinstance(found, Outcomes):
        found = found.outcomes[pick.offset]
    assert isinstance(found, Ok | Err | Bounced)
    if not pick.items or not isinstance(found, Ok):
        return found
    try:
        value: Any = found.common_value(run_id)
        for item in pick.items:
            value = value[item]  # as the length of the list said, from which the driver knows of the item
    except BaseException as error:  # noqa: BLE001 - user code runs when a pickle is read
        return Err(TaskState.FAILED, in_one_line(error), describe(error), "")  # like a constant that cannot be loaded
    return Ok(value, found.maker)
