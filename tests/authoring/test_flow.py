"""Flows: how they are called, what they return, flows inside flows, async flows."""

from __future__ import annotations

import asyncio
import gc
import pickle
import textwrap
import threading
from typing import Any

import cloudpickle
import pytest

from tests.authoring.cells import defined
from tests.authoring.conftest import Recording
from wfkit import Flow, Handle, flow, task
from wfkit.authoring.context import FlowBody, inside
from wfkit.authoring.flow import resolved
from wfkit.core.states import RunState
from wfkit.errors import BadFlow, BadParameter, BlockingInAsync, FlowFailed


@task
def add(x: int, y: int = 1) -> int:
    return x + y


@task
def broken() -> int:
    raise ValueError("no")


@flow
def etl(x: int) -> Any:
    """Add twice.

    And more.
    """
    return add(add(x))


# --- what a flow is ---


def test_a_flow_keeps_name_doc_and_signature() -> None:
    assert (etl.name, etl.__name__, etl.options.description) == ("etl", "etl", "Add twice.")  # type: ignore[attr-defined]
    assert repr(etl) == "<Flow etl(x: 'int') -> 'Any'>"
    assert flow(name="other", tags="db")(lambda: None).options.tags == {"db"}
    assert flow(name="other")(lambda: None).name == "other"


class NotAFunction:
    def __call__(self) -> int:
        return 1


def numbers() -> Any:
    yield 1


async def numbers_soon() -> Any:
    yield 1


@pytest.mark.parametrize("thing", [3, NotAFunction(), NotAFunction, len, numbers, numbers_soon], ids=repr)
def test_what_is_no_plain_function_is_no_flow(thing: Any) -> None:
    with pytest.raises(BadFlow, match=r"@flow needs a plain or async function, got .*Decorate a def"):
        flow(thing)


def test_a_task_or_flow_is_no_flow_again() -> None:
    with pytest.raises(BadFlow, match="`add` is a task already"):
        flow(add)
    with pytest.raises(BadFlow, match="`etl` is a flow already"):
        flow(etl)


@pytest.mark.usefixtures("cluster")
def test_a_flow_travels_without_its_runs() -> None:
    etl(1)
    assert etl.last_run is not None
    copy = pickle.loads(cloudpickle.dumps(etl))
    assert isinstance(copy, Flow)
    assert (copy.name, copy._last_run) == ("etl", None)


# --- calling ---


@pytest.mark.usefixtures("cluster")
def test_a_call_runs_and_returns_the_value() -> None:
    assert etl(1) == 3
    assert etl(x="10") == 12  # type: ignore[arg-type]  # coerced


@pytest.mark.usefixtures("cluster")
def test_run_waits_and_returns_the_run() -> None:
    run: Any = etl.run(1)
    assert (run.state, run.result(), run.flow_name) == (RunState.COMPLETED, 3, "etl")
    assert etl.last_run is run


@pytest.mark.usefixtures("cluster")
def test_start_returns_at_once() -> None:
    gate = threading.Event()

    @flow
    def slow() -> Any:
        gate.wait(10)
        return add(1)

    run: Any = slow.start()
    assert run.state is RunState.RUNNING  # its body waits for what comes after `start`
    assert add(1) == 2  # the notebook goes on: a call here runs here
    gate.set()
    assert run.result() == 2


@pytest.mark.parametrize("call", [etl, etl.run, etl.start, etl.parameters], ids=["()", "run", "start", "parameters"])
@pytest.mark.parametrize(
    ("args", "kwargs", "told"),
    [
        ((), {}, r"etl\(\): missing a required argument: 'x'\. It takes etl\(x: 'int'\)"),
        ((1, 2), {}, "too many positional arguments"),
        ((1,), {"year": 2}, "unexpected keyword argument 'year'"),
        (("ten",), {}, "Parameter `x` of the flow `etl` got 'ten': Input should be a valid integer.*declared as `int`"),
    ],
)
def test_wrong_arguments_start_nothing(call: Any, args: Any, kwargs: Any, told: str) -> None:
    before = etl.last_run
    with pytest.raises(BadParameter, match=told):
        call(*args, **kwargs)
    assert etl.last_run is before


@pytest.mark.usefixtures("cluster")
def test_a_failed_task_fails_the_flow() -> None:
    @flow
    def failing() -> Any:
        return broken()

    with pytest.raises(FlowFailed, match="`failing` ended FAILED: `broken`"):
        failing()
    assert failing.run().state is RunState.FAILED  # type: ignore[attr-defined]


@pytest.mark.usefixtures("cluster")
def test_an_exception_of_the_body_passes_through_a_call() -> None:
    @flow
    def failing(how: str) -> None:
        add(1)
        raise LookupError(how)

    with pytest.raises(LookupError, match="badly"):
        failing("badly")
    run: Any = failing.start("badly").wait()  # type: ignore[attr-defined]
    assert run.state is RunState.FAILED
    assert run.view_model.reason.startswith("LookupError: badly (body, line ")
    assert run.node("add").result() == 2  # what was submitted finished


