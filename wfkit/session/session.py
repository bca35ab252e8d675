"""Session of this process: decides which cluster is used, and starts runs on it."""

from __future__ import annotations

import atexit
import os
import threading
import time
from collections.abc import Callable
from enum import Enum
from functools import partial
from importlib import import_module
from typing import TYPE_CHECKING, Any, Final

from wfkit.authoring.flow import Flow
from wfkit.authoring.parameters import preview_parameters
from wfkit.clusters import connect as connecting
from wfkit.clusters.connect import Connection, current_client
from wfkit.clusters.facts import ClusterFacts, describe
from wfkit.clusters.guests import close_guests
from wfkit.clusters.loading import load_distributed
from wfkit.clusters.local import BackgroundStart, LocalOptions, OwnedCluster
from wfkit.core.ids import run_id
from wfkit.core.states import RUN_ENDS
from wfkit.errors import ClusterUnusable
from wfkit.session.naming import run_by_name
from wfkit.session.releasing import release_all, release_earlier
from wfkit.session.settings import NAMES, WfkitSettings, load_settings

if TYPE_CHECKING:
    from traitlets.config import Configurable

    from wfkit.engine.driver.engine import Engine, Results
    from wfkit.engine.driver.reading import ReadableRun
    from wfkit.engine.driver.run import Run
    from wfkit.session.keeping import Keeper

#: Ended runs that a session remembers.
KEPT_RUNS: Final = 100
_ENGINE: Final = "wfkit.engine.driver.run"
_KEEPING: Final = "wfkit.session.keeping"


class _Choice(Enum):
    """What `wfkit.connect` was told."""

    NONE = "it was not called: the notebook's Dask client, else our own cluster"
    OURS = "our own cluster"
    THEIRS = "a cluster that was named"


def wait_for(run: Run) -> None:
    """Wait for the end of a run, as a script does."""
    run.wait()


def close_nothing(run: Run) -> None:
    """A script has no views."""


