"""Orders: what all workers must know of a run (cancelled, on hold), and who has not confirmed it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from wfkit.engine.scheduler.runs import Runs

if TYPE_CHECKING:
    from distributed import Scheduler

CANCEL: Final = "cancel"
HOLD: Final = "hold"
#: What the driver is told when all workers have confirmed.
_DONE: Final = {CANCEL: "cancelled", HOLD: "held"}


@dataclass(slots=True)
class _Order:
    operation: str
    fields: dict[str, object]
    waiting: set[str]  #: workers that have not confirmed


class Orders:
    """The orders of all runs. They stay, for workers that come later."""

    def __init__(self, scheduler: Scheduler, runs: Runs) -> None:
        self._scheduler = scheduler
        self._runs = runs
        self._orders: dict[str, dict[str, _Order]] = {}

    def give(self, operation: str, run: str, request: str, **fields: object) -> None:
        """Tell all workers, and the driver when all have confirmed."""
        known = self._orders.setdefault(run, {})
        if operation == HOLD:  # it replaces those before; only their answers may be still to come
            for name, order in list(known.items()):
                if order.operation == HOLD and not order.waiting:
                    del known[name]
        known[request] = _Order(operation, fields, set(self._scheduler.workers))
        for worker in self._scheduler.workers:
            self._send(worker, run, request, known[request])
        self._answer(run, request)

    def confirm(self, worker: str, run: str, request: str) -> None:
        """A worker has seen an order."""
        order = self._orders.get(run, {}).get(request)
        if order is not None and worker in order.waiting:
            order.waiting.discard(worker)
            self._answer(run, request)

    def welcome(self, worker: str) -> None:
        """A worker joins: it learns what was ordered before, in the same order."""
        for run, known in self._orders.items():
            for request, order in known.items():
                self._send(worker, run, request, order)

    def farewell(self, worker: str) -> None:
        """A worker is gone: nobody waits for its confirmation."""
        for run, known in self._orders.items():
            for request, order in known.items():
                if worker in order.waiting:
                    order.waiting.discard(worker)
                    self._answer(run, request)

    def forget(self, run: str) -> None:
        """A run is over."""
        self._orders.pop(run, None)

    def _send(self, worker: str, run: str, request: str, order: _Order) -> None:
        self._runs.send(worker, order.operation, run=run, request=request, **order.fields)

    def _answer(self, run: str, request: str) -> None:
        order = self._orders[run][request]
        if not order.waiting:
            self._runs.publish(run, [_DONE[order.operation], request, list(self._scheduler.workers)])
