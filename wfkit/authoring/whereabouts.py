"""Whereabouts: where this process finds modules and files, for other processes that are to find the same."""

from __future__ import annotations

import sys
from pathlib import Path


def import_path() -> list[str]:
    """Where this process finds modules. Anything but text in `sys.path` finds none, and no JSON can say it."""
    places: list[object] = [*sys.path]
    return [place for place in places if isinstance(place, str)]


def working_folder() -> str:
    """Where this process works; empty where that was deleted."""
    try:
        return str(Path.cwd())
    except FileNotFoundError:
        return ""
