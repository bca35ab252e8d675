"""Caching: when a result of an earlier run stands for a call, as people say it in `@task`."""

from __future__ import annotations

from enum import StrEnum
from typing import Final


class CachePolicy(StrEnum):
    """What a cached result is found by."""

    INPUTS = "inputs"  #: what the code means, and all inputs
    NO_CACHE = "no-cache"


INPUTS: Final = CachePolicy.INPUTS
NO_CACHE: Final = CachePolicy.NO_CACHE
