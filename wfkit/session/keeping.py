"""Keeping: what lasts of the runs of this process: their record, their results, and the flows themselves."""

from __future__ import annotations

import getpass
import platform
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from functools import cache
from typing import TYPE_CHECKING, Any, Final, cast

from wfkit.authoring.contents import MOST_BYTES
from wfkit.authoring.flow import Flow, FunctionBody
from wfkit.authoring.pickler import dumps
from wfkit.authoring.secrets import holds_secret, names_secret, redacted
from wfkit.authoring.whereabouts import working_folder
from wfkit.core.abandoned import last_events
from wfkit.core.events import AnyEvent
from wfkit.core.ids import RunId, run_id
from wfkit.core.states import STATES
from wfkit.core.wire import Encoded, encode
from wfkit.engine.driver.recorded import RecordedRun
from wfkit.engine.worker.stored import shares
from wfkit.errors import NoSuchRun, WfkitError
from wfkit.history.home import home
from wfkit.history.keys import for_history, signing_key
from wfkit.history.paths import shown
from wfkit.history.records import RunRecord
from wfkit.history.results import ResultStore, open_results
from wfkit.history.retention import Retention, prune
from wfkit.history.seal import Seal
from wfkit.history.store import History

if TYPE_CHECKING:
    from distributed import Client

    from wfkit.engine.driver.run import Run
    from wfkit.session.settings import WfkitSettings

_GIT_S: Final = 2.0
#: At the end of a process so long is waited for a database that cannot be written.
_CLOSE_S: Final = 5.0
#: Of a flow with its arguments: what the body of a cell reads, and as much again.
_FLOW_BYTES: Final = 2 * MOST_BYTES
_GIGABYTE: Final = 10**9
_MOST_GIGABYTES: Final = 10**9
_NAMED: Final = 3
_TAKEN_OVER: Final = "another process has taken the run over"
_FlowAndArguments = tuple["Flow[..., Any] | None", dict[str, object]]


