"""Fingerprint: equal where the code means the same, in every process; different where it does not."""

from __future__ import annotations

import functools
import sys
import time
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.authoring.cells import defined, local_module, namespace
from tests.authoring.elsewhere import Elsewhere
from tests.authoring.pairs import DIFFERENT, SAME
from wfkit import fingerprint, task
from wfkit.authoring.explain import explain
from wfkit.authoring.fingerprint import fingerprint_of
from wfkit.errors import CannotFingerprint


@pytest.mark.parametrize(("before", "after"), SAME.values(), ids=SAME)
def test_what_means_the_same_is_equal(before: str, after: str) -> None:
    one, other = fingerprint_of(defined(before)), fingerprint_of(defined(after))
    assert (one.unknown, other.unknown) == ("", "")
    assert one.digest == other.digest
    assert len(one.digest) == 32


@pytest.mark.parametrize(("before", "after"), DIFFERENT.values(), ids=DIFFERENT)
def test_another_meaning_is_another_digest_and_can_be_told(before: str, after: str) -> None:
    one, other = fingerprint_of(defined(before)), fingerprint_of(defined(after))
    assert (one.unknown, other.unknown) == ("", "")
    assert one.digest != other.digest
    assert explain(one.parts, other.parts)


def test_there_are_many_pairs() -> None:
    assert len(SAME) + len(DIFFERENT) >= 60


CELLS = {name: after for name, (_, after) in {**SAME, **DIFFERENT}.items()}
LARGE = "\n".join(
    [
        "import collections, pydantic, re, pandas as pd, pyarrow as pa",
        *(
            CELLS[name].replace("def f(", f"def f{at}(")
            for at, name in enumerate(["decorator", "field of a dataclass"])
        ),
        "class M(pydantic.BaseModel):\n    a: int = 1\n    @pydantic.field_validator('a')\n    def k(cls, v): return v",
        "P = collections.namedtuple('P', 'x y')",
        "frame = pd.DataFrame({'a': [1, 2], 'b': ['x', None], 'c': pd.to_datetime(['2020', '2021'])})",
        "things = {P(1, 2), 'a', 3.5, None}, re.compile('a'), pa.table(frame), np.arange(3), {len: {1, 'b', 'c'}}",
        "@task(n_outputs=2)\ndef g(x):\n    return M(a=x), things, frame",
        "@flow\ndef k(x):\n    return g(x), f.fn(x)",
        "@task\ndef f(x, n=M(a=3)):\n    return k(x), {'a', 'b', 'c'}",
    ]
)


@pytest.mark.parametrize("seed", [1, 2])
def test_it_is_equal_in_another_process_that_executes_the_cell(seed: int) -> None:
    ask = (
        "from tests.authoring.test_fingerprint import CELLS, LARGE, digest_in\n"
        "def f(): return [digest_in(source) for source in (*CELLS.values(), LARGE)]\n"
    )
    with Elsewhere(seed=seed) as other:
        assert other.call(defined(ask)) == [digest_in(source) for source in (*CELLS.values(), LARGE)]


@pytest.mark.parametrize("seed", [1, 2])
def test_it_is_equal_in_a_process_that_gets_the_code(seed: int) -> None:
    ask = "from wfkit.authoring.fingerprint import fingerprint_of\ndef ask(): return fingerprint_of(f)\n"
    with Elsewhere(seed=seed) as other:
        for name, source in {**CELLS, "large": LARGE}.items():
            names = namespace(source + "\n" + ask)
            assert other.call(names["ask"]) == fingerprint_of(names["f"]), name


def digest_in(source: str) -> str:
    return fingerprint(defined(source))


# --- local modules ---

MODULE = "FACTOR = 2\ndef scale(x): return x * FACTOR\ndef other(x): return 1\nclass A:\n    def m(self): return 1\n"


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.delitem(sys.modules, "helpers_here", raising=False)
    return tmp_path


