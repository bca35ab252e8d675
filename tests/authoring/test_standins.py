"""Modules in whose place others travel, and functions that find their home."""

from __future__ import annotations

import json
import pickle
import sys
from types import FunctionType, ModuleType

import pytest

from tests.authoring import cells
from tests.authoring.cells import defined
from wfkit.authoring.pickler import dumps
from wfkit.authoring.standins import function_here, home_of, module_value


def test_a_value_is_taken_from_the_module_here() -> None:
    assert module_value("json", "JSONDecodeError") is json.JSONDecodeError
    with pytest.raises(ModuleNotFoundError):
        module_value("no_such_package", "a")


def test_a_function_that_is_at_home_here_is_itself() -> None:
    def make() -> FunctionType:
        raise AssertionError("it was made again")

    assert function_here(home_of(cells.defined), make, ()) is cells.defined  # type: ignore[arg-type]
    made = defined("def f(): return 1")
    assert home_of(made)[0] == ""
    assert function_here(home_of(made), lambda: made, ()) is made


def test_code_made_from_a_module_that_is_gone_has_its_own_names(monkeypatch: pytest.MonkeyPatch) -> None:
    module = ModuleType("made_for_a_moment")
    module.__file__ = "/nowhere/made_for_a_moment.py"
    exec("n = 0\ndef bump():\n    global n\n    n += 1\n    return n\n", vars(module))
    monkeypatch.setitem(sys.modules, "made_for_a_moment", module)
    use = defined("def f(): return m.bump(), m.bump(), m.n")
    use.__globals__["m"] = module
    pickled = dumps(use)
    monkeypatch.delitem(sys.modules, "made_for_a_moment")
    assert pickle.loads(pickled)() == (1, 2, 2)
    assert pickle.loads(pickled)() == (1, 2, 2)
    assert vars(module)["n"] == 0
