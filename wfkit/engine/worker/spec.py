"""Spec: what all nodes of one call have in common, sent to the cluster once per batch."""

from __future__ import annotations

import linecache
import pickle
from collections import OrderedDict
from collections.abc import Callable
from threading import Lock
from typing import Final

from wfkit.authoring.options import TaskOptions

_KEPT: Final = 256


class Spec:
    """The task behind a group of nodes: its code, and where it stands in the run."""

    __slots__ = ("code", "code_id", "flow_name", "group", "mapped", "name", "run_id")

    def __init__(
        self, *, run_id: str, flow_name: str, group: str, name: str, mapped: bool, code_id: str, code: bytes
    ) -> None:
        self.run_id = run_id
        self.flow_name = flow_name
        self.group = group
        self.name = name
        self.mapped = mapped
        self.code_id = code_id  #: the same bytes, the same id: unpickled once per worker process
        self.code = code

    def __reduce__(self) -> tuple[object, ...]:
        return (_spec, tuple(getattr(self, name) for name in self.__slots__))


def _spec(code: bytes, code_id: str, flow_name: str, group: str, mapped: bool, name: str, run_id: str) -> Spec:  # noqa: FBT001
    return Spec(run_id=run_id, flow_name=flow_name, group=group, name=name, mapped=mapped, code_id=code_id, code=code)


_LOADED: Final[OrderedDict[str, tuple[Callable[..., object], TaskOptions]]] = OrderedDict()
_LOCK: Final = Lock()


def load(spec: Spec) -> tuple[Callable[..., object], TaskOptions]:
    """The function and its options; the newest 256 are kept."""
    found = _LOADED.get(spec.code_id)
    if found is None:
        function, options, cells = pickle.loads(spec.code)  # noqa: S301 - from our own driver
        for name, text in cells.items():
            # No modification time: linecache then keeps what it cannot find on disk.
            linecache.cache[name] = (len(text), None, text.splitlines(keepends=True), name)
        found = function, options
        with _LOCK:
            _LOADED[spec.code_id] = found
            while len(_LOADED) > _KEPT:
                _LOADED.popitem(last=False)
    return found
