"""Profiler: Dask's looks at all threads of a worker every 10 ms, which not every Python survives."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Mapping

    from distributed import Client

SETTING: Final = "distributed.worker.profile.enabled"
#: Evaluated by `eval`, which needs nothing of us there.
_IS_ON: Final = f"__import__('dask').config.get({SETTING!r})"
_MENDED: Final = (3, 11, 9)


def may_hang(python: str) -> bool:
    """Whether a look at all threads may stop a process of this Python for good.

    Up to 3.11.8 it does where meanwhile a collection of garbage begins, and a thread begins or ends
    (python/cpython#106883).

    Parameters
    ----------
    python : str
        Its version: "3.11.7", or as Dask tells it, "3.11.7.final.0".
    """
    parts = tuple(int(part) for part in python.split(".")[:3])
    return parts[:2] == _MENDED[:2] and parts < _MENDED


def hanging(client: Client, pythons: Mapping[str, str]) -> list[str]:
    """Workers that Dask's profiler may stop for good.

    Parameters
    ----------
    client : distributed.Client
        Connected and synchronous.
    pythons : mapping
        The version of Python by worker; only those are asked for their settings of which it matters.
    """
    unsure = [worker for worker, python in pythons.items() if may_hang(python)]
    if not unsure:
        return []
    asking: Any = client  # distributed is typed in part
    told = asking.run(eval, _IS_ON, workers=unsure, on_error="ignore")
    return [worker for worker, is_on in told.items() if is_on]
