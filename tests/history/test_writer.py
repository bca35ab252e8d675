"""The writer: queuing is all that others notice of it, whatever becomes of the database."""

from __future__ import annotations

import re
import sqlite3
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest
from sqlalchemy import Connection, select, update

from tests.history.making import Watching, a_record, begun, encoded, logged, run_id, trivial, whole
from wfkit.core.events import AnyEvent
from wfkit.core.lease import Lease
from wfkit.errors import HistoryUnusable
from wfkit.history import tables, writes
from wfkit.history.database import Database
from wfkit.history.queries import Queries
from wfkit.history.writer import Writer

SOON_S = 10.0


@pytest.fixture
def writer(database: Database) -> Iterator[Writer]:
    writer = Writer(database, "me")
    yield writer
    writer.close(SOON_S)


@contextmanager
def another_process_holds(database: Database) -> Iterator[None]:
    """Nobody else can write meanwhile."""
    assert database.path is not None
    other = sqlite3.connect(database.path, isolation_level=None)
    other.execute("BEGIN EXCLUSIVE")
    yield
    other.execute("ROLLBACK")
    other.close()


def stored(database: Database, number: int = 0) -> list[AnyEvent]:
    return list(Queries(database, pytest.fail).events(run_id(number)))


def until(holds: Callable[[], bool]) -> bool:
    """Wait for something that a thread does."""
    end_s = time.monotonic() + SOON_S
    while not holds() and time.monotonic() < end_s:
        threading.Event().wait(0.01)
    return holds()


def test_what_is_queued_is_soon_there_without_asking(database: Database, writer: Writer) -> None:
    writer.begin(a_record(), None)
    writer.append(run_id(), encoded(begun()))
    assert until(lambda: stored(database) == begun())


def test_flushing_waits_until_all_is_there(database: Database, writer: Writer) -> None:
    assert writer.flush(SOON_S), "nothing is there at once"
    writer.begin(a_record(), None)
    for event in whole(length=50):
        writer.append(run_id(), encoded([event]))
    assert writer.flush(SOON_S)
    assert stored(database) == whole(length=50)
    assert writer.trouble == ""


