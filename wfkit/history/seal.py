"""Seal: the record of a run holds pickles, and only those that somebody with the key has written are ever read."""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Callable
from dataclasses import replace
from typing import Final

from wfkit.core.events import AnyEvent, BodyEnded, NodeFinished, NodeRetrying
from wfkit.core.ids import RunId

_BYTES: Final = 32

#: Gives the seal of a batch of events, from the number of its first event and its bytes.
Sealer = Callable[[int, bytes], bytes]


class Seal:
    """Signs batches of events, and checks them.

    Parameters
    ----------
    key : bytes or None
        None: for those who never read a pickle; nothing is signed, and nothing checked.
    """

    def __init__(self, key: bytes | None = None) -> None:
        self._key = key

    def of_run(self, run_id: RunId) -> Sealer:
        """What signs the batches of one run."""
        return lambda first_seq, body: self._of(run_id, first_seq, body)

    def fits(self, run_id: RunId, first_seq: int, body: bytes, seal: bytes) -> bool:
        """Whether somebody with the key has written a batch, in this place of this run."""
        return self._key is None or hmac.compare_digest(self._of(run_id, first_seq, body), seal)

    def _of(self, run_id: RunId, first_seq: int, body: bytes) -> bytes:
        if self._key is None:
            return b""
        return hmac.digest(self._key, f"{run_id} {first_seq} ".encode() + body, hashlib.sha256)


def without_pickles(event: AnyEvent) -> AnyEvent:
    """An event as far as it can be trusted whoever has written it: texts and numbers."""
    match event:
        case NodeFinished():
            error = None if event.error is None else replace(event.error, pickled=None)
            return replace(event, inline=None, error=error)
        case NodeRetrying(error=error) if error is not None:
            return replace(event, error=replace(error, pickled=None))
        case BodyEnded():
            return replace(event, value=None)
        case _:
            return event
