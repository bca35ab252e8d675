"""Preflight: what differs between this process and a cluster is named before it becomes a riddle in a traceback."""

from __future__ import annotations

import asyncio
import importlib
import importlib.util
import pickletools
import re
import sys
import time
from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping
from contextlib import suppress
from itertools import islice
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from wfkit import errors

if TYPE_CHECKING:
    from distributed import Client

#: A worker whose interpreter is held by a task answers late; nobody waits longer for it.
VERSIONS_TIMEOUT_S: Final = 5.0
IMPORTS_TIMEOUT_S: Final = 2.0
#: After a worker did not answer, none is asked for this long.
PAUSE_S: Final = 30.0

#: How many leading parts of a version must agree. Code of one Python minor crashes another (dask/distributed#7016);
#: a pickle calls functions of cloudpickle by name; wfkit's two sides talk in messages that a minor may change.
MUST_AGREE: Final = {"python": 2, "cloudpickle": 1, "wfkit": 2}
#: wfkit's floor, as in pyproject.toml. Tried with a client of 2026.8: schedulers and workers from here on do all that
#: wfkit asks, in any mixture; 2025.3 fails with wrong keyword arguments, or computes with references, not values.
OLDEST_DASK: Final = (2026, 1, 1)
_DASK: Final = ("dask", "distributed")

#: Of a pickle that is larger, the rest is not read: 0.1 s.
OPERATIONS: Final = 50_000
#: Packages that a worker has, or has been checked for.
_BROUGHT: Final = frozenset({"__main__", "__mp_main__", "cloudpickle", "dask", "distributed", "wfkit"})

Packages = Mapping[str, str | None]  #: version by package, as Dask tells them

_SCHEDULER: Final = "the scheduler"
_NAMED: Final = 3
#: Evaluated by `eval`, the one function that a process without wfkit can unpickle.
_OWN_WORD: Final = "__import__('wfkit').__version__"


# --- versions ---


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
        return [*fatal, *other]
    agree = " ".join(f"'{name}=={here[name]}'" for name in ("wfkit", *_DASK, "cloudpickle"))
    raise errors.ClusterUnusable(
        f"The cluster does not fit this notebook: {'; '.join(fatal)}.",
        f"Start it from an environment with Python {_leading(str(here['python']), 2)} and `pip install {agree}`,"
        " or the notebook from the cluster's. `WFKIT_CLUSTER_PREFLIGHT=warn` goes on at your own risk.",
    )


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
    there = {f"worker {worker}": told["packages"] for worker, told in workers.items()}
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
    told = " and ".join(f"{version} on {_listed(processes)}" for version, processes in sorted(places.items()))
    return f"{name} is {_shown(ours)} here, {told}"


def _listed(names: list[str]) -> str:
    if len(names) <= _NAMED:
        return ", ".join(names)
    return f"{', '.join(names[:_NAMED])} and {len(names) - _NAMED} more"


# --- what a pickle refers to ---


class _Reference(NamedTuple):
    """A global that the pickle names."""

    module: str
    name: str


_IMPORTERS: Final = {
    _Reference("cloudpickle.cloudpickle", "subimport"),
    _Reference("builtins", "__import__"),
    _Reference("importlib", "import_module"),
}


def modules_of(code: bytes) -> set[str]:
    """Top-level packages that unpickling will import; nothing is unpickled here.

    Without the standard library and what wfkit itself brings. Of a very large pickle (values that a task has captured),
    only the first operations are read; of broken ones, those up to the fault. What a function imports when it is called
    is not in its pickle.

    Parameters
    ----------
    code : bytes
        A pickle of protocol 3 or newer, such as `wfkit.authoring.freeze.freeze_code` makes.
    """
    modules: set[str] = set()
    stack: list[object] = []
    memo: dict[object, object] = {}
    with suppress(ValueError, IndexError):  # a broken pickle: whoever loads it says so
        for operation, argument, _ in islice(pickletools.genops(code), OPERATIONS):
            name = operation.name
            if name in {"MEMOIZE", "PUT", "BINPUT", "LONG_BINPUT"}:
                memo[len(memo) if name == "MEMOIZE" else argument] = stack[-1]
            elif name in {"GET", "BINGET", "LONG_BINGET"}:
                stack.append(memo.get(argument))
            else:
                value = _value(name, argument, _popped(stack, operation))
                if isinstance(value, _Reference):
                    modules.add(value.module.partition(".")[0])
                stack += [value] * len(operation.stack_after)
    return modules - sys.stdlib_module_names - _BROUGHT


def _popped(stack: list[object], operation: pickletools.OpcodeInfo) -> list[object]:
    """What an operation takes from the stack, without what lies above a mark."""
    before = operation.stack_before
    count = len(before)
    if pickletools.markobject in before:
        while stack.pop() is not pickletools.markobject:
            pass
        count = before.index(pickletools.markobject)
    popped = [stack.pop() for _ in range(count)]
    return popped[::-1]


def _value(name: str, argument: object, popped: list[object]) -> object:
    """What an operation leaves on the stack, as far as it matters: strings, references, tuples, calls of both."""
    value: object = None
    match name, popped:
        case "MARK", _:
            value = pickletools.markobject
        case (("GLOBAL" | "INST"), _):
            value = _Reference(*str(argument).split(" ", 1))
        case "STACK_GLOBAL", [str(module), str(qualified)]:
            value = _Reference(module, qualified)
        case (("TUPLE1" | "TUPLE2" | "TUPLE3"), _):
            value = tuple(popped)
        case "REDUCE", [_Reference() as function, (str(module), *_)] if function in _IMPORTERS:
            value = _Reference(module, "")
        case (("UNICODE" | "SHORT_BINUNICODE" | "BINUNICODE" | "BINUNICODE8"), _):
            value = argument
        case _:
            pass
    return value


