"""Knowing: what the driver of a run knows of a node beyond the view: its Dask key, and what it alone was given."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Final, NamedTuple

from wfkit.authoring.freeze import Frozen
from wfkit.core.events import Argument
from wfkit.core.ids import GroupId, spawner
from wfkit.engine.driver.glimpse import glimpse
from wfkit.engine.driver.group import UNSENT, Group
from wfkit.engine.worker.arguments import shown

if TYPE_CHECKING:
    from wfkit.engine.driver.live import LiveRun

#: Larger arguments are not read again only to be looked at.
_MOST_BYTES: Final = 64_000


class Known(NamedTuple):
    """What is known of a node; nothing where its run does not go on in this process."""

    key: str = ""  #: of the Dask task that executes it, or of the one that has its value
    arguments: Sequence[tuple[str, str]] = ()  #: name and preview of what a map gives this node alone


def known_of(run: LiveRun, group_id: GroupId, index: int) -> Known:
    """What is known of a node; to be called under the run's lock: nothing of the user's is loaded for it."""
    group = run.groups.get(group_id)
    if group is None or index >= len(group.status):
        return Known()
    unsent = group.status[index] == UNSENT and index not in group.elsewhere
    key = "" if unsent or (group_id, index) in run.without_key else group.where(index)[0]
    return Known(key, _own_arguments(group, index))


def _own_arguments(group: Group, index: int) -> Sequence[tuple[str, str]]:
    """What a map gives one node. What a task's body gave is the business of workers: the driver may not load it."""
    if isinstance(group.frozen, Frozen) or index >= len(group.frozen) or spawner(group.spec.id) is not None:
        return ()
    frozen = group.frozen[index]
    if len(frozen.payload) > _MOST_BYTES:
        return ()
    try:
        args, kwargs = glimpse(frozen)
    except Exception:  # noqa: BLE001 - a pickle may hold what no reader expects
        return ()
    given = zip(group.spec.arguments, (*args, *kwargs.values()), strict=False)
    return [(one.name, shown(one.name, value)) for one, value in given if _is_own(one)]


def _is_own(argument: Argument) -> bool:
    return not argument.preview and not argument.uses
