"""Recording: a call becomes a group of the graph: it gets its id, its name, and its place among the others."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable
from contextvars import ContextVar
from dataclasses import replace
from math import inf
from typing import Final

from wfkit.authoring.freeze import Constant, Frozen, Slot
from wfkit.authoring.handle import Handle
from wfkit.authoring.options import TaskOptions
from wfkit.core.events import TOKEN_BYTES, Edge, GroupSpec, How, Input
from wfkit.core.ids import GroupId, RunId
from wfkit.engine.driver.group import Group
from wfkit.engine.driver.wiring import run_of
from wfkit.engine.worker.cached import Caching
from wfkit.engine.worker.calls import FrozenCall
from wfkit.engine.worker.spec import Bounds, Others, Spec
from wfkit.engine.worker.stored import Store

#: The run, and the group in it, of the flow inside a flow whose body makes the calls here.
_INSIDE: Final[ContextVar[tuple[str, GroupId | None]]] = ContextVar("wfkit_inside", default=("", None))
_NAME_CHARACTERS: Final = 100


class Recording:
    """Makes the groups of one run, in the order of the calls."""

    def __init__(
        self, run_id: RunId, flow_name: str, bounds: Bounds, store: Store | None = None, most_bytes: float = inf
    ) -> None:
        self.run_id = run_id
        self.flow_name = flow_name
        self.bounds = bounds
        self.store = store
        self.most_bytes = most_bytes  #: a larger value is not stored
        self.replays = False  #: the run goes on from another one
        self._names: dict[str, int] = {}
        self._order = 0

    def group(
        self,
        call: FrozenCall,
        source: object,
        identity: GroupId,
        parent: GroupId | None,
        within: str,
        looks: tuple[tuple[GroupId, int], ...] = (),
        caching: Caching | None = None,
    ) -> Group:
        """Make the group of a call.

        Parameters
        ----------
        call : FrozenCall
        source : object
            The run's own; handles of another run become edges to nothing.
        identity, parent : GroupId
        within : str
            The name of the node whose body made the call; empty for a flow's.
        looks : tuple of (group, element)
            What the body looked at before the call, and after the one before; -1: the whole group.
        caching : Caching, optional
            Where its nodes look for values of earlier runs.
        """
        name = self._name(call.task, within)
        spec = GroupSpec(
            id=identity,
            order=self.next_order(),
            name=name,
            task=call.task,
            kind="task",
            mapped=call.mapped,
            length=call.length,
            parent=parent,
            labels=call.labels,
            code=call.code_id,
            inputs=call.inputs + _foreign(call, source),
            uses=_uses(call, source),
            looks=looks,
            arguments=call.arguments,
        )
        work = Spec(
            run_id=self.run_id,
            flow_name=self.flow_name,
            group=identity,
            name=name,
            mapped=call.mapped,
            code_id=call.code_id,
            code=call.code,
            bounds=self.bounds,
            others=Others(
                self.store if call.options.persist_result else None,
                caching,
                self.replays,
                self.most_bytes,
                limited=bool(call.options.limits),
            ),
        )
        group = Group(
            spec=spec,
            work=work,
            options=call.options,
            key=f"{_key_prefix(call.task)}-{_digest(self.run_id, identity)}",
            frozen=call.frozen,
            slots=call.slots if isinstance(call.slots, tuple) else list(call.slots),
            wait_for=call.wait_for,
            length=call.length,
            overs=call.overs,
            chunk=call.chunk,
            max_concurrency=call.max_concurrency,
        )
        group.spec = replace(spec, edges=edges_of(group, source))
        return group

    def bare_group(
        self,
        kind: str,
        name: str,
        identity: GroupId,
        parent: GroupId | None,
        within: str = "",
        edges: tuple[Edge, ...] = (),
        inputs: tuple[Input, ...] = (),
    ) -> GroupSpec:
        """A group without tasks: it holds the calls of a flow inside the flow, or is a flatten."""
        return GroupSpec(
            id=identity,
            order=self.next_order(),
            name=self._name(name, within),
            task=name,
            kind=kind,
            mapped=kind == "flatten",
            length=None if kind == "flatten" else 0,
            parent=parent,
            edges=edges,
            uses=edges,
            inputs=inputs,
        )

    def bare(self, spec: GroupSpec) -> Group:
        """What stands among the groups that have nodes for one whose nodes are never sent: a flatten, or one kept."""
        nothing = Frozen(b"", ())
        work = Spec(
            run_id=self.run_id,
            flow_name=self.flow_name,
            group=spec.id,
            name=spec.name,
            mapped=spec.mapped,
            code_id="",
            code=b"",
            bounds=self.bounds,
        )
        return Group(spec=spec, work=work, options=TaskOptions(), key="", frozen=nothing, slots=(), length=None)

    def new_id(self) -> GroupId:
        """An id for what the flow's own body calls next."""
        return GroupId(f"g{self._order + 1}")

    def enter(self, group: GroupId) -> Callable[[], None]:
        """Make calls in this thread or coroutine members of a flow's group; calling the result ends that."""
        before = _INSIDE.get()
        _INSIDE.set((self.run_id, group))

        def leave() -> None:
            _INSIDE.set(before)

        return leave

    def parent(self) -> GroupId | None:
        """The flow's group that calls in this thread or coroutine belong to."""
        run_id, group = _INSIDE.get()
        return group if run_id == self.run_id else None

    def next_order(self) -> int:
        """The place of the next group among all."""
        self._order += 1
        return self._order

    def _name(self, name: str, within: str) -> str:
        full = f"{within}/{name}" if within else name
        if len(full) > _NAME_CHARACTERS:
            full = f"…{full[-_NAME_CHARACTERS:].partition('/')[2] or name}"
        count = self._names[full] = self._names.get(full, 0) + 1
        return full if count == 1 else f"{full}#{count}"


