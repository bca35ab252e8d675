"""Sending: decides which nodes go to the cluster now. Never more than a window of them, in depth-first order."""

from __future__ import annotations

import itertools
from collections import deque
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING, Final

from wfkit.core.events import NodeFinished
from wfkit.core.ids import GroupId
from wfkit.engine.driver import assembling, pace
from wfkit.engine.driver.group import ENDED, SENT, UNSENT, Group, Node
from wfkit.engine.driver.queue import Queue, Stream
from wfkit.engine.driver.submit import Row, dask_options, submit
from wfkit.engine.driver.wiring import Wiring, run_of

if TYPE_CHECKING:
    from wfkit.engine.driver.live import LiveRun

#: Nodes at the cluster at once, at each depth of spawning: children never wait for the room that those hold who wait
#: for them. Beyond it Dask's scheduler only gets slower.
WINDOW: Final = 10_000
#: Dask tasks in one message, and in the first of several: these run while the scheduler reads the next ones.
SLICE: Final = 1_000
FIRST_SLICE: Final = 100


@dataclass(slots=True)
class _Traffic:
    """What of one group is under way."""

    shares: bool  #: its elements may travel together
    leads: bool  #: it does not follow the elements of another map
    foreign: bool  #: it uses handles of another run
    tasks: int = 0  #: Dask tasks sent and not ended
    placed: set[int] = field(default_factory=set)  #: nodes that count for `max_concurrency`
    backlog: deque[int] = field(default_factory=deque)  #: nodes that are ready, beyond `max_concurrency`


