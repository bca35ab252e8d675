"""A serial wfkit: the rules for values, states and the end of a run, as the words of the contract say them.

It executes each call where it is made, in one thread, and shares no code with the engine. A program that imports its
names from here instead of from wfkit must end the same.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any

from tests.system.random_graphs.endings import Fail, NoValue, Retry, Senseless, Signal, Skip
from tests.system.random_graphs.inputs import Missing, allow_failure, unmapped
from tests.system.random_graphs.rules import COMPLETED, FAILED, SKIPPED, UPSTREAM_FAILED, verdict

Path = tuple[int, ...]
#: Arguments of a call, by place and by name.
Given = tuple[tuple[Any, ...], dict[str, Any]]


@dataclass(eq=False)
class Node:
    """One call, or one element of a map."""

    path: Path
    state: str = ""
    kind: str = ""
    value: Any = None
    ran: bool = False  #: whether its body met its inputs
    looked_at: bool = False
    inputs: list[Node] = field(default_factory=list)
    carries: list[Node] = field(default_factory=list)  #: whose failure this one's stands for
    promise: Any = None  #: a handle or a list of handles that its body returned
    children: dict[Path, Group] = field(default_factory=dict)
    loose: bool = False  #: may have been cancelled, if it had not ended in time


@dataclass(eq=False)
class Group:
    """A call: one node, or the elements of a map; or a flatten, which has no nodes of its own."""

    path: Path
    nodes: list[Node] = field(default_factory=list)
    elements: list[Handle] | None = None  #: of a flatten
    parts: list[Node] = field(default_factory=list)  #: of the flattens that it is, or goes over
    loose: bool = False  #: may have been cancelled before its length was known


class Handle:
    """A node, an item of its value, or all elements of a map."""

    def __init__(self, group: Group, index: int | None, items: Path = (), n_outputs: int | None = None) -> None:
        self.group, self.index, self.items, self.n_outputs = group, index, items, n_outputs

    @property
    def mapped(self) -> bool:
        return self.index is None

    @property
    def node(self) -> Node:
        assert self.index is not None
        return self.group.nodes[self.index]

    @property
    def state(self) -> str:
        return self.node.state

    def item(self, at: int) -> Handle:
        return Handle(self.group, self.index, (*self.items, at))

    def each(self) -> list[Handle]:
        """The elements of a mapped handle, as they stand in its list."""
        if self.group.elements is not None:
            return self.group.elements
        return [Handle(self.group, index) for index in range(len(self.group.nodes))]

    def leaves(self) -> list[Node]:
        """The nodes behind it."""
        return [self.node] if not self.mapped else [node for each in self.each() for node in each.leaves()]

    def inputs(self) -> list[Node]:
        """Those that a task has as inputs: with a flatten also the parts, which may have failed as a whole."""
        return [*self.leaves(), *(self.group.parts if self.mapped else ())]

    def value(self) -> Any:
        """What a task gets for it; a list has no place for what was skipped."""
        if self.mapped:
            return [each.value() for each in self.each() if each.mapped or each.state != SKIPPED]
        if self.state != COMPLETED:
            return Missing(self.state)
        value = self.node.value
        for item in self.items:
            value = value[item]
        return value

    def result(self) -> Any:
        for node in self.leaves():
            node.looked_at = True
        bad = {SKIPPED, FAILED, UPSTREAM_FAILED} - ({SKIPPED} if self.mapped else set())
        if any(node.state in bad for node in self.leaves()):
            raise NoValue
        return self.value()

    def __getitem__(self, at: int) -> Handle:
        return self.each()[at] if self.mapped else self.item(at)

    def __len__(self) -> int:
        return len(self.each()) if self.mapped else self.n_outputs or 0

    def __iter__(self) -> Iterator[Handle]:
        return (self[at] for at in range(len(self)))


def items_of(handle: Handle) -> list[Handle]:
    """What a map over a handle goes over: handles that were returned are followed, one by one."""
    if handle.mapped:
        return handle.each()
    promise = None if handle.items else handle.node.promise
    if isinstance(promise, Handle):
        return items_of(promise)
    if promise is not None:
        return list(promise)
    if handle.state != COMPLETED:
        return [handle]
    if not isinstance(value := handle.value(), list | tuple):
        raise Senseless(handle.node.path)
    return [handle.item(at) for at in range(len(value))]


def _handles(value: Any, allowed: bool = False) -> Iterator[tuple[Handle, bool]]:
    """The handles anywhere in a value, and whether each is allowed to fail."""
    if isinstance(value, Handle):
        yield value, allowed
    elif isinstance(value, allow_failure):
        yield from _handles(value.value, allowed=True)
    elif isinstance(value, list | tuple | dict):
        for item in value.values() if isinstance(value, dict) else value:
            yield from _handles(item, allowed)


def _filled(value: Any) -> Any:
    """The value with those of its handles in their places."""
    if isinstance(value, Handle):
        return value.value()
    if isinstance(value, allow_failure):
        return _filled(value.value)
    if isinstance(value, dict):
        return {key: _filled(item) for key, item in value.items()}
    return type(value)(map(_filled, value)) if isinstance(value, list | tuple) else value


def _is_all_handles(value: Any) -> bool:
    return isinstance(value, list | tuple) and all(isinstance(item, Handle) for item in value)


def _slot(handle: Handle, allowed: bool) -> str | list[str]:
    """How an input ended, for the rule: one state, or those of the elements of a list."""
    states = [COMPLETED if allowed else node.state for node in handle.leaves()]
    return states if handle.mapped else states[0]


@dataclass
class Frame:
    """A body that runs: the flow's, or that of an attempt of a node."""

    node: Node | None = None
    attempt: int = 0
    count: int = 0

    def next_path(self) -> Path:
        self.count += 1
        return (*(self.node.path if self.node else ()), self.count)


