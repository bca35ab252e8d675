"""Order: somebody asks a worker what is to be seen of a value that it holds."""

from __future__ import annotations

import asyncio
import threading
from typing import TYPE_CHECKING, Final

from wfkit.engine.worker.look.form import Look, fitting, nothing
from wfkit.engine.worker.look.kinds import known_look
from wfkit.engine.worker.look.process import MOST_PICKLED_BYTES, look_in_process, too_large
from wfkit.engine.worker.outcome import Ok, Outcomes, TooLarge, dump_at_most, size_of

if TYPE_CHECKING:
    from distributed import Worker

#: Then the asker is told; the thread that looks may be caught in code that nobody can stop.
_PATIENCE_S: Final = 40.0


async def look_at_key(key: str, offset: int, dask_worker: Worker) -> Look | None:
    """Show the value of a key of this worker; for `Client.run`, so it costs no thread that executes tasks.

    Parameters
    ----------
    key : str
    offset : int
        Which element of a carrier; -1: the key is no carrier's.
    dask_worker : Worker
        Given by Dask.

    Returns
    -------
    Look, or None if the worker does not have it
    """
    loop = asyncio.get_running_loop()
    answer: asyncio.Future[Look | None] = loop.create_future()

    def settle(look: Look | None) -> None:
        if not answer.done():
            answer.set_result(look)

    def work() -> None:
        look: Look | None
        try:
            look = _look(dask_worker, key, offset)
        except BaseException as error:  # noqa: BLE001 - whoever asked waits for an answer
            look = nothing(f"it could not be looked at: {type(error).__name__}")
        try:
            loop.call_soon_threadsafe(settle, look)
        except RuntimeError:
            return  # the worker has closed meanwhile

    threading.Thread(target=work, name="wfkit-look", daemon=True).start()
    try:
        return await asyncio.wait_for(answer, _PATIENCE_S)
    except TimeoutError:
        return nothing(f"timeout: it took longer than {_PATIENCE_S:g} s")


def _look(worker: Worker, key: str, offset: int) -> Look | None:
    found = worker.data.get(key)
    outcome = found.outcomes[offset] if isinstance(found, Outcomes) else found
    if not isinstance(outcome, Ok):
        return None
    held = outcome.held
    return look_in_process(held) if held is not None else look_at_value(outcome.value())


def look_at_value(value: object) -> Look:
    """Show a value of this process: by its type if that is known, else by its own code in another process."""
    try:
        look = known_look(value)
    except Exception as error:  # noqa: BLE001 - another thread may change it meanwhile
        return nothing(f"it could not be read: {type(error).__name__}")
    if look is not None:
        return fitting(look)
    size = size_of(value)
    if size > MOST_PICKLED_BYTES:
        return too_large(size)
    try:
        held = dump_at_most(value, MOST_PICKLED_BYTES)
    except TooLarge:
        return too_large(MOST_PICKLED_BYTES)
    except BaseException as error:  # noqa: BLE001 - user code
        return nothing(f"it cannot be pickled for the process that would show it: {type(error).__name__}")
    return look_in_process(held)
