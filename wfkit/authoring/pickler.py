"""Pickler: cloudpickle's, but code keeps the name of the file or cell where it was written.

Since cloudpickle 3.1.3 code that travels by value loses it, and tracebacks from workers would show no line of a cell.
"""

from __future__ import annotations

import io
from collections.abc import Callable
from types import CodeType

import cloudpickle


class Pickler(cloudpickle.CloudPickler):  # type: ignore[misc]  # cloudpickle is not typed
    """Pickles what a notebook defines by value, with where it was written."""

    def reducer_override(self, value: object) -> object:
        """How a value that is no plain one is pickled."""
        if type(value) is CodeType:
            make, parts = self.dispatch_table[CodeType](value)
            return (_written_in, (value.co_filename, make, parts))
        return super().reducer_override(value)


def _written_in(filename: str, make: Callable[..., CodeType], parts: tuple[object, ...]) -> CodeType:
    return make(*parts).replace(co_filename=filename)


def dumps(value: object) -> bytes:
    """Pickle a value, code by value where a worker could not import it.

    Raises
    ------
    Exception : whatever pickling raises
    """
    file = io.BytesIO()
    Pickler(file, protocol=5).dump(value)
    return file.getvalue()
