"""Reruns: a run goes on from a recorded one: what is asked for, the flow and the tasks as they are now, the replay."""

from __future__ import annotations

import inspect
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from types import ModuleType
from typing import TYPE_CHECKING, Any

from wfkit.authoring.explain import explain
from wfkit.authoring.flow import Flow, FunctionBody
from wfkit.authoring.handle import Handle
from wfkit.authoring.locality import is_local
from wfkit.authoring.task import Task
from wfkit.core.edges import Node
from wfkit.core.events import CodeSpec
from wfkit.core.ids import GroupId
from wfkit.core.plan import Plan, plan_of
from wfkit.core.rerun import Rerun, Wishes
from wfkit.core.states import RUN_ENDS
from wfkit.engine.driver.origin import Origin
from wfkit.engine.driver.reading import ReadableRun
from wfkit.engine.driver.reuse import Reuse
from wfkit.engine.driver.run import Run
from wfkit.engine.worker.calls import code_spec
from wfkit.errors import CannotRerun, NoSuchNode, WfkitError
from wfkit.session.launch import ending_of, start_thread
from wfkit.session.session import session

if TYPE_CHECKING:
    from wfkit.session.session import Session

AnyFlow = Flow[..., Any]
_CHANGED = "changed"
#: Changes of a task's code that are told; there may be more.
_TOLD = 2


class SessionRerunner:
    """Repeats runs in the session of this process (engine.driver.again.Rerunner)."""

    def rerun(self, run: ReadableRun, what: Sequence[str | Handle], replace: Mapping[str, object]) -> Run:
        """Start a run that goes on from a recorded one; its body is executed in a thread of its own."""
        if run.state not in RUN_ENDS and not isinstance(run, Run):
            raise CannotRerun(
                f"The run {run.id} still goes on in another process.",
                "Wait for it: `run.wait()`, or `run.take_over()` first.",
            )
        wishes, by_hand = wishes_of(run, what, replace)
        flow, parameters = replayed(run)
        new = open_rerun(session(), run, flow, parameters, wishes, by_hand)
        start_thread(new, flow, parameters, keep_output=True)
        return new

    def plan(self, run: ReadableRun, what: Sequence[str | Handle], replace: Mapping[str, object]) -> Plan:
        """Tell what `rerun` would do."""
        wishes, by_hand = wishes_of(run, what, replace)
        codes, origin = codes_now(run), _origin(session(), run, by_hand)  # code of the user's, and the store: no lock
        with run.lock:
            return plan_of(run.view_model, _rules(run, wishes, origin), codes)

    def codes_now(self, run: ReadableRun) -> dict[str, CodeSpec]:
        """The code of a run's tasks as it is now, by the task's name; those that are not found are left out."""
        return codes_now(run)

    def changes(self, run: ReadableRun) -> dict[str, str]:
        """What has changed since versions of the code of a run's tasks, in words, by the id of the version."""
        now = codes_now(run)
        with run.lock:
            codes = list(run.view_model.codes.values())
        return {
            code.id: _change_in_words(code, now[code.task])
            for code in codes
            if code.task in now and _differ(code, now[code.task])
        }


def _differ(before: CodeSpec, after: CodeSpec) -> bool:
    return bool(before.fingerprint and after.fingerprint) and before.fingerprint != after.fingerprint


def open_rerun(
    joined: Session,
    run: ReadableRun,
    flow: AnyFlow,
    parameters: dict[str, object],
    wishes: Wishes,
    by_hand: Mapping[Node, object],
) -> Run:
    """Open a run that goes on from a recorded one; its body is the caller's to execute.

    Raises
    ------
    StoreFailed : the store of results cannot be asked now; no run was opened
    """
    origin = _origin(joined, run, by_hand)
    with run.lock:
        rules = _rules(run, wishes, origin)
    new = joined.new_run(flow, parameters, parent=run)
    try:
        new.go_on_from(Reuse(new, rules, origin))
        _make_kin(run, new)
    except BaseException as error:
        new.fail_body(*ending_of(error, None), {})
        raise
    return new


def _make_kin(run: ReadableRun, new: Run) -> None:
    if isinstance(run, Run):
        new.parent = run
        run.reruns.append(new)
    before = new.parent
    while before is not None:  # whoever looks at an earlier run may want to see this one
        before.tell_subscribers()
        before = before.parent


def _origin(joined: Session, run: ReadableRun, by_hand: Mapping[Node, object]) -> Origin:
    return Origin(run.view_model, joined.results, run if isinstance(run, Run) else None, by_hand, run.lock)


def _rules(run: ReadableRun, wishes: Wishes, origin: Origin) -> Rerun:
    return Rerun(run.view_model, wishes, origin.lost, _change_in_words)


def _change_in_words(before: CodeSpec, after: CodeSpec) -> str:
    changes = explain(before.parts, after.parts)
    more = f" and {len(changes) - _TOLD} more changes" if len(changes) > _TOLD else ""
    return "; ".join(changes[:_TOLD]) + more if changes else f"the code of `{after.task}` changed"


# What is asked for


