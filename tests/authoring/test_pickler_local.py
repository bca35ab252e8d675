"""Code of local modules travels by value: it is elsewhere as it is here, and stays one thing there and here."""

from __future__ import annotations

import pickle
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.authoring.cells import defined, local_module
from tests.authoring.elsewhere import Elsewhere
from wfkit.authoring.freeze import freeze_code
from wfkit.authoring.pickler import VALUE_BYTES, dumps

HELPERS = """
import dataclasses, enum, functools, threading

FACTOR = 2
LOCK = threading.Lock()
CONFIG = {"n": 1}
counter = 0

def scale(x):
    return x * FACTOR

def guarded(x):
    with LOCK:
        return x

def bump():
    global counter
    counter += 1
    return counter

@functools.lru_cache(maxsize=3)
def cached(x):
    return scale(x)

class Bad(Exception):
    pass

class Color(enum.Enum):
    RED = 1
    BLUE = 2

    def loud(self):
        return self.name

class Point:
    def __init__(self, x):
        self.x = x

    def twice(self):
        return scale(self.x)

@dataclasses.dataclass
class Data:
    a: int

class Slotted:
    __slots__ = ("a",)
"""
NAMES = ("helpers_here", "others_here", "tree_of_ours", "tree_of_ours.branch")


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """Where modules of the user's own are, on the path of this process."""
    monkeypatch.syspath_prepend(str(tmp_path))
    yield tmp_path
    for name in NAMES:
        sys.modules.pop(name, None)


@pytest.fixture
def helpers(folder: Path) -> Any:
    return local_module(folder, "helpers_here", HELPERS)


@pytest.fixture(scope="module")
def stranger() -> Iterator[Elsewhere]:
    """A process that cannot import what is local here."""
    with Elsewhere() as process:
        yield process


@pytest.fixture
def neighbour(folder: Path) -> Iterator[Elsewhere]:
    """A process that can."""
    with Elsewhere([folder]) as process:
        yield process


def cell(source: str) -> Any:
    return defined(source, "f")


@pytest.mark.usefixtures("helpers")
@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("from helpers_here import scale\ndef f(): return scale(3)", 6),
        ("import helpers_here\ndef f(): return helpers_here.scale(3)", 6),
        ("import helpers_here as h\ndef f(): return [h.scale(n) for n in (h.FACTOR, 3)]", [4, 6]),
        ("import helpers_here as h\ndef g(): return h.FACTOR\ndef f(): return g() + h.scale(1)", 4),
        ("import helpers_here as h\ndef f(): return h.bump(), h.bump(), h.counter", (1, 2, 2)),
        ("import helpers_here as h\ndef f():\n    h.counter = 5\n    return h.bump()", 6),
        ("import helpers_here as h\ndef f(): return h.cached(3)", 6),
        ("import helpers_here as h\ndef f(): return h.Point(3).twice()", 6),
        ("import helpers_here as h\ndef f(): return h.CONFIG", {"n": 1}),
        ("from helpers_here import Color\ndef f(): return Color(1) is Color.RED, Color.BLUE.loud()", (True, "BLUE")),
        ("from helpers_here import Bad\ndef f():\n    try: raise Bad\n    except Bad: return 'caught'", "caught"),
        ("import functools, helpers_here as h\nf = functools.partial(h.scale, 4)", 8),
    ],
)
def test_it_works_where_the_module_is_not(stranger: Elsewhere, source: str, expected: object) -> None:
    assert stranger.call(cell(source)) == expected


def test_modules_that_import_each_other_travel(folder: Path, stranger: Elsewhere) -> None:
    text = "import {0}\ndef even(n): return n == 0 or {0}.odd(n - 1)\ndef odd(n): return n != 0 and {0}.even(n - 1)\n"
    (folder / "others_here.py").write_text(text.format("helpers_here"))
    local_module(folder, "helpers_here", text.format("others_here"))
    assert stranger.call(cell("import helpers_here\ndef f(n): return helpers_here.even(n)"), 7) is False


def test_a_module_in_a_package_travels(folder: Path, stranger: Elsewhere) -> None:
    local_module(folder, "tree_of_ours.branch", "N = 3\ndef leaf(): return N\n")
    source = "import tree_of_ours.branch\ndef f(): return tree_of_ours.branch.leaf(), tree_of_ours.branch.N"
    assert stranger.call(cell(source)) == (3, 3)


