"""Which code is the user's own."""

from __future__ import annotations

import collections
import json
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest

import tests.authoring.cells
import wfkit
from tests.authoring.cells import defined, local_module
from wfkit.authoring.locality import is_local, is_local_name, is_standard, library_of, source_of


def test_the_notebook_and_files_beside_it_are_local(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(str(tmp_path))
    module = local_module(tmp_path, "beside_here", "def f(): pass\nclass A: pass\n")
    monkeypatch.setitem(sys.modules, "beside_here", module)
    assert is_local(module)
    assert is_local(module.f)
    assert is_local(module.A)
    assert is_local(defined("def f(): pass"))
    assert is_local(defined("class f: pass"))
    assert is_local(tests.authoring.cells)
    assert is_local_name("__main__")
    assert is_local(ModuleType("made_here"))
    assert source_of("beside_here") == str(tmp_path / "beside_here.py")


def test_libraries_are_not() -> None:
    things: list[Any] = [np, np.linalg, np.mean, json, json.dumps, sys, collections.OrderedDict, wfkit, wfkit.Task, int]
    assert [thing for thing in things if is_local(thing)] == []
    assert is_standard("os.path")
    assert not is_standard("numpy")


@pytest.mark.parametrize(
    ("file", "expected"),
    [
        ("/home/u/project/a.py", True),
        ("/home/u/project/.venv/lib/python3.11/site-packages/a.py", False),
        ("/usr/lib/python3/dist-packages/a.py", False),
        (json.__file__, False),
        ("/home/u/project/fast.cpython-311-x86_64-linux-gnu.so", False),
        ("/home/u/project/folder", True),
    ],
)
def test_the_file_decides(file: str, expected: bool) -> None:
    assert is_local_name("some_name", file) is expected


def test_our_own_code_is_no_code_of_the_user_wherever_it_is() -> None:
    assert not is_local_name("wfkit.authoring.task", "/home/u/wfkit/authoring/task.py")


def test_a_wrapper_is_of_where_its_code_is() -> None:
    cached = defined("import contextlib\n@contextlib.contextmanager\ndef f(): yield")
    assert cached.__module__ == "__main__"
    assert not is_local(cached)


def test_libraries_have_the_name_and_version_that_pip_knows() -> None:
    assert library_of("numpy.linalg") == ("numpy", np.__version__)
    assert library_of("dateutil.tz")[0] == "python-dateutil"
    assert library_of("no_such_package") == ("no_such_package", "")


def test_the_file_of_a_module_is_found_without_importing_it() -> None:
    assert source_of("no_such_package.inner") is None
    assert Path(str(source_of("json.tool"))).name == "tool.py"
