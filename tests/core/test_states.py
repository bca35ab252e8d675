"""States: the tables of moves are whole, and the page about them is made from them."""

from __future__ import annotations

import runpy
from collections.abc import Mapping
from enum import StrEnum
from pathlib import Path
from typing import TypeVar, get_args

import pytest

from wfkit.core.events import AnyEvent
from wfkit.core.states import (
    CODES,
    FINE,
    RUN_ENDS,
    RUN_MOVES,
    STATES,
    TASK_ENDS,
    TASK_MOVES,
    WITH_VALUE,
    RunState,
    TaskState,
)

DOCS = Path(__file__).parents[2] / "docs"
State = TypeVar("State", bound=StrEnum)


def test_codes_are_places_in_the_list_of_states() -> None:
    assert [STATES[CODES[state]] for state in TaskState] == list(TaskState)


def test_a_value_is_fine_and_what_is_fine_is_an_end() -> None:
    assert WITH_VALUE < FINE < TASK_ENDS


@pytest.mark.parametrize(
    ("moves", "start", "ends"), [(TASK_MOVES, TaskState.PENDING, TASK_ENDS), (RUN_MOVES, RunState.PENDING, RUN_ENDS)]
)
def test_nothing_leaves_an_end_and_every_state_leads_to_one(
    moves: Mapping[tuple[State, State], str], start: State, ends: frozenset[State]
) -> None:
    assert not {before for before, _ in moves} & ends
    assert {after for _, after in moves} | {start} == set(type(start))
    leading = set(ends)
    for _ in moves:
        leading |= {before for before, after in moves if after in leading}
    assert leading == set(type(start))


def test_every_move_is_made_by_an_event() -> None:
    assert {*TASK_MOVES.values(), *RUN_MOVES.values()} <= {cls.tag for cls in get_args(AnyEvent)}


def test_the_page_about_states_is_what_the_tables_say() -> None:
    page = runpy.run_path(str(DOCS / "make_states.py"))["states_page"]()
    assert (DOCS / "states.md").read_text(encoding="utf-8") == page, "run `python docs/make_states.py`"