# --- imports ---


class ImportProbe:
    """Asks workers which packages they cannot import, each worker about each package once.

    Only the top-level package is looked for, and never imported: that a package is there but broken, old, or imports
    something that is missing is seen when the task is loaded. A worker that joins later is asked with the next task.

    Parameters
    ----------
    client : distributed.Client
        Connected and synchronous.
    """

    def __init__(self, client: Client) -> None:
        self._client: Any = client
        self._found: dict[str, set[str]] = {}
        self._paused_until_s = 0.0

    def missing(
        self, modules: Collection[str], *, workers: Collection[str] = (), resources: Mapping[str, float] | None = None
    ) -> dict[str, list[str]]:
        """Packages that workers cannot import, by worker; empty where a worker does not answer.

        What was missing is asked again, because it may have been installed since.

        Parameters
        ----------
        modules : collection of str
            Top-level packages, as `modules_of` gives them.
        workers, resources : optional
            The options of the task: workers that may not run it are not asked.
        """
        if not modules or time.monotonic() < self._paused_until_s:
            return {}
        try:
            answers = self._client.sync(
                self._ask, set(modules), workers, resources or {}, callback_timeout=IMPORTS_TIMEOUT_S
            )
        except OSError:  # a timeout, or a cluster that is gone, which others notice
            self._paused_until_s = time.monotonic() + PAUSE_S
            return {}
        return {worker: absent for worker, absent in answers.items() if absent}

    def refuse_missing(
        self,
        task_name: str,
        modules: Collection[str],
        *,
        workers: Collection[str] = (),
        resources: Mapping[str, float] | None = None,
    ) -> None:
        """Raise if a worker that may run a task cannot import a package of it.

        Raises
        ------
        ClusterUnusable : names the task, the packages, the workers and what to do
        """
        missing = self.missing(modules, workers=workers, resources=resources)
        if not missing:
            return
        places: dict[str, list[str]] = defaultdict(list)
        for worker, absent in sorted(missing.items()):
            for package in absent:
                places[package].append(worker)
        told = [f"`{package}` is not on {_workers(where)}" for package, where in sorted(places.items())]
        raise errors.ClusterUnusable(f"`{task_name}` cannot be loaded: {'; '.join(told)}.", _remedy(sorted(places)))

    def check(
        self,
        task_name: str,
        code: bytes,
        *,
        workers: Collection[str] = (),
        resources: Mapping[str, float] | None = None,
    ) -> None:
        """Raise if a worker that may run a task cannot import a package that its frozen code refers to.

        Raises
        ------
        ClusterUnusable : as of `refuse_missing`
        """
        self.refuse_missing(task_name, modules_of(code), workers=workers, resources=resources)

    async def _ask(
        self, modules: set[str], workers: Collection[str], resources: Mapping[str, float]
    ) -> dict[str, list[str]]:
        there = (await self._client.scheduler.identity(n_workers=-1))["workers"]
        self._found = {worker: self._found.get(worker, set()) for worker in there}
        open_ = {
            worker: unknown
            for worker, facts in there.items()
            if _may_run(worker, facts, workers, resources) and (unknown := modules - self._found[worker])
        }
        if not open_:
            return {}
        wanted = sorted(set().union(*open_.values()))
        answers = await self._client._run(absent, wanted, workers=list(open_), on_error="ignore")
        for worker, lacking in answers.items():
            self._found[worker] |= set(wanted) - set(lacking)
        return {worker: sorted(open_[worker] & set(lacking)) for worker, lacking in answers.items()}


def _may_run(worker: str, facts: Mapping[str, Any], workers: Collection[str], resources: Mapping[str, float]) -> bool:
    """Whether a task with these options may run on a worker."""
    names = {worker, worker.rpartition("://")[2], str(facts["name"]), facts["host"]}
    if workers and names.isdisjoint(workers):
        return False
    return all(facts["resources"].get(name, 0) >= amount for name, amount in resources.items())


def absent(packages: Iterable[str]) -> list[str]:
    """Packages that this process cannot find; called on a worker."""
    importlib.invalidate_caches()  # one may have been installed a moment ago
    return [package for package in packages if not _is_here(package)]


def _is_here(package: str) -> bool:
    try:
        return package in sys.modules or importlib.util.find_spec(package) is not None
    except Exception:  # noqa: BLE001 - a finder of the user's that fails says nothing about the package
        return True


def _workers(names: list[str]) -> str:
    return f"{'worker' if len(names) == 1 else 'workers'} {_listed(names)}"


def _remedy(packages: list[str]) -> str:
    """What to do: a package that pip knows can be installed, code of the user's own can travel."""
    from importlib.metadata import packages_distributions

    owners = packages_distributions()
    known = list(dict.fromkeys(owners[package][0] for package in packages if package in owners))
    own = [package for package in packages if package not in owners]
    ways = []
    if known:
        names = ", ".join(f'"{name}"' for name in known)
        ways.append(f"Install it on the workers, e.g. `client.register_plugin(distributed.PipInstall([{names}]))`.")
    if own:
        ways.append(
            f"Define in the notebook what you use of {', '.join(f'`{name}`' for name in own)}, so that it travels,"
            f" or call `cloudpickle.register_pickle_by_value({own[0]})` before the task is made."
        )
    return " ".join(ways)
