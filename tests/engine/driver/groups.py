"""Groups made by hand, for what the driver decides about them without a cluster."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from wfkit.authoring.freeze import Frozen, Slot, Use
from wfkit.authoring.handle import Handle, Ref
from wfkit.authoring.options import TaskOptions
from wfkit.core.events import GroupSpec, How
from wfkit.core.ids import GroupId
from wfkit.engine.driver.group import Group
from wfkit.engine.worker.spec import Bounds, Spec

#: What answers for the handles of the run under test.
SOURCE: Any = object()


def group_of(
    name: str,
    length: int = 1,
    *,
    mapped: bool = False,
    slots: tuple[Slot, ...] | Sequence[tuple[Slot, ...]] = (),
    parent: str | None = None,
    order: int = 1,
    options: TaskOptions | None = None,
    chunk: int | None = 1,
    max_concurrency: int | None = None,
    wait_for: tuple[Handle, ...] = (),
) -> Group:
    """A group as a call makes it."""
    identity = GroupId(name)
    spec = GroupSpec(
        id=identity,
        order=order,
        name=name,
        task=name,
        kind="task",
        mapped=mapped,
        length=length,
        parent=None if parent is None else GroupId(parent),
    )
    work = Spec(
        run_id="r",
        flow_name="f",
        group=name,
        name=name,
        mapped=mapped,
        code_id="c",
        code=b"",
        bounds=Bounds(),
    )
    return Group(
        spec=spec,
        work=work,
        options=options or TaskOptions(),
        key=f"{name}-0abc",
        frozen=Frozen(b"", ()),
        slots=slots if isinstance(slots, tuple) and not _nested(slots) else list(slots),  # type: ignore[arg-type]
        length=length,
        chunk=chunk,
        max_concurrency=max_concurrency,
        wait_for=wait_for,
    )


def _nested(slots: Sequence[object]) -> bool:
    return bool(slots) and not isinstance(slots[0], Slot)


def whole(name: str) -> Handle:
    """The handle of a map."""
    return Handle(SOURCE, Ref(GroupId(name), None), mapped=True)


def one(name: str, index: int = 0) -> Handle:
    """The handle of a node."""
    return Handle(SOURCE, Ref(GroupId(name), index))


def each(name: str) -> Slot:
    """Element i takes element i of a map."""
    return Slot(whole(name), How.EACH, Use())


def every(name: str) -> Slot:
    """All elements of a map, as a list."""
    return Slot(whole(name), How.ALL, Use())


def single(name: str, index: int = 0, *, items: tuple[int, ...] = ()) -> Slot:
    """The value of one node, or an item of it."""
    return Slot(one(name, index), How.ONE, Use(items))
