"""Session of this process: decides which cluster is used, and starts runs on it."""

from __future__ import annotations

import atexit
import os
import threading
import time
from typing import Any, Final

from wfkit.authoring.flow import Flow
from wfkit.authoring.parameters import preview_parameters
from wfkit.clusters import connect as connecting
from wfkit.clusters.connect import Connection, current_client
from wfkit.clusters.facts import ClusterFacts, describe
from wfkit.clusters.local import BackgroundStart, LocalOptions
from wfkit.core.ids import run_id
from wfkit.core.states import RUN_ENDS
from wfkit.engine.driver.engine import Engine
from wfkit.engine.driver.run import Run
from wfkit.errors import NoSuchRun
from wfkit.session.settings import WfkitSettings, load_settings

#: Ended runs that a session remembers.
KEPT_RUNS: Final = 100


class Session:
    """Joins a cluster and the runs on it.

    Parameters
    ----------
    settings : WfkitSettings
    """

    def __init__(self, settings: WfkitSettings) -> None:
        self.settings = settings
        #: Runs of this process, oldest first.
        self.runs: list[Run] = []
        self._lock = threading.RLock()
        self._starting: BackgroundStart | None = None
        self._connection: Connection | None = None
        self._engine: Engine | None = None

    # Which cluster

    def prepare(self) -> None:
        """Start our own local cluster in the background, unless there is a Dask client to adopt."""
        with self._lock:
            if self._starting is None and self._connection is None and current_client() is None:
                self._starting = BackgroundStart(self._options())

    def connect(self, target: Any = None) -> ClusterFacts:
        """Use a cluster from now on.

        Parameters
        ----------
        target : str, distributed.Client or a Dask cluster, optional
            None: start our own local cluster.

        Raises
        ------
        ClusterUnusable : nothing answers there, or wfkit cannot be set up in it
        """
        with self._lock:
            if target is None:
                self._starting = self._starting or BackgroundStart(self._options())
                target = self._starting.cluster()
            else:
                self._drop_unused()
            connection = connecting.connect(target)
            engine = Engine(connection.client)
            self._leave()
            self._connection, self._engine = connection, engine
            return self.facts()

    def engine(self) -> Engine:
        """The engine on the cluster that is used; decides which at the first call.

        Raises
        ------
        ClusterUnusable : there is none
        """
        with self._lock:
            if self._engine is None or self._connection is None or not self._connection.is_open:
                adopted = current_client()
                if self._connection is not None and self._connection.owns_cluster:
                    self._leave()
                    self._starting = None
                self.connect(adopted)
            assert self._engine is not None
            return self._engine

    def facts(self) -> ClusterFacts:
        """What is known of the cluster that is used."""
        with self._lock:
            self.engine()
            assert self._connection is not None
            return describe(self._connection.client, owned=self._connection.owns_cluster)

    def close(self) -> None:
        """Close what is ours: the client and the local cluster."""
        with self._lock:
            self._leave()
            self._drop_unused()

    def _leave(self) -> None:
        if self._engine is not None:
            self._engine.close()
        if self._connection is not None:
            self._connection.close()
        self._engine = self._connection = None

    def _drop_unused(self) -> None:
        if self._starting is not None:
            self._starting.close()
            self._starting = None

    def _options(self) -> LocalOptions:
        chosen = self.settings
        return LocalOptions(
            n_workers=chosen.cluster_n_workers,
            threads_per_worker=chosen.cluster_threads_per_worker,
            memory_limit=chosen.cluster_memory_limit,
            worker_saturation=chosen.cluster_worker_saturation,
        )

    # Runs

    def new_run(self, flow: Flow[..., Any], parameters: dict[str, object]) -> Run:
        """Open a run of a flow; its body is the caller's to execute."""
        engine = self.engine()
        identity = run_id(int(time.time() * 1000), os.urandom(10))
        run = Run(engine, identity, flow.name, preview_parameters(parameters))
        with self._lock:
            self.runs.append(run)
            ended = [known for known in self.runs if known.state in RUN_ENDS]
            for known in ended[: max(0, len(self.runs) - KEPT_RUNS)]:
                self.runs.remove(known)
        earlier = [known for known in self.runs if known.flow_name == flow.name and known is not run]
        run.when_ended(lambda: _release_all(earlier))
        flow.last_run = run
        return run

    def find(self, name: str) -> Run:
        """A run by its id, the start of its id, or the name of its flow (then the newest).

        Raises
        ------
        NoSuchRun : none of this session fits
        """
        for run in reversed(self.runs):
            if run.id.startswith(name) or run.flow_name == name:
                return run
        known = ", ".join(dict.fromkeys(run.flow_name for run in reversed(self.runs))) or "none yet"
        raise NoSuchRun(f"There is no run {name!r} in this session.", f"Flows that ran: {known}.")


def _release_all(runs: list[Run]) -> None:
    """A new run of a flow frees what its earlier runs hold on the cluster."""
    for run in runs:
        if run.state in RUN_ENDS:
            run.release()


_CURRENT: Final[list[Session]] = []
_CURRENT_LOCK: Final = threading.Lock()


def session() -> Session:
    """The session of this process; made at the first call.

    Raises
    ------
    BadSetting : a setting is not usable
    """
    with _CURRENT_LOCK:
        if not _CURRENT:
            _CURRENT.append(Session(load_settings()))
            atexit.register(close_session)
        return _CURRENT[0]


def close_session() -> None:
    """End the session of this process."""
    with _CURRENT_LOCK:
        while _CURRENT:
            _CURRENT.pop().close()


def connect(target: Any = None) -> ClusterFacts:
    """Choose the cluster that flows run on from now on.

    Parameters
    ----------
    target : str, distributed.Client or a Dask cluster, optional
        A scheduler's address, a client or a cluster object; None starts our own local cluster.

    Raises
    ------
    ClusterUnusable : nothing answers there, or wfkit cannot be set up in it
    """
    return session().connect(target)


def runs() -> list[Run]:
    """The runs of this session, newest first."""
    return list(reversed(session().runs))
