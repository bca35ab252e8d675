"""Queries: filters, pages, and runs that come back as they were live."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import delete, insert, update

from tests.core.histories import folded_as_is
from tests.history.making import BEGUN_S, a_record, begun, encoded, run_id, trivial, whole
from wfkit.core.ids import RunId
from wfkit.core.snapshot import snapshot
from wfkit.core.states import RunState
from wfkit.errors import NoSuchRun
from wfkit.history import tables, writes
from wfkit.history.database import Database
from wfkit.history.queries import Queries
from wfkit.history.records import RunRecord
from wfkit.history.store import History

SOON_S = 10.0
NASTY = st.text(st.sampled_from("'\";-%_\\/*[]()\0\n\udc80aAéÉß "), max_size=6)


def numbers(records: list[RunRecord]) -> list[int]:
    return [int(record.started_s - BEGUN_S) for record in records]


@pytest.fixture
def four(history: History) -> History:
    """Four runs, of which the last two go on."""
    history.begin(a_record(0, tags=("prod", "eu"), parameters=(("year", "2013"),)))
    history.append(run_id(0), encoded(whole(0)))
    history.begin(a_record(1, "monthly", tags=("prod",), parent_id=run_id(0)))
    history.append(run_id(1), encoded(whole(1)))
    history.begin(a_record(2, tags=("test",), parameters=(("path", 'C:\\"my"_100%'),)))
    history.begin(a_record(3))
    assert history.flush(SOON_S)
    history.pin(run_id(1), True)
    return history


@pytest.mark.parametrize(
    ("asked", "found"),
    [
        ({}, [3, 2, 1, 0]),
        ({"flow": "etl"}, [3, 2, 0]),
        ({"flow": "et%"}, []),
        ({"state": RunState.COMPLETED}, [1, 0]),
        ({"tags": ["prod"]}, [1, 0]),
        ({"tags": ["prod", "eu"]}, [0]),
        ({"since_s": BEGUN_S + 1, "until_s": BEGUN_S + 3}, [2, 1]),
        ({"parent": run_id(0)}, [1]),
        ({"pinned": True}, [1]),
        ({"pinned": False, "flow": "etl"}, [3, 2, 0]),
        ({"text": "MONTH"}, [1]),
        ({"text": "year=2013"}, [0]),
        ({"text": '"my"_1'}, [2]),
        ({"text": "0%"}, [2]),
        ({"text": "%"}, [2]),
        ({"text": "_"}, [2]),
        ({"text": "\\"}, [2]),
        ({"text": run_id(3)[3:]}, [3]),
        ({"limit": 2}, [3, 2]),
        ({"limit": 2, "before": run_id(2)}, [1, 0]),
        ({"before": run_id(0)}, []),
    ],
    ids=str,
)
def test_a_filter_finds_what_fits_the_newest_first(four: History, asked: dict[str, Any], found: list[int]) -> None:
    assert numbers(four.runs(**asked)) == found


@pytest.mark.parametrize("limit", [0, 501])
def test_a_page_has_a_size(history: History, limit: int) -> None:
    with pytest.raises(ValueError, match="1 to 500"):
        history.runs(limit=limit)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=50)
@given(st.lists(st.tuples(NASTY, NASTY, NASTY), min_size=1, max_size=4), NASTY)
def test_whatever_names_contain_a_search_is_a_search_for_text(
    database: Database, given_runs: list[tuple[str, str, str]], sought: str
) -> None:
    queries = Queries(database, pytest.fail)
    with database.writing() as connection:
        for table in (tables.tags, tables.runs):
            connection.execute(delete(table))
        for number, (flow, parameter, tag) in enumerate(given_runs):
            writes.begin(connection, a_record(number, flow, tags=(tag,), parameters=(("p", parameter),)), "me")
    newest_first = list(reversed(list(enumerate(given_runs))))
    of_flow = [at for at, (flow, _, _) in newest_first if tables.storable(flow) == tables.storable(sought)]
    assert numbers(queries.runs(flow=sought)) == of_flow
    tagged = [at for at, (_, _, tag) in newest_first if tables.storable(tag) == tables.storable(sought)]
    assert numbers(queries.runs(tags=[sought])) == tagged

    def has_it(at: int, flow: str, parameter: str) -> bool:
        words = f"{run_id(at)}\n{flow}\np={parameter}".casefold()
        return tables.storable(sought.casefold()) in tables.storable(words)

    expected = [at for at, (flow, parameter, _) in newest_first if has_it(at, flow, parameter)]
    assert numbers(queries.runs(text=sought)) == expected
    assert queries.runs(parent=RunId(sought)) == []
    with pytest.raises(NoSuchRun):
        queries.run(f"{sought}?")


def test_a_run_is_found_by_the_beginning_of_its_id(four: History) -> None:
    assert four.run(run_id(2)).started_s == BEGUN_S + 2
    with pytest.raises(NoSuchRun, match=r"More than one run.*Write more"):
        four.run("r-")
    four.begin(RunRecord(id=run_id(10_000_000), flow_name="late", started_s=BEGUN_S))
    four.flush(SOON_S)
    assert four.run(run_id(10_000_000)[:9]).flow_name == "late"
    for text in ("", "r-zzz", "%", "_" * 28, "r-\0"):
        with pytest.raises(NoSuchRun):
            four.run(text)


def test_a_run_from_history_looks_as_it_did_live(four: History) -> None:
    assert snapshot(four.view(run_id(0))) == snapshot(folded_as_is(whole(0)))


def test_who_follows_a_run_gets_what_is_new(history: History) -> None:
    history.begin(a_record())
    history.append(run_id(), encoded(begun(length=200)))
    history.flush(SOON_S)
    seen = list(history.events(run_id()))
    for event in trivial(200):
        history.append(run_id(), encoded([event]))
    history.flush(SOON_S)
    assert list(history.events(run_id(), after_seq=seen[-1].seq)) == trivial(200)
    assert list(history.events(run_id(), after_seq=101)) == trivial(200)[99:]
    assert list(history.events(run_id(), after_seq=402)) == []


def test_more_rows_than_a_page_come_in_order(history: History) -> None:
    history.begin(a_record())
    for event in whole(length=20):
        history.append(run_id(), encoded([event]))
        history.flush(SOON_S)
    assert list(history.events(run_id())) == whole(length=20)


def test_a_damaged_row_costs_its_events_and_is_told(four: History, database: Database) -> None:
    rows = tables.events
    with four._database.writing() as connection:
        connection.execute(update(rows).where(rows.c.run_id == run_id(0)).values(payload=b"\x01garbage"))
        more = {"run_id": run_id(0), "first_seq": 50, "last_seq": 51, "number": 2, "payload": b"\x09"}
        connection.execute(insert(rows), [more])
    assert list(four.events(run_id(0))) == []
    assert [note.partition(":")[0] for note in four.notes] == [
        f"events 1 to 9 of the run {run_id(0)} cannot be read",
        f"events 50 to 51 of the run {run_id(0)} cannot be read",
    ]
    assert list(four.events(run_id(0))) == []
    assert len(four.notes) == 2, "once is enough"
    assert four.view(run_id(1)).state is RunState.COMPLETED


def test_the_size_of_a_run_is_that_of_its_events(four: History) -> None:
    sizes = four.sizes()
    assert set(sizes) == {run_id(0), run_id(1)}
    assert 100 < sizes[run_id(0)] < 1_000