def wishes_of(
    run: ReadableRun, what: Sequence[str | Handle], replace: Mapping[str, object]
) -> tuple[Wishes, dict[Node, object]]:
    """What a rerun is asked for, in terms of the recorded run.

    Raises
    ------
    NoSuchNode : a name stands for nothing, or for a whole map where a value is given
    """
    forced: set[tuple[GroupId, int | None]] = set()
    for one in what:
        if one != _CHANGED if isinstance(one, str) else True:
            forced.update(_meant(run, one))
    by_hand: dict[Node, object] = {}
    for name, value in replace.items():
        ref = run.node(name)._ref
        if ref.index is None or run.view_model.groups[ref.group].spec.kind != "task":
            raise NoSuchNode(f"`{name}` is no single node, so one value cannot replace it.", f'Name one: "{name}[0]".')
        by_hand[ref.group, ref.index] = value
    changed = any(isinstance(one, str) and one == _CHANGED for one in what)
    return Wishes(changed=changed, forced=frozenset(forced), by_hand=frozenset(by_hand)), by_hand


def _meant(run: ReadableRun, one: str | Handle) -> Iterator[tuple[GroupId, int | None]]:
    ref = run.node(one if isinstance(one, str) else one.name)._ref
    with run.lock:
        groups = dict(run.view_model.groups)
    if groups[ref.group].spec.kind == "task":
        yield ref.group, ref.index
        return
    for group in groups.values():  # all that a flow's group holds
        parent = group.spec.parent
        while parent is not None and parent != ref.group:
            parent = groups[parent].spec.parent if parent in groups else None
        if parent is not None and group.spec.kind == "task":
            yield group.spec.id, None


# The flow and the tasks as they are now


def replayed(run: ReadableRun) -> tuple[AnyFlow, dict[str, object]]:
    """The flow that a rerun executes, and the parameters of the recorded run.

    Raises
    ------
    CannotRerun : the flow is not known any more, or a name that its body reads
    """
    flow = _flow_now(run)
    if flow is None:
        why_not = "Run it anew: the flow and its arguments cannot be pickled, hold a secret, or are large."
        fix = "Define it again." if isinstance(run, Run) else why_not
        raise CannotRerun(f"The flow `{run.flow_name}` of the run {run.id} is not known here.", fix)
    missing: list[str] = getattr(flow.body, "missing", list)()
    if missing:
        named = ", ".join(f"`{name}`" for name in missing)
        raise CannotRerun(f"The body of `{flow.name}` reads {named}, which is not defined.", "Execute its cell first.")
    return flow, dict(run.arguments)


def _flow_now(run: ReadableRun) -> AnyFlow | None:
    """The flow as it is now: as this kernel has it, else as it was, with the names that this kernel has."""
    known = run.flow
    if known is None:
        return None
    found = _flow_of_main(run.flow_name)
    if found is not None and type(found.body) is type(known.body):
        return found
    main = vars(sys.modules["__main__"])
    if isinstance(known.body, FunctionBody) and not isinstance(run, Run) and known.body.fn.__module__ == "__main__":
        space = known.body.fn.__globals__  # a copy of its own, from the record
        space.update({name: main[name] for name in space if name in main and not name.startswith("__")})
    return known


def _flow_of_main(name: str) -> AnyFlow | None:
    found = vars(sys.modules["__main__"]).get(name)
    return found if isinstance(found, Flow) and found.name == name else None


def _flow_here(run: ReadableRun) -> AnyFlow | None:
    """The flow as it is now, for who only reads its code: that of the record is not loaded where this kernel has one.

    The record's comes with the user's arguments, and may need modules that are not here.
    """
    if isinstance(run, Run):
        return _flow_now(run)
    found = _flow_of_main(run.flow_name)
    if found is not None:
        return found
    with suppress(WfkitError):
        return _flow_now(run)
    return None


def codes_now(run: ReadableRun) -> dict[str, CodeSpec]:
    """The code of the tasks of a run as it is now, by the task's name; those that are not found are left out."""
    with run.lock:
        wanted = {group.spec.task for group in run.view_model.groups.values() if group.spec.kind == "task"}
    found: dict[str, CodeSpec] = {}
    for task in _tasks(_namespace(run)):
        if task.name in wanted and task.name not in found:
            found[task.name] = code_spec(task)
    return found


def _namespace(run: ReadableRun) -> dict[str, object]:
    """The names that a body reads."""
    space = dict(vars(sys.modules["__main__"]))
    flow = _flow_here(run)
    if flow is not None and isinstance(flow.body, FunctionBody):
        variables = inspect.getclosurevars(flow.body.fn)
        space = {**space, **flow.body.fn.__globals__, **variables.nonlocals}
    return space


def _tasks(space: Mapping[str, object]) -> Iterator[Task[..., object]]:
    modules = []
    for value in list(space.values()):
        if isinstance(value, Task):
            yield value
        elif isinstance(value, ModuleType) and is_local(value):
            modules.append(value)
    for module in modules:
        yield from (value for value in list(vars(module).values()) if isinstance(value, Task))
