"""A worker is asked for a look at what it holds."""

from __future__ import annotations

import asyncio
import threading
from types import SimpleNamespace
from typing import Any, NoReturn, cast

import numpy as np
import pytest

from wfkit.core.states import TaskState
from wfkit.engine.worker.look import order
from wfkit.engine.worker.look.form import Look
from wfkit.engine.worker.look.order import look_at_key, look_at_value
from wfkit.engine.worker.outcome import Bounced, Err, Ok, Outcomes, arrived, dump_value

pytestmark = pytest.mark.timeout(60)


class Model:
    def __repr__(self) -> str:
        return f"a model, shown in {threading.current_thread().name}"


class Unreadable:
    """Any load of it in this process is a failure of the test."""

    def __reduce__(self) -> tuple[Any, ...]:
        return exec, ("import wfkit.engine.worker.isolated_child, sys; assert 'pytest' not in sys.modules",)


def asked(data: dict[str, object], key: str, offset: int = -1) -> Look | None:
    return asyncio.run(look_at_key(key, offset, cast("Any", SimpleNamespace(data=data))))


def test_what_is_not_there_or_has_no_value_is_none() -> None:
    err = Err(TaskState.FAILED, "no", None, "a")
    assert asked({}, "k") is None
    assert asked({"k": err}, "k") is None
    assert asked({"k": Outcomes([Bounced("a"), err])}, "k", 0) is None


def test_an_element_of_a_carrier_is_found_by_its_place() -> None:
    look = asked({"k": Outcomes([Ok(1, "a"), Ok("two", "b")])}, "k", 1)
    assert look is not None
    assert look.fields["head"] == "two"


def test_what_arrived_as_a_pickle_stays_one() -> None:
    payload, buffers = dump_value(np.arange(3))
    outcome = arrived(payload, "a", *buffers)
    look = asked({"k": outcome}, "k")
    assert look is not None
    assert look.kind == "array"
    assert outcome.held is not None
    unreadable = arrived(*dump_value(Unreadable())[:1], "a")
    assert asked({"k": unreadable}, "k") is not None
    assert unreadable.held is not None


def test_a_known_type_needs_no_process(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(held: object) -> NoReturn:
        raise AssertionError("a process")

    monkeypatch.setattr(order, "look_in_process", refuse)
    assert look_at_value({"a": [1, 2]}).kind == "tree"
    assert look_at_value(np.zeros(3)).kind == "array"


def test_other_types_show_themselves_elsewhere() -> None:
    assert look_at_value(Model()).fields["head"] == "a model, shown in MainThread"


def test_what_cannot_be_pickled_says_so() -> None:
    assert look_at_value(threading.Lock()).fields == {
        "reason": "it cannot be pickled for the process that would show it: TypeError"
    }


def test_what_is_too_large_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(order, "MOST_PICKLED_BYTES", 1_000)
    model = Model()
    model.data = bytes(10_000_000)  # type: ignore[attr-defined]
    monkeypatch.setattr(order, "size_of", lambda value: 10_000_000)  # Dask does not look into it
    assert look_at_value(model).fields["reason"] == "too large: 10 MB would have to be copied to look at it"


def test_the_event_loop_goes_on_meanwhile(monkeypatch: pytest.MonkeyPatch) -> None:
    release = threading.Event()

    def slow(worker: object, key: str, offset: int) -> Look:
        release.wait(20)
        return Look("text", {})

    monkeypatch.setattr(order, "_look", slow)

    async def both() -> Look | None:
        look = asyncio.ensure_future(look_at_key("k", -1, cast("Any", None)))
        await asyncio.sleep(0)
        release.set()  # only because this loop is free
        return await look

    assert asyncio.run(both()) == Look("text", {})


def test_nobody_waits_for_ever(monkeypatch: pytest.MonkeyPatch) -> None:
    release = threading.Event()
    monkeypatch.setattr(order, "_look", lambda *_: release.wait(20))
    monkeypatch.setattr(order, "_PATIENCE_S", 0.1)
    look = asked({}, "k")
    release.set()
    assert look is not None
    assert look.fields["reason"] == "timeout: it took longer than 0.1 s"


def test_a_look_that_fails_is_answered_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object) -> NoReturn:
        raise SystemExit

    monkeypatch.setattr(order, "_look", fail)
    look = asked({}, "k")
    assert look is not None
    assert look.fields["reason"] == "it could not be looked at: SystemExit"


def test_no_more_is_pickled_than_may_be_copied(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(order, "MOST_PICKLED_BYTES", 10_000_000)
    pickled = []

    class Part:
        def __reduce__(self) -> tuple[Any, ...]:
            pickled.append(self)
            return bytes, (len(pickled).to_bytes(2, "big") * 500_000,)

    model = Model()
    model.parts = [Part() for _ in range(100)]  # type: ignore[attr-defined]
    assert look_at_value(model).fields["reason"] == "too large: 10 MB would have to be copied to look at it"
    assert len(pickled) < 12
    model.parts = [np.zeros(1_000_000)] * 2  # type: ignore[attr-defined]
    model.more = np.zeros(1_000_000)  # type: ignore[attr-defined]
    assert look_at_value(model).kind == "none"
