"""Inputs: what a program says about an argument, and what stands where one has no value."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class unmapped:
    value: Any


@dataclass(frozen=True)
class allow_failure:
    value: Any


@dataclass(frozen=True)
class Missing:
    state: str
