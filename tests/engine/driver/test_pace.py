"""How many elements travel together."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.engine.driver.groups import group_of
from wfkit.authoring.options import TaskOptions
from wfkit.engine.driver.pace import ALONE_S, CHUNK_S, LONG_S, MOST, Durations, may_share, size


def _heard(*seconds: float) -> Durations:
    durations = Durations()
    for one in seconds:
        durations.hear(one)
    return durations


def _size(durations: Durations, chunk: int | None = None, **facts: Any) -> int:
    group = group_of("a", 1000, mapped=True, chunk=chunk)
    return size(group, durations, **({"threads": 2, "left": 10_000, "under_way": 0, "leads": True} | facts))


@pytest.mark.parametrize(
    "options",
    [
        {"resources": {"GPU": 1}},
        {"limits": {"db": 1}},
        {"workers": ("w",)},
        {"isolate": "process"},
        {"timeout_seconds": 0.5},
        {"crash_retries": 0},
    ],
    ids=lambda options: next(iter(options)),
)
def test_elements_that_need_something_of_their_own_never_share(options: dict[str, Any]) -> None:
    assert may_share(group_of("a", 9, mapped=True, chunk=None))
    assert not may_share(group_of("a", 9, mapped=True, chunk=None, options=TaskOptions(**options)))


def test_single_calls_and_maps_that_say_so_never_share() -> None:
    assert not may_share(group_of("a", chunk=None))
    assert not may_share(group_of("a", 9, mapped=True, chunk=1))
    assert not may_share(group_of("a", 9, mapped=True, chunk=None, max_concurrency=3))
    assert may_share(group_of("a", 9, mapped=True, chunk=4))
    assert may_share(group_of("a", 9, mapped=True, chunk=None, options=TaskOptions(timeout_seconds=5)))


def test_a_size_that_was_asked_for_holds() -> None:
    assert _size(Durations(), chunk=7) == 7
    assert _size(_heard(*[9.0] * 9), chunk=7, under_way=100) == 7


def test_the_first_elements_go_alone_and_the_rest_wait_for_their_durations() -> None:
    assert _size(Durations()) == 1
    assert _size(Durations(), under_way=1000) == 0
    assert _size(Durations(), under_way=1000, leads=False) == 1, "who follows another map has its pace"


def test_long_elements_go_alone_and_short_ones_by_as_many_as_fill_a_chunk() -> None:
    assert _size(_heard(*[ALONE_S] * 4)) == 1
    assert _size(_heard(*[0.005] * 4)) == int(CHUNK_S / 0.005)
    assert _size(_heard(*[0.0] * 4)) == MOST


def test_the_last_elements_are_spread_over_the_threads() -> None:
    assert _size(_heard(*[0.0] * 4), left=40, threads=4) == 5
    assert _size(_heard(*[0.0] * 4), left=1) == 1


def test_no_more_is_sent_ahead_than_keeps_the_threads_busy() -> None:
    for seconds in (0.001, ALONE_S):
        assert _size(_heard(*[seconds] * 4), under_way=1000) == 0, "a worker that joins would take it over"
        assert _size(_heard(*[seconds] * 4), under_way=1000, leads=False) > 0
    assert _size(_heard(*[LONG_S] * 4), under_way=1000) == 1, "an adaptive cluster sees how much there is to do"


@given(
    st.lists(st.floats(0, 100), max_size=30),
    st.integers(1, 64),
    st.integers(1, 10**6),
    st.integers(0, 500),
    st.booleans(),
)
def test_a_size_is_never_more_than_may_go_together(
    heard: list[float], threads: int, left: int, under_way: int, leads: bool
) -> None:
    found = _size(_heard(*heard), threads=threads, left=left, under_way=under_way, leads=leads)
    assert 0 <= found <= MOST
    if not under_way or not leads:
        assert found >= 1, "something always goes"


@given(st.lists(st.floats(0, 100), min_size=1, max_size=50))
def test_the_mean_stays_among_what_was_heard(heard: list[float]) -> None:
    durations = _heard(*heard)
    assert min(heard) - 1e-9 <= durations.mean_s <= max(heard) + 1e-9
    assert durations.known == (len(heard) >= 4)


def test_new_durations_outweigh_old_ones_in_time() -> None:
    durations = _heard(*[0.001] * 500, *[1.0] * 100)
    assert durations.mean_s > 0.9
    assert durations.known
