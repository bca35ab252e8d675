"""Preflight: what differs between this process and a cluster is named before it becomes a riddle in a traceback."""

from __future__ import annotations

import asyncio
import re
import sys
from collections import defaultdict
from collections.abc import Mapping
from contextlib import suppress
from typing import TYPE_CHECKING, Any, Final

from wfkit import errors
from wfkit.clusters import profiler

if TYPE_CHECKING:
    from distributed import Client

#: A worker whose interpreter is held by a task answers late; nobody waits longer for it.
VERSIONS_TIMEOUT_S: Final = 5.0

#: How many leading parts of a version must agree. Code of one Python minor crashes another (dask/distributed#7016);
#: a pickle calls functions of cloudpickle by name; wfkit's two sides talk in messages that a minor may change.
MUST_AGREE: Final = {"python": 2, "cloudpickle": 1, "wfkit": 2}
#: wfkit's floor, as in pyproject.toml. Tried with a client of 2026.8: schedulers and workers from here on do all that
#: wfkit asks, in any mixture; 2025.3 fails with wrong keyword arguments, or computes with references, not values.
OLDEST_DASK: Final = (2026, 1, 1)
_DASK: Final = ("dask", "distributed")

Packages = Mapping[str, str | None]  #: version by package, as Dask tells them

_SCHEDULER: Final = "the scheduler"
_WORKER: Final = "worker "
_NAMED: Final = 3
#: Evaluated by `eval`, the one function that a process without wfkit can unpickle.
_OWN_WORD: Final = "__import__('wfkit').__version__"


def check_versions(client: Client, *, refuse: bool = True) -> list[str]:
    """Compare this process with the scheduler and the workers that are there now; those that join later are not seen.

    Takes one round trip (2 to 4 ms on a local cluster), a second one if a process has wfkit, but not installed by pip.

    Parameters
    ----------
    client : distributed.Client
        Connected and synchronous.
    refuse : bool
        Raise for a difference that cannot work; if False it is only told, first.

    Returns
    -------
    list of str : one line for each difference that may matter

    Raises
    ------
    ClusterUnusable : a difference that cannot work, or the cluster does not answer
    """
    from distributed.versions import get_package_info

    dask: Any = client  # distributed is typed in part
    try:
        there, silent = dask.sync(_versions, dask, callback_timeout=3 * VERSIONS_TIMEOUT_S)
    except OSError as error:
        why = str(error) or f"nothing came within {VERSIONS_TIMEOUT_S:g} s"
        raise errors.ClusterUnusable(f"The scheduler does not answer: {why}.", "Is it still running?") from error
    here = get_package_info(["dask", "distributed", "cloudpickle", "msgpack", "tornado", "numpy", "pandas", "wfkit"])
    if here["wfkit"] is None:
        here["wfkit"] = sys.modules["wfkit"].__version__
    fatal, other = compare(here, there)
    if silent:
        other.append(
            f"the workers' versions were not compared: a worker gave no answer within {VERSIONS_TIMEOUT_S:g} s"
        )
    if not fatal or not refuse:
        return [*fatal, *other, *_may_hang(client, there)]
    agree = " ".join(f"'{name}=={here[name]}'" for name in ("wfkit", *_DASK, "cloudpickle"))
    raise errors.ClusterUnusable(
        f"The cluster does not fit this notebook: {'; '.join(fatal)}.",
        f"Start it from an environment with Python {_leading(str(here['python']), 2)} and `pip install {agree}`,"
        " or the notebook from the cluster's. `WFKIT_CLUSTER_PREFLIGHT=warn` goes on at your own risk.",
    )


def _may_hang(client: Client, there: Mapping[str, Packages]) -> list[str]:
    pythons = {process.removeprefix(_WORKER): str(packages["python"]) for process, packages in there.items()}
    pythons.pop(_SCHEDULER)
    found = profiler.hanging(client, pythons)
    if not found:
        return []
    where = f"Python {_shown(pythons[found[0]])} on {listed([f'{_WORKER}{worker}' for worker in found])}"
    mend = f"to 3.11.9, or set `{profiler.SETTING}: false` there"
    return [f"{where} may hang while Dask's profiler looks at it: update it {mend}"]