class Session:
    """Joins a cluster and the runs on it.

    Parameters
    ----------
    settings : WfkitSettings

    Attributes
    ----------
    runs : list of Run
        Runs of this process, oldest first.
    wait : callable
        Waits for the end of a run that somebody called for; a notebook puts its own way in, which takes interrupts.
    let_go : callable
        Called with a run that is none of `runs` any more, as there are too many; a notebook closes its views of it.
    """

    def __init__(self, settings: WfkitSettings) -> None:
        self.settings = settings
        self.runs: list[Run] = []
        self.wait: Callable[[Run], object] = wait_for
        self.let_go: Callable[[Run], object] = close_nothing
        self._lock = threading.RLock()
        self._starting: BackgroundStart | None = None  # our own cluster, not used so far
        self._connection: Connection | None = None
        self._engine: Engine | None = None
        self._choice: _Choice = _Choice.NONE
        self._caution = ""
        self._keeper: Keeper | None = None
        self._cluster: dict[str, str] = {}
        self._left: list[tuple[Engine, Connection]] = []  # whose runs still answer their handles
        settings.observe(self._resize, [name for name in NAMES if name.startswith("cluster_")])

    # What lasts

    @property
    def keeper(self) -> Keeper:
        """Writes the record of runs, and finds it again."""
        from wfkit.session.keeping import Keeper

        with self._lock:
            if self._keeper is None:
                self._keeper = Keeper(self.settings)
                self._caution = "\n".join(filter(None, [self._caution, *self._keeper.cautions]))
            return self._keeper

    @property
    def results(self) -> Results | None:
        """The store of results; None where there is none."""
        return self.keeper.results

    # Which cluster

    def prepare(self) -> None:
        """Start our own local cluster in the background, unless there is a Dask client to adopt."""
        with self._lock:
            if self._connection is None and current_client() is None:
                self._start()

    def connect(self, target: Any = None) -> ClusterFacts:
        """Use a cluster from now on. Runs on the one before go on there, and their handles keep answering.

        Parameters
        ----------
        target : str, distributed.Client or a Dask cluster, optional
            None: our own local cluster.

        Raises
        ------
        ClusterUnusable : nothing answers there, or wfkit cannot be set up in it
        """
        with self._lock:
            self._use(target)
            self._choice = _Choice.OURS if target is None else _Choice.THEIRS
            return self.facts()

    def engine(self) -> Engine:
        """The engine on the cluster that is used; decides which at the first call.

        Raises
        ------
        ClusterUnusable : there is none
        """
        with self._lock:
            if self._engine is None or not self._is_open():
                if self._choice is _Choice.THEIRS and self._connection is not None:
                    raise ClusterUnusable(
                        f"The cluster at {self._address} that `wfkit.connect` chose is gone.",
                        "Connect to it again, or call `wfkit.connect()` for one on this machine.",
                    )
                self._use(current_client() if self._choice is _Choice.NONE else None)
            assert self._engine is not None
            return self._engine

    @property
    def current_engine(self) -> Engine | None:
        """The engine on the cluster that is used; None while it is not decided which."""
        return self._engine

    @property
    def is_decided(self) -> bool:
        """Whether it is decided which cluster is used."""
        return self._connection is not None

    def facts(self) -> ClusterFacts:
        """What is known of the cluster that is used."""
        with self._lock:
            self.engine()
            assert self._connection is not None
            return describe(self._connection.client, owned=self._connection.owns_cluster)

    def take_caution(self) -> str:
        """What is not guaranteed on the cluster that is used; empty when it was told before, and for our own."""
        with self._lock:
            caution, self._caution = self._caution, ""
            return caution

    def close(self) -> None:
        """Close what is ours: clients, and the local cluster. Runs that still go on end INTERRUPTED."""
        with self._lock:
            self._leave()
            for engine, connection in self._left:
                self._end_runs(engine, "the session was closed")
                if not connection.owns_cluster:  # it may live on, or tell in the terminal what it loses
                    release_all([run for run in self.runs if run.engine is engine])
                engine.close()
                if connection.owns_cluster:
                    close_guests(connection)
                connection.close()
            self._left.clear()
            if self._starting is not None:
                self._starting.close()
                self._starting = None
            if self._keeper is not None:
                self._keeper.close()
                self._keeper = None

    def _use(self, target: Any) -> None:
        """Connect to a cluster (None: our own), and leave the one before."""
        if target is None and self._is_open() and self._connection is not None and self._connection.owns_cluster:
            return
        from wfkit.clusters.imports import ImportProbe
        from wfkit.engine.driver.engine import Engine

        connection = connecting.connect(self._own_cluster() if target is None else target)
        try:
            warnings = self._preflight(connection)
            probe = None if connection.owns_cluster else ImportProbe(connection.client)
            chosen = self.settings
            most_bytes = chosen.results_max_gigabytes * 1e9
            engine = Engine(connection.client, chosen.engine_no_workers_timeout_s, probe, self.results, most_bytes)
            facts = describe(connection.client, owned=connection.owns_cluster)
        except BaseException:
            connection.close()
            raise
        self._leave()
        self._drop_unused()
        self._connection, self._engine = connection, engine
        apart = "" if connection.owns_cluster else self.keeper.unshared(connection.client)
        told = [facts.caution, *warnings, *self.keeper.cautions, apart]
        self._cluster = {"address": facts.address, "workers": str(facts.workers), "threads": str(facts.threads)}
        self._address, self._caution = facts.address, "\n".join(filter(None, told))

    def _preflight(self, connection: Connection) -> list[str]:
        """Refuse a cluster whose packages do not fit ours; gives what may be worth knowing."""
        from wfkit.clusters.preflight import check_versions

        if connection.owns_cluster:
            return []
        return check_versions(connection.client, refuse=self.settings.cluster_preflight == "refuse")

    def _own_cluster(self) -> OwnedCluster:
        """Our own cluster, which from now on is the caller's to close."""
        starting = self._start()
        try:
            return starting.cluster()
        except ClusterUnusable:
            starting.close()
            raise
        finally:
            self._starting = None

    def _start(self) -> BackgroundStart:
        if self._starting is not None and self._starting.options != self._options():
            self._drop_unused()
        if self._starting is None:
            self._starting = BackgroundStart(self._options())
            # The first run needs it; loading it here would take most of the time that `%load_ext wfkit` takes.
            threading.Thread(target=_load_engine, name="wfkit-import-engine", daemon=True).start()
        return self._starting

    def _resize(self, _: object) -> None:
        """The settings of our cluster changed: one that is not used yet starts anew."""
        if self._starting is not None:
            self.prepare()

    def _is_open(self) -> bool:
        if self._connection is None or not self._connection.is_open:
            return False
        return not self._connection.owns_cluster or bool(self._connection.cluster.alive)

    def _leave(self) -> None:
        if self._engine is not None and self._connection is not None:
            if not self._is_open():
                self._end_runs(self._engine, "the Dask cluster is gone")
            self._left.append((self._engine, self._connection))
        self._engine = self._connection = None

    def _end_runs(self, engine: Engine, reason: str) -> None:
        for run in self.runs:
            if run.engine is engine:
                run.lose_cluster(reason)

    def _drop_unused(self) -> None:
        """Close our own cluster that nobody used, without waiting for it."""
        if self._starting is not None:
            threading.Thread(target=self._starting.close, name="wfkit-cluster-close", daemon=True).start()
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

    def new_run(self, flow: Flow[..., Any], parameters: dict[str, object], parent: ReadableRun | None = None) -> Run:
        """Open a run of a flow; its body is the caller's to execute.

        Parameters
        ----------
        flow, parameters
        parent : ReadableRun, optional
            The run that it goes on from.
        """
        from wfkit.engine.driver.run import Run
        from wfkit.engine.worker.spec import Bounds

        engine = self.engine()
        identity = run_id(int(time.time() * 1000), os.urandom(10))
        chosen = self.settings
        shown = preview_parameters(parameters)
        parent_id = None if parent is None else parent.id
        kept = self.keeper.begin(identity, flow, parameters, shown, parent_id, self._cluster)
        run = Run(
            engine,
            identity,
            flow.name,
            shown,
            bounds=Bounds(chosen.engine_max_depth, chosen.engine_max_tasks_per_run, chosen.engine_waiting_threads),
            timeout_s=flow.options.timeout_seconds,
            parent_id=parent_id,
            keep=kept,
        )
        if kept is not None:
            kept.run = run
        run.flow, run.arguments, run.record_pin = flow, parameters, partial(self.keeper.pin, identity)
        with self._lock:
            self.runs.append(run)
            ended = [known for known in self.runs if known.state in RUN_ENDS]
            surplus = ended[: max(0, len(self.runs) - KEPT_RUNS)]
            for known in surplus:
                self.runs.remove(known)
        for known in surplus:
            self.let_go(known)
        earlier = [known for known in self.runs if known.flow_name == flow.name and known is not run]
        run.when_ended(lambda: release_earlier(run, earlier))
        flow._last_run = run
        return run

    def find(self, name: str) -> Run:
        """A run by its id, the start of its id, or the name of its flow (then the newest).

        Raises
        ------
        NoSuchRun : none of this session fits, or several ids begin so
        """
        return run_by_name(self.runs, name)


def _load_engine() -> None:
    load_distributed()
    for module in (_ENGINE, _KEEPING):
        import_module(module)


_CURRENT: Final[list[Session]] = []
_CURRENT_LOCK: Final = threading.Lock()


def session(parent: Configurable | None = None) -> Session:
    """The session of this process; made at the first call.

    Parameters
    ----------
    parent : Configurable, optional
        IPython's shell, whose own configuration may hold settings of ours; counts at the first call only.

    Raises
    ------
    BadSetting : a setting is not usable
    """
    with _CURRENT_LOCK:
        if not _CURRENT:
            _CURRENT.append(Session(load_settings(parent=parent)))
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
