"""Budget: whether what Dask calls all the time takes longer than it may.

An account, not a mean over so many calls: where each takes 30 ms, a thousand would hold the scheduler up for half a
minute. A call that takes longer than it may owes the rest, and one that takes less pays back.
"""

from __future__ import annotations

from typing import Final

#: What a call may take, on average; ours takes less than a hundredth of it.
MAY_TAKE_S: Final = 100e-6
#: So much may be owed: 17 calls of 30 ms, 103 of 5 ms, or 5,001 of 0.2 ms.
MAY_OWE_S: Final = 0.5
#: No call counts for more. A process that was stopped, or collected its garbage, has lost time; it is not slow.
_COUNTS_S: Final = 0.1


class Budget:
    """What the calls so far owe."""

    def __init__(self) -> None:
        self._owed_s = 0.0

    def charge(self, took_s: float) -> bool:
        """Add a call; whether too much is owed now, which is forgiven with that."""
        owed_s = self._owed_s + min(took_s, _COUNTS_S) - MAY_TAKE_S
        is_over = owed_s > MAY_OWE_S
        self._owed_s = owed_s if owed_s > 0 and not is_over else 0.0
        return is_over
