"""Calls: frozen where they are made, and the same after they have travelled."""

from __future__ import annotations

import pickle
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wfkit.authoring.freeze import Constant, thaw
from wfkit.authoring.handle import Handle, Ref
from wfkit.authoring.secrets import Secret
from wfkit.authoring.task import Call, Task, task
from wfkit.core.ids import GroupId
from wfkit.engine.worker.calls import (
    Codes,
    FrozenCall,
    HandleFacts,
    code_of,
    facts_of,
    frozen_call,
    pack,
    pack_call,
    unpack,
    unpack_call,
)
from wfkit.errors import NotPicklable


class Names:
    """The source of handles in one process."""

    def name(self, ref: Ref) -> str:
        return ref.group

    def length(self, _: GroupId) -> int | None:
        return None

    def current(self, handle: Handle) -> Handle:
        return handle


def handle(group: str = "g1", index: int | None = 0, item: int | None = None, *, mapped: bool = False) -> Handle:
    return Handle(Names(), Ref(GroupId(group), index, item), mapped=mapped)  # type: ignore[arg-type]  # names are all it is asked


def received(facts: HandleFacts) -> Handle:
    group, index, item, mapped, n_outputs = facts
    return Handle(Names(), Ref(GroupId(group), index, item), mapped=mapped, n_outputs=n_outputs)  # type: ignore[arg-type]


@task(task_run_name="inc {x}", retries=2, retry_delay_seconds=lambda attempt: attempt, retry_on=ValueError)
def inc(x: Any, by: int = 1) -> Any:
    return x + by


class Taker:
    """Takes calls, as a run does."""

    id = "r1"
    room = 100

    def __init__(self) -> None:
        self.calls: list[Call] = []

    def record(self, call: Call) -> Handle:
        self.calls.append(call)
        return handle()


def made(call: Any) -> Call:
    """What a call of a task becomes in a body."""
    from wfkit.authoring.context import FlowBody, inside

    taker = Taker()
    with inside(FlowBody(taker, "flow")):  # type: ignore[arg-type]  # as much of a run as is needed
        call()
    return taker.calls[0]


def frozen(call: Any) -> FrozenCall:
    return frozen_call(made(call), Codes())


facts = st.tuples(
    st.sampled_from(["g1", "g4.7/1", "g4.7/1.0/3"]),
    st.none() | st.integers(0, 5),
    st.none() | st.integers(0, 5),
    st.booleans(),
    st.none() | st.integers(1, 3),
)
things = st.recursive(
    facts | st.integers() | st.text(), lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner)
)


@given(thing=things)
def test_handles_travel_as_what_they_stand_for(thing: object) -> None:
    def swapped(value: Any) -> Any:
        if isinstance(value, tuple):
            return received(value)
        if isinstance(value, list):
            return [swapped(item) for item in value]
        return {key: swapped(item) for key, item in value.items()} if isinstance(value, dict) else value

    def facts_in(value: Any) -> Any:
        if isinstance(value, Handle):
            return facts_of(value)
        if isinstance(value, list):
            return [facts_in(item) for item in value]
        return {key: facts_in(item) for key, item in value.items()} if isinstance(value, dict) else value

    assert facts_in(unpack(pack(swapped(thing)), received)) == thing


def test_a_call_is_the_same_after_it_has_travelled() -> None:
    call = frozen(lambda: inc(handle("g7"), by=5))
    arrived = unpack_call(pack_call(call), {call.code_id: code_of(call)}, received)
    assert (arrived.task, arrived.code, arrived.code_id, arrived.length) == ("inc", call.code, call.code_id, 1)
    ((args, kwargs), (slot,)) = thaw(arrived.frozen, lambda number: f"slot {number}"), arrived.slots  # type: ignore[arg-type]
    assert (args, kwargs) == (("slot 0",), {"by": 5})
    assert isinstance(slot.source, Handle)  # type: ignore[union-attr]
    assert slot.source._ref.group == "g7"  # type: ignore[union-attr]


def test_code_and_functions_of_options_stay_on_the_worker() -> None:
    call = frozen(lambda: inc(1))
    assert call.code not in pack_call(call)
    options = code_of(call).options
    assert (options.retries, options.retry_on, options.retry_condition_fn) == (2, (), None)
    pickle.loads(pickle.dumps(code_of(call)))


def test_code_is_frozen_once_however_often_it_is_called() -> None:
    codes = Codes()
    assert codes.of(inc) is codes.of(inc)
    other: Task[..., Any] = inc.with_options(retries=3)
    assert codes.of(other)[1] != codes.of(inc)[1]


def test_a_map_over_values_freezes_each_and_a_map_over_a_handle_one_for_all() -> None:
    values = frozen(lambda: inc.map([1, 2, 3]))
    assert (values.mapped, values.length, values.labels) == (True, 3, ("inc 1", "inc 2", "inc 3"))
    assert [thaw(one, str)[0] for one in values.frozen] == [(1,), (2,), (3,)]  # type: ignore[union-attr]
    over = handle("g7", None, mapped=True)
    shared = frozen(lambda: inc.map(over))
    assert (shared.length, shared.labels) == (None, ())
    assert [one._ref.group for one in shared.overs] == ["g7"]
    assert len(shared.slots) == 1


def test_what_all_elements_share_and_is_large_travels_once() -> None:
    from wfkit.authoring.inputs import unmapped

    call = frozen(lambda: inc.map([1, 2], by=unmapped(bytes(5_000))))
    (slot,) = call.slots
    assert isinstance(slot.source, Constant)  # type: ignore[union-attr]


def test_labels_show_what_is_known() -> None:
    assert frozen(lambda: inc(7)).labels == ("inc 7",)
    assert frozen(lambda: inc(handle())).labels == ("inc {x}",)


def test_what_cannot_travel_is_refused_at_the_call() -> None:
    with pytest.raises(NotPicklable):
        frozen(lambda: inc(x for x in "ab"))


CANARY = "canary-in-a-label/7f3a"


@task(task_run_name="{user} {password} {config[api_key]} {text} {text!r} {user}{text}")
def login(user: Any, password: str, config: Any, text: str) -> None: ...


def test_labels_show_no_secrets() -> None:
    secret = Secret(CANARY)
    call = frozen(lambda: login(secret, "abc", {"api_key": "def"}, secret.get()))
    assert call.labels == ("*** *** *** *** '***' ******",)
    (label,) = frozen(lambda: login(CANARY[:9], "", {"api_key": ""}, CANARY[9:])).labels
    assert label.endswith(" ***")
    for place in range(75, 102):
        (label,) = frozen(lambda place=place: login("." * place + CANARY, "", {"api_key": ""}, "")).labels
        assert "c" not in label
