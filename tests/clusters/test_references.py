"""Which packages a pickle will import, told without unpickling it, and just as Python itself looks them up."""

from __future__ import annotations

import io
import os
import pickle
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import cloudpickle
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.clusters.foreign import in_notebook, packages_here_only
from wfkit.authoring.freeze import freeze_code
from wfkit.clusters.references import modules_of


@pytest.fixture
def here_only(tmp_path: Path) -> Iterator[None]:
    with packages_here_only(tmp_path):
        yield


@pytest.mark.usefixtures("here_only")
@pytest.mark.parametrize(
    ("cell", "expected"),
    [
        ("def f(x): return x + 1", set()),
        ("import os, json\ndef f(x): return os.path.join(json.dumps(x))", set()),
        ("import numpy as np\ndef f(x): return np.sin(x)", {"numpy"}),
        ("import numpy as np\ndef g(x): return np.sin(x)\ndef f(x): return g(x)", {"numpy"}),
        ("import numpy.linalg as la\ndef f(x): return la.norm(x)", {"numpy"}),
        ("from numpy import sin\ndef f(x): return sin(x)", {"numpy"}),
        ("import numpy as np\ndef f(x): return x", set()),
        ("def f(x):\n    import numpy\n    return numpy.sin(x)", set()),
        ("from shapes_here import area\ndef f(x): return area(x)", {"shapes_here"}),
        ("from shapes_here import Square\ndef f(x): return Square()", {"shapes_here"}),
        ("from shapes_here import Square\nboxes = [Square(), Square()]\ndef f(x): return boxes", {"shapes_here"}),
        ("from shapes_here import Square\nclass Box(Square): pass\ndef f(x): return Box()", {"shapes_here"}),
        ("from shapes_here import Square\ndef f(x: Square) -> Square: return x", {"shapes_here"}),
        ("from tree_here.branch import Leaf\ndef f(x): return Leaf", {"tree_here"}),
        ("import tree_here.branch\ndef f(x): return tree_here.branch.Leaf", {"tree_here"}),
        (
            "import shapes_here\ndef g(shape):\n    def f(x): return shape.area(x)\n    return f\nf = g(shapes_here)",
            {"shapes_here"},
        ),
        ("import functools, numpy\nf = functools.partial(numpy.add, 1)", {"numpy"}),
        ("import wfkit\nfrom wfkit.errors import BadTask\ndef f(x): return wfkit, BadTask", set()),
        ("import dask, distributed, cloudpickle\ndef f(x): return dask, distributed, cloudpickle", set()),
        ("text = 'numpy'\ndef f(x): return text, 'pandas'", set()),
    ],
)
def test_a_pickled_function_tells_what_it_imports(cell: str, expected: set[str]) -> None:
    assert modules_of(freeze_code(in_notebook(cell), {"retries": 2}, "`f`")) == expected


@pytest.mark.usefixtures("here_only")
def test_a_module_that_travels_by_value_is_not_imported() -> None:
    function = in_notebook("import shapes_here\ndef f(x): return shapes_here.area(x)")
    module = sys.modules["shapes_here"]
    cloudpickle.register_pickle_by_value(module)
    try:
        assert modules_of(freeze_code(function, None, "`f`")) == set()
    finally:
        cloudpickle.unregister_pickle_by_value(module)


def test_of_a_local_module_only_what_does_not_travel_is_imported(tmp_path: Path) -> None:
    text = (
        "import threading\nLOCK = threading.Lock()\ndef area(x): return x\ndef locked(): return LOCK\nclass Box: pass\n"
    )
    (tmp_path / "boxes_here.py").write_text(text)
    sys.path.insert(0, str(tmp_path))
    try:
        uses = "import boxes_here\ndef f(x): return boxes_here.area(x), boxes_here.Box()"
        assert modules_of(freeze_code(in_notebook(uses), None, "`f`")) == set()
        locks = "import boxes_here\ndef f(x): return boxes_here.locked()"
        assert modules_of(freeze_code(in_notebook(locks), None, "`f`")) == {"boxes_here"}
    finally:
        sys.path.remove(str(tmp_path))
        sys.modules.pop("boxes_here", None)


class Trap:
    """Writes a file when it is unpickled."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> tuple[Any, ...]:
        return (Path.touch, (self.path,))


def test_nothing_is_unpickled(tmp_path: Path) -> None:
    modules_of(pickle.dumps([Trap(tmp_path / "sprung"), os.system]))
    assert not (tmp_path / "sprung").exists()


class Recorder(pickle.Unpickler):
    """What Python itself looks up when it unpickles."""

    def __init__(self, code: bytes) -> None:
        super().__init__(io.BytesIO(code))
        self.modules: set[str] = set()

    def find_class(self, module: str, name: str) -> Any:
        if (module, name) == ("cloudpickle.cloudpickle", "subimport"):
            return lambda imported: self.modules.add(imported.partition(".")[0])
        self.modules.add(module.partition(".")[0])
        return super().find_class(module, name)


def anything() -> st.SearchStrategy[Any]:
    import hypothesis
    import numpy as np
    import psutil  # type: ignore[import-untyped]  # no types shipped
    import pydantic

    things = st.sampled_from(
        [
            np,
            np.linalg,
            np.sin,
            np.float64(1),
            np.dtype("int8"),
            pydantic,
            pydantic.BaseModel,
            psutil.Process,
            hypothesis.given,
            Path("a"),
            os.path,
            io.BytesIO,
            range(3),
            "numpy",
            "psutil",
            b"pydantic",
            2**70,
            1.5,
            None,
        ]
    )
    return st.recursive(
        things | st.text() | st.integers() | st.binary(),
        lambda inner: (
            st.lists(inner)
            | st.tuples(inner)
            | st.tuples(inner, inner)
            | st.tuples(inner, inner, inner, inner)
            | st.dictionaries(st.text(), inner)
        ),
    )


@given(value=anything(), protocol=st.sampled_from([3, 4, 5]))
def test_the_packages_are_those_that_python_looks_up(value: object, protocol: int) -> None:
    code = cloudpickle.dumps(value, protocol=protocol)
    recorder = Recorder(code)
    recorder.load()
    assert modules_of(code) == recorder.modules - sys.stdlib_module_names - {"cloudpickle", "wfkit"}


@given(value=anything(), data=st.data())
def test_of_a_pickle_that_is_cut_short_the_part_before_is_read(value: object, data: st.DataObject) -> None:
    code = cloudpickle.dumps(value)
    cut = data.draw(st.integers(0, len(code)))
    assert modules_of(code[:cut]) <= modules_of(code)


@given(st.binary())
def test_what_is_no_pickle_refers_to_nothing_harmful(code: bytes) -> None:
    modules_of(code)


def test_of_a_huge_pickle_only_the_first_operations_are_read() -> None:
    import numpy as np

    began = time.perf_counter()
    assert modules_of(cloudpickle.dumps([np, list(range(500_000))])) == {"numpy"}
    assert time.perf_counter() - began < 2
