"""Values in the record are taken from those alone who have the key."""

from __future__ import annotations

import pickle
from pathlib import Path

import pytest
from sqlalchemy import select, update

from tests.history.making import encoded
from wfkit.core.events import AnyEvent, BodyEnded, ErrorInfo, NodeFinished, NodeRetrying, RunStarted
from wfkit.core.ids import GroupId, RunId, run_id
from wfkit.core.states import TaskState
from wfkit.history import tables
from wfkit.history.database import Database
from wfkit.history.payload import pack, sealed, unpack
from wfkit.history.records import RunRecord
from wfkit.history.schema import prepare
from wfkit.history.seal import Seal, without_pickles
from wfkit.history.store import History

RUN = run_id(1_700_000_000_000, bytes(10))
OTHER = run_id(1_700_000_000_001, bytes(10))
ERROR = ErrorInfo(type_name="ValueError", message="no", traceback="", pickled=b"pickle")


def events() -> list[AnyEvent]:
    group = GroupId("g1")
    return [
        RunStarted(seq=1, run_id=RUN, flow_name="etl"),
        NodeRetrying(seq=2, group=group, index=0, attempt=1, delay_s=0, error=ERROR),
        NodeFinished(seq=3, group=group, index=0, attempt=2, state=TaskState.COMPLETED, inline=pickle.dumps(1)),
        BodyEnded(seq=4, value=b"pickle"),
    ]


def test_a_seal_fits_its_batch_in_its_place_of_its_run_alone() -> None:
    seal = Seal(b"key")
    mac, body = sealed(pack(encoded(events()), seal.of_run(RUN)))
    assert seal.fits(RUN, 1, body, mac)
    assert not seal.fits(OTHER, 1, body, mac)
    assert not seal.fits(RUN, 2, body, mac)
    assert not seal.fits(RUN, 1, body + b"x", mac)
    assert not seal.fits(RUN, 1, body, b"")
    assert not Seal(b"other").fits(RUN, 1, body, mac)


def test_who_has_no_key_writes_no_seal_and_checks_none() -> None:
    mac, body = sealed(pack(encoded(events()), Seal().of_run(RUN)))
    assert mac == b""
    assert Seal().fits(RUN, 1, body, mac)


def test_without_pickles_texts_and_numbers_stay() -> None:
    _, retrying, finished, ended = map(without_pickles, events())
    assert isinstance(retrying, NodeRetrying)
    assert retrying.error is not None
    assert (retrying.error.message, retrying.error.pickled) == ("no", None)
    assert isinstance(finished, NodeFinished)
    assert (finished.state, finished.inline) == (TaskState.COMPLETED, None)
    assert isinstance(ended, BodyEnded)
    assert ended.value is None


@pytest.mark.parametrize("how", ["planted", "moved"])
def test_values_that_somebody_without_the_key_has_written_are_left_out(how: str, tmp_path: Path) -> None:
    with_key = History.open(tmp_path, Seal(b"key"))
    for run in (RUN, OTHER):
        with_key.begin(RunRecord(id=RunId(run), flow_name="etl", started_s=1.0))
        with_key.append(run, encoded(events()))
    assert with_key.flush(10)
    assert with_key.view(RUN).groups[GroupId("g1")].inline == {0: pickle.dumps(1)}
    with_key.close()
    database = Database(tmp_path)
    prepare(database)
    column = tables.events.c
    with database.writing() as connection:
        own = connection.execute(select(column.payload).where(column.run_id == OTHER)).scalar_one()
        payload = own if how == "moved" else pack(encoded(unpack(own)[0]), Seal(b"another").of_run(RUN))
        connection.execute(update(tables.events).where(column.run_id == RUN).values(payload=payload))
    database.close()
    again = History.open(tmp_path, Seal(b"key"))
    view = again.view(RUN)
    assert view.groups[GroupId("g1")].state(0) is TaskState.COMPLETED
    assert view.groups[GroupId("g1")].inline == {}
    assert view.value is None
    assert "without the key" in " ".join(again.notes)
    again.close()
