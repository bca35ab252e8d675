"""Losses: when a worker is gone, who is to blame, and what the others must know before they take over its tasks.

Dask sends the tasks of a lost worker to other workers by itself. We judge just before it does, and send *notes* about
keys down the same streams, so that a note is there before its task. Dask's own count, which would blame every task
that only waited on the worker, is put out of force for ours.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from itertools import islice
from operator import attrgetter
from typing import TYPE_CHECKING, Any, Final

from distributed.comm.addressing import get_address_host

from wfkit.engine.blackbox import Readout, Where
from wfkit.engine.scheduler.causes import Cause, Evidence, Kind, oom_kills, workers_of

if TYPE_CHECKING:
    from collections.abc import Collection, Hashable, Iterable, Mapping

    from distributed import Scheduler
    from distributed.scheduler import TaskState, WorkerState

    from wfkit.engine.scheduler.executing import Executing
    from wfkit.engine.scheduler.runs import Runs

#: How often a task may be executed again after its worker was lost, unless its options say otherwise.
CRASH_RETRIES: Final = 2
#: The same for workers that were closed under it; so that a task that closes workers does not do so for ever.
CLOSED_RETRIES: Final = 20
#: Dask counts up from here to `allowed-failures`, and never arrives.
_NEVER_SUSPICIOUS: Final = -1_000_000_000
#: The news of a task that is given up waits so long for the nanny to say how its worker ended.
_LAST_WORDS_S: Final = 0.5
_KEPT_NOTES: Final = 20_000  #: of a run
_KEPT_LOSSES: Final = 100
_KEPT_EVIDENCE: Final = 1_000
LOST: Final = "worker lost"
MEMORY: Final = "memory"


@dataclass(frozen=True, slots=True)
class Note:
    """What is known of a key that was on a worker that was lost."""

    crashes: int = 0
    closed: int = 0  #: workers that were closed under it, by somebody's will
    condemned: str = ""
    lost: bool = False  #: it was done, and its result is gone

    def message(self) -> dict[str, object]:
        """As workers get it."""
        alone = self.crashes > 0
        fields = {"crashes": self.crashes, "alone": alone, "condemned": self.condemned, "lost": self.lost}
        return {name: value for name, value in fields.items() if value}


@dataclass(slots=True)
class _Suspect:
    key: Hashable
    runs: list[str]
    before: Note
    after: Note


@dataclass(slots=True)
class _Loss:
    """One lost worker, kept for a while in case that more becomes known."""

    worker: str
    evidence: Evidence
    began: list[_Suspect]  #: they ran there
    maybe: list[_Suspect]  #: they may have begun, and the news of it died with the worker
    waited: list[_Suspect]  #: they had begun, and waited there without a slot
    ended: list[_Suspect]  #: they had ended, which their drivers know and Dask does not
    cause: Cause = field(init=False)
    runs: set[str] = field(init=False)
    untold: list[_Suspect] = field(default_factory=list)  #: given up, which their drivers do not know yet

    def __post_init__(self) -> None:
        self.cause = self.evidence.cause()
        self.runs = {run for suspect in [*self.began, *self.maybe, *self.waited] for run in suspect.runs}

    @property
    def blamed(self) -> list[_Suspect]:
        """Who may have done it. Memory fills slowly enough for the news of a start to get away."""
        sure = self.began and self.cause.kind is Kind.MEMORY
        return self.began if sure or self.cause.kind is Kind.CLOSED else [*self.began, *self.maybe]


class Losses:
    """Judges the losses of workers, and keeps the notes."""

    def __init__(self, scheduler: Scheduler, runs: Runs, executing: Executing) -> None:
        self._scheduler = scheduler
        self._runs = runs
        self._executing = executing
        self._retries: dict[str, dict[Hashable, int]] = {}
        self._notes: dict[str, dict[Hashable, Note]] = {}
        self._evidence: dict[str, Evidence] = {}
        self._losses: dict[str, _Loss] = {}
        self._given_up: dict[str, None] = {}  #: workers that nobody has closed; they may be alive
        self._boxes: dict[str, Readout] = {}
        self._oom_kills = oom_kills()

    def open_box(self, worker: str, where: Where) -> None:
        """A worker tells where its black box is."""
        is_here = get_address_host(worker) == get_address_host(self._scheduler.address)
        if is_here and worker in self._scheduler.workers and (box := Readout.of(where)) is not None:
            self._boxes[worker] = box

    def lease(self, run: str, tasks: Iterable[TaskState], retries: Mapping[str, int]) -> None:
        """From now on these are ours to judge."""
        if retries:
            self._retries.setdefault(run, {}).update(retries)
        for ts in tasks:
            ts.suspicious = _NEVER_SUSPICIOUS

    def forget(self, run: str) -> None:
        """A run is over."""
        self._retries.pop(run, None)
        self._notes.pop(run, None)

    def welcome(self, worker: str) -> None:
        """A worker joins: it learns all that is known of keys it may get."""
        self._given_up.pop(worker, None)
        self._boxes.pop(worker, None)  # of an earlier one at its address
        notes = {key: note.message() for known in self._notes.values() for key, note in known.items()}
        if notes:
            self._runs.send(worker, "notes", notes=notes)

    def is_given_up(self, worker: str) -> bool:
        """Whether what a worker tells counts no more: others execute again what it had, and tell of that."""
        return worker in self._given_up

    def hear(self, topic: str, message: Any) -> None:
        """An event of Dask's log; among them the one between the end of a worker and what follows from it."""
        if topic == "all":
            if isinstance(message, dict) and message.get("action") == "remove-worker":
                self._judge(message)
            return
        for worker in workers_of(topic, message):
            if worker in self._scheduler.workers:
                self._evidence.setdefault(worker, Evidence()).hear(topic, message)
                _bound(self._evidence, _KEPT_EVIDENCE)
            elif (loss := self._losses.get(worker)) is not None:
                loss.evidence.hear(topic, message)
                self._reconsider(loss)

    def _judge(self, event: Mapping[str, Any]) -> None:
        worker = event["worker"]
        evidence, box = self._evidence.pop(worker, Evidence()), self._boxes.pop(worker, None)
        evidence.closing = evidence.closing or bool(event.get("expected"))
        if not evidence.closing:
            self._given_up[worker] = None
            _bound(self._given_up, _KEPT_LOSSES)
        tasks = self._scheduler.tasks
        processing = [tasks[key] for key in event["processing-tasks"] if key in tasks]
        notes: dict[Hashable, Note] = {}
        for key in event.get("lost-computed-tasks", ()):
            if key in tasks and (runs := self._runs.wanting(tasks[key])):
                notes[key] = replace(self._note(key, runs), lost=True)
                self._keep(runs, key, notes[key])
        ws = next((ts.processing_on for ts in processing if ts.processing_on is not None), None)
        if ws is None:
            self._tell_workers(notes)
            return
        evidence.see(ws)
        evidence.system_killed = self._was_system(worker)
        loss = _Loss(worker, evidence, *self._suspects(ws, box.keys() if box is not None else ()))
        self._losses[worker] = loss
        _bound(self._losses, _KEPT_LOSSES)
        self._tell_workers(notes | self._sentence(loss) | self._known([*loss.waited, *loss.ended]))
        blamed = [*loss.blamed, *loss.waited]
        if loss.cause.kind is not Kind.CLOSED or any(each.after.condemned for each in blamed):
            loss.untold = [each for each in blamed if each.after.condemned and evidence.is_silent]
            self._tell_drivers(loss, [each for each in blamed if each not in loss.untold])
        if loss.untold:
            self._scheduler.loop.call_later(_LAST_WORDS_S, self._tell_late, loss)

    def _tell_late(self, loss: _Loss) -> None:
        untold, loss.untold = loss.untold, []
        if untold:
            self._tell_drivers(loss, untold)

    def _was_system(self, worker: str) -> bool:
        """Whether the system killed a process of this container since the last loss; here, and so maybe this one."""
        before, self._oom_kills = self._oom_kills, oom_kills()
        return self._oom_kills > before and get_address_host(worker) == get_address_host(self._scheduler.address)

    def _suspects(
        self, ws: WorkerState, executed: Collection[Hashable]
    ) -> tuple[list[_Suspect], list[_Suspect], list[_Suspect], list[_Suspect]]:
        """Who ran there, who may have begun just now, who waited, and who had ended.

        Where the worker's black box tells who ran, nobody else did, and who began before has ended. Else no more can
        have begun than there were free threads, first those of higher priority. Of suspects only one runs at a time,
        and others wait for it in their threads; the condemned do not run.
        """
        tasks = sorted(ws.processing, key=attrgetter("priority"))
        waited = [
            ts for ts in tasks if self._executing.rests(ts.key) and ts in ws.long_running and ts.key not in executed
        ]
        if executed:
            ran = [ts for ts in tasks if ts.key in executed]
            ended = [ts for ts in tasks if ts.key not in executed and self._executing.runs(ts.key)]
            return self._ours(ran), [], self._ours(waited), self._ours(ended)
        began = [ts for ts in tasks if self._executing.runs(ts.key)]
        known = {*began, *ws.long_running}
        queued = (ts for ts in tasks if ts not in known and not self._executing.rests(ts.key))
        free = ws.nthreads - sum(ts not in ws.long_running for ts in began)
        may_run = (ts for ts in queued if not self._note_of(ts).condemned)
        lonely = any(self._note_of(ts).crashes for ts in began)
        maybe: list[TaskState] = []
        for ts in islice(may_run, max(0, free)):
            suspect_before = self._note_of(ts).crashes > 0
            if not (suspect_before and lonely):
                maybe.append(ts)
            lonely = lonely or suspect_before
        return self._ours(began), self._ours(maybe), self._ours(waited), []

    def _ours(self, tasks: Collection[TaskState]) -> list[_Suspect]:
        wanted = ((ts, self._runs.wanting(ts)) for ts in tasks)
        notes = ((ts.key, runs, self._note(ts.key, runs)) for ts, runs in wanted if runs)
        return [_Suspect(key, runs, note, note) for key, runs, note in notes]

    def _sentence(self, loss: _Loss) -> dict[Hashable, Note]:
        """The notes that follow from a loss; those that it changes."""
        blamed = loss.blamed
        changed = {}
        for suspect in [*loss.began, *loss.maybe]:
            note = suspect.before
            if suspect in blamed:
                note = self._blame(suspect, loss.cause.kind, alone=len(blamed) == 1)
            if note != suspect.after:
                suspect.after = changed[suspect.key] = note
                self._keep(suspect.runs, suspect.key, note)
        return changed

    def _known(self, suspects: Iterable[_Suspect]) -> dict[Hashable, Note]:
        """Notes that blame nobody: workers know that these were executed before, and ask what became of them."""
        for each in suspects:
            self._keep(each.runs, each.key, each.before)
        return {each.key: each.before for each in suspects}

    def _blame(self, suspect: _Suspect, kind: Kind, *, alone: bool) -> Note:
        note = suspect.before
        if kind is Kind.CLOSED:
            note = replace(note, closed=note.closed + 1)
            return replace(note, condemned=LOST) if note.closed > CLOSED_RETRIES else note
        note = replace(note, crashes=note.crashes + 1)
        retries = max(self._retries.get(run, {}).get(suspect.key, CRASH_RETRIES) for run in suspect.runs)
        if note.crashes > retries or (alone and kind is Kind.MEMORY):
            return replace(note, condemned=MEMORY if kind is Kind.MEMORY else LOST)
        return note

    def _reconsider(self, loss: _Loss) -> None:
        """More is known of a loss: better words, and maybe another judgement, of those that nothing has befallen since.

        Dask sees a broken connection before a nanny can say why. The task may have begun on another worker by then;
        the judgement then holds for the time after.
        """
        cause = loss.evidence.cause()
        if cause == loss.cause:
            return
        loss.cause = cause
        for suspects in (loss.began, loss.maybe):
            suspects[:] = [each for each in suspects if self._note(each.key, each.runs) is each.after]
        changed = self._sentence(loss)
        self._tell_workers(changed)
        again = [each for each in [*loss.began, *loss.maybe] if each.key in changed]
        untold, loss.untold = [each for each in loss.untold if each not in again], []
        self._tell_drivers(loss, [*again, *untold])

    def _tell_workers(self, notes: Mapping[Hashable, Note]) -> None:
        if messages := {key: note.message() for key, note in notes.items()}:
            for worker in self._scheduler.workers:
                self._runs.send(worker, "notes", notes=messages)

    def _tell_drivers(self, loss: _Loss, suspects: Iterable[_Suspect]) -> None:
        by_run: dict[str, list[list[object]]] = {run: [] for run in sorted(loss.runs)}
        for each in suspects:
            for run in each.runs:
                by_run[run].append([each.key, each.after.crashes, each.after.condemned])
        for run, entries in by_run.items():
            self._runs.publish(run, ["lost", loss.worker, loss.cause.words, entries])

    def _note_of(self, ts: TaskState) -> Note:
        return self._note(ts.key, self._runs.wanting(ts))

    def _note(self, key: Hashable, runs: Iterable[str]) -> Note:
        return next((self._notes[run][key] for run in runs if key in self._notes.get(run, ())), _NOTHING)

    def _keep(self, runs: Iterable[str], key: Hashable, note: Note) -> None:
        for run in runs:
            if run not in self._runs:
                continue
            known = self._notes.setdefault(run, {})
            known[key] = note
            _bound(known, _KEPT_NOTES)


_NOTHING: Final = Note()


def _bound(kept: dict[Any, Any], most: int) -> None:
    """Let go of what came first."""
    for key in list(islice(kept, max(0, len(kept) - most))):
        del kept[key]
