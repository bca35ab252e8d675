"""Fresh processes: what has to be measured in a process of its own runs as a script that prints JSON."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

ROOT: Final = Path(__file__).resolve().parent.parent


def measured_in(module: str, *arguments: object) -> dict[str, Any]:
    """What a module of this folder prints, run in a fresh interpreter."""
    return last_line([sys.executable, "-m", f"benchmarks.{module}", *map(str, arguments)])


def last_line(
    command: list[str], environment: Mapping[str, str] | None = None, timeout_s: float = 600.0
) -> dict[str, Any]:
    """The last line that a command prints, read as JSON; raises with what it said if it fails."""
    done = subprocess.run(
        command,
        cwd=ROOT,
        env=dict(os.environ if environment is None else environment),
        capture_output=True,
        text=True,
        timeout=timeout_s,
        check=False,
    )
    if done.returncode:
        raise RuntimeError(f"{' '.join(command)} failed:\n{done.stdout[-2_000:]}\n{done.stderr[-4_000:]}")
    answer: dict[str, Any] = json.loads(done.stdout.strip().splitlines()[-1])
    return answer
