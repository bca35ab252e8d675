"""Freezing: a call takes its arguments and its code as they are, and says what cannot travel."""

from __future__ import annotations

import pickle
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.authoring.conftest import Recording
from wfkit import Handle, allow_failure, flow, task, unmapped
from wfkit.authoring.freeze import CONSTANT_BYTES, OWN_INDEX, Constant, Use, freeze, hold_constants, thaw
from wfkit.authoring.mapping import Over, mapped_arguments
from wfkit.authoring.task import Task
from wfkit.core.events import How
from wfkit.errors import HandleCaptured, NotPicklable


@dataclass
class Box:
    content: object
    more: list[object] = field(default_factory=list)


def thawed(*args: object, **kwargs: object) -> tuple[tuple[object, ...], dict[str, object]]:
    """Freeze and thaw, with "<name>" for each handle."""
    frozen, slots = freeze((args, kwargs), "load")
    travelled = pickle.loads(pickle.dumps(frozen))
    assert travelled.uses == tuple(slot.use for slot in slots)

    def fill(number: int) -> object:
        source = slots[number].source
        assert isinstance(source, Handle)
        return f"<{source.name}>"

    return thaw(travelled, fill)


# --- arguments ---


def test_handles_are_found_anywhere_in_the_arguments(recording: Recording) -> None:
    a, b = recording.handle("a"), recording.handle("b")
    args, kwargs = thawed(a, [b, (a, {"k": b})], Box(a, [b]), x={1: {2: [a]}})
    assert args == ("<a>", ["<b>", ("<a>", {"k": "<b>"})], Box("<a>", ["<b>"]))
    assert kwargs == {"x": {1: {2: ["<a>"]}}}


def test_plain_arguments_have_no_slots() -> None:
    frozen, slots = freeze(((1, "a", None, 2.5), {}), "load")
    assert (slots, frozen.uses) == ((), ())
    assert thaw(frozen, lambda _: 0) == ((1, "a", None, 2.5), {})


def leaves(recording: Recording) -> st.SearchStrategy[object]:
    names = st.sampled_from(["a", "b", "c"]).map(recording.handle)
    return st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text() | st.binary() | names


def nested(leaf: st.SearchStrategy[object]) -> st.SearchStrategy[object]:
    def grown(inner: st.SearchStrategy[object]) -> st.SearchStrategy[object]:
        lists = st.lists(inner, max_size=4)
        return lists | lists.map(tuple) | st.dictionaries(st.text(max_size=3), inner, max_size=3) | inner.map(Box)

    return st.recursive(leaf, grown, max_leaves=12)


def with_names(value: object) -> object:
    """What should arrive: the same, with "<name>" for each handle."""
    if isinstance(value, Handle):
        return f"<{value.name}>"
    if isinstance(value, list):
        return [with_names(item) for item in value]
    if isinstance(value, tuple):
        return tuple(with_names(item) for item in value)
    if isinstance(value, dict):
        return {key: with_names(item) for key, item in value.items()}
    return Box(with_names(value.content), []) if isinstance(value, Box) else value


@given(st.data())
def test_whatever_is_frozen_thaws_to_itself_with_handles_replaced_by_values(data: st.DataObject) -> None:
    values = nested(leaves(Recording()))
    args = data.draw(st.lists(values, max_size=3).map(tuple))
    kwargs = data.draw(st.dictionaries(st.sampled_from(["x", "y"]), values))
    assert thawed(*args, **kwargs) == (with_names(args), with_names(kwargs))


def test_slots_tell_how_each_handle_is_used(recording: Recording) -> None:
    single, mapped, item = recording.handle("a"), recording.mapped_handle("m", 2), recording.handle("s", n_outputs=2)[1]
    _, slots = freeze(
        ((single, mapped, item, allow_failure(mapped), Over(mapped), Over(single), Over(item)), {}), "load"
    )
    assert [(slot.how, slot.use) for slot in slots] == [
        (How.ONE, Use()),
        (How.ALL, Use()),
        (How.ONE, Use((1,))),
        (How.ALL, Use(failure_allowed=True)),
        (How.EACH, Use()),
        (How.ONE, Use((OWN_INDEX,))),
        (How.ONE, Use((1, OWN_INDEX))),
    ]


def test_allow_failure_reaches_the_handles_in_a_list(recording: Recording) -> None:
    value = allow_failure([recording.handle("a"), {"k": recording.handle("b")}])
    frozen, slots = freeze(((value,), {}), "load")
    assert [slot.use.failure_allowed for slot in slots] == [True, True]
    assert thaw(frozen, lambda number: number) == (([0, {"k": 1}],), {})


