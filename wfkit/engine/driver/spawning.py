"""Spawning: what tasks tell the driver: calls in their bodies, values that are handles, questions about children."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any, cast

from wfkit.authoring.freeze import Frozen, Slot
from wfkit.authoring.handle import Handle, Ref
from wfkit.core.events import How
from wfkit.core.ids import GroupId, spawners
from wfkit.core.states import RUN_ENDS, TaskState
from wfkit.engine.driver import expanding, values
from wfkit.engine.driver.flattening import Element, items_meant
from wfkit.engine.driver.group import SENT, Node
from wfkit.engine.driver.wiring import run_of
from wfkit.engine.worker.assembly import Assembly
from wfkit.engine.worker.calls import HandleFacts, unpack, unpack_call
from wfkit.engine.worker.ended import Ended
from wfkit.engine.worker.own_process import ProcessDied
from wfkit.engine.worker.past import Past
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
        case ["promise", group, int(index), [*past], bytes(packed)]:
            _promise(run, (GroupId(group), index), Past(*past), packed)
        case ["parked", group, int(index), [*past], seconds]:
            _park(run, (GroupId(group), index), Past(*past), float(seconds))
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
            _answer_when_ended(run, question, worker, group, index)
        case ["state", group, index]:
            ref = _ref(run, group, index)
            _answer(run, question, worker, run.answers.state(ref).value if ref else TaskState.CANCELLED.value)
        case ["cancel", group, index]:
            if (ref := _ref(run, group, index)) is not None:
                run.answers.cancel(ref)
            _answer(run, question, worker, None)
        case ["kept", group, [*indices], str(key), int(crashes)]:
            _answer(run, question, worker, _kept(run, GroupId(group), [int(index) for index in indices], key, crashes))
        case ["awaited", group]:
            _answer(run, question, worker, _is_awaited(run, GroupId(group)))
        case _:
            raise LookupError(f"a question that nobody answers: {asked[0]}")


def _element(run: Run, group: str, index: int) -> Element | None:
    """What a task means by an element, which it counts as the list has them, or by a whole list (-1); None: nothing."""
    name = run.spawned.get(GroupId(group), GroupId(group))
    if name not in run.groups:
        return None
    if index < 0:
        return Handle(run.answers, Ref(name, None), mapped=True), ()
    if name in run.flattened:
        return run.flattened[name].at(index)
    final = run.groups[name].final
    return Handle(run.answers, Ref(name, index if final is None else final[index])), ()


def _ref(run: Run, group: str, index: int) -> Ref | None:
    element = _element(run, group, index)
    return None if element is None else element[0]._ref


def handle_of(run: Run, facts: HandleFacts) -> Handle:
    """The handle of this process for one of a task's."""
    group, index, item, mapped, n_outputs = facts
    element = None if index is None else _element(run, group, index)
    if element is None:
        name = run.spawned.get(GroupId(group), GroupId(group))
        return Handle(run.answers, Ref(name, None), mapped=mapped, n_outputs=n_outputs)
    part, items = element
    meant = replace(part._ref, item=items[0] if items else part._ref.item if item is None else item)
    return Handle(part._source, meant, mapped=part._mapped, n_outputs=n_outputs)


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
    if run.state in RUN_ENDS:  # a lost result is made again, of what its body has made
        return run.bounds.max_tasks
    if kind == "subflow":
        name, given, branch = what
        if known is None:
            described = unpack(given, lambda facts: handle_of(run, facts))
            run.add_flow_group(str(name), identity, within, described, branch)
        return run.bounds.max_tasks
    if kind == "flatten":
        _flatten(run, identity, within, unpack(what[0], lambda facts: handle_of(run, facts)))
        return run.bounds.max_tasks
    packed, code = what
    if code:
        run.codes.update([unpack(code, lambda facts: handle_of(run, facts))])
    return _call(run, identity, within, bytes(packed))


def _call(run: Run, identity: GroupId, parent: GroupId, packed: bytes) -> int:
    same = hashlib.blake2b(packed, digest_size=12)

    def handle(facts: HandleFacts) -> Handle:
        found = handle_of(run, facts)
        same.update(repr(found._ref).encode())  # another one, where it was made anew
        return found

    call = unpack_call(packed, run.codes, handle)
    if run.flattened:
        call = replace(call, **_respelled(call.frozen, call.slots))
    known = run.spawned.get(identity)
    earlier = known if known is not None and run.spawned_calls.get(known) == same.digest() else None
    if earlier is not None and not run.has_failures(earlier):
        return run.room
    left = run.room - (call.length or 1)
    if left < 0:
        return left
    new = _name_for(run, identity)
    if earlier is not None:
        run.earlier[new] = earlier
    run.spawned_calls[new] = same.digest()
    try:
        run.add_call(call, new, parent)
    except WfkitError as error:
        run.fail_call(call, new, parent, error)
    return left


def _respelled(
    frozen: Frozen | Sequence[Frozen], slots: tuple[Slot, ...] | Sequence[tuple[Slot, ...]]
) -> dict[str, Any]:
    """Arguments and slots, where elements of a flatten among them turned out to be items of values, or whole lists."""
    if not isinstance(slots, tuple):
        assert not isinstance(frozen, Frozen)
        each = [_respelled(*one) for one in zip(frozen, slots, strict=True)]
        return {name: [one[name] for one in each] for name in ("frozen", "slots")}
    new = tuple(map(_respelled_slot, slots))
    if new != slots:
        uses = tuple(slot.use for slot in new)
        frozen = (
            Frozen(frozen.payload, uses)
            if isinstance(frozen, Frozen)
            else [Frozen(one.payload, uses) for one in frozen]
        )
    return {"frozen": frozen, "slots": new}


