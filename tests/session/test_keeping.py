"""What lasts of the runs of a process: their record, their results, and the flows themselves."""

from __future__ import annotations

import os
import stat
from pathlib import Path
from typing import Any

import pytest

from wfkit import Secret, attach, runs, task
from wfkit.authoring.flow import flow
from wfkit.core.states import RunState
from wfkit.errors import NoSuchRun
from wfkit.history.results import RunStore
from wfkit.session import keeping
from wfkit.session.keeping import Keeper
from wfkit.session.session import Session
from wfkit.session.settings import WfkitSettings

BLOB_BYTES = 10_000


@task
def blob(x: Any) -> bytes:
    return bytes([x]) * BLOB_BYTES


@flow(tags={"nightly", "eu"})
def etl(n: int = 2) -> Any:
    """Make blobs."""
    return blob.map(range(n))


@flow
def login(password: Any) -> Any:
    return blob.submit(len(str(password)))


def record_of(session: Session, run: Any) -> Any:
    session.keeper.close()
    session._keeper = None
    assert session.keeper.history is not None
    return session.keeper.history.run(run.id)


def test_a_run_is_on_record_with_what_it_was_run_by_and_where(current: Session) -> None:
    run: Any = etl.run(3)
    record = record_of(current, run)
    assert (record.flow_name, record.state, record.parameters) == ("etl", RunState.COMPLETED, (("n", "3"),))
    assert (record.tags, record.source_kind, record.source) == (("eu", "nightly"), "file", __file__)
    assert record.counts == {"COMPLETED": 3}
    assert set(record.environment) >= {"python", "platform", "wfkit", "dask", "distributed"}
    assert record.cluster == {"address": record.cluster["address"], "workers": "1", "threads": "2"}
    assert record.host
    assert record.started_s <= record.ended_s


def test_results_are_stored_and_belong_to_the_user_alone(current: Session) -> None:
    run: Any = etl.run()
    stored = run.view_model.by_name("blob")[0].stored
    assert sorted(stored) == [0, 1]
    assert current.keeper.results is not None
    assert current.keeper.results.load(stored[1]) == bytes([1]) * BLOB_BYTES
    home = Path(os.environ["WFKIT_HOME"])
    modes = {stat.S_IMODE(path.stat().st_mode) for path in home.rglob("*")}
    assert modes == {0o700, 0o600}


def test_the_flow_is_kept_for_a_rerun_by_another_process(current: Session) -> None:
    run: Any = etl.run(1)
    current.keeper.close()
    current._keeper = None
    current.runs.clear()
    found: Any = attach(run.id)
    assert (found.flow.name, found.arguments) == ("etl", {"n": 1})


def test_a_flow_whose_arguments_hold_a_secret_is_not_kept(current: Session) -> None:
    run: Any = login.run(Secret("a-password-of-ours"))
    record = record_of(current, run)
    assert record.flow_stored == ""
    assert "a-password-of-ours" not in str(record)


def test_a_flow_whose_arguments_are_large_is_not_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(keeping, "_FLOW_BYTES", 100_000)
    assert keeping._frozen_flow(etl, {"n": 2})
    assert keeping._frozen_flow(etl, {"n": bytes(200_000)}) == b""


def test_a_flow_is_kept_with_an_argument_that_contains_itself_unless_that_has_the_name_of_a_secret() -> None:
    loop: list[object] = [1]
    loop.append(loop)
    assert keeping._frozen_flow(etl, {"n": loop})
    loop.append({"password": "x"})
    assert keeping._frozen_flow(etl, {"n": loop}) == b""


def test_a_home_that_cannot_be_used_is_said_once_and_runs_go_on(
    current: Session, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("WFKIT_HOME", "/proc/nowhere")
    current.keeper.close()
    current._keeper = None
    assert (current.keeper.history, current.results) == (None, None)
    assert "/proc/nowhere" in current.take_caution()
    assert current.take_caution() == ""
    assert etl() == [bytes([0]) * BLOB_BYTES, bytes([1]) * BLOB_BYTES]
    assert [run.flow_name for run in runs()] == ["etl"]
    with pytest.raises(NoSuchRun, match="/proc/nowhere"):
        attach("r-nobody")


def test_nothing_is_kept_where_nobody_wants_it(current: Session) -> None:
    keeper = Keeper(WfkitSettings(history_keep=False))
    assert (keeper.history, keeper.results, keeper.cautions) == (None, None, [])
    assert keeper.begin(etl.run().id, etl, {}, (), None, {}) is None  # type: ignore[attr-defined]


def test_workers_that_do_not_see_the_store_are_named(current: Session, monkeypatch: pytest.MonkeyPatch) -> None:
    client: Any = current.engine().cluster.client
    assert current.keeper.unshared(client) == ""
    monkeypatch.setattr(RunStore, "is_shared", lambda _: False)
    told = current.keeper.unshared(client)
    assert told.startswith("Larger results stay in cluster memory only: ")
    assert next(iter(client.nthreads())) in told
    assert "[results]" in told


def test_more_runs_than_are_kept_are_removed_with_the_next_process(
    current: Session, monkeypatch: pytest.MonkeyPatch
) -> None:
    first: Any = etl.run()
    others = [etl.run() for _ in range(2)]
    current.keeper.close()
    current._keeper = None
    monkeypatch.setattr(current.settings, "history_keep_runs", 1)
    last: Any = etl.run()
    current.keeper._settle()
    on_record = {run.id for run in current.keeper.runs(limit=10)}
    assert last.id in on_record
    assert first.id not in on_record
    assert len(on_record) < 2 + len(others)
    assert current.keeper.results is not None
    assert first.id not in current.keeper.results.runs()