class Sender:
    """Sends the nodes of one run. All is called under the run's lock."""

    def __init__(self, run: LiveRun) -> None:
        self.run = run
        self.queue = Queue()
        self.wiring = Wiring(run.groups, run.answers)
        self.open = 0  #: nodes that have not ended
        #: Nodes that the cluster has, by depth, and the depths at which it has no room for more.
        self._under_way: dict[int, int] = {}
        self._full: set[int] = set()
        self._traffic: dict[GroupId, _Traffic] = {}
        #: Streams that wait until a node is sent; nodes that wait until one has ended.
        self._for_sent: dict[Node, list[Stream]] = {}
        self._for_end: dict[Node, list[tuple[Group, int]]] = {}
        #: Nodes that have named slots, and those that have asked for them.
        self._granted: set[Node] = set()
        self._asked: set[Node] = set()
        self._left: dict[tuple[GroupId, int], int] = {}
        #: Until more is known of their pace, or fewer are under way.
        self._held_back: list[Stream] = []
        self._ends: dict[Node, NodeFinished] = {}

    # What is to be sent

    def add(self, group: Group, indices: Sequence[int]) -> None:
        """Send nodes when it is their turn."""
        if group.spec.id not in self._traffic:
            shares = pace.may_share(group)
            foreign = any(handle._source is not self.run.answers for handle in group.handles())
            self._traffic[group.spec.id] = _Traffic(shares, leads=not _follows(group), foreign=foreign)
        self.queue.add(group, indices)

    def again(self, node: Node) -> None:
        """Send a node that the cluster has, or that waited for its time, under a new key."""
        group = self.run.groups[node[0]]
        if group.status[node[1]] == ENDED:
            return
        self.take_back(node)
        self.queue.put(Stream(group, (node[1],)))

    def take_back(self, node: Node) -> None:
        """What the cluster has of a node, and of all that stands behind it, ends without an outcome: forget it.

        What stands behind it is sent again when the node is.
        """
        waiting = [node]
        while waiting:
            name, index = waiting.pop()
            group = self.run.groups[name]
            if group.status[index] == SENT:
                self._count_out(group, index)
                group.status[index] = UNSENT
                group.renew(index)
                if (name, index) != node:
                    self.queue.put(Stream(group, (index,)))
                waiting += [
                    (user.spec.id, at) for user, at in self.wiring.users((name, index)) if user.status[at] == SENT
                ]
            group.aside.add(index)

    def ended(self, nodes: Iterable[Node]) -> None:
        """Nodes have ended."""
        for node in nodes:
            group = self.run.groups[node[0]]
            index = node[1]
            if group.status[index] == ENDED:
                continue
            if group.status[index] == SENT:
                self._count_out(group, index)
            group.status[index] = ENDED
            self.open -= 1
            self._free_place(group, index)
            group.aside.discard(index)
            self._give_back(node)
            self._passed(node)
            for user, at in self._for_end.pop(node, ()):
                if user.status[at] == UNSENT:
                    self.queue.put(Stream(user, (at,)))

    def hear(self, group: GroupId, wall_s: float) -> None:
        """A node was executed."""
        known = self.run.groups[group]
        if known.chunk is None:
            self.run.engine.durations(known.work.code_id).hear(wall_s)

    def granted(self, node: Node) -> None:
        """A node has its named slots."""
        self._asked.discard(node)
        group = self.run.groups.get(node[0])
        if group is None or group.status[node[1]] != UNSENT:
            self.run.engine.cluster.tell("give-back", run=self.run.id, node=[*node])
            return
        self._granted.add(node)
        self.queue.put(Stream(group, (node[1],)))

    def drop(self) -> list[Node]:
        """Send nothing more; gives the nodes that the cluster does not have."""
        self.queue.clear()
        self._held_back.clear()
        self._for_sent.clear()
        self._for_end.clear()
        for traffic in self._traffic.values():
            traffic.backlog.clear()
        return [
            (name, index)
            for name, group in self.run.groups.items()
            for index in range(len(group.status))
            if group.status[index] == UNSENT
        ]

    # Sending

    def pump(self) -> list[NodeFinished]:
        """Send what may go now; gives the ends of nodes that need not."""
        while self._held_back:
            self.queue.put(self._held_back.pop())
        held_back: list[Stream] = []
        rows: list[Row] = []
        most = FIRST_SLICE
        while (stream := self.queue.take(self._full)) is not None:
            self._take_from(stream, rows, held_back)
            if len(rows) >= most:
                self._submit(rows)
                rows, most = [], SLICE
        self._submit(rows)
        self._held_back = held_back
        ends, self._ends = self._ends, {}
        return list(ends.values())

    def _submit(self, rows: Sequence[Row]) -> None:
        for options, several in itertools.groupby(rows, lambda row: dask_options(row.group)):
            submit(self.run, list(several), options)

    def _take_from(self, stream: Stream, rows: list[Row], held_back: list[Stream]) -> None:
        """Send one or several of a stream's next nodes, and put it where it belongs then."""
        group, index = stream.group, stream.next
        if group.status[index] != UNSENT:
            stream.at += 1
            self.queue.put(stream)
            return
        blocker = self._blocker(group, index)
        if blocker is not None:
            self._block(stream, blocker)
            return
        traffic = self._traffic[group.spec.id]
        if not self._may_begin(group, index) or self._ends_here(group, index):
            stream.at += 1
            self.queue.put(stream)
            return
        count = 1
        if traffic.shares and index not in group.aside:
            count = pace.size(
                group,
                self.run.engine.durations(group.work.code_id),
                threads=self.run.engine.cluster.threads(),
                left=stream.left,
                under_way=traffic.tasks,
                leads=traffic.leads,
            )
            if not count:
                held_back.append(stream)
                return
        taken = self._together(stream, count)
        rows.append(self._row(group, taken))
        for each in taken:
            self._mark_sent(group, each)
        traffic.tasks += 1
        self.queue.put(stream)

    def _blocker(self, group: Group, index: int) -> Node | None:
        return self.wiring.first_open(group, index, SENT) if group.has_inputs else None

    def _block(self, stream: Stream, blocker: Node) -> None:
        """Wait for an input to be sent: the whole stream, unless that input stands outside the order."""
        source = self.run.groups.get(blocker[0])
        if source is None or blocker[1] in source.aside or stream.left == 1 or stream.next in stream.group.aside:
            alone = Stream(stream.group, (stream.next,))
            stream.group.aside.add(stream.next)
            self._for_sent.setdefault(blocker, []).append(alone)
            stream.at += 1
            self.queue.put(stream)
        else:
            self._for_sent.setdefault(blocker, []).append(stream)

    def _together(self, stream: Stream, count: int) -> Sequence[int]:
        """The elements that travel together: at most `count`, none of which waits, with inputs that do likewise."""
        group, first = stream.group, stream.next
        taken = [first]
        stream.at += 1
        together = _companions(group, first) if group.has_inputs else None
        while len(taken) < count and stream.left:
            index = stream.next
            if group.status[index] != UNSENT or index in group.aside:
                break
            if together is not None and (_companions(group, index) != together or self._blocker(group, index)):
                break
            taken.append(index)
            stream.at += 1
        return taken

    def _row(self, group: Group, taken: Sequence[int]) -> Row:
        if len(taken) == 1:
            return Row(group, taken[0], group.key_of(taken[0]))
        in_order = taken[-1] - taken[0] == len(taken) - 1
        indices = range(taken[0], taken[-1] + 1) if in_order else tuple(taken)
        return Row(group, indices, group.put_in_carrier(indices))

    def _may_begin(self, group: Group, index: int) -> bool:
        """Whether a node that is sent only when it is ready may go; if not, it comes back by itself."""
        assembly = index in group.assemblies
        if not group.options.limits and group.max_concurrency is None and not assembly:
            return self._foreign_have_ended(group, index)
        blocker = self.wiring.first_open(group, index, ENDED)
        if blocker is not None:
            group.aside.add(index)
            self._for_end.setdefault(blocker, []).append((group, index))
            return False
        if assembly:
            return True
        return (
            self._foreign_have_ended(group, index) and self._takes_place(group, index) and self._has_slots(group, index)
        )

    def _ends_here(self, group: Group, index: int) -> bool:
        """Whether a node that returned handles has its value without a worker."""
        end = assembling.end_of(self.run, group, index) if index in group.assemblies else None
        if end is not None:
            self._ends[end.group, end.index] = end
        return end is not None

    def _takes_place(self, group: Group, index: int) -> bool:
        """Whether a node is one of those that `max_concurrency` allows; before it holds slots others may wait for."""
        placed = self._traffic[group.spec.id].placed
        if group.max_concurrency is None or index in placed:
            return True
        if len(placed) < group.max_concurrency:
            placed.add(index)
            return True
        group.aside.add(index)
        self._traffic[group.spec.id].backlog.append(index)
        return False

    def _has_slots(self, group: Group, index: int) -> bool:
        node = (group.spec.id, index)
        if not group.options.limits or node in self._granted:
            return True
        group.aside.add(index)
        if node not in self._asked:
            self._asked.add(node)
            self.run.engine.attend(self.run.id)
            self.run.engine.cluster.tell("slots", run=self.run.id, node=[*node], names=dict(group.options.limits))
        return False

    def _foreign_have_ended(self, group: Group, index: int) -> bool:
        waited = self.wiring.foreign(group, index) if self._traffic[group.spec.id].foreign else []
        if waited:
            group.aside.add(index)
            run_of(waited[0]).flush()
            wake = partial(self.run.wake, group.spec.id, index)
            waited[0]._source.when_done(waited[0]._ref, partial(self.run.do_apart, wake))
        return not waited

    def _mark_sent(self, group: Group, index: int) -> None:
        group.status[index] = SENT
        group.aside.discard(index)
        self._count(group, 1)
        self._passed((group.spec.id, index))

    def _count(self, group: Group, change: int) -> None:
        depth = group.work.depth
        count = self._under_way[depth] = self._under_way.get(depth, 0) + change
        (self._full.add if count >= WINDOW else self._full.discard)(depth)

    def _passed(self, node: Node) -> None:
        for stream in self._for_sent.pop(node, ()):
            self.queue.put(stream)

    def _count_out(self, group: Group, index: int) -> None:
        """A node is not under way any more."""
        self._count(group, -1)
        traffic = self._traffic[group.spec.id]
        carrier = group.carrier_of[index]
        if carrier < 0:
            traffic.tasks -= 1
        else:
            left = self._left.setdefault((group.spec.id, carrier), len(group.carriers[carrier])) - 1
            self._left[group.spec.id, carrier] = left
            if left == 0:
                traffic.tasks -= 1
                del self._left[group.spec.id, carrier]
        self._free_place(group, index)

    def _free_place(self, group: Group, index: int) -> None:
        """A node counts no more for `max_concurrency`; the next one that is ready takes its place at once."""
        traffic = self._traffic.get(group.spec.id)
        if traffic is None or index not in traffic.placed:
            return
        traffic.placed.discard(index)
        while traffic.backlog:
            following = traffic.backlog.popleft()
            if group.status[following] == UNSENT:
                traffic.placed.add(following)
                self.queue.put(Stream(group, (following,)))
                return

    def _give_back(self, node: Node) -> None:
        if node in self._granted or node in self._asked:
            self._granted.discard(node)
            self._asked.discard(node)
            self.run.engine.cluster.tell("give-back", run=self.run.id, node=[*node])

    def rest(self, node: Node) -> None:
        """A node waits for its next attempt: it holds no named slots meanwhile."""
        self._give_back(node)


def _follows(group: Group) -> bool:
    """Whether each element depends on one of another map."""
    slots = group.slots if isinstance(group.slots, tuple) else ()
    return any(slot.how == "each" for slot in slots)


def _companions(group: Group, index: int) -> tuple[tuple[GroupId, int], ...]:
    """The carriers that an element's inputs travel in: only those with the same may travel together."""
    found = []
    for handle, how in group.inputs_of(index):
        source = run_of(handle).groups[handle._ref.group]
        if how == "each":
            carrier = source.carrier_of[index]
            found.append((handle._ref.group, carrier if carrier >= 0 else -2 - index))
    return tuple(found)
