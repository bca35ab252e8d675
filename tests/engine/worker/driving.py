"""A driver made of the test itself: it submits nodes as Dask tasks, hears what workers tell, and answers them."""

from __future__ import annotations

import io
import itertools
import pickle
import threading
import time
from collections.abc import Callable, Sequence
from typing import Any

import cloudpickle
from distributed import Future

from wfkit.authoring.freeze import Frozen, Use
from wfkit.authoring.options import task_options
from wfkit.core import wire
from wfkit.core.events import AnyEvent, NodeFinished
from wfkit.engine.driver.cluster import Cluster
from wfkit.engine.scheduler.plugin import topic
from wfkit.engine.worker.envelope import More, run_node
from wfkit.engine.worker.outcome import Bounced, Err, Ok, Outcomes
from wfkit.engine.worker.spec import Bounds, Others, Spec

WAIT_S = 20
#: Stand for the outcomes in the arguments of a node.
ONE, TWO = ("slot", 0), ("slot", 1)


class _Slots(pickle.Pickler):
    """Pickles ("slot", n) as slot n."""

    def persistent_id(self, value: object) -> int | None:
        return value[1] if isinstance(value, tuple) and value[:1] == ("slot",) else None


def frozen(args: tuple[object, ...], *uses: Use) -> Frozen:
    """Arguments of a node, with slots for `ONE` and `TWO`."""
    return Frozen(slotted((args, {})), uses)


def slotted(value: object) -> bytes:
    """A pickle with slots for `ONE` and `TWO`."""
    file = io.BytesIO()
    _Slots(file, protocol=5).dump(value)
    return file.getvalue()


def poll(check: Callable[[], object], what: str) -> None:
    """Wait until something is so."""
    deadline = time.monotonic() + WAIT_S
    while not check():
        assert time.monotonic() < deadline, f"never: {what}"
        time.sleep(0.005)


class Driver:
    """Hears the news of one run and answers the questions of its tasks."""

    def __init__(self, cluster: Cluster, run: str, worker: str) -> None:
        self.cluster, self.run, self.worker = cluster, run, worker
        self.news: list[list[Any]] = []
        #: By the kind of a question: what is answered; a callable is given the question. What is executed again has not
        #: ended, unless a test says so.
        self.answers: dict[str, Any] = {"kept": lambda question: [None] * len(question[2])}
        self._numbers = itertools.count()
        self._heard = threading.Condition()
        self._codes = itertools.count()
        cluster.subscribe(topic(run), self._hear)
        cluster.tell("lease", run=run, keys=[])

    def close(self) -> None:
        """Let go of what the run holds."""
        self.cluster.unsubscribe(topic(self.run))
        self.cluster.tell("release", run=self.run)

    def spec(self, function: Callable[..., object], *, bounds: Bounds = Bounds(), **options: Any) -> Spec:  # noqa: B008
        """What the nodes of a group "g4" share: the elements of a map of `load`."""
        group, others = options.pop("group", "g4"), Others(limited="limits" in options)
        code = cloudpickle.dumps((function, task_options(options), {}))
        return Spec(
            run_id=self.run,
            flow_name="flow",
            group=group,
            name="load",
            mapped=True,
            code_id=f"{self.run}-{next(self._codes)}",
            code=code,
            bounds=bounds,
            others=others,
        )

    def submit(
        self,
        spec: Spec,
        index: int | Sequence[int] = 7,
        frozen: Any = None,
        deps: Sequence[Any] = (),
        more: More = More(),  # noqa: B008 - a tuple
        key: str = "",
        priority: int = 0,
    ) -> Future[Any]:
        """Submit a node, or a carrier, to the worker."""
        frozen = frozen if frozen is not None else Frozen(pickle.dumps(((), {})), ())
        key = key or f"load-{self.run}-{next(self._numbers)}"
        client: Any = self.cluster.client
        return client.submit(
            run_node, spec, index, frozen, deps, more, key=key, workers=[self.worker], priority=priority
        )

    def outcome(self, *args: Any, **kwargs: Any) -> Any:
        """Submit a node and wait for its outcome."""
        found = self.submit(*args, **kwargs).result(WAIT_S)
        assert isinstance(found, Ok | Err | Bounced | Outcomes)
        return found

    def execute(self, function: Callable[..., object], *args: object, **options: Any) -> Any:
        """The outcome of a node that calls a function."""
        return self.outcome(self.spec(function, **options), frozen=frozen(args))

    # What was told

    def told(self, kind: str) -> list[list[Any]]:
        """The news of one kind so far."""
        return [one for one in self.news if one[0] == kind]

    def until(self, check: Callable[[], object], what: str) -> None:
        """Wait until the news are so."""
        with self._heard:
            assert self._heard.wait_for(check, WAIT_S), f"never: {what}; heard {self.news}"

    def events(self, count: int) -> list[AnyEvent]:
        """The first events, as soon as there are so many."""
        self.until(lambda: len(self.told("event")) >= count, f"{count} events")
        return [wire.decode(event) for _, event in self.told("event")]

    def end(self) -> NodeFinished:
        """The first event that ends a node, as soon as it is there."""
        self.until(self._ends, "an end")
        return self._ends()[0]

    def _ends(self) -> list[NodeFinished]:
        return [event for event in self.events(0) if isinstance(event, NodeFinished)]

    def _hear(self, event: tuple[float, list[list[Any]]]) -> None:
        for item in event[1]:
            kind = item[0]
            if kind == "ask":
                _, number, worker, *question = item
                answer = self.answers.get(question[0])
                answer = answer(question) if callable(answer) else answer
                if question[0] in self.answers:
                    self.answer(worker, [number, answer])
        with self._heard:
            self.news += event[1]
            self._heard.notify_all()

    def asked(self, kind: str) -> list[list[Any]]:
        """The questions of one kind so far, without number and worker."""
        return [question for _, _, _, *question in self.told("ask") if question[0] == kind]

    def answer(self, worker: str, answer: list[Any]) -> None:
        """Answer a worker's question."""
        self.cluster.tell("answer", run=self.run, worker=worker, answer=answer)
