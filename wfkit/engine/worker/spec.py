"""Spec: what all nodes of one call have in common, sent to the cluster once per batch."""

from __future__ import annotations

import linecache
import pickle
from collections import OrderedDict
from collections.abc import Callable
from math import inf
from threading import Lock
from typing import TYPE_CHECKING, Final, NamedTuple
from weakref import WeakValueDictionary

from wfkit.authoring.options import TaskOptions
from wfkit.engine.worker.stored import Store

if TYPE_CHECKING:
    from wfkit.engine.worker.cached import Caching

_KEPT: Final = 256


class Spec:
    """The task behind a group of nodes: its code, and where it stands in the run."""

    __slots__ = (
        "__weakref__",
        "_but_code",
        "bounds",
        "code",
        "code_id",
        "flow_name",
        "group",
        "mapped",
        "name",
        "others",
        "run_id",
    )

    def __init__(
        self,
        *,
        run_id: str,
        flow_name: str,
        group: str,
        name: str,
        mapped: bool,
        code_id: str,
        code: bytes,
        bounds: Bounds,
        others: Others | None = None,
    ) -> None:
        self.run_id = run_id
        self.flow_name = flow_name
        self.group = group
        self.name = name
        self.mapped = mapped
        self.code_id = code_id  #: the same bytes, the same id: unpickled once per worker process
        self.code = code
        self.bounds = bounds
        self.others = others or Others()
        self._but_code = b""

    @property
    def depth(self) -> int:
        """How many tasks stand above these nodes, each spawned by the one before; 0 in a flow's body."""
        return self.group.count("/")

    def __reduce__(self) -> tuple[object, ...]:
        if not self._but_code:
            values = {name: getattr(self, name) for name in _BUT_CODE}
            self._but_code = pickle.dumps(values, protocol=pickle.HIGHEST_PROTOCOL)
        return (_spec, (self._but_code, self.code))  # the code apart: a message with several calls has it once


class Others(NamedTuple):
    """What nodes have to do with other runs: those before, and those that will go on from this one."""

    store: Store | None = None  #: where larger results are written; None: nowhere
    caching: Caching | None = None  #: what finds values of earlier runs; None: nothing is cached
    replays: bool = False  #: the run goes on from another one
    most_bytes: float = inf  #: a larger value is not stored
    limited: bool = False  #: they hold named slots, which nodes of other runs want, too


class Bounds(NamedTuple):
    """What keeps tasks that make tasks within bounds, for a whole run."""

    max_depth: int = 200  #: tasks above a task
    max_tasks: int = 1_000_000  #: nodes in a run
    waiting_threads: int = 256  #: tasks of one worker that wait for their children, each in a thread


_BUT_CODE: Final = tuple(name for name in Spec.__slots__ if not name.startswith("_") and name != "code")
#: Those that tasks hold here, by all but their code, whose id is part of that.
_HERE: Final[WeakValueDictionary[bytes, Spec]] = WeakValueDictionary()


def _spec(but_code: bytes, code: bytes) -> Spec:
    """The same one for all tasks of a call: each brings it along, and most are still held when the next one comes."""
    spec = _HERE.get(but_code)
    if spec is None:
        spec = Spec(code=code, **pickle.loads(but_code))  # noqa: S301 - from our own driver
        spec._but_code = but_code
        _HERE[but_code] = spec
    return spec


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
