"""Where a process finds modules and files, as others are told."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from wfkit.authoring.whereabouts import import_path, working_folder


def test_only_text_in_the_path_of_modules_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "path", ["/here", Path("/there"), "", None])
    assert import_path() == ["/here", ""]


def test_a_working_folder_that_was_deleted_is_none(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "deleted").mkdir()
    monkeypatch.chdir(tmp_path / "deleted")
    assert working_folder() == str(tmp_path / "deleted")
    (tmp_path / "deleted").rmdir()
    assert working_folder() == ""
