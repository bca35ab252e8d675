"""Handles: what they answer, and that using one as its value is refused with the way out."""

from __future__ import annotations

import asyncio
import copy
import math
import os
import pickle
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.authoring.conftest import Recording
from wfkit import Handle, flow, task
from wfkit.authoring.context import FlowBody, inside
from wfkit.core.states import TaskState
from wfkit.errors import BlockingInAsync, BlockingInBranch, HandleCaptured, HandleMisuse, UnknownLength, WaitTimeout


def added_in_place(handle: Any) -> object:
    handle += 1
    return handle


MISUSES: dict[str, Callable[[Any], object]] = {
    "bool": bool,
    "not": lambda h: not h,
    "if": lambda h: 1 if h else 2,
    "add": lambda h: h + 1,
    "radd": lambda h: 1 + h,
    "iadd": added_in_place,
    "text": lambda h: "a" + h,
    "list": lambda h: [1] + h,  # noqa: RUF005 - the plus is the misuse
    "sub": lambda h: h - 1,
    "mul": lambda h: h * 2,
    "matmul": lambda h: h @ h,
    "truediv": lambda h: 1 / h,
    "floordiv": lambda h: h // 2,
    "mod": lambda h: h % 2,
    "divmod": lambda h: divmod(h, 2),
    "pow": lambda h: 2**h,
    "and": lambda h: h & 1,
    "or": lambda h: h | 1,
    "xor": lambda h: h ^ 1,
    "shift": lambda h: h << 1,
    "neg": lambda h: -h,
    "pos": lambda h: +h,
    "invert": lambda h: ~h,
    "abs": abs,
    "eq": lambda h: h == 3,
    "ne": lambda h: h != 3,
    "eq from the left": lambda h: h == "x",
    "lt": lambda h: h < 3,
    "le": lambda h: h <= 3,
    "gt": lambda h: h > h,  # noqa: PLR0124 - two handles
    "ge": lambda h: h >= 3,
    "int": int,
    "float": float,
    "complex": complex,
    "round": round,
    "floor": math.floor,
    "ceil": math.ceil,
    "trunc": math.trunc,
    "range": range,
    "index": lambda h: [1, 2][h],
    "bytes": bytes,
    "format": lambda h: f"{h}",
    "format with a spec": lambda h: f"{h:.2f}",
    "str.format": "{}".format,
    "fspath": os.fspath,
    "open": open,
    "path": lambda h: Path("a") / h,
    "array": np.array,
    "array of handles": lambda h: np.array([h, h]),
    "ufunc": np.sin,
    "ufunc of two": lambda h: np.add(np.arange(3), h),
    "array + handle": lambda h: np.arange(3) + h,
    "handle + array": lambda h: h + np.arange(3),
    "array == handle": lambda h: np.arange(3) == h,
    "len": len,
    "iter": list,
    "unpack": lambda h: [*h],
    "for": lambda h: [x for x in h],  # noqa: C416 - a loop
    "in": lambda h: 3 in h,
    "call": lambda h: h(),
    "call with arguments": lambda h: h(1, a=2),
    "index of a single handle": lambda h: h[0],
    "key": lambda h: h["a"],
    "slice": lambda h: h[1:],
    "set item": lambda h: h.__setitem__(0, 1),
    "del item": lambda h: h.__delitem__(0),
    "attribute": lambda h: h.columns,
    "method": lambda h: h.head(),
}


@pytest.mark.parametrize("misuse", MISUSES.values(), ids=MISUSES.keys())
def test_using_a_handle_as_its_value_is_a_type_error_that_says_what_to_do(
    misuse: Callable[[Handle], object], recording: Recording
) -> None:
    with pytest.raises(TypeError) as caught:
        misuse(recording.handle("load"))
    assert isinstance(caught.value, HandleMisuse)
    assert "`load" in caught.value.what
    assert ".result()" in caught.value.fix


