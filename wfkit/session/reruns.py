"""Reruns: a run goes on from a recorded one: the flow and the tasks as they are now, the replay."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager, suppress
from functools import partial
from typing import TYPE_CHECKING

from wfkit.authoring.explain import explain
from wfkit.authoring.flow import FunctionBody
from wfkit.authoring.handle import Handle
from wfkit.authoring.lookups import global_lookups
from wfkit.core.events import SURROUNDINGS, CodeSpec
from wfkit.core.layers import Layers
from wfkit.core.plan import Plan, plan_of
from wfkit.core.rerun import BY_HAND, Rerun
from wfkit.core.states import RUN_ENDS, RunState
from wfkit.engine.driver.origin import Origin
from wfkit.engine.driver.reading import ReadableRun
from wfkit.engine.driver.reuse import Record, Reuse
from wfkit.engine.driver.run import Run
from wfkit.errors import CannotRerun, ResultUnreadable, WfkitError
from wfkit.session.codes import codes_of, read_by
from wfkit.session.launch import ending_of, start_thread
from wfkit.session.rebinding import AnyFlow, home_of, rebound
from wfkit.session.session import session
from wfkit.session.wishes import Asked, wishes_of

if TYPE_CHECKING:
    from wfkit.engine.driver.engine import Engine
    from wfkit.session.session import Session

#: Changes of a task's code that are told; there may be more.
_TOLD = 2
#: Newest runs of a flow that are looked at for one to go on from.
_LOOKED_AT = 20


class SessionRerunner:
    """Repeats runs in the session of this process (engine.driver.again.Rerunner)."""

    def rerun(self, run: ReadableRun, what: Sequence[str | Handle], replace: Mapping[str, object]) -> Run:
        """Start a run that goes on from a recorded one; its body is executed in a thread of its own."""
        joined = session()
        asked = asked_of(joined, run, what, replace)
        flow, parameters = replayed(run)
        new = open_rerun(joined, asked, flow, parameters)
        start_thread(new, flow, parameters, keep_output=True)
        return new

    def plan(self, run: ReadableRun, what: Sequence[str | Handle], replace: Mapping[str, object]) -> Plan:
        """Tell what `rerun` would do, and refuse what it would."""
        joined = session()
        asked = asked_of(joined, run, what, replace)
        _refuse_if_driven_elsewhere(run)
        with suppress(ResultUnreadable):  # what the flow was called with needs modules that are not here
            replayed(run)
        codes: dict[str, CodeSpec] = {}
        for one in reversed(asked):  # code of the user's, and the store: no lock
            codes |= codes_now(one.run)
        origins = [_origin(joined, one) for one in asked]
        with _locked(asked):
            return plan_of(Layers([record.rerun for record in _records(asked, origins, joined.current_engine)]), codes)

    def codes_now(self, run: ReadableRun) -> dict[str, CodeSpec]:
        """The code of a run's tasks as it is now, by the id of the version on record, where the task is found."""
        return codes_now(run)

    def changes(self, run: ReadableRun) -> dict[str, str]:
        """What has changed since versions of the code of a run's tasks, in words, by the id of the version."""
        now = codes_now(run)
        with run.lock:
            codes = list(run.view_model.codes.values())
        return {
            code.id: _change_in_words(code, now[code.id])
            for code in codes
            if code.id in now and _differ(code, now[code.id])
        }


def last_of(joined: Session, flow_name: str) -> ReadableRun | None:
    """The newest run of a flow that another one can go on from; None where there is none."""
    ours = (run for run in reversed(joined.runs) if run.flow_name == flow_name)
    found = next((run for run in ours if _has_own(run)), None)
    recorded = [] if found is not None else joined.keeper.runs(flow=flow_name, limit=_LOOKED_AT)
    settled = (run if run.state in RUN_ENDS else joined.keeper.find(run.id) for run in recorded)
    return found or next((run for run in settled if _has_own(run)), None)


def _has_own(run: ReadableRun) -> bool:
    """Whether a run has more than the one that it goes on from; not where its body failed before it made new calls."""
    if run.state not in RUN_ENDS or run.state is RunState.COMPLETED:
        return True
    with run.lock:
        groups = run.view_model.groups.values()
        return any(any(group.attempts) or any(why.reason == BY_HAND for why in group.verdicts) for group in groups)


def _differ(before: CodeSpec, after: CodeSpec) -> bool:
    return bool(before.fingerprint and after.fingerprint) and before.fingerprint != after.fingerprint


def asked_of(
    joined: Session, run: ReadableRun, what: Sequence[str | Handle], replace: Mapping[str, object]
) -> list[Asked]:
    """What a rerun goes on from, and what is asked for of it (`wishes_of`): a run, and those before it that count."""
    return wishes_of(_runs_from(joined, run), what, replace)


def _runs_from(joined: Session, run: ReadableRun) -> list[ReadableRun]:
    """A run, and before each whose body was cut short the one that it went on from, as far as they are known."""
    runs = [run]
    while runs[-1].view_model.is_cut_short and (before := _before(joined, runs[-1])) is not None:
        runs.append(before)
    return runs


def _before(joined: Session, run: ReadableRun) -> ReadableRun | None:
    """The run that a run went on from; None where there is none, or no record of it, or another process drives it."""
    if run.parent_id is None:
        return None
    if isinstance(run, Run) and run.parent is not None:
        return run.parent
    if (ours := next((one for one in joined.runs if one.id == run.parent_id), None)) is not None:
        return ours
    with suppress(WfkitError):
        found = joined.keeper.find(run.parent_id)
        return found if found.state in RUN_ENDS else None
    return None


