"""Session: which cluster is used and when that is decided, what is closed, and the runs that it remembers."""

from __future__ import annotations

import threading
from types import SimpleNamespace
from typing import Any

import pytest
from distributed import Client

import wfkit.session.session as module
from wfkit import task
from wfkit.authoring.flow import flow
from wfkit.clusters.facts import ClusterFacts
from wfkit.core.states import RunState
from wfkit.errors import BadSetting, ClusterUnusable, NoSuchRun
from wfkit.session.session import Session, close_session, session
from wfkit.session.settings import WfkitSettings


class World:
    """Stands in for Dask: what was started, connected and closed, in order."""

    def __init__(self) -> None:
        self.log: list[str] = []
        self.notebooks_client: Any = None
        self.numbers = iter(range(1, 100))
        self.fault: Exception | None = None
        self.dropped = threading.Event()


class Started:
    """A local cluster that starts in the background (clusters.local.BackgroundStart)."""

    def __init__(self, world: World, options: Any) -> None:
        self.world, self.options = world, options
        self.name = f"own{next(world.numbers)}"
        world.log.append(f"start {self.name} of {options.n_workers}")

    def cluster(self) -> Any:
        if self.world.fault is not None:
            raise self.world.fault
        return SimpleNamespace(name=self.name, address=self.name, alive=True, own=True)

    def close(self) -> None:
        self.world.log.append(f"drop {self.name}")
        self.world.dropped.set()


class Connected:
    """A connection (clusters.connect.Connection)."""

    def __init__(self, world: World, target: Any) -> None:
        self.world, self.cluster, self.client = world, target, target
        self.is_open = True
        self.owns_cluster = hasattr(target, "own")

    def close(self) -> None:
        self.world.log.append(f"close {self.cluster.name}")


@pytest.fixture
def world(monkeypatch: pytest.MonkeyPatch) -> World:
    world = World()

    def facts(client: Any, *, owned: bool) -> ClusterFacts:
        caution = "" if owned else f"beware of {client.name}"
        return ClusterFacts(
            address=client.name, workers=1, threads=1, memory_bytes=0, dashboard_link=None, owned=owned, caution=caution
        )

    def engine(client: Any, *_: object) -> Any:
        world.log.append(f"use {client.name}")
        return SimpleNamespace(client=client, close=lambda: world.log.append(f"leave {client.name}"))

    monkeypatch.setattr(module, "BackgroundStart", lambda options: Started(world, options))
    monkeypatch.setattr("wfkit.clusters.connect.connect", lambda target: Connected(world, target))
    monkeypatch.setattr(module, "current_client", lambda: world.notebooks_client)
    monkeypatch.setattr(module, "describe", facts)
    monkeypatch.setattr("wfkit.engine.driver.engine.Engine", engine)
    monkeypatch.setattr("wfkit.clusters.preflight.check_versions", lambda client, refuse: [])
    monkeypatch.setattr(module, "close_guests", lambda connection: world.log.append("close guests"))
    return world


@pytest.fixture
def fresh(world: World) -> Session:
    return Session(WfkitSettings())


def a_client(name: str) -> Any:
    return SimpleNamespace(name=name, status="running", run=lambda *_: {})


def used(current: Session) -> str:
    return str(current.engine().client.name)  # type: ignore[attr-defined]  # of the stand-in


def test_without_a_client_our_own_cluster_is_started_ahead_and_used(world: World, fresh: Session) -> None:
    fresh.prepare()
    assert not fresh.is_decided
    assert used(fresh) == used(fresh) == "own1"
    assert fresh.is_decided
    assert world.log == ["start own1 of None", "use own1"]


def test_a_client_that_is_there_is_adopted_and_nothing_is_started(world: World, fresh: Session) -> None:
    world.notebooks_client = a_client("theirs")
    fresh.prepare()
    assert used(fresh) == "theirs"
    assert world.log == ["use theirs"]


def test_a_client_made_after_loading_is_adopted_and_our_unused_cluster_is_closed(world: World, fresh: Session) -> None:
    fresh.prepare()
    world.notebooks_client = a_client("theirs")
    assert used(fresh) == "theirs"
    assert world.dropped.wait(5)
    assert world.log == ["start own1 of None", "use theirs", "drop own1"]


def test_a_client_made_after_the_first_run_changes_nothing(world: World, fresh: Session) -> None:
    assert used(fresh) == "own1"
    world.notebooks_client = a_client("theirs")
    assert used(fresh) == "own1"


def test_when_the_adopted_client_is_closed_our_own_cluster_is_used(world: World, fresh: Session) -> None:
    world.notebooks_client = a_client("theirs")
    assert used(fresh) == "theirs"
    world.notebooks_client = None
    closed = fresh._connection
    assert closed is not None
    closed.is_open = False  # type: ignore[misc]  # of the stand-in
    assert used(fresh) == "own1"
    assert [*world.log] == ["use theirs", "start own1 of None", "use own1"]


def test_when_the_host_of_our_own_cluster_dies_another_is_started(world: World, fresh: Session) -> None:
    assert used(fresh) == "own1"
    connection = fresh._connection
    assert connection is not None
    connection.cluster.alive = False
    assert used(fresh) == "own2"


def test_connect_decides_against_the_notebooks_client(world: World, fresh: Session) -> None:
    fresh.prepare()
    world.notebooks_client = a_client("theirs")
    assert fresh.connect(a_client("named")).address == "named"
    assert used(fresh) == "named"
    assert fresh.connect().address == "own2"
    assert used(fresh) == "own2"
    assert fresh.connect().address == "own2"