def test_many_threads_write_many_runs(database: Database, writer: Writer) -> None:
    def write(number: int) -> None:
        writer.begin(a_record(number), None)
        for event in whole(number):
            writer.append(run_id(number), encoded([event]))

    threads = [threading.Thread(target=write, args=[number]) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert writer.flush(SOON_S)
    assert all(stored(database, number) == whole(number) for number in range(8))


def test_thousands_of_runs_that_a_process_has_had_do_not_hold_up_the_next_one(
    database: Database, writer: Writer
) -> None:
    for number in range(1, 4_000):
        writer.adopt(Lease(run_id(number), "me", 1, time.time() + 3_600), None)
    writer.begin(a_record(), None)
    assert writer.flush(SOON_S)

    def taken_s() -> float:
        begin_s = time.process_time()
        assert writer.flush(SOON_S)
        return time.process_time() - begin_s

    assert min(taken_s() for _ in range(5)) < 0.05


def test_the_driver_gives_the_counts(database: Database, writer: Writer) -> None:
    writer.begin(a_record(), Watching())
    writer.flush(SOON_S)
    assert Queries(database, pytest.fail).run(run_id()).counts == {"COMPLETED": 3}


def test_a_driver_that_cannot_count_costs_nothing_else(database: Database, writer: Writer) -> None:
    class Broken(Watching):
        def counts(self) -> dict[str, int]:
            raise RuntimeError("dictionary changed size during iteration")

    writer.begin(a_record(counts={"PENDING": 1}), Broken())
    writer.append(run_id(), encoded(begun()))
    assert writer.flush(SOON_S)
    assert stored(database) == begun()
    assert Queries(database, pytest.fail).run(run_id()).counts == {"PENDING": 1}


def test_while_the_database_is_locked_queuing_goes_on_and_the_trouble_is_told(
    database: Database, writer: Writer
) -> None:
    writer.begin(a_record(), None)
    with another_process_holds(database):
        writer.append(run_id(), encoded(begun()))
        assert not writer.flush(0.3)
        told = r"history cannot be written: another process holds the database \(since \d s\)"
        assert re.match(told, writer.trouble)
        begin_s = time.perf_counter()
        writer.append(run_id(), encoded(trivial(2)))
        assert time.perf_counter() - begin_s < 2
        with pytest.raises(HistoryUnusable, match="another process holds the database"):
            writer.call(lambda connection: None)
    assert writer.flush(SOON_S)
    assert writer.trouble == ""
    assert stored(database) == [*begun(), *trivial(2)]


def test_too_much_that_waits_costs_log_lines_first_and_this_is_said(database: Database) -> None:
    writer = Writer(database, "me", backlog_bytes=500)
    writer.begin(a_record(), None)
    noise = "".join(chr(97 + number * number * 7919 % 2_017 % 26) for number in range(2_000))
    with another_process_holds(database):
        writer.append(run_id(), encoded(begun()))
        writer.append(run_id(), encoded([logged(3, noise, lines=4)]))
        assert until(lambda: "; 4 log lines were given up" in writer.trouble)
    writer.append(run_id(), encoded(trivial(1, seq=4)))
    assert writer.flush(SOON_S)
    assert (writer.trouble, writer.lost) == ("", "4 log lines")
    assert stored(database) == [*begun(), *trivial(1, seq=4)]
    writer.close(SOON_S)


def test_one_run_that_cannot_be_written_does_not_keep_the_others_out(database: Database, writer: Writer) -> None:
    with database.writing() as connection:
        connection.exec_driver_sql(
            "CREATE TRIGGER refuse BEFORE INSERT ON runs WHEN new.flow_name = 'bad'"
            " BEGIN SELECT RAISE(ABORT, 'not this one'); END"
        )
    writer.begin(a_record(1, flow_name="bad"), None)
    writer.begin(a_record(2), None)
    writer.append(run_id(2), encoded(begun(2)))
    assert until(lambda: stored(database, 2) == begun(2))
    assert "not this one" in writer.trouble
    with database.writing() as connection:
        connection.exec_driver_sql("DROP TRIGGER refuse")


def test_an_owner_that_lost_its_run_hears_of_it_and_writes_no_more(database: Database, writer: Writer) -> None:
    driver = Watching()
    writer.begin(a_record(), driver)
    writer.append(run_id(), encoded(begun()))
    writer.flush(SOON_S)
    with database.writing() as connection:
        assert writes.claim(connection, run_id(), "other", by_force=True)
    assert writer.owns(run_id())
    writer.append(run_id(), encoded(trivial(2)))
    assert writer.flush(SOON_S)
    assert driver.lost
    assert not writer.owns(run_id())
    writer.append(run_id(), encoded(trivial(2)))
    assert writer.flush(SOON_S)
    assert stored(database) == begun()
    assert writer.trouble == ""


def test_a_quiet_run_keeps_its_lease(database: Database, writer: Writer) -> None:
    driver = Watching()
    writer.begin(a_record(), driver)
    writer.flush(SOON_S)
    with database.writing() as connection:
        connection.execute(update(tables.runs).values(until_s=1.0))
    writer._renew_s = 0.0  # as if the time for it had come
    writer.flush(SOON_S)
    with database.reading() as connection:
        assert connection.execute(select(tables.runs.c.until_s - tables.now())).scalar_one() > 10
    assert not driver.lost
    with database.writing() as connection:
        writes.claim(connection, run_id(), "other", by_force=True)
    writer._renew_s = 0.0
    writer.flush(SOON_S)
    assert driver.lost


def test_closing_writes_what_waits_and_lets_go_of_the_runs(database: Database) -> None:
    writer = Writer(database, "me")
    writer.begin(a_record(), None)
    writer.append(run_id(), encoded(begun()))
    assert writer.close(SOON_S)
    assert stored(database) == begun()
    with database.writing() as connection:
        assert writes.claim(connection, run_id(), "other") is not None
    writer.append(run_id(), encoded(trivial(1)))
    with pytest.raises(HistoryUnusable, match="closed"):
        writer.call(lambda connection: None)


def test_a_call_gives_its_value_or_raises_what_it_raised(writer: Writer) -> None:
    def fail(connection: Connection) -> None:
        raise ZeroDivisionError

    assert writer.call(lambda connection: 7) == 7
    with pytest.raises(ZeroDivisionError):
        writer.call(fail)
    with pytest.raises(HistoryUnusable, match="no such table"):
        writer.call(lambda connection: connection.exec_driver_sql("DELETE FROM nowhere"))
    with pytest.raises(HistoryUnusable, match="no answer"):
        writer.call(lambda connection: None, timeout_s=0.0)


def test_events_of_a_run_that_nobody_began_go_nowhere(database: Database, writer: Writer) -> None:
    writer.append(run_id(), encoded(begun()))
    assert writer.flush(SOON_S)
    assert stored(database) == []
