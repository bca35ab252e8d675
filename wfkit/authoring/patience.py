"""Patience: how long somebody waits at most, as it is given."""

from __future__ import annotations

import math
from numbers import Real

from wfkit.errors import BadArguments


def check_timeout(timeout: object) -> None:
    """Refuse what is no number of seconds.

    Raises
    ------
    BadArguments
    """
    if timeout is None or (not isinstance(timeout, bool) and isinstance(timeout, Real) and not math.isnan(timeout)):
        return
    raise BadArguments(
        f"timeout={timeout!r:.60} is not allowed.", "It takes seconds, such as 2.5; None waits as long as it takes."
    )
