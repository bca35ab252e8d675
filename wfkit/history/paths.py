"""Paths: the one place where names become places in a store; a name that could lead out of it is refused."""

from __future__ import annotations

import base64
import os
import re
from collections.abc import Iterable
from pathlib import PurePosixPath
from typing import Final

from wfkit.history.faults import Unsound

#: As `core.ids.run_id` makes them.
_RUN: Final = re.compile(r"r-[0-9a-hjkmnp-tv-z]{26}")
#: All that a file or folder below the root of a store may be called.
_NAME: Final = re.compile(r"[0-9a-z][0-9a-z_-]{0,127}")
_DIGEST: Final = re.compile(r"[0-9a-f]{16,128}")
_PROBE: Final = re.compile(r"probe-([0-9a-f]{8,12})-[a-z2-7]{13}")
_SLUG_LENGTH: Final = 40
_HERE: Final = ("file://", "local://")


class UnsafeName(Unsound):
    """A name that no file of a store has, or a place that is a symbolic link."""


def is_run(name: str) -> bool:
    """Whether this is the id of a run."""
    return _RUN.fullmatch(name) is not None


def run_of(reference: str) -> str:
    """The id of the run to which a reference belongs; empty if it is no reference."""
    run_id, slash, name = reference.partition("/")
    return run_id if slash and is_run(run_id) and _NAME.fullmatch(name) else ""


def new_reference(run_id: str, node: str) -> str:
    """A reference that no other execution has: "r-…/clean-3-4fq7wz2mtkd3a" for the node "clean[3]".

    What the user named is told by safe characters alone, and cut.
    """
    slug = re.sub(r"[^0-9a-z_]+", "-", node[: 4 * _SLUG_LENGTH].lower()).strip("-_")[:_SLUG_LENGTH]
    return f"{run_id}/{slug.rstrip('-_') or 'value'}-{token()}"


def token() -> str:
    """Thirteen characters that nobody has drawn before."""
    return base64.b32encode(os.urandom(8)).decode().rstrip("=").lower()


def cached(digest: str) -> str:
    """What a value in the cache is called.

    Raises
    ------
    ValueError : the key is no digest in hexadecimal digits
    """
    if not _DIGEST.fullmatch(digest):
        raise ValueError(f"{digest!r:.100} is no digest in 16 to 128 hexadecimal digits")
    return f"cache/{digest}"


def new_probe(now_s: float) -> str:
    """A name for the file by which others see that they share a store."""
    return f"probe-{int(now_s):08x}-{token()}"


def probe_made_s(name: str) -> float | None:
    """When the probe of this name was made, in seconds since the epoch; None if it is no probe."""
    found = _PROBE.fullmatch(name)
    return int(found[1], 16) if found else None


def folder_here(url: str) -> str | None:
    """The folder of this machine that a URL or path means; None if it is for fsspec to say where it leads."""
    for scheme in _HERE:
        if url.startswith(scheme):
            return url.removeprefix(scheme)
    return None if "://" in url or "::" in url else url


def on_disk(root: str, *names: str) -> str:
    """The path of a file or folder of a store on this machine.

    Parameters
    ----------
    root : str
        As `os.path.realpath` gives it.

    Raises
    ------
    UnsafeName : a name that is none of ours, or a symbolic link on the way
    """
    path = os.path.join(root, *_safe(names))
    real = os.path.realpath(path)
    if real != path or not real.startswith(os.path.join(root, "")):
        raise UnsafeName("a symbolic link is in its place")
    return path


def in_url(root: str, *names: str) -> str:
    """The path of a file or folder of a store that fsspec reaches, for the file system that `root` belongs to.

    Raises
    ------
    UnsafeName : a name that is none of ours
    """
    path = PurePosixPath(root, *_safe(names))
    if not path.is_relative_to(root):
        raise UnsafeName("it would lie outside of the store")
    return "/".join((root, *names))  # unlike the path above this keeps "//" in a root


def beside(path: str) -> str:
    """A name for what is not whole yet: in the same folder, and none that a reference can mean."""
    folder, slash, _ = path.rpartition("/")
    return f"{folder}{slash}.{token()}.part"


def shown(url: str) -> str:
    """The address of a store without passwords, for people."""
    return re.sub(r"//[^/@]*@", "//", url.partition("?")[0]) if "://" in url else url


def _safe(names: Iterable[str]) -> tuple[str, ...]:
    names = tuple(names)
    for name in names:
        if not _NAME.fullmatch(name):
            raise UnsafeName(f"{name!r:.100} is no name of a stored file")
    return names
