"""Fetch: results that other tasks of the cluster hold, for a task that waits for them."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final

from distributed.utils import sync
from distributed.utils_comm import gather_from_workers

from wfkit.engine.worker.ended import Ended
from wfkit.engine.worker.outcome import Ok, Outcomes, load_value
from wfkit.errors import ResultLost

if TYPE_CHECKING:
    from distributed import Worker

#: A result that was lost with its worker is made again, and waited for; so long it may take until that has begun.
_PATIENCE_S: Final = 60.0
_AGAIN_S: Final = 0.1
_MADE: Final = frozenset({"waiting", "queued", "no-worker", "processing", "memory"})


def values_of(worker: Worker, nodes: Sequence[Ended]) -> list[object]:
    """The values of nodes that have one: from what was told of them, from this worker, or from others.

    Raises
    ------
    ResultLost : nobody holds one of them
    """
    wanted = {node.key for node in nodes if node.inline is None}
    here = {key: worker.data.get(key) for key in wanted}  # one may go meanwhile
    found: dict[str, Any] = {key: value for key, value in here.items() if value is not None}
    missing = [key for key in wanted if key not in found]
    if missing:
        found.update(_gathered(worker, missing))
    return [_item(_value(node, found), node.items) for node in nodes]


def _item(value: Any, items: Sequence[int]) -> object:
    for item in items:
        value = value[item]
    return value


def _value(node: Ended, found: dict[str, Any]) -> object:
    if node.inline is not None:
        return load_value(node.inline, (), node.name)
    outcome = found[node.key]
    if isinstance(outcome, Outcomes):
        outcome = outcome.outcomes[node.offset]
    if not isinstance(outcome, Ok):
        raise ResultLost(f"The result of `{node.name}` is not on the cluster any more.", "Run the flow again.")
    return outcome.value()


def _gathered(worker: Worker, keys: Sequence[str]) -> dict[str, Any]:
    gathered: dict[str, Any] = sync(worker.loop, _gather, worker, keys)
    return gathered


async def _gather(worker: Worker, keys: Sequence[str]) -> dict[str, Any]:
    deadline = time.monotonic() + _PATIENCE_S
    found: dict[str, Any] = {}
    while missing := [key for key in keys if key not in found]:
        holders: Any = await worker.scheduler.who_has(keys=missing)
        gathered: Any = await gather_from_workers({key: has for key, has in holders.items() if has}, rpc=worker.rpc)
        found.update(gathered[0])
        if lost := [key for key in missing if key not in found]:
            if time.monotonic() > deadline and not is_made(await worker.scheduler.get_task_status(keys=lost)):
                raise ResultLost(f"{len(lost)} results are not on the cluster any more.", "Run the flow again.")
            await asyncio.sleep(_AGAIN_S)
    return found


def is_made(states: Mapping[str, str | None]) -> bool:
    """Whether Dask has the values of keys, or works on them, by what its scheduler says of their states."""
    return all(state in _MADE for state in states.values())