@pytest.mark.parametrize(
    ("cell", "edit", "told"),
    [
        ("from helpers_here import scale\ndef f(x): return scale(x)", ("FACTOR = 2", "FACTOR = 3"), True),
        ("import helpers_here as h\ndef f(x): return h.scale(x)", ("FACTOR = 2", "FACTOR = 3"), True),
        ("import helpers_here as h\ndef f(x): return h.scale(x)", ("return 1", "return 2"), False),
        ("import helpers_here as h\ndef f(x): return h.FACTOR", ("FACTOR = 2", "FACTOR = 3"), True),
        ("import helpers_here as h\ndef f(x): return h.A", ("return 1", "return 2"), True),
        ("import helpers_here as h\ndef f(x): return vars(h)", ("return 1", "return 2"), True),
        ("def f(x):\n    import helpers_here\n    return helpers_here", ("return 1", "return 2"), True),
        ("def f(x):\n    import helpers_here\n    return helpers_here", ("\ndef", "\n# words\n\ndef"), False),
        ("import helpers_here as h\ndef f(x): return h.scale(x)", ("\ndef", "\n# words\n\ndef"), False),
    ],
)
def test_what_is_taken_from_a_local_module_counts(folder: Path, cell: str, edit: tuple[str, str], told: bool) -> None:
    local_module(folder, "helpers_here", MODULE)
    before = fingerprint_of(defined(cell))
    local_module(folder, "helpers_here", MODULE.replace(*edit))
    after = fingerprint_of(defined(cell))
    assert (before.unknown, after.unknown) == ("", "")
    assert (before.digest != after.digest) == told
    assert bool(explain(before.parts, after.parts)) == told


MAKER = "def __getattr__(name): return name + 'a'\n"


@pytest.mark.parametrize("use", ["h.made", "h.made.more", "vars(h)"])
def test_what_a_local_module_makes_when_it_is_asked_for_counts(folder: Path, use: str) -> None:
    cell = f"import helpers_here as h\ndef f(x): return {use}"
    local_module(folder, "helpers_here", MAKER)
    before = fingerprint_of(defined(cell))
    local_module(folder, "helpers_here", MAKER.replace("'a'", "'b'"))
    after = fingerprint_of(defined(cell))
    assert (before.unknown, after.unknown) == ("", "")
    assert before.digest != after.digest
    assert "helper `helpers_here.__getattr__` changed" in explain(before.parts, after.parts)


def test_code_of_a_local_module_is_equal_where_that_is_not(folder: Path) -> None:
    local_module(folder, "helpers_here", MODULE)
    names = namespace(
        "import helpers_here as h\nfrom helpers_here import A\n"
        "from wfkit.authoring.fingerprint import fingerprint_of\n"
        "def f(x): return h.scale(x), A, h.FACTOR\ndef ask(): return fingerprint_of(f)\n"
    )
    with Elsewhere() as stranger, Elsewhere([folder]) as neighbour:
        assert stranger.call(names["ask"]) == neighbour.call(names["ask"]) == fingerprint_of(names["f"])


# --- words ---


def changes(before: str, after: str) -> tuple[str, ...]:
    return explain(fingerprint_of(defined(before)).parts, fingerprint_of(defined(after)).parts)


@pytest.mark.parametrize(
    ("name", "sentence"),
    [
        ("constant", "body of `f` changed"),
        ("helper", "helper `g` changed"),
        ("default", "default of `n` changed from 1 to 2"),
        ("default of a helper", "default of `n` of `g` changed from 1 to 2"),
        ("a number", "global `n` changed from 2 to 3"),
        ("closure", "enclosed variable `n` changed from 2 to 3"),
        ("method", "method `A.m` changed"),
        ("attribute of a class", "attribute `A.n` changed from 1 to 2"),
        ("trigger", "option `trigger` changed from 'all_success' to 'all_done'"),
        ("version", "version changed from '1' to '2'"),
        ("instance", "global `c` changed"),
    ],
)
def test_what_changed_is_told(name: str, sentence: str) -> None:
    assert sentence in changes(*DIFFERENT[name])


def test_the_parts_are_few_and_short() -> None:
    parts = fingerprint_of(defined("import numpy as np\nN = 3\ndef f(x, n=2): return np.sin(x) * N")).parts
    labels = dict(parts)
    assert labels["Python"] == f"{sys.version_info.major}.{sys.version_info.minor}"
    assert set(labels) >= {"body of `f`", "default of `n`", "global `N`", "library numpy"}
    assert all(len(value) <= 50 for value in labels.values())
    assert list(parts) == sorted(parts)


