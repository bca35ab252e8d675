"""Wishes: what a rerun is asked for, by names, handles and values, in terms of the recorded runs."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from typing import Final, NamedTuple

from wfkit.authoring.handle import Handle, Ref
from wfkit.authoring.task import Task
from wfkit.core.anew import newest, stem
from wfkit.core.edges import Node
from wfkit.core.ids import GroupId
from wfkit.core.rerun import Wishes
from wfkit.engine.driver.byhand import ByHand
from wfkit.engine.driver.reading import ReadableRun
from wfkit.errors import BadArguments, NoSuchNode

_CHANGED: Final = "changed"


class Asked(NamedTuple):
    """A recorded run that a rerun goes on from, and what it is asked for in terms of it."""

    run: ReadableRun
    wishes: Wishes
    by_hand: Mapping[Node, ByHand]


def wishes_of(runs: Sequence[ReadableRun], what: Sequence[object], replace: object) -> list[Asked]:
    """What a rerun is asked for of each run that it goes on from, and the values that are given.

    Parameters
    ----------
    runs : sequence of ReadableRun
        The newest first; a name is looked for in one after the other.
    what, replace
        As for `rerun`.

    Raises
    ------
    BadArguments : something that is no name and no handle is to be executed, or no mapping is to replace
    NoSuchNode : a name stands for nothing, or for a whole map where a value is given
    HandleMisuse, NotPicklable : a value is a handle, or cannot be sent to a worker
    """
    forced: list[set[tuple[GroupId, int | None]]] = [set() for _ in runs]
    changed = any(isinstance(one, str) and one == _CHANGED for one in what)
    for one in what:
        if not isinstance(one, str) or one != _CHANGED:
            for at, meant in _meant(runs, _name_of(one), _run_of(runs, one)):
                forced[at].add(meant)
    by_hand: list[dict[Node, ByHand]] = [{} for _ in runs]
    for name, value in _by_name(replace).items():
        at, ref = next(_found(runs, name))
        run = runs[at]
        if ref.index is None or run.view_model.groups[ref.group].spec.kind != "task":
            raise NoSuchNode(f"`{name}` is no single node, so one value cannot replace it.", f'Name one: "{name}[0]".')
        by_hand[at][_holding(run, ref.group), ref.index] = ByHand.of(value, name)
    wishes = (Wishes(changed, frozenset(names), frozenset(given)) for names, given in zip(forced, by_hand, strict=True))
    return [*map(Asked, runs, wishes, by_hand)]


def _name_of(one: object) -> str:
    """The name of what is to be executed: of a handle, or (of `n_outputs=`) an item of its value, that of the node."""
    if isinstance(one, str):
        return one
    if isinstance(one, Handle):
        return one._source.name(dataclasses.replace(one._ref, item=None))
    if isinstance(one, Task):
        raise BadArguments(f"A rerun takes names and handles, not the task `{one.name}`.", f'Write "{one.name}".')
    raise BadArguments(
        f"A rerun takes names and handles, not {type(one).__name__} {one!r:.60}.",
        'Write such as `run.rerun("clean[3]")`; `run.nodes` lists the names.',
    )


def _by_name(replace: object) -> Mapping[str, object]:
    if not isinstance(replace, Mapping):
        raise BadArguments(
            f"`replace=` takes values by the names of nodes, not {type(replace).__name__} {replace!r:.60}.",
            'Write such as `replace={"clean[3]": 5}`.',
        )
    return replace


def _run_of(runs: Sequence[ReadableRun], one: object) -> int:
    """Whose a handle is; the newest for a name, and for a handle of none of the runs."""
    return next((at for at, run in enumerate(runs) if isinstance(one, Handle) and one._source is run.answers), 0)


def _found(runs: Sequence[ReadableRun], name: str) -> Iterator[tuple[int, Ref]]:
    """What a name stands for in the runs that have it, the newest first.

    Raises
    ------
    NoSuchNode : none has it
    """
    found = False
    for at, run in enumerate(runs):
        with suppress(NoSuchNode):
            ref = run.node(name)._ref
            found = True
            yield at, ref
    if not found:
        _ = runs[0].node(name)


def _meant(runs: Sequence[ReadableRun], name: str, first: int) -> Iterator[tuple[int, tuple[GroupId, int | None]]]:
    """What a name stands for, from one of the runs on, each with the run of which it is told."""
    for at, ref in _found(runs[first:], name):
        run = runs[first + at]
        with run.lock:
            groups = dict(run.view_model.groups)
        if groups[ref.group].spec.kind == "task":
            yield first + at, (_holding(run, ref.group), ref.index)
            return
        for group in groups.values():  # all that a flow's group holds; a run before may have more of it
            parent = group.spec.parent
            while parent is not None and parent != ref.group:
                parent = groups[parent].spec.parent if parent in groups else None
            if parent is not None and group.spec.kind == "task":
                yield first + at, (group.spec.id, None)


def _holding(run: ReadableRun, group: GroupId) -> GroupId:
    """The call that holds where a body has made one again: that of its last attempt.

    Raises
    ------
    NoSuchNode : that one is of another task, or has other elements
    """
    with run.lock:
        groups = run.view_model.groups
        held = newest(groups).get(stem(group), group)
        before, after = groups[group], groups[held]
    if (before.spec.task, before.spec.mapped, len(before)) != (after.spec.task, after.spec.mapped, len(after)):
        raise NoSuchNode(
            f"`{before.spec.name}` is of an earlier attempt of what spawned it: a later attempt has made another call.",
            f"Name that one: `{after.spec.name}`.",
        )
    return held
