"""One module for each step from a version of the tables to the next; `schema` takes them."""

from __future__ import annotations

from typing import Final

from wfkit.history.migrations.step import Step

#: In order. Version 1 is the first, so there is no step yet.
STEPS: Final[tuple[Step, ...]] = ()
