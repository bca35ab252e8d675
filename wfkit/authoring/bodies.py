"""Bodies: what a call needs to know of the flow or task body that makes it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from wfkit.authoring.handle import Handle
    from wfkit.authoring.task import Call


class Recorder(Protocol):
    """What an open run offers to the calls in its body, and to those in the bodies of its tasks."""

    @property
    def id(self) -> str:
        """The id of the run."""

    @property
    def room(self) -> int:
        """How many more nodes the run may have, as far as that is known here."""

    def record(self, call: Call) -> Handle:
        """Add a call to the graph and return its handle at once."""

    def flatten(self, handle: Handle) -> Handle:
        """Chain the lists of a handle: a mapped one whose elements are lists, or one of a list of lists.

        Returns a mapped handle at once; how many elements it has is known when all parts are.
        """

    def subflow(self, name: str, given: Mapping[str, object], branch: int | None = None) -> Callable[[], None]:
        """Put the calls that follow into a group of their own; calling the result closes it.

        `given`: what the flow was called with. `branch`: which item of a `Flow.map` the group is for; None for the call
        of a flow, and around all branches.
        """


@dataclass(frozen=True, kw_only=True)
class TaskBody:
    """A task body that is being executed, and what `wfkit.current` says in it."""

    run_id: str
    flow_name: str
    task_name: str
    map_index: int | None
    attempt: int  #: 1-based
    idempotency_key: str  #: the same for every attempt and execution of this node
    worker: str
    is_replay: bool = False
    #: Takes what the body spawns; None in a process of its own, and outside an engine.
    recorder: Recorder | None = field(default=None, compare=False, repr=False)


@dataclass(frozen=True)
class FlowBody:
    """A flow body that is being executed."""

    recorder: Recorder
    flow_name: str
    asynchronous: bool = False
    branch: bool = False  #: of a `Flow.map`: other branches wait until this body has returned
    task: TaskBody | None = None  #: the task whose body called the flow