def test_a_comparison_names_the_value(recording: Recording) -> None:
    with pytest.raises(HandleMisuse, match=r"cannot be compared with int 3.*`load` is a handle"):
        assert recording.handle() == 3


@pytest.mark.parametrize("method", ["wait", "result", "exception"])
def test_in_a_branch_a_handle_does_not_wait(method: str, recording: Recording) -> None:
    with inside(FlowBody(recording, "etl", branch=True)):
        with pytest.raises(BlockingInBranch, match=rf"`load\.{method}\(\)` would hold up the other branches\. Make"):
            getattr(recording.handle(), method)()
        with pytest.raises(BlockingInBranch, match="`await load` would hold up"):
            recording.handle().__await__()
    recording.source.values[("load", 0)] = None
    getattr(recording.handle(), method)()


def test_an_ended_task_is_a_handle_too(recording: Recording) -> None:
    recording.source.values[("load", 0)] = 3
    with pytest.raises(HandleMisuse, match=r"^`\+` needs the value: `load` is a handle, not its value\. Call"):
        recording.handle() + 1  # type: ignore[operator]


def test_a_ufunc_is_named(recording: Recording) -> None:
    with pytest.raises(HandleMisuse, match=r"numpy\.sin needs the value"):
        np.sin(recording.handle())


def test_unknown_attributes_are_absent_for_hasattr_and_getattr(recording: Recording) -> None:
    handle = recording.handle()
    assert not hasattr(handle, "columns")
    assert not hasattr(handle, "_repr_html_")
    assert getattr(handle, "columns", "none") == "none"


def test_new_attributes_cannot_be_set(recording: Recording) -> None:
    with pytest.raises(AttributeError):
        recording.handle().columns = 3  # type: ignore[attr-defined]


def test_str_and_repr_are_for_display(recording: Recording) -> None:
    handle = recording.handle("load")
    assert str(handle) == repr(handle) == f"{handle!r}" == "<Handle load: RUNNING>"
    assert "%s" % handle == "<Handle load: RUNNING>"  # noqa: UP031 - as in logging


def test_handles_equal_only_themselves_and_can_be_keys(recording: Recording) -> None:
    one, same, other = recording.handle("a"), recording.handle("a"), recording.handle("b")
    assert one == same
    assert one != other
    assert {one: 1}[same] == 1
    assert [one, other].index(other) == 1
    assert one is not None


def test_copies_of_a_handle_are_the_handle(recording: Recording) -> None:
    handle = recording.handle()
    assert copy.copy(handle) is handle
    assert copy.deepcopy({"a": [handle]})["a"][0] is handle


def test_a_handle_is_not_pickled_without_its_value(recording: Recording) -> None:
    with pytest.raises(HandleCaptured, match=r"`load` cannot be pickled.*as an argument"):
        pickle.dumps(recording.handle())


# --- elements and items ---


def test_a_mapped_handle_of_known_length_is_iterated_and_indexed(recording: Recording) -> None:
    mapped = recording.mapped_handle("clean", length=3)
    assert len(mapped) == 3
    assert [handle.name for handle in mapped] == ["clean[0]", "clean[1]", "clean[2]"]
    assert mapped[-1] == mapped[2] == mapped[np.int64(2)]
    backwards: Any = reversed(mapped)  # by length and items, as of any sequence
    assert [handle.name for handle in backwards] == ["clean[2]", "clean[1]", "clean[0]"]


@pytest.mark.parametrize("k", [3, -4])
def test_an_element_out_of_range_is_an_index_error_that_names_the_length(recording: Recording, k: int) -> None:
    with pytest.raises(IndexError, match=f"`clean` has 3 elements; there is no element {k}"):
        recording.mapped_handle("clean", length=3)[k]


@pytest.mark.parametrize("use", [len, list, lambda h: h[0], lambda h: h[-1]], ids=["len", "iter", "[0]", "[-1]"])
def test_elements_of_a_map_of_unknown_length_are_refused(recording: Recording, use: Callable[[Handle], object]) -> None:
    with pytest.raises(UnknownLength, match="not known yet"):
        use(recording.mapped_handle("clean", length=None))


