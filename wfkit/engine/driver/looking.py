"""Looking: what is to be seen of the value of a node, asked of whoever has it: a worker, the record, the store."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Final

from wfkit.core.states import TASK_ENDS, WITH_VALUE
from wfkit.core.view import GroupView
from wfkit.engine.driver.reading import Looked
from wfkit.engine.driver.values import away
from wfkit.engine.worker.look.form import Look, nothing
from wfkit.engine.worker.look.order import look_at_key
from wfkit.engine.worker.look.process import look_in_process
from wfkit.errors import WfkitError

if TYPE_CHECKING:
    from wfkit.authoring.handle import Ref
    from wfkit.engine.driver.cluster import Cluster
    from wfkit.engine.driver.engine import Results
    from wfkit.engine.driver.run import Run

#: A worker that has said nothing for so long is too busy to be asked, or gone.
_PATIENCE_S: Final = 45.0
#: Until the scheduler knows of a value that was made just now.
_NEWS_S: Final = 2.0
_AGAIN_S: Final = 0.05
_RECORD: Final = "the record"
_STORE: Final = "the store of results"


def look_live(run: Run, ref: Ref) -> Looked:
    """What is to be seen of the value of a node of a run that this process drives, or has driven.

    Raises
    ------
    LookupError : there is no such node
    """
    index = ref.index or 0
    with run.lock:
        group = run.view_model.groups[ref.group]
        why_not, small = _without_value(group, index), group.inline.get(index)
        stored = group.stored.get(index, "")
        lost = away(run, group.spec.name)
        key, offset = ("", -1) if lost or why_not else run.groups[ref.group].where(index)
        if stored and key in run.to_bring:
            key = ""  # the cluster has not loaded it
        maker = group.worker_of[index]
        first = run.view_model.workers[maker] if maker >= 0 else ""
    if why_not or small is not None:
        return _from_record(why_not, small)
    if key and (found := _on_cluster(run, key, offset, first)) is not None:
        return found
    if stored:
        return _stored(stored, run.engine.results)
    return Looked(nothing(_clause(lost) or f"the cluster has no result of `{group.name(index)}` any more"), "")


def look_recorded(group: GroupView, index: int, results: Results | None) -> Looked:
    """What is to be seen of the value of a node that is known from the record.

    Raises
    ------
    LookupError : there is no such node
    """
    why_not, small = _without_value(group, index), group.inline.get(index)
    if why_not or small is not None:
        return _from_record(why_not, small)
    if (reference := group.stored.get(index)) is None:
        return Looked(nothing(f"the result of `{group.name(index)}` was in cluster memory only"), "")
    return _stored(reference, results)


def _without_value(group: GroupView, index: int) -> str:
    """Why a node has no value; empty where it has one."""
    state = group.state(index)
    if state not in TASK_ENDS:
        return "it has no value yet"
    return "" if state in WITH_VALUE else f"it has no value: it ended {state.value}"


def _from_record(why_not: str, small: bytes | None) -> Looked:
    if small is None or why_not:
        return Looked(nothing(why_not), "")
    return Looked(look_in_process((small, ())), _RECORD)


def _clause(sentence: str) -> str:
    return f"{sentence[:1].lower()}{sentence[1:]}".removesuffix(".")


def _on_cluster(run: Run, key: str, offset: int, first: str) -> Looked | None:
    """Ask the workers that have the value of a key; the one that made it has it ready.

    The news that a node has ended is quicker than the scheduler's that it has the value.
    """
    cluster, until_s = run.engine.cluster, time.monotonic() + _NEWS_S
    while True:
        try:
            holders = sorted(cluster.holders(key), key=lambda worker: worker != first)
        except Exception:  # noqa: BLE001 - the cluster is going away
            return None
        for worker in holders:
            look = _asked(cluster, worker, key, offset)
            if look is not None:
                return Looked(look, worker)
        if time.monotonic() > until_s:
            return None
        time.sleep(_AGAIN_S)


def _asked(cluster: Cluster, worker: str, key: str, offset: int) -> Look | None:
    try:
        look = cluster.ask(worker, look_at_key, key, offset, timeout_s=_PATIENCE_S)
    except TimeoutError:
        return nothing(f"timeout: the worker has not answered for {_PATIENCE_S:g} s")
    except Exception:  # noqa: BLE001 - the worker has gone meanwhile: another one may have it
        return None
    return look if isinstance(look, Look) else None


def _stored(reference: str, results: Results | None) -> Looked:
    """Show a stored value on this machine, in a process of its own."""
    if results is None:
        return Looked(nothing("there is no store of results"), "")
    try:
        payload, buffers = results.read(reference)
    except WfkitError as error:
        return Looked(nothing(_clause(error.what)), "")
    return Looked(look_in_process((bytes(payload), buffers)), _STORE)