def open_rerun(
    joined: Session,
    asked: Sequence[Asked],
    flow: AnyFlow,
    parameters: dict[str, object],
) -> Run:
    """Open a run that goes on from recorded ones; its body is the caller's to execute.

    Raises
    ------
    CannotRerun : another process still drives it
    StoreFailed : the store of results cannot be asked now; no run was opened
    """
    run = asked[0].run
    _refuse_if_driven_elsewhere(run)
    for one in asked:
        joined.keeper.hold(one.run.id)
    origins, engine = [_origin(joined, one) for one in asked], joined.engine()
    with _locked(asked):
        records = _records(asked, origins, engine)
    new = joined.new_run(flow, parameters, parent=run)
    try:
        new.go_on_from(Reuse(new, records))
        if (before := run.view_model.codes.get(SURROUNDINGS)) is not None:
            new.read_before = before.parts
        _make_kin(run, new)
    except BaseException as error:
        new.fail_body(*ending_of(error, None), {})
        raise
    return new


def _refuse_if_driven_elsewhere(run: ReadableRun) -> None:
    if run.state not in RUN_ENDS and not isinstance(run, Run):
        raise CannotRerun(
            f"The run {run.id} of `{run.flow_name}` still goes on in another process.",
            f"Wait for it, or end it there: `wfkit.attach({run.id!r}).take_over()`.",
        )


def _make_kin(run: ReadableRun, new: Run) -> None:
    if isinstance(run, Run):
        new.parent = run
        run.reruns.append(new)
    before = new.parent
    while before is not None:  # whoever looks at an earlier run may want to see this one
        before.tell_subscribers()
        before = before.parent


def _origin(joined: Session, asked: Asked) -> Origin:
    run = asked.run
    return Origin(run.view_model, joined.results, run if isinstance(run, Run) else None, asked.by_hand, run.lock)


@contextmanager
def _locked(asked: Sequence[Asked]) -> Iterator[None]:
    """Nothing changes in the recorded runs; locks are taken from the newest to the oldest."""
    with ExitStack() as locks:
        for one in asked:
            locks.enter_context(one.run.lock)
        yield


def _records(asked: Sequence[Asked], origins: Sequence[Origin], engine: Engine | None) -> list[Record]:
    return [
        Record(Rerun(origin.view, one.wishes, partial(origin.lost, engine=engine), _change_in_words), origin)
        for one, origin in zip(asked, origins, strict=True)
    ]


def _change_in_words(before: CodeSpec, after: CodeSpec) -> str:
    changes = explain(before.parts, after.parts)
    more = f" and {len(changes) - _TOLD} more changes" if len(changes) > _TOLD else ""
    return "; ".join(changes[:_TOLD]) + more if changes else f"the code of `{after.task}` changed"


# The flow and the tasks as they are now


def replayed(run: ReadableRun) -> tuple[AnyFlow, dict[str, object]]:
    """The flow that a rerun executes, and the parameters of the recorded run.

    Raises
    ------
    CannotRerun : the flow is not known any more, or a name that its body reads
    """
    flow = _flow_now(run)
    if flow is None:
        why_not = "Run it anew: its arguments cannot be pickled, hold a secret, are large, or their file is lost."
        fix = "Define it again." if _has_arguments(run) else why_not
        raise CannotRerun(f"The flow `{run.flow_name}` of the run {run.id} is not known here.", fix)
    if missing := flow.body.missing():
        named = ", ".join(f"`{name}`" for name in missing)
        raise CannotRerun(f"The body of `{flow.name}` reads {named}, which is not defined.", "Execute its cell first.")
    return flow, dict(run.arguments)


def _flow_now(run: ReadableRun) -> AnyFlow | None:
    """The flow as it is now: as this kernel has it, else as it was, with the names that this kernel has."""
    known, main = run.flow, vars(sys.modules["__main__"])
    found = rebound(main, run.flow_name, known) or known
    if found is None or (known is None and not _has_arguments(run)):
        return None
    if found is known and not isinstance(run, Run) and isinstance(known.body, FunctionBody):
        _take_names(known.body.fn, main)
    return rebound(home_of(found), run.flow_name, found) or found


def _take_names(function: Callable[..., object], main: Mapping[str, object]) -> None:
    """Have a function of another kernel's notebook, which has its names from the record, read those of this one."""
    if function.__module__ == "__main__":
        space = function.__globals__
        names = {*space, *global_lookups(function.__code__)}
        space.update({name: main[name] for name in names if name in main and not name.startswith("__")})


def _has_arguments(run: ReadableRun) -> bool:
    """Whether it is known what a run was called with."""
    return run.arguments.keys() == dict(run.view_model.parameters).keys()


def _flow_here(run: ReadableRun) -> AnyFlow | None:
    """The flow as it is now, for who only reads its code: that of the record is not loaded where this kernel has one.

    The record's comes with the user's arguments, and may need modules that are not here.
    """
    if isinstance(run, Run):
        return _flow_now(run)
    found = rebound(vars(sys.modules["__main__"]), run.flow_name)
    if found is not None:
        return rebound(home_of(found), run.flow_name, found) or found
    with suppress(WfkitError):
        return _flow_now(run)
    return None


def codes_now(run: ReadableRun) -> dict[str, CodeSpec]:
    """The code of the tasks of a run as it is now, by the id of the version on record, where the task is found."""
    with run.lock:
        recorded = list(run.view_model.codes.values())
    space, flow = dict(vars(sys.modules["__main__"])), _flow_here(run)
    body: list[object] = []
    if flow is not None and isinstance(flow.body, FunctionBody):
        body = list(read_by(flow.body.fn))
        space |= flow.body.fn.__globals__
    elif flow is not None:
        body = list(flow.body.reads().values())
    return codes_of(recorded, body, space.values())
