"""Outputs, as IPython gives them in a kernel."""

from __future__ import annotations

from typing import Any


class Handle:
    """What IPython gives for an output in a kernel: updates take the picture of what is shown."""

    def __init__(self) -> None:
        self.pictures: list[dict[str, Any]] = []

    def update(self, thing: dict[str, Any], *, raw: bool, metadata: dict[str, Any] | None = None) -> None:
        assert raw
        assert not metadata
        self.pictures.append(thing)