# --- what cannot be hashed ---


@pytest.mark.parametrize(
    ("source", "unknown"),
    [
        (
            "import threading\nlock = threading.Lock()\ndef f(x): return lock",
            "`lock` cannot be hashed: it is a _thread.lock",
        ),
        ("import sqlite3\nengine = sqlite3.connect(':memory:')\ndef f(x): return engine", "`engine` cannot be hashed"),
        ("import threading\nc = {'a': [threading.Lock()]}\ndef f(x): return c", "`c` cannot be hashed: it holds a"),
        ("import threading\ndef f(x, n=threading.Lock()): return n", "`n` cannot be hashed"),
        ("import sys\nfile = sys.stderr\ndef f(x): return file", "`file` cannot be hashed: it is a "),
        ("big = np.zeros(8_000_001)\ndef f(x): return big", "`big` cannot be hashed: it is larger than 64 MB"),
        ("big = b'x' * 64_000_001\ndef f(x): return [big]", "`big` cannot be hashed: it is larger than 64 MB"),
        (
            "class A:\n    def __reduce_ex__(self, _): raise KeyError\na = A()\ndef f(x): return a",
            "`a` cannot be hashed",
        ),
    ],
)
def test_what_cannot_be_hashed_is_unknown_and_named(source: str, unknown: str) -> None:
    names = namespace(source)
    found = fingerprint_of(task(names["f"]))
    assert found.unknown.startswith(unknown)
    assert found.digest == ""
    with pytest.raises(CannotFingerprint, match="`f` cannot be fingerprinted: `") as refused:
        fingerprint(task(names["f"]))
    assert "@task(version=…)" in refused.value.fix
    assert explain(found.parts, found.parts)  # nobody can say that nothing changed
    assert fingerprint(task(version="1")(names["f"]))


def test_a_value_that_is_gone_from_a_closure_is_none() -> None:
    assert (
        fingerprint_of(defined("def make():\n    def f(): return n\n    return f\n    n = 1\nf = make()")).unknown == ""
    )


class Adder:
    def __init__(self, n: int) -> None:
        self.n = n

    def __call__(self) -> int:
        return self.n

    @task
    def method(self) -> int:
        return self.n


def test_callables_of_all_kinds_can_be_asked() -> None:
    kinds: list[Any] = [
        len,
        max,
        Adder(1),
        Adder(2),
        functools.partial(max, 1),
        Adder(1).__call__,
        Adder,
        Adder(1).method,
    ]
    digests = [fingerprint(kind) for kind in kinds]
    assert len(set(digests)) == len(kinds)
    assert digests == [fingerprint(kind) for kind in kinds]


# --- properties ---

constants = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5) | st.binary(max_size=5),
    lambda inner: st.tuples(inner, inner) | st.frozensets(inner, max_size=3),
    max_leaves=5,
)


@given(constants, constants)
def test_constants_count_as_python_writes_them(one: object, other: object) -> None:
    def made(value: object) -> str:
        return fingerprint(defined(f"inf, nan = float('inf'), float('nan')\ndef f(n={value!r}): return n"))

    assert made(one) == made(one)
    assert (made(one) == made(other)) == (repr(one) == repr(other) or sorted_repr(one) == sorted_repr(other))


def sorted_repr(value: object) -> str:
    if isinstance(value, frozenset):
        return f"frozenset({sorted(map(sorted_repr, value))})"
    return f"({', '.join(map(sorted_repr, value))})" if isinstance(value, tuple) else repr(value)


def test_an_ordinary_task_takes_a_few_milliseconds() -> None:
    names = namespace(
        "N = 2\ndef g(x):\n    return [y * N for y in x if y]\n@task\ndef f(x, n=1):\n    return sum(g(x)) + n\n"
    )
    times = []
    for _ in range(5):
        began = time.perf_counter()
        fingerprint(names["f"])
        times.append(time.perf_counter() - began)
    assert min(times) < 0.005
