"""Cache: values that any run may use again, found by a digest of what they were made from."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from wfkit.history import paths, storage
from wfkit.history.faults import Unsound, told
from wfkit.history.format import Content


@dataclass(frozen=True, slots=True)
class CacheStore:
    """The cache of a store. It travels to workers, with a key that opens nothing else."""

    url: str = field(repr=False)
    signing_key: bytes = field(repr=False)

    def get(self, key: str) -> Content | None:
        """What was put there last: pickle, buffers, and when; None if there is nothing, or nothing sound.

        Parameters
        ----------
        key : str
            A digest in hexadecimal digits.

        Raises
        ------
        StoreFailed : the store cannot be read
        """
        identity = paths.cached(key)
        with told("The cache could not be read"):
            try:
                return storage.read(self.url, identity, self.signing_key)
            except Unsound:
                return None

    def put(self, key: str, payload: bytes, buffers: Sequence[Any] = ()) -> None:
        """Put a value there, whole or not at all; of two that come at once one stays.

        Raises
        ------
        StoreFailed : the store is full, not writable or not reachable
        """
        identity = paths.cached(key)
        with told(f"A value could not be cached in {paths.shown(self.url)}"):
            storage.write(self.url, identity, payload, buffers, self.signing_key)
