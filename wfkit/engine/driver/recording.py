"""Recording: a call in a flow body becomes a group of the graph, with everything it needs frozen."""

from __future__ import annotations

import hashlib
import string
from collections.abc import Callable, Mapping, Sequence
from contextvars import ContextVar
from typing import Any, Final

from wfkit.authoring.freeze import Constant, Frozen, Slot, freeze, hold_constants
from wfkit.authoring.handle import Handle
from wfkit.authoring.mapping import Mapped, Over
from wfkit.authoring.task import Call, Task
from wfkit.core.events import Edge, GroupSpec, How
from wfkit.core.ids import GroupId, RunId
from wfkit.engine.driver.group import Group
from wfkit.engine.worker.spec import Spec

#: The run, and the group in it, of the flow inside a flow whose body makes the calls here.
_INSIDE: Final[ContextVar[tuple[str, GroupId | None]]] = ContextVar("wfkit_inside", default=("", None))


class Recording:
    """Makes the groups of one run, in the order of its body's calls."""

    def __init__(self, run_id: RunId, flow_name: str) -> None:
        self.run_id = run_id
        self.flow_name = flow_name
        self._names: dict[str, int] = {}
        self._code: dict[Task[..., object], tuple[bytes, str]] = {}
        self._order = 0

    def group(self, call: Call, source: object) -> Group:
        """Freeze a call.

        Parameters
        ----------
        call : Call
        source : object
            The run; handles of another run become edges to nothing.

        Raises
        ------
        WfkitError : something in the call cannot travel
        """
        code, code_id = self._frozen_code(call.task)
        task_name = call.task.name
        frozen: Frozen | Sequence[Frozen]
        slots: tuple[Slot, ...] | Sequence[tuple[Slot, ...]]
        if call.mapped is None:
            frozen, slots = freeze((call.args, call.kwargs), task_name)
            length: int | None = 1
        else:
            frozen, slots = _freeze_map(hold_constants(call.mapped, task_name), task_name)
            length = call.mapped.length
        identity, name = self._new(task_name)
        spec = GroupSpec(
            id=identity,
            order=self._order,
            name=name,
            task=task_name,
            kind="task",
            mapped=call.mapped is not None,
            length=length,
            parent=self._parent(),
            edges=tuple(dict.fromkeys(_edges(slots, call.wait_for, source))),
            labels=_labels(call),
        )
        work = Spec(
            run_id=self.run_id,
            flow_name=self.flow_name,
            group=identity,
            name=name,
            mapped=spec.mapped,
            code_id=code_id,
            code=code,
        )
        return Group(
            spec=spec,
            work=work,
            options=call.task.options,
            key=f"{_key_prefix(task_name)}-{_digest(self.run_id, identity)}",
            frozen=frozen,
            slots=slots,
            wait_for=call.wait_for,
            length=length,
            overs=call.mapped.overs if call.mapped else (),
        )

    def flow_group(self, name: str) -> GroupSpec:
        """A group that holds the calls of a flow inside the flow."""
        identity, unique = self._new(name)
        return GroupSpec(
            id=identity,
            order=self._order,
            name=unique,
            task=name,
            kind="flow",
            mapped=False,
            length=0,
            parent=self._parent(),
        )

    def enter(self, group: GroupId) -> Callable[[], None]:
        """Make calls in this thread or coroutine members of a flow's group; calling the result ends that."""
        before = _INSIDE.get()
        _INSIDE.set((self.run_id, group))

        def leave() -> None:
            _INSIDE.set(before)

        return leave

    def _parent(self) -> GroupId | None:
        run_id, group = _INSIDE.get()
        return group if run_id == self.run_id else None

    def _new(self, name: str) -> tuple[GroupId, str]:
        self._order += 1
        count = self._names[name] = self._names.get(name, 0) + 1
        return GroupId(f"g{self._order}"), name if count == 1 else f"{name}#{count}"

    def _frozen_code(self, task: Task[..., object]) -> tuple[bytes, str]:
        known = self._code.get(task)
        if known is None:
            code = task.frozen_code()
            known = self._code[task] = (code, hashlib.blake2b(code, digest_size=12).hexdigest())
        return known


def _freeze_map(mapped: Mapped, task: str) -> tuple[Frozen | list[Frozen], tuple[Slot, ...] | list[tuple[Slot, ...]]]:
    if mapped.shared:
        return freeze((mapped.args, mapped.kwargs), task)
    pairs = [freeze(mapped.element(index), task) for index in range(mapped.length or 0)]
    slots = [slots for _, slots in pairs]
    same = all(one == slots[0] for one in slots[1:])
    return [frozen for frozen, _ in pairs], (slots[0] if slots and same else slots)


def _edges(
    slots: tuple[Slot, ...] | Sequence[tuple[Slot, ...]], wait_for: Sequence[Handle], source: object
) -> Sequence[Edge]:
    if isinstance(slots, tuple):
        found = [_edge(slot.source, slot.how) for slot in slots if _is_of(slot.source, source)]
    else:
        found = [
            _edge(slot.source, slot.how, at if slot.how is not How.EACH else None)
            for at, several in enumerate(slots)
            for slot in several
            if _is_of(slot.source, source)
        ]
    found += [_edge(handle, How.ALL if handle._mapped else How.ONE) for handle in wait_for if _is_of(handle, source)]
    return found


def _is_of(origin: Handle | Constant, source: object) -> bool:
    return isinstance(origin, Handle) and origin._source is source


def _edge(handle: Handle | Constant, how: How, at: int | None = None) -> Edge:
    assert isinstance(handle, Handle)
    return Edge(handle._ref.group, how, handle._ref.index or 0, at)


def _labels(call: Call) -> tuple[str, ...]:
    """One name per node from the `task_run_name` template; parameters without a plain value show as their handle."""
    template = call.task.options.task_run_name
    if not template or (call.mapped is not None and call.mapped.length is None):
        return ()
    signature = call.task.signature
    elements = [(call.args, call.kwargs)]
    if call.mapped is not None:
        elements = [call.mapped.element(index) for index in range(call.mapped.length or 0)]
    return tuple(
        _Lenient().vformat(template, (), dict(signature.bind(*args, **kwargs).arguments)) for args, kwargs in elements
    )


_LABEL_CHARACTERS: Final = 100


class _Lenient(string.Formatter):
    """Formats a template; what is not known yet, or cannot be formatted so, stays as its name in braces."""

    def get_field(self, field_name: str, args: Sequence[Any], kwargs: Mapping[str, Any]) -> tuple[Any, str]:
        try:
            value, name = super().get_field(field_name, args, kwargs)
        except (LookupError, AttributeError, ValueError):
            return f"{{{field_name}}}", field_name
        return (f"{{{field_name}}}" if isinstance(value, Handle | Over) else value), str(name)

    def format_field(self, value: Any, format_spec: str) -> Any:
        try:
            return str(super().format_field(value, format_spec))[:_LABEL_CHARACTERS]
        except Exception:  # noqa: BLE001 - the user's __format__, or a spec that does not fit
            return str(value)[:_LABEL_CHARACTERS] if isinstance(value, str) else f"<{type(value).__name__}>"


def _key_prefix(task: str) -> str:
    """A task's name as the start of a Dask key, which Dask cuts at the first hyphen that a digest follows."""
    return "".join(letter if letter.isalnum() else "_" for letter in task) or "task"


def _digest(run_id: str, group: str) -> str:
    return "0" + hashlib.blake2b(f"{run_id}/{group}".encode(), digest_size=10).hexdigest()
