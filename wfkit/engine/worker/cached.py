"""Cached: a node finds its value among those that earlier runs have left, or leaves its own there."""

from __future__ import annotations

import hashlib
import inspect
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final, NamedTuple, Protocol

from wfkit.authoring.context import current
from wfkit.authoring.options import TaskOptions
from wfkit.authoring.tokens import token
from wfkit.engine.worker.outcome import dump_value, load_value
from wfkit.engine.worker.result import Checked
from wfkit.engine.worker.stop import Shield
from wfkit.errors import BadTask, WfkitError

if TYPE_CHECKING:
    from wfkit.engine.worker.node import Node

#: A thread that waits for another run's execution looks up so often, to be stopped.
_LOOK_S: Final = 0.5
#: Slots of keys are asked for under an element of their own, beside those of named limits.
_BESIDE: Final = -1


class Kept(Protocol):
    """A value in the cache."""

    @property
    def payload(self) -> bytes | bytearray:
        """Its pickle."""

    @property
    def buffers(self) -> Sequence[Any]:
        """The buffers that were kept apart."""

    @property
    def written_s(self) -> float:
        """When it was put there, in seconds since the epoch."""


class Cache(Protocol):
    """The part of the store of results that holds values for all runs. It travels to the workers."""

    def get(self, key: str) -> Kept | None:
        """What was put there last; None if there is nothing, or nothing sound."""

    def put(self, key: str, payload: bytes, buffers: Sequence[Any] = ()) -> None:
        """Put a value there, whole or not at all."""


class Caching(NamedTuple):
    """What the nodes of a call need to use the cache."""

    cache: Cache
    fingerprint: str  #: of the code; empty where that is unknown


class Entry:
    """The place of one node's value in the cache.

    Parameters
    ----------
    node : Node
    caching : Caching
    options : TaskOptions
    key : str
        A digest in hexadecimal digits.
    """

    def __init__(self, node: Node, caching: Caching, options: TaskOptions, key: str) -> None:
        self._node, self._cache, self._options = node, caching.cache, options
        self.key = key
        self._slot = node.spec.group, _BESIDE - node.index
        self._asked = False

    def found(self) -> tuple[object, str] | None:
        """The value, and how old it is in words; None where it has to be made.

        Where another node makes it just now, that one is waited for.
        """
        if self._options.refresh_cache or self._node.forced:
            return None
        return self._look() or (self._turn() and self._look()) or None

    def _look(self) -> tuple[object, str] | None:
        try:
            kept = self._cache.get(self.key)
        except WfkitError:
            return None  # a cache that cannot be read costs an execution, not the task
        if kept is None:
            return None
        age_s = max(0.0, time.time() - kept.written_s)
        if self._options.cache_expiration is not None and age_s > self._options.cache_expiration:
            return None
        return load_value(bytes(kept.payload), kept.buffers, self._node.name), f"from the cache, {age_s:.0f} s old"

    def _turn(self) -> bool:
        """Be the only one on the cluster that makes the value."""
        side, run_id, granted = self._node.side, self._node.spec.run_id, threading.Event()
        self._asked = True
        side.ask_for_slots(run_id, self._slot, {f"cache {self.key}": 1}, granted.set)
        with self._node.seat.resting(), Shield() as shield:
            while not granted.wait(_LOOK_S):
                shield.raise_if_wanted()
        return True

    def keep(self, value: object, checked: Checked) -> None:
        """Leave a value for others; one that holds a secret stays here."""
        if checked.secret:
            return
        payload, buffers = checked.pickled if checked.pickled is not None else dump_value(value)
        try:
            self._cache.put(self.key, payload, buffers)
        except WfkitError:
            return  # the value is there all the same

    def close(self) -> None:
        """Let others have their turn."""
        if self._asked:
            self._node.side.request("give-back", self._node.spec.run_id, node=[*self._slot])


def entry_of(
    node: Node, function: Callable[..., Any], options: TaskOptions, args: Sequence[object], kwargs: Mapping[str, object]
) -> Entry | None:
    """The place of a node's value in the cache; None where it is not cached, or nothing can tell by what.

    Raises
    ------
    BadTask : the task's `cache_key_fn` gives no text
    """
    caching = node.spec.others.caching
    if caching is None:
        return None
    if options.cache_key_fn is not None:
        given = options.cache_key_fn(current, _named(function, args, kwargs))
        if given is None:
            return None
        if not isinstance(given, str):
            raise BadTask(f"`cache_key_fn` of `{node.spec.name}` gave {given!r:.60}.", "It must give a str or None.")
        made_of = f"by hand {given}".encode()
    else:
        inputs = token((list(args), dict(kwargs)))
        if not caching.fingerprint or not inputs:
            return None
        made_of = f"{caching.fingerprint} ".encode() + inputs
    return Entry(node, caching, options, hashlib.blake2b(made_of, digest_size=20).hexdigest())


def _named(function: Callable[..., Any], args: Sequence[object], kwargs: Mapping[str, object]) -> dict[str, object]:
    return dict(inspect.signature(function).bind(*args, **kwargs).arguments)
