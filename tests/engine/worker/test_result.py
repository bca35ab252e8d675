"""Results checked: what can travel is described, what cannot is refused with the path to the culprit."""

from __future__ import annotations

import base64
import pickle
import threading
from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.system import hostile
from wfkit.authoring.secrets import Secret
from wfkit.engine.worker import result
from wfkit.engine.worker.outcome import load_value, size_of
from wfkit.engine.worker.preview import preview
from wfkit.engine.worker.result import INLINE_BYTES, check_result
from wfkit.errors import NotPicklable


@pytest.mark.parametrize("fault", hostile.CANNOT_TRAVEL)
def test_what_cannot_travel_is_refused_with_a_path(fault: str) -> None:
    make, told = hostile.CANNOT_TRAVEL[fault]
    value = make()
    with pytest.raises(NotPicklable, match="`load`") as caught:
        check_result(value, "load")
    assert told in str(caught.value)
    assert len(str(caught.value)) < 700
    if hasattr(value, "close"):
        value.close()


def test_small_values_are_inline_large_ones_are_not() -> None:
    small = check_result([1, 2, 3], "load")
    assert small.inline is not None
    assert load_value(small.inline, (), "load") == [1, 2, 3]
    assert (small.length, small.preview) == (3, "[1, 2, 3]")
    assert check_result("x" * INLINE_BYTES * 2, "load").inline is None
    assert check_result(list(range(INLINE_BYTES)), "load").inline is None
    assert check_result(b"", "load").inline is not None


def test_large_text_and_bytes_are_not_pickled_to_find_out_that_they_can(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(result, "dump_value", None)
    assert check_result(b"x" * 1_000_000, "load").size_bytes >= 1_000_000
    assert check_result("x" * 1_000_000, "load").size_bytes >= 1_000_000


def test_arrays_are_not_inline() -> None:
    np = pytest.importorskip("numpy")
    assert check_result(np.zeros(2), "load").inline is None


class Slotted:
    __slots__ = ("empty", "lock")

    def __init__(self) -> None:
        self.lock = threading.Lock()


@dataclass
class Inner:
    lock: object


class Tricky:
    """Says nothing of its attributes without a fight."""

    def __init__(self) -> None:
        object.__setattr__(self, "lock", threading.Lock())

    def __getattribute__(self, name: str) -> object:
        if name in {"lock", "__dict__"}:
            raise SystemExit(name)
        return object.__getattribute__(self, name)


@pytest.mark.parametrize(
    ("value", "path"),
    [
        (Slotted(), "`result.lock` is a lock"),
        ([Inner(1), Inner(threading.Lock())], "`result[1].lock` is a lock"),
        ({hostile.Model: {"k": threading.Lock()}}, "`result[<type>]['k']` is a lock"),
        ([hostile.Endless(), threading.Lock()], "`result[1]` is a lock"),
        (threading.Lock().acquire, "`result` is a builtin_function_or_method"),
    ],
    ids=["slots", "dataclass", "class as key", "beside an endless repr", "method of a lock"],
)
def test_paths(value: object, path: str) -> None:
    with pytest.raises(NotPicklable) as caught:
        check_result(value, "load")
    assert path in str(caught.value)


def test_a_value_that_fights_back_is_refused_too() -> None:
    with pytest.raises(NotPicklable, match="`load` returned a value that cannot be pickled"):
        check_result(Tricky(), "load")


def test_a_loop_of_references_ends() -> None:
    loop = hostile.Model(lock=threading.Lock())
    loop.me = loop  # type: ignore[attr-defined]
    with pytest.raises(NotPicklable, match=r"result\.lock"):
        check_result(loop, "load")


@given(value=st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text())
def test_plain_values_are_described_as_all_others_are(value: object) -> None:
    found = check_result(value, "make")
    assert pickle.loads(found.inline or b"") == value
    assert type(pickle.loads(found.inline or b"")) is type(value)
    assert found.length is None
    if not isinstance(value, str):  # one that was pickled remembers that, and is larger
        assert found.size_bytes == size_of(value)
    assert found.preview == preview(value)


CANARY = "canary-in-a-result/7f3a"


@pytest.mark.parametrize(
    "wrapped",
    [
        lambda secret: secret,
        lambda secret: secret.get(),
        lambda secret: secret.get().encode(),
        lambda secret: {"deep": [(1, f"password is {secret.get()}")]},
        lambda secret: base64.b64encode(b"user:" + secret.get().encode()).decode(),
        lambda secret: f"db://u:{secret.get().replace('/', '%2F')}@host",
        lambda secret: bytes(10_000) + secret.get().encode(),
        lambda secret: "x" * 10_000 + secret.get(),
        lambda secret: np.array([secret.get().encode()] * 1_000),
        lambda _: Secret("ab"),
    ],
    ids=["secret", "text", "bytes", "in a dict", "base64", "URL", "long bytes", "long text", "array", "short"],
)
def test_a_result_that_holds_a_secret_is_marked_and_is_in_no_event(wrapped: Any) -> None:
    checked = check_result(wrapped(Secret(CANARY)), "load")
    assert checked.secret
    assert checked.inline is None
    assert "canary" not in checked.preview


def test_a_result_without_a_secret_is_not_marked() -> None:
    Secret(CANARY)
    for value in ([1, "x"], "x" * 10_000, b"x" * 10_000, np.zeros(3), None, Secret(env="CANARY_VARIABLE")):
        assert not check_result(value, "load").secret


def test_a_secret_that_is_only_named_may_be_in_an_event() -> None:
    assert check_result([Secret(env="CANARY_VARIABLE")], "load").inline is not None