def test_n_outputs_lets_a_handle_be_unpacked_and_indexed(recording: Recording) -> None:
    a, b = recording.handle("split", n_outputs=2)
    assert (a._ref.item, b._ref.item) == (0, 1)
    assert recording.handle("split", n_outputs=2)[-1] == b
    with pytest.raises(ValueError, match="unpack"):
        [_, _, _] = recording.handle("split", n_outputs=2)


def test_a_slice_of_a_mapped_handle_is_refused(recording: Recording) -> None:
    with pytest.raises(HandleMisuse, match="slice"):
        recording.mapped_handle("clean", length=3)[1:]  # type: ignore[index]


# --- waiting ---


def test_a_wait_that_takes_too_long_says_what_still_runs(recording: Recording) -> None:
    with pytest.raises(WaitTimeout, match=r"`load` is still RUNNING after 0\.1 s"):
        recording.handle().wait(timeout=0.1)


@pytest.mark.parametrize("method", ["wait", "result", "exception"])
def test_blocking_in_an_async_body_says_await(recording: Recording, method: str) -> None:
    async def body() -> None:
        with inside(FlowBody(recording, "etl", asynchronous=True)):
            getattr(recording.handle(), method)()

    with pytest.raises(BlockingInAsync, match=rf"`load\.{method}\(\)` would block.*Write `await handle`"):
        asyncio.run(body())


def test_a_thread_of_an_async_body_may_block(recording: Recording) -> None:
    recording.source.values[("load", 0)] = 7

    async def body() -> object:
        with inside(FlowBody(recording, "etl", asynchronous=True)):
            return await asyncio.to_thread(recording.handle().result)

    assert asyncio.run(body()) == 7


def test_a_handle_can_be_awaited(recording: Recording) -> None:
    recording.source.values[("load", 0)] = 7

    async def body() -> object:
        return await recording.handle()

    assert asyncio.run(body()) == 7


# --- on a cluster ---


@task
def double(x: int) -> int:
    return 2 * x


@task
def broken(x: int) -> int:
    raise ValueError(f"no {x}")


@pytest.mark.usefixtures("cluster")
def test_a_handle_tells_state_value_error_and_logs() -> None:
    @flow
    def etl() -> list[object]:
        good: Any = double(4)
        bad: Any = broken(3)
        return [good.wait().state, good.result(), good.exception(), good.logs(), bad.wait().state, bad.exception()]

    good_state, value, none, logs, bad_state, error = etl()
    assert (good_state, value, none, logs, bad_state) == (TaskState.COMPLETED, 8, None, [], TaskState.FAILED)
    assert isinstance(error, ValueError)


@pytest.mark.usefixtures("cluster")
def test_the_exceptions_of_a_map_are_aligned_with_its_elements() -> None:
    @task
    def odd(x: int) -> int:
        if x % 2 == 0:
            raise ValueError(x)
        return x

    @flow
    def etl() -> object:
        return odd.map([1, 2, 3]).exception()

    errors: list[object] = etl()  # type: ignore[assignment]
    assert [type(error) for error in errors] == [type(None), ValueError, type(None)]


@pytest.mark.usefixtures("cluster")
def test_the_dask_future_of_a_handle_gives_the_plain_value() -> None:
    @flow
    def etl() -> object:
        return double.submit(4).future.result()

    assert etl() == 8


@pytest.mark.usefixtures("cluster")
def test_a_timeout_is_a_wait_timeout() -> None:
    @task
    def slow() -> None:
        import time

        time.sleep(0.5)  # the work of a slow task

    @flow
    def etl() -> None:
        slow.submit().result(timeout=0.05)

    with pytest.raises(WaitTimeout, match="`slow` is still"):
        etl()
    run: Any = etl.last_run
    run.wait()  # its thread is free again for the next test