def test_wrappers_around_plain_values_are_taken_off() -> None:
    assert thawed(unmapped([1]), allow_failure("a"), [unmapped(allow_failure(3))]) == (([1], "a", [3]), {})


class Stubborn:
    def __reduce__(self) -> str:
        raise RuntimeError("I stay here")


def generator() -> Iterator[int]:
    yield 1


@pytest.mark.parametrize(
    ("value", "told"),
    [
        (threading.Lock(), r"`argument 1` is a lock \(cannot pickle '_thread.lock' object\)"),
        ({"config": [1, threading.Lock()]}, r"`argument 1\['config'\]\[1\]` is a lock"),
        (generator(), "`argument 1` is a generator"),
        (Box(generator()), r"`argument 1\.content` is a generator"),
        (Stubborn(), r"`argument 1` is a Stubborn \(I stay here\)"),
        (unmapped(threading.Lock()), r"`argument 1\.value` is a lock"),
    ],
)
def test_an_argument_that_cannot_be_pickled_is_named(value: object, told: str) -> None:
    with pytest.raises(NotPicklable, match=rf"`load` got something .*{told}.*Create it inside the task"):
        freeze(((value,), {}), "load")


def test_an_open_file_is_named_by_its_keyword(tmp_path: Path) -> None:
    with (tmp_path / "x").open("w") as file, pytest.raises(NotPicklable, match=r"`target` is a TextIOWrapper"):
        freeze(((1,), {"source": "a", "target": file}), "load")


@pytest.mark.usefixtures("cluster")
def test_the_call_itself_refuses_what_cannot_be_pickled() -> None:
    @task
    def use(x: object) -> None: ...

    @flow
    def etl() -> None:
        use(threading.Lock())

    with pytest.raises(NotPicklable, match="`use` got something"):
        etl()


# --- constants of maps ---


def constants(*args: object) -> list[object]:
    signature = task(lambda *rest: None).signature
    mapped = mapped_arguments("load", signature, ([1, 2], *args), {}, most=100)
    return list(hold_constants(mapped, "load").args[1:])


def test_a_large_value_that_is_passed_whole_becomes_one_constant_by_content() -> None:
    one, same, other, small = constants(*map(unmapped, (b"a" * 5_000, b"a" * 5_000, b"b" * 5_000, b"a")))
    assert isinstance(one, Constant)
    assert isinstance(other, Constant)
    assert one == same or one.key == same.key  # type: ignore[attr-defined]
    assert one.key != other.key
    assert small == b"a"
    assert len(one.frozen.payload) > CONSTANT_BYTES


def test_a_value_with_a_handle_in_it_is_no_constant(recording: Recording) -> None:
    value = ["x" * 5_000, recording.handle("a")]
    assert constants(unmapped(value)) == [value]


@pytest.mark.usefixtures("cluster")
def test_a_constant_is_unpickled_once_for_all_elements() -> None:
    @task
    def identity(x: int, table: list[int]) -> int:
        return id(table)

    @flow
    def etl() -> object:
        return identity.map(range(20), unmapped(list(range(5_000))))

    assert len(set(etl())) == 1  # type: ignore[call-overload]


@pytest.mark.usefixtures("cluster")
def test_a_map_passes_unmapped_handles_whole() -> None:
    @task
    def numbers(n: int) -> list[int]:
        return list(range(n))

    @task
    def pick(k: int, xs: list[int], ys: list[int]) -> tuple[int, list[int], list[int]]:
        return k, xs, ys

    @flow
    def etl() -> object:
        xs = numbers(3)
        return pick.map([0, 1], unmapped(xs), unmapped(numbers.map([1, 2])))

    assert etl() == [(0, [0, 1, 2], [[0], [0, 1]]), (1, [0, 1, 2], [[0], [0, 1]])]


# --- later changes change nothing ---


@pytest.mark.usefixtures("cluster")
def test_changing_an_argument_after_the_call_changes_nothing() -> None:
    @task
    def total(xs: list[int], by: dict[str, int], df: Any) -> tuple[int, int, int]:
        return sum(xs), sum(by.values()), int(df["n"].sum())

    @flow
    def etl() -> object:
        xs, by, df = [1, 2], {"a": 1}, pd.DataFrame({"n": [1, 2]})
        handle = total(xs, by, df)
        elements = total.map([xs], [by], unmapped(df))
        xs.append(100)
        by["b"] = 100
        df.loc[0, "n"] = 100
        return [handle, elements]

    assert etl() == [(3, 1, 3), [(3, 1, 3)]]