def test_only_what_the_code_takes_travels(helpers: Any) -> None:
    helpers.TABLE = b"a lot" * 1_000
    code = freeze_code(cell("import helpers_here as h\ndef f(): return h.scale(1)"), None, "`f`")
    assert b"a lot" not in code
    assert b"LOCK" not in code
    assert len(code) < 3_000


@pytest.mark.usefixtures("helpers")
def test_what_cannot_be_pickled_is_taken_from_the_module_there(neighbour: Elsewhere, stranger: Elsewhere) -> None:
    guarded = cell("import helpers_here as h\ndef f(): return h.guarded(1)")
    assert neighbour.call(guarded) == 1
    with pytest.raises(RuntimeError, match="No module named 'helpers_here'"):
        stranger.call(guarded)


def test_large_values_stay(helpers: Any, neighbour: Elsewhere) -> None:
    helpers.CONFIG = bytearray(VALUE_BYTES + 1)
    use = cell("import helpers_here as h\ndef f(): return h.CONFIG")
    assert len(dumps(use)) < 2_000
    assert neighbour.call(use) == {"n": 1}


@pytest.mark.usefixtures("helpers")
def test_a_module_that_is_used_whole_is_imported(neighbour: Elsewhere) -> None:
    assert neighbour.call(cell("import helpers_here as h\ndef f(): return getattr(h, 'scale')(3)")) == 6


EDITED = HELPERS.replace("FACTOR = 2", "FACTOR = 3").replace("return scale(self.x)", "return -scale(self.x)")


@pytest.mark.usefixtures("helpers")
def test_an_edit_reaches_a_process_that_has_imported_the_module(folder: Path, neighbour: Elsewhere) -> None:
    source = "import helpers_here as h\ndef f(x): return h.scale(x), h.Point(x).twice()"
    whole = cell("import helpers_here as h\ndef f(): return getattr(h, 'FACTOR')")
    assert neighbour.call(whole) == 2
    assert neighbour.call(cell(source), 1) == (2, 2)
    helpers = local_module(folder, "helpers_here", EDITED)
    assert neighbour.call(cell(source), 1) == (3, -3)
    assert neighbour.call(cell("def f(p): return p.twice()"), helpers.Point(1)) == -3
    assert neighbour.call(whole) == 2  # it is imported once there, and not read again


def test_a_method_that_was_removed_is_gone(folder: Path, helpers: Any, neighbour: Elsewhere) -> None:
    use = "from helpers_here import Point\ndef f(): return hasattr(Point, 'twice')"
    assert neighbour.call(cell("import helpers_here as h\ndef f(): return hasattr(getattr(h, 'Point'), 'twice')"))
    local_module(folder, "helpers_here", HELPERS.replace("def twice", "def thrice"))
    assert neighbour.call(cell(use)) is False


@pytest.mark.usefixtures("helpers")
def test_a_class_of_another_shape_is_made_anew(folder: Path, neighbour: Elsewhere) -> None:
    assert neighbour.call(cell("import helpers_here as h\ndef f(): return getattr(h, 'FACTOR')")) == 2
    edited = HELPERS.replace("class Point:", "class Base:\n    k = 7\n\nclass Point(Base):").replace(
        "BLUE = 2", "BLUE = 9"
    )
    local_module(folder, "helpers_here", edited.replace('("a",)', '("a", "b")'))
    source = "import helpers_here as h\ndef f(): return h.Point(1).k, h.Color.BLUE.value, h.Slotted.__slots__"
    assert neighbour.call(cell(source)) == (7, 9, ("a", "b"))


def test_there_is_one_class_in_each_process(helpers: Any, neighbour: Elsewhere, stranger: Elsewhere) -> None:
    point, color, data = helpers.Point(1), helpers.Color.RED, helpers.Data(3)
    by_name = "from helpers_here import Point, Color\ndef f(p, c): return isinstance(p, Point), c is Color.RED"
    inside = "def f(p, c):\n    from helpers_here import Point, Color\n    return isinstance(p, Point), c is Color.RED"
    assert neighbour.call(cell(by_name), point, color) == (True, True)
    assert neighbour.call(cell(inside), point, color) == (True, True)
    assert stranger.call(cell(by_name), point, color) == (True, True)
    same = "from helpers_here import Data\ndef f(d): return d == Data(3)"
    assert neighbour.call(cell(same), data)
    assert stranger.call(cell(same), data)


