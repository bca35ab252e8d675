"""Modules that code imports when it runs are read from their files."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from tests.authoring.cells import defined
from wfkit.authoring.contents import Unhashable
from wfkit.authoring.fingerprint import fingerprint_of
from wfkit.authoring.lookups import Import
from wfkit.authoring.sources import compiled_source, imported_names, local_source


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.syspath_prepend(str(tmp_path))
    package = tmp_path / "tree_unread"
    package.mkdir()
    (package / "__init__.py").write_text("raise RuntimeError('imported')")
    (package / "leaf.py").write_text("from . import twig\nN = 1\n")
    (package / "twig.py").write_text("M = 1\n")
    return package


def test_nothing_is_imported(folder: Path) -> None:
    assert imported_names(Import("tree_unread", 0, ("leaf", "other")), "") == ["tree_unread", "tree_unread.leaf"]
    assert imported_names(Import("", 1, ("twig",)), "tree_unread") == ["tree_unread", "tree_unread.twig"]
    assert imported_names(Import("x", 1, ()), "") == []
    assert local_source("tree_unread.leaf") == str(folder / "leaf.py")
    assert local_source("numpy") is None
    assert "tree_unread" not in sys.modules


def test_a_module_behind_the_one_that_is_imported_counts(folder: Path) -> None:
    source = "def f():\n    from tree_unread.leaf import N\n    return N"
    before = fingerprint_of(defined(source))
    assert before.unknown == ""
    (folder / "twig.py").write_text("# words\nM = 1\n")
    assert fingerprint_of(defined(source)) == before
    (folder / "twig.py").write_text("M = 2\n")
    after = fingerprint_of(defined(source))
    assert after.digest != before.digest
    assert dict(after.parts).keys() == dict(before.parts).keys()
    assert "tree_unread" not in sys.modules


def test_a_library_that_is_not_here_is_a_fact() -> None:
    found = fingerprint_of(defined("def f():\n    import no_such_package\n    import json"))
    assert found.unknown == ""
    assert dict(found.parts)["library no_such_package"] == "of no version"


def test_a_file_that_is_no_python_is_unknown(folder: Path) -> None:
    (folder / "twig.py").write_text("def")
    with pytest.raises(Unhashable, match="its file cannot be read"):
        compiled_source("tree_unread.twig", str(folder / "twig.py"))
    found = fingerprint_of(defined("def f():\n    import tree_unread.leaf"))
    assert found.unknown.startswith("`tree_unread.twig` cannot be hashed: its file cannot be read")


def test_a_package_without_a_file_is_empty(folder: Path) -> None:
    code, package = compiled_source("a.b", str(folder))
    assert package == "a.b"
    assert not code.co_names
