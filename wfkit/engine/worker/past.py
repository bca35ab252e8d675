"""Past: what a node has behind it when it is executed once more."""

from __future__ import annotations

from typing import NamedTuple


class Past(NamedTuple):
    """What a node has behind it. An attempt that waited when it was lost, or whose worker was closed, is no crash."""

    attempts: int = 0
    failures: int = 0  #: those that failed by themselves, which `retries` is about
    crashes: int = 0  #: those that took their process or worker along, which `crash_retries` is about