class Serial:
    """One run."""

    def __init__(self) -> None:
        self.frames = [Frame()]
        self.groups: dict[Path, Group] = {}

    @property
    def attempt(self) -> int:
        """Of `current`."""
        return self.frames[-1].attempt

    def names(self) -> dict[str, Any]:
        """What a program imports from wfkit."""
        return {
            "Fail": Fail,
            "Missing": Missing,
            "Retry": Retry,
            "Skip": Skip,
            "allow_failure": allow_failure,
            "as_completed": lambda handles: iter(list(handles)),
            "current": self,
            "flatten": self.flatten,
            "flow": lambda body: Flow(self, body),
            "task": lambda **options: lambda function: Task(self, function, options),
            "unmapped": unmapped,
            "wait": list,
        }

    def execute(self, body: Callable[[], object]) -> str:
        """Run the body of a flow; gives the end state of its run, "" where that hangs on what is cancelled in time."""
        body()
        left = self.unhandled()
        return COMPLETED if not left else "" if all(node.loose for node in left) else FAILED

    @property
    def nodes(self) -> dict[Path, Node]:
        return {node.path: node for group in self.groups.values() for node in group.nodes}

    def new_group(self) -> Group:
        frame = self.frames[-1]
        path = frame.next_path()
        group = self.groups[path] = Group(path)
        if frame.node:
            frame.node.children[path] = group
        return group

    def flatten(self, handle: Handle) -> Handle:
        group = self.new_group()
        parts = handle.each() if handle.mapped else items_of(handle)
        group.parts = handle.inputs()
        group.elements = [item for part in parts for item in items_of(part)]
        return Handle(group, None)

    def run_node(self, task: Task, node: Node, given: Given, wait_for: list[Handle]) -> None:
        """Decide whether a node runs, and run it."""
        handles = [*_handles(given), *((handle, False) for handle in wait_for)]
        node.inputs = [one for handle, _ in handles for one in handle.inputs()]
        slots = [_slot(handle, allowed) for handle, allowed in handles]
        rule = task.options.get("trigger", "all_success")
        node.state = verdict(rule, slots, skips_spread=task.options.get("skip_on_upstream_skip", True))
        if node.state == UPSTREAM_FAILED:
            node.carries = node.inputs
        if node.state == COMPLETED:
            node.ran = True
            self._attempts(task, node, _filled(given))

    def _attempts(self, task: Task, node: Node, given: Given) -> None:
        args, named = given
        retries = task.options.get("retries", 0)
        for attempt in range(1, retries + 2):
            self.frames.append(Frame(node, attempt))
            try:
                self._end(node, task.function(*args, **named))
            except Skip:
                node.state, node.kind = SKIPPED, ""
            except (Signal, NoValue, ValueError) as error:
                node.state, node.kind = FAILED, "error"
                if attempt <= retries and not isinstance(error, Fail):
                    continue
            except Exception as error:
                raise Senseless from error
            finally:
                self.frames.pop()
            break
        if node.state == FAILED:
            self._forsake(node, keep=task.options.get("on_parent_failure") == "keep")

    def _end(self, node: Node, value: Any) -> None:
        node.kind = ""
        returned = [handle for handle, _ in _handles(value)]
        if isinstance(value, Handle) or (returned and _is_all_handles(value)):
            node.promise = value
        node.state = verdict("all_success", [_slot(handle, allowed=False) for handle in returned])
        if node.state == UPSTREAM_FAILED:
            node.state, node.kind = FAILED, "child"
            node.carries = [one for handle in returned for one in handle.leaves()]
        if node.state == COMPLETED:
            node.value = _filled(value)

    def _forsake(self, parent: Node, *, keep: bool) -> None:
        """What a failed node has spawned is cancelled where it has not ended; what it waited for has."""
        known = {id(one) for one in parent.carries}
        for group in parent.children.values():
            parent.carries = [*parent.carries, *group.nodes]
            if not keep and not any(child.looked_at or id(child) in known for child in group.nodes):
                self._loosen(group)

    def _loosen(self, group: Group) -> None:
        group.loose = True
        for node in group.nodes:
            node.loose = True
            for child in node.children.values():
                self._loosen(child)

    def unhandled(self) -> list[Node]:
        """Failures that fail the run."""
        everything = list(self.nodes.values())
        bad = [node for node in everything if node.state in {FAILED, UPSTREAM_FAILED}]
        handled = {id(node) for node in everything if node.looked_at}
        handled |= {id(one) for node in everything if node.ran for one in node.inputs}
        before = -1
        while before != len(handled):  # who carries a failure that is handled
            before = len(handled)
            handled |= {id(one) for node in bad if id(node) in handled for one in node.carries}
        return [node for node in bad if id(node) not in handled]


