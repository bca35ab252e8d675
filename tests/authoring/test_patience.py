"""What people may give as the time that they wait at most."""

from __future__ import annotations

import math
from datetime import timedelta
from typing import Any

import numpy as np
import pytest

from wfkit.authoring.patience import check_timeout
from wfkit.errors import BadArguments


@pytest.mark.parametrize("timeout", [None, 0, 2, 2.5, -1, math.inf, np.float32(1), np.int64(3)])
def test_numbers_of_seconds_are_taken_and_none(timeout: Any) -> None:
    check_timeout(timeout)


@pytest.mark.parametrize("timeout", ["a", True, math.nan, timedelta(seconds=1), [1]])
def test_all_else_is_refused_and_it_says_what_is_taken(timeout: Any) -> None:
    with pytest.raises(BadArguments, match=r"timeout=.* is not allowed\. It takes seconds, such as 2\.5; None waits"):
        check_timeout(timeout)