def edges_of(group: Group, source: object) -> tuple[Edge, ...]:
    """What a group's nodes depend on, for the graph."""
    slots = group.slots if group.pattern is None else group.pattern[1]
    if isinstance(slots, tuple):
        found = [_edge(slot.source, slot.how) for slot in slots if _is_of(slot.source, source)]
    else:
        found = [
            _edge(slot.source, slot.how, at if slot.how is not How.EACH else None)
            for at, several in enumerate(slots)
            for slot in several
            if _is_of(slot.source, source)
        ]
    found += [
        _edge(handle, How.ALL if handle._mapped else How.ONE) for handle in group.wait_for if _is_of(handle, source)
    ]
    return tuple(dict.fromkeys(found))


def _uses(call: FrozenCall, source: object) -> tuple[Edge, ...]:
    """The handles among the arguments, in order."""
    found: list[tuple[Slot, int | None]]
    if isinstance(call.slots, tuple):
        found = [(slot, None) for slot in call.slots]
    else:
        found = [(slot, at) for at, several in enumerate(call.slots) for slot in several]
    return tuple(
        replace(_edge(slot.source, slot.how, at), items=slot.use.items)
        for slot, at in found
        if _is_of(slot.source, source)
    )


def uses_of(handles: Iterable[Handle], source: object) -> tuple[Edge, ...]:
    """The run's own handles among what a flow inside the flow is called with."""
    return tuple(
        replace(
            _edge(handle, How.ALL if handle._mapped else How.ONE),
            items=() if handle._ref.item is None else (handle._ref.item,),
        )
        for handle in handles
        if handle._source is source
    )


def _foreign(call: FrozenCall, source: object) -> tuple[Input, ...]:
    """What stands for the handles of other runs among the inputs: which nodes they are."""
    slots = call.slots if isinstance(call.slots, tuple) else [slot for several in call.slots for slot in several]
    handles = [slot.source for slot in slots if isinstance(slot.source, Handle) and slot.source._source is not source]
    if not handles:
        return ()
    named = "/".join(f"{run_of(handle).id} {handle._ref}" for handle in handles)
    return (Input("of other runs", hashlib.blake2b(named.encode(), digest_size=TOKEN_BYTES).digest()),)


def _is_of(origin: Handle | Constant, source: object) -> bool:
    return isinstance(origin, Handle) and origin._source is source


def _edge(handle: Handle | Constant, how: How, at: int | None = None) -> Edge:
    assert isinstance(handle, Handle)
    return Edge(handle._ref.group, how, handle._ref.index or 0, at)


def _key_prefix(task: str) -> str:
    """A task's name as the start of a Dask key, which Dask cuts at the first hyphen that a digest follows."""
    return "".join(letter if letter.isalnum() else "_" for letter in task) or "task"


def _digest(run_id: str, group: str) -> str:
    return "0" + hashlib.blake2b(f"{run_id}/{group}".encode(), digest_size=10).hexdigest()