class Keeper:
    """Writes the record of runs and finds it again. Where that cannot be, runs go on without.

    Attributes
    ----------
    results : ResultStore or None
    history : History or None
    cautions : list of str
        What is not kept, and why; told once.
    """

    def __init__(self, settings: WfkitSettings) -> None:
        self.results: ResultStore | None = None
        self.history: History | None = None
        self.cautions: list[str] = []
        self._policy: Retention | None = Retention(
            days=settings.history_keep_days,
            runs=settings.history_keep_runs,
            size_bytes=int(min(settings.history_keep_gigabytes, _MOST_GIGABYTES) * _GIGABYTE),
        )
        self._beginning: list[threading.Thread] = []
        self._shown_url = shown(settings.results_url) if settings.results_url else ""
        if settings.history_keep:
            self._try(lambda: self._open_results(settings))
            self._try(lambda: self._open_history(settings))

    def _try(self, work: Callable[[], None]) -> None:
        try:
            work()
        except WfkitError as error:
            self.cautions.append(str(error))

    def _open_results(self, settings: WfkitSettings) -> None:
        results = open_results(home(), settings.results_url)
        results.write_probe()
        self.results = results

    def _open_history(self, settings: WfkitSettings) -> None:
        place = home()
        self.history = History.open(settings.history_url or place, Seal(for_history(signing_key(place))))
        self.cautions += self.history.notes

    def begin(
        self,
        identity: RunId,
        flow: Flow[..., Any],
        arguments: Mapping[str, object],
        parameters: tuple[tuple[str, str], ...],
        parent_id: RunId | None,
        cluster: Mapping[str, str],
    ) -> _Kept | None:
        """Begin the record of a run; what comes back takes its events. None where there is no record."""
        if self.history is None:
            return None
        kept = _Kept(self.history, identity)
        payload = _frozen_flow(flow, arguments)
        (source_kind, source), folder = _source(flow), working_folder()

        def begin() -> None:
            record = RunRecord(
                id=identity,
                flow_name=flow.name,
                started_s=time.time(),
                tags=tuple(sorted(flow.options.tags)),
                git_commit=_git_commit(folder),
                environment=_environment(),
                cluster=cluster,
                user=_user(),
                host=socket.gethostname(),
                results_url=self._shown_url,
                flow_stored=self._stored_flow(identity, payload),
                parameters=parameters,
                parent_id=parent_id,
                source_kind=source_kind,
                source=source,
            )
            kept.begin(record)
            self._prune_once()

        thread = threading.Thread(target=begin, name="wfkit-keep", daemon=True)
        self._beginning.append(thread)
        thread.start()
        return kept

    def hold(self, identity: RunId) -> None:
        """Keep the record and the results of a run that another one is about to go on from."""
        if self.history is not None:
            with suppress(WfkitError):  # where nobody can write now, nobody removes it
                self.history.hold(identity)

    def _stored_flow(self, identity: RunId, payload: bytes) -> str:
        """Keep a flow for a rerun by another kernel; the reference, or nothing where it cannot be kept."""
        if self.results is not None and payload:
            with suppress(WfkitError):  # a store that is full: the run needs none of it
                return self.results.for_run(identity).write("flow", payload)
        return ""

    def pin(self, identity: RunId, on: bool) -> None:  # noqa: FBT001 - as in `History.pin`
        """Keep the record of a run whatever its age, or not; nothing to do where there is no record.

        Raises
        ------
        HistoryUnusable : the record cannot be changed now
        """
        if self.history is not None:
            self._settle()
            self.history.flush(_CLOSE_S)
            self.history.pin(identity, on)

    # Looking back

    def find(self, name: str) -> RecordedRun:
        """A run on record by its id, or the start of its id.

        Raises
        ------
        NoSuchRun : there is none, or there are several
        """
        if self.history is None:
            why = "; ".join(caution.rstrip(".") for caution in self.cautions) or "off"
            raise NoSuchRun(f"There is no run {name!r}.", f"No history is kept: {why}.")
        self._settle()
        self.history.flush(_CLOSE_S)
        identity = self.history.run(name).id
        self.history.settle_abandoned(waits_for=lambda one: one == identity)
        return RecordedRun(_Record(self, self.history.run(identity)), self.results)

    def record(self, identity: RunId) -> RunRecord | None:
        """What is on record about a run: who, where, with what; None where there is no record of it."""
        if self.history is None:
            return None
        self._settle()
        self.history.flush(_CLOSE_S)
        try:
            return self.history.run(identity)
        except NoSuchRun:
            return None

    def runs(self, **wanted: Any) -> list[RecordedRun]:
        """Runs on record, newest first; see `History.runs`."""
        if self.history is None:
            return []
        self._settle()
        self.history.flush(_CLOSE_S)
        self.history.settle_abandoned(waits_for=lambda _: True)
        return [RecordedRun(_Record(self, record), self.results) for record in self.history.runs(**wanted)]

    def _prune_once(self) -> None:
        """Remove what is older, or more, than is kept; once in the life of a process, beside its first run."""
        policy, self._policy = self._policy, None
        if policy is not None and self.history is not None and self.results is not None:
            with suppress(WfkitError):  # what could not be removed now goes another time
                prune(self.history, self.results.delete_run, self.results.size_of_run, policy)

    def unshared(self, client: Client) -> str:
        """What to know about a cluster some workers of which do not see the store of results; empty where all do."""
        if self.results is None:
            return ""
        store = self.results.for_run(run_id(0, bytes(10)))
        answers: dict[str, bool] = cast("Any", client).run(shares, store)
        apart = sorted(worker for worker, seen in answers.items() if not seen)
        if not apart:
            return ""
        named = ", ".join(apart[:_NAMED]) + (f" and {len(apart) - _NAMED} more" if len(apart) > _NAMED else "")
        return (
            f"Larger results stay in cluster memory only: {named} do not see {self.results!r}."
            " Set `url` in the section [results] of wfkit.toml to a place that all workers share."
        )

    def _settle(self) -> None:
        """Wait until the records of all runs have begun."""
        while self._beginning:
            self._beginning.pop().join(_CLOSE_S)

    def close(self) -> None:
        """Write what waits."""
        self._settle()
        if self.history is not None:
            self.history.close(_CLOSE_S)


