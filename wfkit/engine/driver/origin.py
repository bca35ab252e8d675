"""Origin: the recorded run that a run goes on from: how its nodes ended, and where their values are."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import AbstractContextManager, nullcontext
from typing import TYPE_CHECKING, Final

from wfkit.authoring.freeze import Frozen
from wfkit.authoring.handle import Ref
from wfkit.core.events import NodeFinished
from wfkit.core.states import RUN_ENDS, WITH_VALUE, TaskState
from wfkit.core.view import Returned, RunView
from wfkit.engine.driver.byhand import ByHand
from wfkit.engine.driver.group import Node

if TYPE_CHECKING:
    from wfkit.core.ids import GroupId
    from wfkit.engine.driver.engine import Engine, Results
    from wfkit.engine.driver.run import Run

#: How the reason of a node names an input that crashed; a stored result goes by its reference.
_CRASHED: Final = re.compile(f"`([^`]+/[^`]+)` {TaskState.CRASHED}")


class Origin:
    """A recorded run, as the run sees it that goes on from it.

    Parameters
    ----------
    view : RunView
    results : Results or None
        The store of results; None where there is none.
    live : Run or None
        The run itself, where this process drives it, or has driven it.
    by_hand : mapping
        Values that the user gives, by recorded node.
    lock : context manager, optional
        Guards the view of a run that goes on. It is not held while the store is asked.

    Raises
    ------
    StoreFailed : the store of results cannot be asked now
    """

    def __init__(
        self,
        view: RunView,
        results: Results | None,
        live: Run | None = None,
        by_hand: Mapping[Node, ByHand] | None = None,
        lock: AbstractContextManager[object] = nullcontext(),  # noqa: B008 - it holds nothing
    ) -> None:
        self.view = view
        self.live = live
        self.by_hand = dict(by_hand or {})
        with lock:
            stored = [one for group in view.groups.values() for one in group.stored.values()]
            reasons = [one for group in view.groups.values() for one in group.reasons.values()]
        self._lost = dict(results.check_all(stored)) if results is not None and stored else {}
        self._lost |= dict.fromkeys(_not_read(reasons), "it could not be read")
        self._stored = results is not None

    def lost(self, node: Node, engine: Engine | None = None) -> str:
        """Why the value of a recorded node cannot be had any more; empty where it can.

        Parameters
        ----------
        node : Node
        engine : Engine, optional
            On whose cluster it is wanted; default: on that of its run.
        """
        group = self.view.groups[node[0]]
        if node[1] in group.inline or self._is_on_cluster(node, engine):
            return ""
        reference = group.stored.get(node[1])
        if reference is None:
            return "it was in cluster memory only"
        return self._lost.get(reference, "") if self._stored else "there is no store of results"

    def key(self, node: Node, engine: Engine) -> tuple[str, int] | None:
        """Where the cluster of an engine holds the value of a recorded node; None where it does not."""
        if self.live is None or not self._is_on_cluster(node, engine):
            return None
        return self.live.groups[node[0]].where(node[1])

    def given(self, key: str) -> Frozen | None:
        """The value that was given by hand for a node of the recorded run, which its cluster may not have yet."""
        what = None if self.live is None else self.live.to_bring.get(key)
        return what if isinstance(what, Frozen) else None

    def _is_on_cluster(self, node: Node, engine: Engine | None) -> bool:
        run = self.live
        if run is None or run.released or run.lost or node in run.without_key:
            return False
        if node[0] not in run.groups or run.view_model.groups[node[0]].state(node[1]) not in WITH_VALUE:
            return False
        if isinstance(run.to_bring.get(run.groups[node[0]].where(node[1])[0]), str):
            return False  # it was stored, and maybe nobody has loaded it since
        return run.engine.cluster.status == "running" and engine in {None, run.engine}

    def when_ended(self, node: Node, callback: Callable[[], None]) -> None:
        """Call back once, from any thread, when a node has ended that the run still works on."""
        assert self.live is not None
        self.live.answers.when_done(Ref(*node), callback)

    def returned(self, node: Node) -> Returned | None:
        """The handles that a node's value stands for, where it is nothing else."""
        group, index = self.view.groups[node[0]], node[1]
        told = group.returned.get(index)
        return told if told is not None and told.attempt == group.attempts[index] else None

    @property
    def is_live(self) -> bool:
        """Whether the run has not ended."""
        return self.view.state not in RUN_ENDS

    def end(self, node: Node, new: tuple[GroupId, int], at_s: float) -> NodeFinished:
        """The end of a node that keeps the recorded one."""
        return reused(self.view, node, new, at_s)


def reused(view: RunView, node: Node, new: Node, at_s: float) -> NodeFinished:
    """The end of a node that keeps what a view tells of another one, which ended fine."""
    group, index = view.groups[node[0]], node[1]
    made_by = group.made_by.get(index, group.spec.code)
    if group.state(index) is TaskState.SKIPPED:
        return NodeFinished(
            group=new[0],
            index=new[1],
            attempt=0,
            state=TaskState.SKIPPED,
            reason=group.reasons.get(index, ""),
            at_s=at_s,
            made_by=made_by,
        )
    return NodeFinished(
        group=new[0],
        index=new[1],
        attempt=0,
        state=TaskState.REUSED,
        at_s=at_s,
        result_bytes=group.result_bytes[index],
        length=group.lengths.get(index),
        preview=group.previews.get(index, ""),
        inline=group.inline.get(index),
        stored=group.stored.get(index, ""),
        made_by=made_by,
    )


def _not_read(reasons: Iterable[str]) -> Iterator[str]:
    """Stored results that a task of the run wanted and could not have: only who reads a file whole sees all damage."""
    return (found[1] for reason in reasons for found in _CRASHED.finditer(reason))
