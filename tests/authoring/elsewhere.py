"""Another process, which loads the code of tasks as a worker does, and sends back what it returns."""

from __future__ import annotations

import os
import pickle
import subprocess
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from wfkit.authoring.freeze import freeze, freeze_code

_ROOT = Path(__file__).parents[2]
_CHILD = """
import pickle, sys
from wfkit.authoring.freeze import thaw
from wfkit.engine.worker.outcome import dump_value
read, write = sys.stdin.buffer, sys.stdout.buffer
while True:
    try:
        code, frozen = pickle.load(read)
    except EOFError:
        break
    try:
        function = pickle.loads(code)[0]
        args, kwargs = thaw(frozen, None)
        value = function(*args, **kwargs)
        answer = (True, bytes(dump_value(value)[0]))
    except BaseException as error:
        answer = (False, f"{type(error).__name__}: {error}")
    pickle.dump(answer, write)
    write.flush()
"""


class Elsewhere:
    """A process with folders on its path.

    Parameters
    ----------
    folders : sequence of Path
    seed : int
        Of the hashes of strings there.
    """

    def __init__(self, folders: Sequence[Path] = (), *, seed: int = 1) -> None:
        path = os.pathsep.join(map(str, [_ROOT, *folders]))
        environment = {**os.environ, "PYTHONPATH": path, "PYTHONHASHSEED": str(seed), "PYTHONDONTWRITEBYTECODE": "1"}
        self._process = subprocess.Popen(
            [sys.executable, "-c", _CHILD],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            env=environment,
            cwd="/",
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._process.communicate()

    def call(self, function: Callable[..., object], *args: object, **kwargs: object) -> Any:
        """What a function returns there, or a RuntimeError with what it raises."""
        return self.call_code(freeze_code(function, None, "`f`"), *args, **kwargs)

    def call_code(self, code: bytes, *args: object, **kwargs: object) -> Any:
        """The same for code that was frozen before."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        pickle.dump((code, freeze((args, kwargs), "f")[0]), self._process.stdin)
        self._process.stdin.flush()
        done, answer = pickle.load(self._process.stdout)
        if not done:
            raise RuntimeError(answer)
        return pickle.loads(answer)