def _respelled_slot(slot: Slot) -> Slot:
    source = slot.source
    if not isinstance(source, Handle) or slot.how is How.EACH:
        return slot
    item, items = source._ref.item, slot.use.items
    use = slot.use if item is None or items[:1] == (item,) else slot.use._replace(items=(item, *items))
    return slot._replace(how=How.ALL if source._mapped else How.ONE, use=use)


def _flatten(run: Run, identity: GroupId, parent: GroupId, handle: Handle) -> None:
    known = run.spawned.get(identity)
    # What it chains may have been made anew; a flatten over the old one would keep what stands behind it.
    if known is None or known not in run.flattened or run.flattened[known].source._ref != handle._ref:
        run.add_flatten(handle, _name_for(run, identity), parent)


def _name_for(run: Run, identity: GroupId) -> GroupId:
    """The id of what a body makes; a body that is executed again finds what it has, or makes it anew under another."""
    new = GroupId(f"{identity}x{len(run.groups)}") if identity in run.spawned else identity
    run.spawned[identity] = new
    return new


# Values that are handles


def _promise(run: Run, node: Node, past: Past, packed: bytes) -> None:
    if not run.is_open(node):
        return
    promise = cast("Promise", unpack(packed, lambda facts: handle_of(run, facts)))
    group = run.groups[node[0]]
    run.sender.take_back(node)
    run.sender.rest(node)  # its children may need the named slots
    if run.flattened:
        promise = promise._replace(**_respelled(promise.frozen, promise.slots))
    run.promises[node] = promise
    group.assemblies[node[1]] = Assembly(promise.frozen, promise.wall_s), promise.slots
    group.pasts[node[1]] = past
    run.unassembled.append(node)
    expanding.expand(run)


def _park(run: Run, node: Node, past: Past, seconds: float) -> None:
    """A node waits for its next attempt, without a slot, a resource or a thread."""
    if not run.is_open(node):
        return
    run.groups[node[0]].pasts[node[1]] = past
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


def _answer_when_ended(run: Run, question: str, worker: str, group: str, index: int) -> None:
    element = _element(run, group, index)
    if element is None:
        _answer(run, question, worker, [_told(Ended("the child", TaskState.CANCELLED, "it was never made"))])
        return
    handle = element[0]

    def answer() -> None:
        with run.lock:
            ended = _ended_list(run, handle._ref) if index < 0 else [_ended_element(*element)]
        _answer(run, question, worker, [_told(one) for one in ended])

    handle._source.when_done(handle._ref, answer)


def _ended_list(run: Run, ref: Ref) -> list[Ended]:
    """What is known of the nodes behind a list, in its order."""
    if ref.group not in run.flattened:
        return [values.ended(run, (ref.group, index)) for index in run.answers.elements(ref)]
    flattened = run.flattened[ref.group]
    if flattened.error is not None:
        return [Ended(run.answers.name(ref), TaskState.FAILED, *expanding.error_in_words(flattened.error))]
    return [_ended_element(part, items) for part, items in flattened.in_order()]


def _ended_element(part: Handle, items: tuple[int, ...]) -> Ended:
    run, ref = run_of(part), part._ref
    if ref.index is None:
        return Ended(run.answers.name(ref), TaskState.FAILED, "it is a list of nodes itself: flatten once more")
    return values.ended(run, (ref.group, ref.index))._replace(items=items_meant((part, items)))


def _told(node: Ended) -> list[Any]:
    error = node.error
    info = None if error is None else [error.type_name, error.message, error.traceback, error.pickled]
    return [node.name, node.state.value, node.reason, info, node.inline, node.key, node.offset, node.items]


def _kept(run: Run, name: GroupId, indices: list[int], key: str, crashes: int) -> list[list[Any] | None]:
    """What is known of nodes whose Dask task is executed again; those of a carrier that are not known go out singly.

    None stands for one whose value was lost, which is made again where it is; a past for one that has not ended, and
    goes on there, because it travels alone. Nothing is known of one that has another key by now, and what this one
    would give nobody wants.
    """
    told: list[list[Any] | None] = []
    group = run.groups[name]
    now = {index for _, index in run.nodes_of_key(key)}
    travels_alone = group.key_of(indices[0]) == key
    for index in indices:
        one = values.ended(run, (name, index)) if run.has_ended((name, index)) else None
        if one is not None and (one.inline is not None or not one.has_value):
            _, state, reason, error, inline, *_ = _told(one)
            told.append([state, reason, error, inline])
        elif index in now and one is not None:
            told.append(None)
        elif index in now and travels_alone:
            group.pasts[index] = past = _past(run, (name, index))
            told.append([*past._replace(crashes=past.crashes + crashes)])
        else:
            told.append(["", "", None, None])
            if index in now and group.status[index] == SENT:
                past = _past(run, (name, index))
                group.pasts[index] = past._replace(crashes=crashes if past.attempts else 0)
                run.sender.again((name, index))
    return told


def _past(run: Run, node: Node) -> Past:
    """What a node has behind it whose execution was lost, with the crashes before it was sent."""
    view, past = run.view_model.groups[node[0]], run.groups[node[0]].past_of(node[1])
    errors = [error for _, _, error in view.retries.get(node[1], {}).values() if error is not None]
    failures = sum(error.type_name != ProcessDied.__qualname__ for error in errors)
    return past._replace(attempts=max(past.attempts, view.attempts[node[1]]), failures=failures)
