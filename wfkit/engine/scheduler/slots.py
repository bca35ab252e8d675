"""Slots: named limits (`limits={"db": 2}`) that hold over all runs of a cluster.

A node gets a slot of every name it asks for, or none. Who asks first is served first, with one exception: who cannot be
served yet lets others pass, but keeps one free slot of each of its names for itself. So nobody is overtaken for ever,
however many names it needs, and a slot is idle only while somebody before waits for another name. Nobody who waits
holds a slot, so there is no deadlock.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from wfkit.engine.scheduler.runs import Runs

#: Run, group, element.
_Node = tuple[str, str, int]


@dataclass(slots=True)
class _Request:
    names: tuple[str, ...]
    worker: str  #: that asks; empty, if the driver does


class Slots:
    """The slots of all limits."""

    def __init__(self, runs: Runs) -> None:
        self._runs = runs
        self._capacities: dict[str, int] = {}  #: as it was last told
        self._held: dict[_Node, _Request] = {}
        self._used: Counter[str] = Counter()
        self._waiting: dict[_Node, _Request] = {}  #: in order of arrival
        self._wanted: Counter[str] = Counter()  #: by how many of them

    def ask(self, node: _Node, names: Mapping[str, int], worker: str = "") -> None:
        """Ask for a slot of each name; the answer may come much later."""
        self._capacities.update(names)
        if node in self._held:  # asked again, by a task that is executed again
            self._held[node].worker = worker
            self._grant(node, worker)
            return
        before = self._waiting.get(node)
        request = _Request(tuple(names), worker)
        self._waiting[node] = request
        self._wanted.update(request.names)
        self._wanted.subtract(before.names if before is not None else ())
        self._serve()

    def give_back(self, node: _Node) -> None:
        """Give back what a node holds, and what it asks for."""
        self._take_away([node])
        self._serve()

    def forget_run(self, run: str) -> None:
        """A run is over."""
        self._take_away([node for node in [*self._held, *self._waiting] if node[0] == run])
        self._serve()

    def forget_owner(self, run: str) -> None:
        """The driver is gone. Tasks that wait on workers go on waiting, since they hold up a thread there."""
        left = [node for node, request in self._waiting.items() if not request.worker]
        self._take_away([node for node in [*self._held, *left] if node[0] == run])
        self._serve()

    def forget_worker(self, worker: str) -> None:
        """A worker is gone, and with it those that wait there. What runs elsewhere again still holds its slots.

        It does not hold those of cached keys, which it asks for again if it comes to need them.
        """
        there = [*self._waiting.items(), *((node, held) for node, held in self._held.items() if _is_of_a_key(node))]
        self._take_away([node for node, request in there if request.worker == worker])
        self._serve()

    def _take_away(self, nodes: list[_Node]) -> None:
        for node in nodes:
            held, request = self._held.pop(node, None), self._waiting.pop(node, None)
            self._used.subtract(held.names if held is not None else ())
            self._wanted.subtract(request.names if request is not None else ())

    def _serve(self) -> None:
        """Serve who can be served. Ends as soon as no slot that anybody wants is free."""
        free = {name: self._capacities[name] - self._used[name] for name in +self._wanted}
        open_names = {name for name, count in free.items() if count > 0}
        served = []
        for node, request in self._waiting.items():
            if not open_names:
                break
            if all(free[name] > 0 for name in request.names):
                served.append(node)
            for name in request.names:  # given away, or kept for it
                free[name] -= 1
                if free[name] <= 0:
                    open_names.discard(name)
        for node in served:
            request = self._waiting.pop(node)
            self._wanted.subtract(request.names)
            self._held[node] = request
            self._used.update(request.names)
            self._grant(node, request.worker)

    def _grant(self, node: _Node, worker: str) -> None:
        run, group, index = node
        answer: list[object] = ["granted", [group, index]]
        if worker:
            self._runs.send(worker, "answer", run=run, answer=answer)
        else:
            self._runs.publish(run, answer)


def _is_of_a_key(node: _Node) -> bool:
    """Whether slots are those of a key of the cache, which a worker asks for under an element below 0."""
    return node[2] < 0