@pytest.mark.usefixtures("cluster")
def test_plain_python_is_the_control_flow() -> None:
    @flow
    def loop() -> Any:
        handle: Any = add(1)
        while handle.result() < 5:
            handle = add(handle, handle)
        return handle

    assert loop() == 8


@pytest.mark.usefixtures("cluster")
def test_handles_in_the_value_are_resolved_wherever_they_are() -> None:
    @flow
    def many() -> Any:
        return {"one": add(1), "some": [add(2), (add.map([1, 2]), "x")]}

    assert many() == {"one": 2, "some": [3, ([2, 3], "x")]}
    assert resolved([1, "a"]) == [1, "a"]


# --- flows inside flows ---


@pytest.mark.usefixtures("cluster")
def test_a_flow_inside_a_flow_is_a_group_and_gives_handles() -> None:
    seen: list[object] = []

    @flow
    def outer() -> Any:
        first = etl(1)
        seen.append(first)
        return [add(first), etl(first)]

    run: Any = outer.run()
    assert isinstance(seen[0], Handle)
    assert run.result() == [4, 5]
    groups = {group.spec.name: group.spec for group in run.view_model.ordered()}
    assert {name for name, spec in groups.items() if spec.kind == "flow"} == {"etl", "etl#2"}
    assert [groups[name].parent for name in ("add", "add#2", "add#3")] == [groups["etl"].id, groups["etl"].id, None]


def test_a_flow_inside_a_flow_closes_its_group_when_it_raises(body: Recording) -> None:
    @flow
    def inner(x: int) -> None:
        raise LookupError(x)

    with pytest.raises(LookupError):
        inner(3)
    assert body.subflows == ["inner", "/inner"]
    with pytest.raises(BadParameter):
        inner("x")  # type: ignore[arg-type]
    assert body.subflows == ["inner", "/inner"]


def test_an_async_flow_in_a_plain_body_is_refused(body: Recording) -> None:
    @flow
    async def inner() -> None: ...

    with pytest.raises(BadFlow, match=r"async flow `inner` was called in the body of `etl`.*`await inner\(\.\.\.\)`"):
        inner()  # type: ignore[unused-coroutine]
    assert body.subflows == []


# --- async flows ---


@flow
async def soon(x: int) -> Any:
    one = add(x)
    two: Any = await add(one)  # type: ignore[misc]
    return [two, add(two)]


@pytest.mark.usefixtures("cluster")
def test_an_async_flow_is_awaited() -> None:
    async def cell() -> object:
        return await soon(1)

    assert asyncio.run(cell()) == [3, 4]


def test_an_async_flow_checks_its_parameters_before_it_is_awaited() -> None:
    with pytest.raises(BadParameter, match="`x` of the flow `soon` got 'ten'"):
        soon("ten")  # type: ignore[arg-type, unused-coroutine]


@pytest.mark.usefixtures("cluster")
def test_an_async_flow_can_be_run_and_started_without_a_loop() -> None:
    run: Any = soon.run(1)
    assert run.result() == [3, 4]
    started: Any = soon.start(2)
    assert started.result() == [4, 5]


@pytest.mark.usefixtures("cluster")
def test_blocking_in_an_async_flow_says_await() -> None:
    @flow
    async def blocking() -> None:
        add(1).result()  # type: ignore[attr-defined]

    run: Any = blocking.run()
    assert run.state is RunState.FAILED
    assert "BlockingInAsync: `add.result()` would block" in run.view_model.reason


@pytest.mark.usefixtures("cluster")
def test_an_async_flow_awaits_async_flows_as_groups() -> None:
    @flow
    async def outer() -> Any:
        handle = (await soon(1))[1]
        assert isinstance(handle, Handle)
        return add.submit(handle)

    run: Any = outer.run()
    assert run.result() == 5
    assert [group.spec.name for group in run.view_model.ordered()] == ["soon", "add", "add#2", "add#3", "add#4"]


def test_an_async_flow_inside_a_cell_that_awaits_may_not_block(recording: Recording) -> None:
    @flow
    async def inner() -> object:
        return recording.handle().result()

    async def cell() -> object:
        with inside(FlowBody(recording, "cell")):
            return await inner()

    with pytest.raises(BlockingInAsync):
        asyncio.run(cell())
    assert recording.subflows == ["inner", "/inner"]
    gc.collect()


def test_a_body_tells_what_it_reads_and_nobody_provides() -> None:
    source = """
    known = 1

    @flow
    def reads(x):
        global bound
        bound = known
        class Inside:
            n = gone.attribute
            m = n
        try:
            m = perhaps
        except NameError:
            m = 1
        return [len(y) + bound for y in x] + [lambda: away]
    """
    assert defined(textwrap.dedent(source), "reads").body.missing() == ["away", "gone"]
    assert etl.body.missing() == []
