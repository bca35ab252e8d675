"""Imports: whether the workers have the packages of a task, asked before the task goes there."""

from __future__ import annotations

import importlib
import importlib.util
import sys
import time
from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping
from typing import TYPE_CHECKING, Any, Final

from wfkit import errors
from wfkit.clusters.preflight import listed
from wfkit.clusters.references import modules_of

if TYPE_CHECKING:
    from distributed import Client

#: A worker whose interpreter is held by a task answers late; nobody waits longer for it.
IMPORTS_TIMEOUT_S: Final = 2.0
#: After a worker did not answer, none is asked for this long.
PAUSE_S: Final = 30.0


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
    return f"{'worker' if len(names) == 1 else 'workers'} {listed(names)}"


def _remedy(packages: list[str]) -> str:
    """What to do: a package that pip knows can be installed, what the user wrote can travel."""
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
