"""Retention: what is pinned, goes on, or is needed stays; what a killed process left half removed goes."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.history.making import BEGUN_S, a_record, encoded, run_id, whole
from wfkit.core.ids import RunId
from wfkit.core.states import RunState
from wfkit.history.records import RunRecord
from wfkit.history.retention import Candidate, Retention, expired, prune
from wfkit.history.store import History

SOON_S = 10.0
DAY_S = 86_400.0
NOW_S = 1_000 * DAY_S


def candidate(number: int, age_days: float, size_bytes: int = 1, *needs: int, stays: bool = False) -> Candidate:
    return Candidate(run_id(number), NOW_S - age_days * DAY_S, size_bytes, stays, frozenset(map(run_id, needs)))


@pytest.mark.parametrize(
    ("policy", "gone"),
    [
        (Retention(), []),
        (Retention(days=2.5), [0]),
        (Retention(runs=1), [2, 1, 0]),
        (Retention(size_bytes=25), [1, 0]),
        (Retention(size_bytes=5), [2, 1, 0]),
        (Retention(days=0, runs=0, size_bytes=0), [3, 2, 1, 0]),
    ],
    ids=str,
)
def test_runs_go_by_age_number_and_size_the_oldest_first(policy: Retention, gone: list[int]) -> None:
    runs = [candidate(3 - age, age, 10) for age in range(4)]
    assert expired(runs, policy, NOW_S) == [run_id(number) for number in gone]


def test_what_stays_does_not_count() -> None:
    runs = [candidate(2, 0, 10, stays=True), candidate(1, 1, 10), candidate(0, 2, 10)]
    assert expired(runs, Retention(runs=1, size_bytes=10), NOW_S) == [run_id(0)]


def test_a_run_that_a_kept_one_refers_to_stays_and_goes_with_it() -> None:
    runs = [candidate(2, 1, 1, 1), candidate(1, 100, 1, 0), candidate(0, 200)]
    assert expired(runs, Retention(), NOW_S) == []
    assert expired(runs, Retention(days=0.5), NOW_S) == [run_id(2), run_id(1), run_id(0)]


NUMBERS = st.integers(0, 9)


@given(
    st.lists(st.tuples(st.floats(0, 10), st.integers(0, 10), st.booleans(), st.sets(NUMBERS)), max_size=10),
    st.builds(Retention, days=st.floats(0, 10), runs=NUMBERS, size_bytes=st.integers(0, 50)),
)
def test_nothing_that_stays_or_is_needed_by_what_is_kept_ever_goes(
    drawn: list[tuple[float, int, bool, set[int]]], policy: Retention
) -> None:
    newest_first = [
        candidate(9 - at, 0, size, *(need for need in needs if need < 9 - at), stays=stays)
        for at, (_, size, stays, needs) in enumerate(drawn)
    ]
    gone = set(expired(newest_first, policy, NOW_S))
    kept = [one for one in newest_first if one.run_id not in gone]
    assert not any(one.stays and one.run_id in gone for one in newest_first)
    assert not any(one.needs & gone for one in kept)
    free = [one for one in kept if not one.stays and not any(one.run_id in other.needs for other in kept)]
    assert len(free) <= policy.runs


# --- on a history -----------------------------------------------------------------------------------------------------


@pytest.fixture
def five(history: History) -> History:
    """Runs 0 to 3 have ended, 4 goes on; 1 is pinned, 3 goes on from 2."""
    for number, parent in enumerate([None, None, None, run_id(2), None]):
        history.begin(RunRecord(id=run_id(number), flow_name="etl", started_s=BEGUN_S, parent_id=parent))
        if number < 4:
            history.append(run_id(number), encoded(whole(number)))
    history.flush(SOON_S)
    history.pin(run_id(1), True)
    return history


def no_results(run_id: RunId) -> int:
    return 0


def test_pruning_removes_results_and_records(five: History) -> None:
    deleted: list[RunId] = []
    assert prune(five, deleted.append, no_results, Retention(days=0)) == [run_id(3), run_id(2), run_id(0)]
    assert deleted == [run_id(3), run_id(2), run_id(0)]
    assert [record.id for record in five.runs()] == [run_id(4), run_id(1)]
    assert list(five.events(run_id(0))) == []
    assert five.view(run_id(1)).state is RunState.COMPLETED


def test_the_size_of_results_counts(five: History) -> None:
    gone = prune(five, lambda run_id: None, lambda run_id: 10**9, Retention(days=1e6, size_bytes=1_500_000_000))
    assert gone == [run_id(0)], "3 is the last one, 2 is what it needs, 1 is pinned"


def test_what_another_process_is_about_to_go_on_from_stays(five: History, open_history: Callable[[], History]) -> None:
    other = open_history()
    assert other.hold(run_id(2))
    assert prune(five, lambda run_id: None, no_results, Retention(days=0)) == [run_id(3), run_id(0)]
    assert five.run(run_id(2)).holder == ""
    other.begin(a_record(5, parent_id=run_id(2)))
    assert other.flush(SOON_S)
    assert prune(five, lambda run_id: None, no_results, Retention(days=0)) == []
    assert not other.hold(run_id(3)), "it is gone"
    assert other.hold(run_id(4)), "it goes on"
    assert other.settle_abandoned() == []


def test_what_another_process_has_gone_on_from_meanwhile_stays(
    five: History, open_history: Callable[[], History]
) -> None:
    other = open_history()

    def meanwhile(run_id_: RunId) -> int:
        """Asked for each run while the list of runs is made."""
        if run_id_ == run_id(0):
            other.begin(a_record(5, parent_id=run_id(0)))
            assert other.flush(SOON_S)
        return 0

    assert prune(five, lambda run_id: None, meanwhile, Retention(days=0)) == [run_id(3), run_id(2)]
    assert [record.id for record in five.runs()] == [run_id(number) for number in (5, 4, 1, 0)]


def test_a_run_whose_results_cannot_be_deleted_is_hidden_and_goes_the_next_time(five: History) -> None:
    def killed(run_id: RunId) -> None:
        raise OSError("killed")

    with pytest.raises(OSError, match="killed"):
        prune(five, killed, no_results, Retention(days=0))
    assert run_id(3) not in [record.id for record in five.runs()]
    assert five.removed() == [run_id(0), run_id(2), run_id(3)]
    assert set(prune(five, lambda run_id: None, no_results, Retention(days=1e6))) == {run_id(0), run_id(2), run_id(3)}
    assert five.removed() == []


def test_space_is_given_back(history: History) -> None:
    history.begin(a_record())
    history.append(run_id(), encoded(whole(length=20_000)))
    history.flush(SOON_S)

    def pages() -> int:
        return int(history._database.run_pragma("PRAGMA page_count"))

    before = pages()
    prune(history, lambda run_id: None, no_results, Retention(days=0))
    assert pages() < before / 5


def test_an_empty_history_has_nothing_to_prune(history: History) -> None:
    assert prune(history, pytest.fail, no_results, Retention()) == []
