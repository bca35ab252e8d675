"""Spawning: what tasks tell the driver: calls in their bodies, values that are handles, questions about children."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Any, cast

from wfkit.authoring.handle import Handle, Ref
from wfkit.core.ids import GroupId, spawners
from wfkit.core.states import TaskState
from wfkit.engine.driver import expanding, values
from wfkit.engine.driver.group import SENT, Node
from wfkit.engine.driver.wiring import run_of
from wfkit.engine.worker.assembly import Assembly
from wfkit.engine.worker.calls import HandleFacts, unpack, unpack_call
from wfkit.engine.worker.ended import Ended
from wfkit.engine.worker.promise import Promise
from wfkit.errors import WfkitError

if TYPE_CHECKING:
    from wfkit.engine.driver.run import Run


def take(run: Run, news: list[Any]) -> bool:
    """Act on what a task told; False for other news."""
    match news:
        case ["spawn", *told]:
            _spawn(run, told)
        case ["ask", str(question), str(worker), *asked]:
            _asked(run, question, worker, asked)
        case ["looked", group, index]:
            if (ref := _ref(run, group, index)) is not None:
                run.look_at(ref)
        case ["promise", group, int(index), int(attempt), int(crashes), bytes(packed)]:
            _promise(run, (GroupId(group), index), attempt, crashes, packed)
        case ["parked", group, int(index), int(attempts), int(crashes), seconds]:
            _park(run, (GroupId(group), index), attempts, crashes, float(seconds))
        case ["bounced", group, [*indices]]:
            for index in indices:
                _again(run, (GroupId(group), int(index)))
        case _:
            return False
    return True


def _asked(run: Run, question: str, worker: str, asked: list[Any]) -> None:
    """Answer a question, now or when the answer is known."""
    match asked:
        case ["spawn", *told]:
            _answer(run, question, worker, _spawn(run, told))
        case ["ended", group, index]:
            _answer_when_ended(run, question, worker, _ref(run, group, index))
        case ["state", group, index]:
            ref = _ref(run, group, index)
            _answer(run, question, worker, run.answers.state(ref).value if ref else TaskState.CANCELLED.value)
        case ["cancel", group, index]:
            if (ref := _ref(run, group, index)) is not None:
                run.answers.cancel(ref)
            _answer(run, question, worker, None)
        case ["kept", group, [*indices], str(key)]:
            _answer(run, question, worker, _kept(run, GroupId(group), [int(index) for index in indices], key))
        case ["awaited", group]:
            _answer(run, question, worker, _is_awaited(run, GroupId(group)))
        case _:
            raise LookupError(f"a question that nobody answers: {asked[0]}")


def _ref(run: Run, group: str, index: int) -> Ref | None:
    name = run.spawned.get(GroupId(group), GroupId(group))
    return Ref(name, None if index < 0 else index) if name in run.groups else None


def handle_of(run: Run, facts: HandleFacts) -> Handle:
    """The handle of this process for one of a task's."""
    group, index, item, mapped, n_outputs = facts
    name = run.spawned.get(GroupId(group), GroupId(group))
    return Handle(run.answers, Ref(name, index, item), mapped=mapped, n_outputs=n_outputs)


def _answer(run: Run, question: str, worker: str, answer: object) -> None:
    run.engine.cluster.tell("answer", run=run.id, worker=worker, answer=[question, answer])


def _is_awaited(run: Run, group: GroupId) -> bool:
    """Whether a node waits whose body made these nodes, or made what made them."""
    groups = run.view_model.groups
    return any(groups[parent].state(index) is TaskState.WAITING for parent, index in spawners(group))


# Calls


def _spawn(run: Run, told: list[Any]) -> int:
    """Add what a body made to the graph; gives how many more nodes the run may have, below 0 where it was refused."""
    group, parent, _attempt, kind, *what = told
    identity, within = GroupId(group), GroupId(parent)
    known = run.spawned.get(identity)
    if kind == "subflow":
        name, branch = what
        if known is None:
            run.add_flow_group(str(name), identity, within, branch)
        return run.bounds.max_tasks
    if kind == "flatten":
        if known is None:
            run.add_flatten(unpack(what[0], lambda facts: handle_of(run, facts)), identity, within)
        return run.bounds.max_tasks
    packed, code = what
    if code:
        run.codes.update([unpack(code, lambda facts: handle_of(run, facts))])
    return _call(run, identity, within, bytes(packed))