class _Kept:
    """The record of one run while it goes on (history.writer.Driver)."""

    def __init__(self, history: History, identity: RunId) -> None:
        self._history, self._run_id = history, identity
        self._lock = threading.Lock()
        self._early: list[Encoded] | None = []  #: events from before the record began; None: it has
        self.run: Run | None = None

    def begin(self, record: RunRecord) -> None:
        """The record begins, with the events that there are."""
        self._history.begin(record, self)
        with self._lock:
            early, self._early = self._early, None
            self._history.append(self._run_id, early or [])

    def __call__(self, events: Sequence[Encoded]) -> None:
        if self._early is not None:
            with self._lock:
                if self._early is not None:
                    self._early += events
                    return
        self._history.append(self._run_id, events)

    def counts(self) -> dict[str, int]:
        """How many nodes of the run are in each state."""
        if self.run is None:
            return {}
        with self.run.lock:
            counts = zip(STATES, self.run.view_model.counts(), strict=True)
        return {state.value: count for state, count in counts if count}

    def lose(self) -> None:
        """Another process has the run now, or has ended it; nothing of it begins on the cluster any more."""
        if self.run is not None:
            self.run.lose_cluster(f"{_TAKEN_OVER}, or ended it when this one was not heard of")
            self.run.release()


class _Record:
    """What is on record of one run (engine.driver.recorded.Record)."""

    def __init__(self, keeper: Keeper, record: RunRecord) -> None:
        self._keeper, self._record = keeper, record
        self.id, self.flow_name, self.parent_id = record.id, record.flow_name, record.parent_id
        self.pinned = record.pinned

    @property
    def _history(self) -> History:
        assert self._keeper.history is not None
        return self._keeper.history

    def last_seq(self) -> int:
        """The number of the last event that is on record now."""
        self._history.settle_abandoned()
        return self._history.run(self.id).last_seq

    def events(self, after_seq: int) -> Iterable[AnyEvent]:
        """Its events with higher numbers, as far as they are on record now."""
        return self._history.events(self.id, after_seq)

    def pin(self, on: bool) -> None:  # noqa: FBT001 - as in `History.pin`
        """Keep it whatever its age, or not."""
        self._keeper.pin(self.id, on)

    def take_over(self) -> None:
        """End it, whoever drives it."""
        history = self._history
        history.take_over(self.id)
        last_seq = history.run(self.id).last_seq
        ends = last_events(history.view(self.id), last_seq, time.time(), _TAKEN_OVER)
        history.append(self.id, [encode(end) for end in ends])
        history.flush(_CLOSE_S)

    def flow(self) -> _FlowAndArguments | None:
        """The flow as it was (None where it was not kept), and what it was called with; None where that was not."""
        if not self._record.flow_stored or self._keeper.results is None:
            return None
        return cast("_FlowAndArguments", self._keeper.results.load(self._record.flow_stored))


def _frozen_flow(flow: Flow[..., Any], arguments: Mapping[str, object]) -> bytes:
    """A flow and its arguments as they are now; what is large, cannot be pickled, or holds a secret is left out.

    Without the flow, its arguments are enough where the kernel has a flow of that name. Empty: not even they are kept.
    """
    kept: tuple[_FlowAndArguments, ...] = ((flow, dict(arguments)), (None, dict(arguments)))
    for one in kept:
        with suppress(Exception):  # the user's own code
            payload = dumps(one, _FLOW_BYTES)  # from now on it is known which secrets the code writes out
            if not (names_secret(dict(arguments)) or holds_secret(payload)):
                return payload
    return b""


def _source(flow: Flow[..., Any]) -> tuple[str, str]:
    """Whether a flow is from a file or a cell; the path, or the text."""
    if isinstance(flow.body, FunctionBody):
        return "file", flow.body.fn.__code__.co_filename
    return "cell", redacted(str(getattr(flow.body, "source", "")))


@cache
def _environment() -> dict[str, str]:
    from importlib.metadata import version

    packages = {name: version(name) for name in ("wfkit", "dask", "distributed")}
    return {"python": platform.python_version(), "platform": platform.platform(), "program": sys.argv[0], **packages}


@cache
def _user() -> str:
    with suppress(Exception):  # no name for this user id
        return getpass.getuser()
    return ""


@cache
def _git_commit(folder: str) -> str:
    """The commit that a folder is at; with a plus where files differ from it; empty outside of repositories."""
    with suppress(Exception):
        told = subprocess.run(
            ["git", "-C", folder, "describe", "--always", "--abbrev=40", "--dirty=+", "--exclude=*"],  # noqa: S607
            capture_output=True,
            text=True,
            timeout=_GIT_S,
            check=True,
        )
        return told.stdout.strip()
    return ""
