"""Reducing: what of a failing program it takes to fail, found by leaving out lines and words."""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Iterator

#: Words of a line that it may do without, and what then stands there.
_LESS = (
    (r"@task\(.+\)", "@task()"),
    (r"(\w+=[^,()\[\]{}]+|\w+='\w+'|\w+=\{[^}]*\}|wait_for=\[[^\]]*\])(, )?", ""),
    (r", \w+=(\[[^\]]*\]|\w+)", ""),
    (r"allow_failure\((\w+)\)", r"\1"),
    (r", unmapped\([^()]*(\([^()]*\))?[^()]*\)", ""),
    (r"\.submit\(.+\)", ".submit()"),
    (r"\.map\(\[(\d), [^\]]*\]", r".map([\1]"),
    (r"return .+", "return seed"),
)


def reduced(program: str, fails: Callable[[str], bool], limit_s: float = 60.0) -> str:
    """A smaller program that fails, too, as far as one comes in the time; `fails` is False for what makes no sense."""
    smaller: str | None = program
    until = time.monotonic() + limit_s
    while smaller is not None:
        program = smaller
        smaller = next((one for one in _smaller(program) if time.monotonic() < until and fails(one)), None)
    return program


def _smaller(program: str) -> Iterator[str]:
    """Programs with less in them, the much smaller ones first."""
    blocks = program.split("\n\n\n")
    for at in range(len(blocks) - 2, -1, -1):
        yield "\n\n\n".join([*blocks[:at], *blocks[at + 1 :]])
    lines = program.split("\n")
    for at in range(len(lines) - 1, -1, -1):
        if lines[at].startswith("    "):
            yield "\n".join([*lines[:at], *lines[at + 1 :]])
    for at, line in enumerate(lines):
        for words, less in _LESS:
            for found in re.finditer(words, line):
                shorter = line[: found.start()] + found.expand(less) + line[found.end() :]
                if len(shorter) < len(line):
                    yield "\n".join([*lines[:at], shorter, *lines[at + 1 :]])