async def _versions(dask: Any) -> tuple[dict[str, Packages], bool]:
    """Versions by process, and whether the workers are left out because one of them did not answer.

    Dask tells versions in plain messages, so a Python that cannot read our pickles can, too.
    """
    ask = {"packages": ["wfkit"]}
    answers: tuple[Any, Any] = await asyncio.gather(
        asyncio.wait_for(dask.scheduler.versions(**ask), VERSIONS_TIMEOUT_S),
        asyncio.wait_for(
            dask.scheduler.broadcast(msg={"op": "versions", **ask}, on_error="ignore"), VERSIONS_TIMEOUT_S
        ),
        return_exceptions=True,
    )
    scheduler, workers = answers
    if isinstance(scheduler, BaseException):
        raise scheduler
    silent = isinstance(workers, BaseException)
    workers = {} if silent else workers
    unsure = [worker for worker, told in workers.items() if told["packages"]["wfkit"] is None]
    for worker, word in (await dask._run(eval, _OWN_WORD, workers=unsure, on_error="ignore") if unsure else {}).items():
        workers[worker]["packages"]["wfkit"] = word
    if scheduler["packages"]["wfkit"] is None:
        with suppress(Exception):
            scheduler["packages"]["wfkit"] = await dask._run_on_scheduler(eval, _OWN_WORD)
    there = {f"{_WORKER}{worker}": told["packages"] for worker, told in workers.items()}
    return {_SCHEDULER: scheduler["packages"], **there}, silent


def compare(here: Packages, there: Mapping[str, Packages]) -> tuple[list[str], list[str]]:
    """What differs between this process and others.

    Parameters
    ----------
    here : mapping
        Version by package.
    there : mapping
        The same by process, named as in a sentence. A package that only one side has is no difference, except wfkit.

    Returns
    -------
    list of str, list of str : a line per package that cannot work, and per package that most often does
    """
    fatal: list[str] = []
    other: list[str] = []
    for package, ours in here.items():
        wrong: dict[str, list[str]] = defaultdict(list)
        odd: dict[str, list[str]] = defaultdict(list)
        for process, packages in there.items():
            theirs = packages.get(package)
            if ours is None or theirs == ours or (theirs is None and package != "wfkit"):
                continue
            (wrong if _cannot_work(package, ours, theirs) else odd)[_shown(theirs)].append(process)
        floor = f", and must be {'.'.join(map(str, OLDEST_DASK))} or newer" if package in _DASK else ""
        if wrong:
            fatal.append(_line(package, ours, wrong) + floor)
        if odd:
            other.append(_line(package, ours, odd))
    return fatal, other


def _cannot_work(package: str, ours: str | None, theirs: str | None) -> bool:
    if theirs is None:
        return True
    if package in _DASK:
        return tuple(map(int, re.findall(r"\d+", theirs)[:3])) < OLDEST_DASK
    parts = MUST_AGREE.get(package, 0)
    return _leading(theirs, parts) != _leading(str(ours), parts)


def _leading(version: str, parts: int) -> str:
    return ".".join(re.split(r"[.+]", version)[:parts])


def _shown(version: str | None) -> str:
    """A version as people write it: Python's own is told as 3.11.2.final.0."""
    return "not installed" if version is None else version.partition(".final")[0]


def _line(package: str, ours: str | None, places: Mapping[str, list[str]]) -> str:
    name = "Python" if package == "python" else package
    told = " and ".join(f"{version} on {listed(processes)}" for version, processes in sorted(places.items()))
    return f"{name} is {_shown(ours)} here, {told}"


def listed(names: list[str]) -> str:
    """Names of processes, the first few by name."""
    if len(names) <= _NAMED:
        return ", ".join(names)
    return f"{', '.join(names[:_NAMED])} and {len(names) - _NAMED} more"