def test_a_named_cluster_that_is_gone_is_not_silently_replaced(world: World, fresh: Session) -> None:
    fresh.connect(a_client("named"))
    gone = fresh._connection
    assert gone is not None
    gone.is_open = False  # type: ignore[misc]  # of the stand-in
    with pytest.raises(ClusterUnusable, match=r"The cluster at named that `wfkit\.connect` chose is gone"):
        fresh.engine()
    assert fresh.connect().owned
    assert used(fresh) == "own1"


def test_a_start_that_failed_is_tried_again(world: World, fresh: Session) -> None:
    fresh.prepare()
    world.fault = ClusterUnusable("no memory.")
    with pytest.raises(ClusterUnusable, match="no memory"):
        fresh.engine()
    world.fault = None
    assert used(fresh) == "own2"


def test_a_cluster_that_is_not_used_yet_follows_the_settings(world: World, fresh: Session) -> None:
    fresh.settings.cluster_n_workers = 3
    assert world.log == []
    fresh.prepare()
    fresh.settings.cluster_n_workers = 1
    assert world.dropped.wait(5)
    assert used(fresh) == "own2"
    assert sorted(world.log) == ["drop own1", "start own1 of 3", "start own2 of 1", "use own2"]


def test_the_caution_of_an_adopted_cluster_is_said_once(world: World, fresh: Session) -> None:
    world.notebooks_client = a_client("theirs")
    fresh.engine()
    assert [fresh.take_caution(), fresh.take_caution()] == ["beware of theirs", ""]
    fresh.connect(a_client("other"))
    assert [fresh.take_caution(), fresh.take_caution()] == ["beware of other", ""]
    fresh.connect()
    assert fresh.take_caution() == ""


def test_closing_takes_back_all_that_is_ours(world: World, fresh: Session) -> None:
    fresh.connect()
    fresh.connect(a_client("named"))
    fresh.prepare()
    world.log.clear()
    fresh.close()
    assert world.log == ["leave own1", "close guests", "close own1", "leave named", "close named"]
    fresh.close()


def test_closing_drops_a_cluster_that_was_never_used(world: World, fresh: Session) -> None:
    fresh.prepare()
    fresh.close()
    assert world.log == ["start own1 of None", "drop own1"]


def test_there_is_one_session_a_process(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_CURRENT", [])
    assert session() is session()
    close_session()
    assert module._CURRENT == []


def test_a_bad_setting_leaves_no_session_behind(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_CURRENT", [])
    monkeypatch.setenv("WFKIT_CLUSTER_N_WORKERS", "many")
    with pytest.raises(BadSetting, match="WFKIT_CLUSTER_N_WORKERS"):
        session()
    monkeypatch.delenv("WFKIT_CLUSTER_N_WORKERS")
    session()
    close_session()


# --- with a real cluster ---


@task
def inc(x: Any) -> Any:
    return x + 1


@flow
def etl(n: int = 2) -> Any:
    return inc.map(range(n))


def test_runs_are_found_by_id_start_of_id_and_flow(current: Session) -> None:
    first: Any = etl.run()
    second: Any = etl.run()
    assert current.runs == [first, second]
    assert current.find(first.id) is current.find(str(first.id)) is first
    assert current.find("etl") is second is etl.last_run
    with pytest.raises(NoSuchRun, match=r"no run 'nope' in this session\. Flows that ran: etl\."):
        current.find("nope")


def test_ended_runs_are_forgotten_one_day(current: Session, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "KEPT_RUNS", 2)
    gone: list[Any] = []
    current.let_go = gone.append
    runs = [etl.run() for _ in range(4)]
    assert current.runs == runs[2:]
    assert gone == runs[:2]


def test_a_new_run_frees_what_earlier_ones_hold_when_it_ends(current: Session) -> None:
    first: Any = etl.run()
    second: Any = etl.run()
    assert (first.released, second.released) == (True, False)
    assert first.result() == [1, 2]  # small values stay readable


def test_a_pinned_run_keeps_what_it_holds_until_it_is_unpinned(current: Session) -> None:
    first: Any = etl.run()
    first.pin()
    etl.run()
    assert (first.pinned, first.released) == (True, False)
    assert current.keeper.history is not None
    assert current.keeper.history.run(first.id).pinned
    first.unpin()
    etl.run()
    assert (first.pinned, first.released) == (False, True)
    assert not current.keeper.history.run(first.id).pinned


def test_runs_that_go_on_when_the_session_closes_end_interrupted(current: Session) -> None:
    gate = threading.Event()

    @flow
    def held() -> None:
        inc(1)
        gate.wait(10)

    run: Any = held.start()
    current.close()
    gate.set()
    assert run.state is RunState.INTERRUPTED
    assert run.view_model.reason == "the session was closed"


def test_runs_end_when_their_client_is_closed_and_the_session_goes_elsewhere(
    client: Client, current: Session, monkeypatch: pytest.MonkeyPatch
) -> None:
    gate = threading.Event()

    @flow
    def held() -> None:
        gate.wait(10)

    with Client(client.scheduler.address, set_as_default=False) as second:  # type: ignore[union-attr]
        current.connect(second)
        run: Any = held.start()
    current.connect(client)
    gate.set()
    assert run.wait(10).state is RunState.INTERRUPTED
    assert etl() == [1, 2]


def test_handles_of_runs_on_a_cluster_left_open_still_answer(client: Client, current: Session) -> None:
    run: Any = etl.run(3)
    with Client(client.scheduler.address, set_as_default=False) as second:  # type: ignore[union-attr]
        current.connect(second)
        assert etl() == [1, 2]
        assert run.node("inc").result() == [1, 2, 3]
        current.connect(client)


def test_public_names_of_the_session(current: Session, client: Client) -> None:
    assert module.connect(client).workers == 1
