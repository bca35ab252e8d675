"""Envelope: runs nodes on a worker and returns their outcomes, whatever the user's code does."""

from __future__ import annotations

import os
import time
from collections.abc import Sequence
from typing import Final, NamedTuple

from wfkit.authoring.freeze import Frozen
from wfkit.engine.worker.assembly import Assembly
from wfkit.engine.worker.kept import kept_outcomes
from wfkit.engine.worker.layout import Given, Layout
from wfkit.engine.worker.node import Node
from wfkit.engine.worker.outcome import Bounced, Outcome, Outcomes
from wfkit.engine.worker.past import Past
from wfkit.engine.worker.seat import Seat
from wfkit.engine.worker.side import WorkerSide, here
from wfkit.engine.worker.spec import Spec

#: A carrier that has run for so long leaves the rest of its elements to others.
SLICE_S: Final = 0.1
#: … and so does one that holds so much: as long as one of its results is in use, all of them are held.
CARRIER_BYTES: Final = 10_000_000


class More(NamedTuple):
    """What is not said of most nodes."""

    layout: Layout | None = None
    past: Past = Past()  #: before this sending
    forced: bool = False  #: it is executed, whatever the cache has


_NOTHING_MORE: Final = More()


def run_node(
    spec: Spec,
    index: int | Sequence[int],
    frozen: Frozen | Assembly | Sequence[Frozen],
    deps: Sequence[Given],
    more: More = _NOTHING_MORE,
) -> Outcome | Outcomes:
    """Run one node, or several elements of a map: the function of every Dask task that wfkit submits.

    Parameters
    ----------
    spec : Spec
        The task and its group.
    index : int or sequence of int
        The element within the group; several for a carrier.
    frozen : Frozen or Assembly
        The arguments; of a carrier one for all, or one each. An assembly is the value of a node that returned handles.
    deps : sequence
        The results that the node's slots are filled from, and those that are only waited for.
    more : More
    """
    side = here()
    process = os.getpid()
    with Seat.taken(side, spec) as seat:
        try:
            if isinstance(index, int):
                assert isinstance(frozen, Frozen | Assembly)
                node = Node(side, seat, spec, index, more.past, more.forced)
                return node.put_off() if seat.refused else node.run_safely(frozen, deps, more.layout)
            return _carrier(side, seat, spec, index, frozen, deps, more)  # type: ignore[arg-type]  # no assembly
        finally:
            if os.getpid() != process:
                os._exit(0)  # the task forked, and this is the child: a copy of the worker must not answer for it


def _carrier(
    side: WorkerSide,
    seat: Seat,
    spec: Spec,
    indices: Sequence[int],
    frozen: Frozen | Sequence[Frozen],
    deps: Sequence[Given],
    more: More,
) -> Outcomes:
    # What is not known the driver sends again, singly; what is lost is executed again here, to the end.
    note = seat.note
    kept = kept_outcomes(side, spec, indices, seat.key, note.crashes) if note is not None else None
    until = time.monotonic() + SLICE_S
    held_bytes = 0
    outcomes: list[Outcome] = []
    for element, index in enumerate(indices):
        if kept is not None and (known := kept[element]) is not None:
            assert not isinstance(known, Past)
            outcomes.append(known)
            continue
        if element and kept is None and (time.monotonic() > until or held_bytes > CARRIER_BYTES):
            left = indices[element:]
            side.tell(spec.run_id, ["bounced", spec.group, list(left)])
            outcomes += [Bounced(spec.name)] * len(left)
            break
        node = Node(side, seat, spec, index)
        arguments = frozen if isinstance(frozen, Frozen) else frozen[element]
        outcomes.append(node.run_safely(arguments, deps, more.layout, element))
        held_bytes += node.result_bytes
    return Outcomes(outcomes)