def _call(run: Run, identity: GroupId, parent: GroupId, packed: bytes) -> int:
    same = hashlib.blake2b(packed, digest_size=12)

    def handle(facts: HandleFacts) -> Handle:
        found = handle_of(run, facts)
        same.update(found._ref.group.encode())  # another one, where it was made anew
        return found

    call = unpack_call(packed, run.codes, handle)
    known = run.spawned.get(identity)
    if known is not None and run.spawned_calls.get(known) == same.digest() and not run.has_failures(known):
        return run.bounds.max_tasks - run.count_nodes()
    left = run.bounds.max_tasks - run.count_nodes() - (call.length or 1)
    if left < 0:
        return left
    # A body that is executed again finds the children it has; those that failed are made anew, under another id.
    new = identity if known is None else GroupId(f"{identity}x{len(run.groups)}")
    run.spawned[identity] = new
    run.spawned_calls[new] = same.digest()
    try:
        run.add_call(call, new, parent)
    except WfkitError as error:
        run.fail_call(call, new, parent, error)
    return left


# Values that are handles


def _promise(run: Run, node: Node, attempt: int, crashes: int, packed: bytes) -> None:
    if not run.is_open(node):
        return
    promise = cast("Promise", unpack(packed, lambda facts: handle_of(run, facts)))
    group = run.groups[node[0]]
    run.sender.take_back(node)
    run.sender.rest(node)  # its children may need the named slots
    run.promises[node] = promise
    group.assemblies[node[1]] = Assembly(promise.frozen, promise.wall_s), promise.slots
    group.turns[node[1]] = attempt, crashes
    run.unassembled.append(node)
    expanding.expand(run)


def _park(run: Run, node: Node, attempts: int, crashes: int, seconds: float) -> None:
    """A node waits for its next attempt, without a slot, a resource or a thread."""
    if not run.is_open(node):
        return
    run.groups[node[0]].turns[node[1]] = attempts, crashes
    run.sender.take_back(node)
    run.sender.rest(node)
    if seconds > 0:
        run.engine.call_later(run, seconds, lambda: run.wake(*node))
    else:
        run.sender.again(node)


def _again(run: Run, node: Node) -> None:
    """A carrier leaves an element to others; those that do not travel with it any more were sent again before.

    It has no outcome for one that was cancelled meanwhile either: what waits for that one is told by the driver.
    """
    if run.groups[node[0]].carrier_of[node[1]] < 0:
        return
    if run.is_open(node):
        run.sender.again(node)
        return
    run.without_key.add(node)
    for user, index in list(run.sender.wiring.users(node)):
        if user.status[index] == SENT:
            run.sender.again((user.spec.id, index))


# Questions


def _answer_when_ended(run: Run, question: str, worker: str, ref: Ref | None) -> None:
    if ref is None:
        _answer(run, question, worker, [_told(Ended("the child", TaskState.CANCELLED, "it was never made"))])
        return
    found = ref

    def answer() -> None:
        with run.lock:
            told = [_told(one) for one in _ended(run, found)]
        _answer(run, question, worker, told)

    run.answers.when_done(found, answer)


def _ended(run: Run, ref: Ref) -> list[Ended]:
    """What is known of the nodes behind a handle, in the order of its list."""
    if ref.group not in run.flattened:
        indices = run.answers.elements(ref) if ref.index is None else [ref.index]
        return [values.ended(run, (ref.group, index)) for index in indices]
    return [_ended_element(part, items) for part, items in run.flattened[ref.group].in_order()]


def _ended_element(part: Handle, items: tuple[int, ...]) -> Ended:
    run, ref = run_of(part), part._ref
    if ref.index is None:
        return Ended(run.answers.name(ref), TaskState.FAILED, "it is a list of nodes itself: flatten once more")
    own = () if ref.item is None else (ref.item,)
    return values.ended(run, (ref.group, ref.index))._replace(items=(*own, *items))


def _told(node: Ended) -> list[Any]:
    error = node.error
    info = None if error is None else [error.type_name, error.message, error.traceback, error.pickled]
    return [node.name, node.state.value, node.reason, info, node.inline, node.key, node.offset, node.items]


def _kept(run: Run, name: GroupId, indices: list[int], key: str) -> list[list[Any] | None]:
    """What is known of nodes whose Dask task is executed again; those of a carrier that are not known go out singly.

    None stands for one that has ended and whose value was lost: it is executed again where it is.
    """
    told: list[list[Any] | None] = []
    alone = not key.endswith(tuple(f"-c{carrier}" for carrier in range(len(run.groups[name].carriers))))
    for index in indices:
        one = values.ended(run, (name, index)) if run.has_ended((name, index)) else None
        if one is not None and (one.inline is not None or not one.has_value):
            _, state, reason, error, inline, *_ = _told(one)
            told.append([state, reason, error, inline])
        elif one is not None:
            told.append(None)
        else:
            told.append(["", "", None, None])
            if not alone and run.groups[name].status[index] == SENT:
                run.sender.again((name, index))
    return told
