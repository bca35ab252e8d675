"""A step: what brings the tables from one version to the next."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from sqlalchemy import Connection


@dataclass(frozen=True, slots=True)
class Step:
    """One change of the tables."""

    to: int  #: the version that it leads to
    upgrade: Callable[[Connection], None]  #: runs inside the transaction of the whole migration
