"""The history as a whole: runs are taken and given, pinned and deleted, and it says who has what."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path

import psutil  # type: ignore[import-untyped]  # no types shipped
import pytest

from tests.history.making import Watching, a_record, begun, encoded, run_id, trivial, whole
from wfkit.core.states import RunState
from wfkit.errors import HistoryUnusable, NoSuchRun
from wfkit.history.store import History

SOON_S = 10.0


def test_a_history_is_made_and_opened_again(tmp_path: Path) -> None:
    history = History.open(tmp_path / "home")
    history.begin(a_record())
    history.append(run_id(), encoded(whole()))
    assert history.close()
    again = History.open(f"sqlite:///{tmp_path / 'home' / 'history.db'}")
    assert again.view(run_id()).state is RunState.COMPLETED
    assert (again.notes, again.trouble) == ((), "")
    again.close()


def test_a_folder_may_have_any_name(tmp_path: Path) -> None:
    folder = tmp_path / "50% off? a#b&c=d ü"
    history = History.open(folder)
    history.close()
    assert [path.name for path in folder.iterdir()] == ["history.db"]


def test_what_became_of_a_broken_file_is_noted(tmp_path: Path) -> None:
    (tmp_path / "home").mkdir(mode=0o700)
    (tmp_path / "home" / "history.db").write_bytes(b"garbage" * 999)
    history = History.open(tmp_path / "home")
    assert "begins anew" in history.notes[0]
    history.close()


def test_a_history_that_is_refused_leaves_nothing_open(tmp_path: Path) -> None:
    place = tmp_path / "songs.db"
    with closing(sqlite3.connect(place)) as songs:
        songs.execute("CREATE TABLE runs (title)")
    with pytest.raises(HistoryUnusable, match="another program") as refused:
        History.open(f"sqlite:///{place}")
    assert [file.path for file in psutil.Process().open_files() if Path(file.path).is_relative_to(tmp_path)] == []
    assert refused.tb  # whose frames have the database until here


def test_the_owner_of_a_run_is_named(history: History) -> None:
    history.begin(a_record())
    history.flush(SOON_S)
    record = history.run(run_id())
    assert (record.state, record.holder, record.epoch) == (RunState.RUNNING, history.holder, 1)
    assert str(os.getpid()) in history.holder
    assert history.owns(run_id())


def test_a_run_that_somebody_drives_is_taken_over_only_explicitly(open_history: Callable[[], History]) -> None:
    owner, other = open_history(), open_history()
    drivers = Watching(), Watching()
    owner.begin(a_record(), drivers[0])
    owner.append(run_id(), encoded(begun()))
    owner.flush(SOON_S)
    assert other.claim(run_id(), drivers[1]) is None
    assert not other.owns(run_id())
    assert other.take_over(run_id(), drivers[1]).epoch == 2
    other.append(run_id(), encoded(trivial(1)))
    owner.append(run_id(), encoded(trivial(3)))
    assert other.flush(SOON_S)
    assert owner.flush(SOON_S)
    assert (drivers[0].lost, drivers[1].lost) == (True, False)
    assert list(other.events(run_id())) == [*begun(), *trivial(1)]


def test_a_run_that_was_let_go_can_be_claimed(open_history: Callable[[], History]) -> None:
    owner, other = open_history(), open_history()
    owner.begin(a_record())
    owner.append(run_id(), encoded(begun()))
    owner.release(run_id())
    assert not owner.owns(run_id())
    assert other.claim(run_id()) is not None
    assert list(other.events(run_id())) == begun()
    owner.release(run_id())
    assert other.run(run_id()).holder == other.holder


def test_who_claims_its_own_run_loses_nothing_that_waits(history: History) -> None:
    history.begin(a_record())
    history.flush(SOON_S)
    history.append(run_id(), encoded(begun()))
    driver = Watching()
    assert history.claim(run_id(), driver) is not None
    history.flush(SOON_S)
    assert list(history.events(run_id())) == begun()
    assert history.run(run_id()).counts == driver.counts()


def test_of_fifty_that_claim_a_run_one_gets_it(open_history: Callable[[], History]) -> None:
    first = open_history()
    first.begin(a_record())
    first.flush(SOON_S)
    first.release(run_id())
    histories = [open_history() for _ in range(5)]
    with ThreadPoolExecutor(50) as pool:
        found = list(pool.map(lambda number: histories[number % 5].claim(run_id()), range(50)))
    assert len({lease.holder for lease in found if lease is not None}) == 1


def test_a_run_that_has_ended_or_never_was_has_no_owner(history: History) -> None:
    history.begin(a_record())
    history.append(run_id(), encoded(whole()))
    history.flush(SOON_S)
    assert history.claim(run_id()) is None
    for run in (run_id(), run_id(7)):
        with pytest.raises(NoSuchRun, match="cannot be taken over"):
            history.take_over(run)


def test_pins_are_set_and_removed(history: History) -> None:
    history.begin(a_record())
    history.flush(SOON_S)
    for on in (True, True, False):
        history.pin(run_id(), on)
        assert history.run(run_id()).pinned is on
    with pytest.raises(NoSuchRun):
        history.pin(run_id(7), True)


def test_runs_that_have_ended_can_be_deleted_others_not(history: History) -> None:
    history.begin(a_record(0, tags=("a",)))
    history.append(run_id(0), encoded(whole()))
    history.begin(a_record(1))
    history.flush(SOON_S)
    history.pin(run_id(0), True)
    assert not history.mark_removed(run_id(0))
    assert not history.mark_removed(run_id(1))
    assert history.delete([run_id(0), run_id(1), run_id(7)]) == [run_id(0)]
    assert [record.id for record in history.runs()] == [run_id(1)]


def test_thousands_of_runs_are_listed_page_by_page(history: History) -> None:
    for number in range(600):
        history.begin(a_record(number))
    assert history.flush(30)
    seen, page = [], history.runs(limit=500)
    while page:
        seen += [record.id for record in page]
        page = history.runs(limit=500, before=page[-1].id)
    assert seen == [run_id(number) for number in reversed(range(600))]