class Task:
    """A task of a serial run."""

    def __init__(self, serial: Serial, function: Callable[..., Any], options: dict[str, Any]) -> None:
        self.serial, self.function, self.options = serial, function, options

    def with_options(self, **options: Any) -> Task:
        return Task(self.serial, self.function, {**self.options, **options})

    def submit(self, *args: Any, wait_for: Iterable[Handle] = (), **named: Any) -> Handle:
        group = self.serial.new_group()
        group.nodes.append(Node((*group.path, 0)))
        self.serial.run_node(self, group.nodes[0], (args, named), list(wait_for))
        return Handle(group, 0, n_outputs=self.options.get("n_outputs"))

    def map(
        self,
        *args: Any,
        wait_for: Iterable[Handle] = (),
        chunk: int | None = None,
        max_concurrency: int | None = None,
        **named: Any,
    ) -> Handle:
        group = self.serial.new_group()
        given = [*args, *named.values()]
        columns = [_column(arg) for arg in given]
        both = list(zip(columns, given, strict=True))
        known = [len(column) for column, arg in both if column is not None and _sure(arg)]
        length = known[0] if known else 1  # one element stands for lists that nobody made, and its rule decides
        if any(one != length for one in known):
            raise Senseless(group.path)
        group.parts = [part for arg in given for handle in _over(arg) for part in handle.group.parts]
        group.nodes = [Node((*group.path, index)) for index in range(length)]
        for node in group.nodes:
            index = node.path[-1]
            own = [_whole(arg) if one is None else one[min(index, len(one) - 1)] for one, arg in both]
            by_name = dict(zip(named, own[len(args) :], strict=True))
            self.serial.run_node(self, node, (tuple(own[: len(args)]), by_name), list(wait_for))
        return Handle(group, None)


def _whole(arg: Any) -> Any:
    return arg.value if isinstance(arg, unmapped) else arg


def _column(arg: Any) -> list[Any] | None:
    """The values of an argument of a map, element by element; None if it is passed whole."""
    if isinstance(arg, unmapped):
        return None
    if isinstance(arg, allow_failure):
        inner = _column(arg.value)
        assert inner is not None
        return [allow_failure(item) for item in inner]
    return items_of(arg) if isinstance(arg, Handle) else list(arg)


def _over(arg: Any) -> list[Handle]:
    """The mapped handle that a map goes over with an argument."""
    over = arg.value if isinstance(arg, allow_failure) else arg
    return [over] if isinstance(over, Handle) and over.mapped else []


def _sure(arg: Any) -> bool:
    """Whether what is mapped over has a length."""
    over = arg.value if isinstance(arg, allow_failure) else arg
    if not isinstance(over, Handle) or over.mapped or over.state == COMPLETED:
        return True
    return over.node.promise is not None and not over.items


class Flow:
    """A flow whose body runs once per item."""

    def __init__(self, serial: Serial, body: Callable[..., Any]) -> None:
        self.serial, self.body = serial, body

    def map(self, over: Any) -> Any:
        if isinstance(over, Handle) and not over.mapped and over.n_outputs is None:
            return Task(self.serial, self._branches, {}).submit(over)
        return self._branches(over)

    def _branches(self, over: Any) -> list[Any]:
        self.serial.new_group()  # a group without nodes takes a number, too
        made = []
        for item in over:
            self.serial.new_group()
            made.append(self.body(item))
        return made