@pytest.mark.parametrize("place", ["neighbour", "stranger"])
def test_what_comes_back_is_of_the_class_here_and_that_stays_as_it_is(
    helpers: Any, place: str, request: pytest.FixtureRequest
) -> None:
    other: Elsewhere = request.getfixturevalue(place)
    methods = dict(vars(helpers.Point))
    make = cell("import helpers_here as h\ndef f(): return h.Point(3), h.Color.RED, h.Data(1), h.Bad('x')")
    point, color, data, bad = other.call(make)
    assert isinstance(point, helpers.Point)
    assert color is helpers.Color.RED
    assert data == helpers.Data(1)
    assert isinstance(bad, helpers.Bad)
    assert dict(vars(helpers.Point)) == methods
    helpers.FACTOR = 10
    assert point.twice() == 30


def test_a_class_of_the_notebook_stays_as_it_is_here(stranger: Elsewhere) -> None:
    made = defined("class A:\n    def m(self): return N\nN = 1\ndef f(): return A()", "f")
    here = made.__globals__["A"]
    method = here.m
    back = stranger.call(made)
    assert type(back) is here
    assert here.m is method
    made.__globals__["N"] = 2
    assert back.m() == 2


def test_after_a_restart_a_result_is_of_the_class_that_can_be_imported(folder: Path, stranger: Elsewhere) -> None:
    helpers = local_module(folder, "helpers_here", HELPERS)
    source = (
        "import helpers_here as h\n"
        "from wfkit.engine.worker.outcome import dump_value\n"
        "def f(): return bytes(dump_value([h.Point(3), h.Color.RED])[0])"
    )
    stored = stranger.call(cell(source))
    assert helpers.__name__ == "helpers_here"
    with Elsewhere([folder]) as restarted:
        ask = (
            "import pickle\ndef f(stored):\n    from helpers_here import Point, Color\n"
            "    point, color = pickle.loads(stored)\n    return type(point) is Point, color is Color.RED"
        )
        assert restarted.call(cell(ask), stored) == (True, True)


def test_what_a_worker_was_sent_it_can_send_on(helpers: Any, stranger: Elsewhere) -> None:
    source = (
        "import helpers_here as h\n"
        "from wfkit.authoring.freeze import freeze_code\n"
        "def g(): return h.bump(), h.bump(), h.counter, h.Point(h.CONFIG['n']).twice(), h.cached(2)\n"
        "def f(): return freeze_code(g, None, '`g`')"
    )
    code = stranger.call(cell(source))
    with Elsewhere() as third:
        assert third.call_code(code) == (1, 2, 2, 2, 4)


def test_what_cannot_travel_by_value_travels_by_name(folder: Path, neighbour: Elsewhere) -> None:
    local_module(
        folder,
        "helpers_here",
        "import threading\nclass A:\n    lock = threading.Lock()\n    def m(self): return 1\n"
        "def make():\n    lock = threading.Lock()\n    def inner():\n        with lock: return 2\n    return inner\n"
        "inner = make()\ninner.__qualname__ = 'inner'\n",
    )
    assert neighbour.call(cell("import helpers_here as h\ndef f(): return h.A().m()")) == 1
    assert neighbour.call(cell("from helpers_here import inner\ndef f(): return inner()")) == 2


def test_models_travel_by_name(folder: Path, neighbour: Elsewhere) -> None:
    text = "import pydantic\nclass M(pydantic.BaseModel):\n    a: int = 1\n"
    module: Any = local_module(folder, "helpers_here", text)
    back = neighbour.call(cell("from helpers_here import M\ndef f(m): return isinstance(m, M), M(a=2)"), module.M())
    assert back == (True, module.M(a=2))


def test_what_is_pickled_here_and_read_here_is_the_same_class(helpers: Any) -> None:
    method = helpers.Point.twice
    back = pickle.loads(dumps(cell("import helpers_here as h\ndef f(): return h.Point(1)")))()
    assert type(back) is helpers.Point
    assert helpers.Point.twice is method


def test_in_its_own_process_a_module_is_itself(helpers: Any) -> None:
    source = "import helpers_here as h\ndef f():\n    h.bump()\n    return h.bump, h.CONFIG, h.counter"
    bump, config, counter = pickle.loads(dumps(cell(source)))()
    assert bump is helpers.bump
    assert config is helpers.CONFIG
    assert counter == helpers.counter == 1


def test_installed_code_travels_by_name() -> None:
    code = dumps(
        cell("import wfkit, numpy as np\nfrom dask.utils import ensure_dict\ndef f(): return ensure_dict, np, wfkit")
    )
    assert b"ensure_dict" in code
    assert len(code) < 1_500
