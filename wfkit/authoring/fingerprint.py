"""Fingerprint: a digest of what a task means.

It is made of the function's bytecode, constants and names, its defaults and closure, the options that change values,
and of the functions, classes and plain values of the notebook and of local modules that it refers to, and so on.
Comments, layout, docstrings, annotations of parameters, the file and the line have no part in it.
"""

from __future__ import annotations

import functools
import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from wfkit.authoring.bytecode import PYTHON
from wfkit.authoring.explain import GIVEN
from wfkit.authoring.functions import name_of
from wfkit.authoring.meaning import BODY, Walk
from wfkit.authoring.options import TaskOptions
from wfkit.authoring.task import Task
from wfkit.authoring.unfolding import Node, unfolded
from wfkit.errors import CannotFingerprint

if TYPE_CHECKING:
    from wfkit.authoring.explain import Parts

FORMAT: Final = "wfkit.task.v2"  #: grows when the meaning of the digest changes
_SHORT: Final = 12  #: hex digits of a digest in `parts`


@dataclass(frozen=True, slots=True)
class Fingerprint:
    """What a task means.

    Attributes
    ----------
    digest : str
        32 hex digits, equal in every process; empty where something is unknown.
    unknown : str
        What cannot be hashed, in words; empty where all can.
    parts : tuple of pairs of str
        What it consists of: a label in words and a plain value, a version or "#" and a short digest. What `explain`
        compares.
    """

    digest: str
    unknown: str
    parts: Parts


def fingerprint(task: Task[..., object]) -> str:
    """A digest of what a task means: its code, and all of your own code and values that it refers to.

    Parameters
    ----------
    task : Task or callable

    Returns
    -------
    str : 32 hex digits; equal after a cell was executed again, after a restart and in every process, as long as the
        code means the same

    Raises
    ------
    CannotFingerprint : something that the code refers to cannot be hashed; the message names it
    """
    found = fingerprint_of(task)
    if found.unknown:
        raise CannotFingerprint(
            f"`{_name(task)}` cannot be fingerprinted: {found.unknown}.",
            "Make it inside the task, pass it as an argument, or say when the code has changed by @task(version=…).",
        )
    return found.digest


def fingerprint_of(task: Task[..., object] | Callable[..., object]) -> Fingerprint:
    """What a task or a plain function means; what cannot be hashed is told, never raised."""
    walk = Walk()
    root = walk.start(f"task `{_name(task)}`", functools.partial(_described, walk, task))
    walk.finish()
    digests = unfolded(walk.nodes)
    whole = hashlib.blake2b(FORMAT.encode() + digests[root], digest_size=16).hexdigest()
    return Fingerprint("" if walk.unknown else whole, walk.unknown, (*_given(task), *_parts(walk.nodes[1:], digests)))


def _given(task: Task[..., object] | Callable[..., object]) -> Parts:
    """The options by which the task is found again, that were given where it is called."""
    if not isinstance(task, Task) or not task._base._given:
        return ()
    meant = {**task.options.meant(), "version": task.options.version, "name": task.name}
    given = {name: value for name, value in meant.items() if name in task._base._given}
    return ((GIVEN, ascii(given)),) if given else ()


def _described(walk: Walk, task: Task[..., object] | Callable[..., object], root: Node) -> bytes:
    """The data of the task's own node."""
    code, bound, options = task, tuple[object, ...](), TaskOptions()
    if isinstance(task, Task):
        code, bound, options = task._base.fn, task._bound, task.options
    said = [walk.value(root, value, f"option `{name}`") for name, value in options.meant().items()]
    if options.version:
        return b"".join([*said, b"version", walk.value(root, options.version, "version")])
    said += [walk.fact(root, "Python", PYTHON), walk.code(root, code, f"{BODY}`{_name(task)}`")]
    return b"".join([*said, *(walk.value(root, one, "instance `self`") for one in bound)])


def _name(task: Task[..., object] | Callable[..., object]) -> str:
    return task.name if isinstance(task, Task) else name_of(task)


def _parts(nodes: list[Node], digests: dict[Node, bytes]) -> Parts:
    """What each node says of itself; of those with one label, equal ones are one part, and others are numbered."""
    alike: dict[str, set[bytes]] = {}
    for node in nodes:
        alike.setdefault(node.label, set()).add(digests[node])
    labels = {
        (label, digest): label if at == 1 else f"{label} ({at})"
        for label, found in alike.items()
        for at, digest in enumerate(sorted(found), 1)
    }
    shown = {
        labels[node.label, digests[node]]: _shown(node, [labels[link.label, digests[link]] for link in node.links])
        for node in nodes
    }
    return tuple(sorted(shown.items()))


def _shown(node: Node, links: list[str]) -> str:
    if node.shown:
        return node.shown
    said = node.data + "\n".join(sorted(links) if node.bag else links).encode()
    return f"#{hashlib.blake2b(said, digest_size=_SHORT // 2).hexdigest()}"