@pytest.mark.usefixtures("cluster")
def test_code_globals_and_defaults_are_frozen_at_the_first_call_in_a_run() -> None:
    namespace: dict[str, Any] = {"factor": 2}
    exec("def scale(x, plus=[0]):\n    return factor * x + plus[0]", namespace)
    scale = task(namespace["scale"])

    @flow
    def etl() -> object:
        first = scale(10)
        namespace["factor"] = 3
        scale.fn.__defaults__[0][0] = 1  # type: ignore[index]
        second = scale(10)
        scale.fn.__code__ = (lambda x, plus: -x).__code__
        return [first, second, scale.map([10])]

    assert etl() == [20, 20, [20]]
    assert etl() == [-10, -10, [-10]]


# --- code that refers to what cannot travel ---


def function_of(source: str, **names: object) -> Task[..., object]:
    """A task defined in a namespace of its own, as in a notebook."""
    namespace: dict[str, Any] = {"task": task, "__name__": "__main__", **names}
    exec(source, namespace)
    return task(namespace["load"])


def test_a_handle_by_name_is_refused(recording: Recording) -> None:
    raw = recording.handle("extract")
    load = function_of("def load(): return raw", raw=raw)
    with pytest.raises(
        HandleCaptured, match=r"`load` refers to the handle `extract` by name \(`raw`\). Make it"
    ) as caught:
        load.frozen_code()
    assert (caught.value.__cause__, caught.value.__suppress_context__) == (None, True), "it is told once"


@pytest.mark.parametrize(
    ("source", "path"),
    [
        ("def load(): return [f'{raw}' for _ in range(3)]", "`raw`"),
        ("def load():\n def inner(): return raw\n return inner()", "`raw`"),
        ("def load(): return (lambda: raw)()", "`raw`"),
        ("def load(x=raw): return x", "the default of `x`"),
        ("def load(*, x=raw): return x", "the default of `x`"),
        ("raws = [1, {'k': raw}]\ndef load(): return raws", r"`raws`\[1\]\['k'\]"),
        ("def helper(): return raw\ndef load(): return helper()", "`helper` → `raw`"),
        ("@task\ndef other(): return raw\ndef load(): return other()", "`other` → `raw`"),
        ("class Box: pass\nbox = Box()\nbox.raw = raw\ndef load(): return box", r"`box`\.raw"),
    ],
)
def test_a_handle_is_found_however_the_code_reaches_it(recording: Recording, source: str, path: str) -> None:
    load = function_of(source, raw=recording.handle("extract"))
    with pytest.raises(HandleCaptured, match=rf"`load` refers to the handle `extract` by name \({path}\)"):
        load.frozen_code()


def test_a_handle_in_a_closure_is_refused(recording: Recording) -> None:
    raw = recording.handle("extract")

    @task
    def load() -> object:
        return raw

    with pytest.raises(HandleCaptured, match=r"\(`raw`\)"):
        load.frozen_code()


def test_an_attribute_named_like_a_handle_is_not_the_handle(recording: Recording) -> None:
    load = function_of("def load(df): return df.raw", raw=recording.handle("extract"))
    assert load.frozen_code()


@pytest.mark.usefixtures("cluster")
def test_a_captured_handle_is_refused_at_the_call() -> None:
    @task
    def one() -> int:
        return 1

    @flow
    def etl() -> None:
        raw = one()

        @task
        def two() -> object:
            return raw.result()  # type: ignore[attr-defined]

        two()

    with pytest.raises(HandleCaptured, match="`two` refers to the handle `one` by name"):
        etl()


@pytest.mark.parametrize(
    ("source", "told"),
    [
        ("def load(): return lock", r"refers to `lock`, a lock \(cannot pickle"),
        (
            "def helper(): return config\nconfig = {'a': lock}\ndef load(): return helper()",
            r"`helper` → `config`\['a'\]",
        ),
        ("def load(x=lock): return x", "the default of `x`, a lock"),
    ],
)
def test_something_unpicklable_that_the_code_refers_to_is_named(source: str, told: str) -> None:
    with pytest.raises(NotPicklable, match=rf"The task `load` .*{told}.*cannot be sent to a worker. Create it inside"):
        function_of(source, lock=threading.Lock()).frozen_code()


def test_an_unpicklable_option_is_named() -> None:
    lock = threading.Lock()
    load = function_of("def load(): ...").with_options(retry_condition_fn=lambda _: lock.locked())
    with pytest.raises(NotPicklable, match=r"its option `retry_condition_fn → `lock`` is a lock"):
        load.frozen_code()


@pytest.mark.usefixtures("cluster")
def test_a_flow_by_name_travels_without_its_runs() -> None:
    @flow
    def inner() -> int:
        return 1

    @task
    def outer() -> list[object]:
        return [inner(), inner.last_run]

    @flow
    def etl() -> object:
        return outer()

    inner.run()
    assert etl() == [1, None]
