"""Outputs, as IPython gives them in a kernel."""

from __future__ import annotations

import threading
from typing import Any


class Handle:
    """What IPython gives for an output in a kernel: updates take the picture of what is shown."""

    def __init__(self) -> None:
        self.pictures: list[dict[str, Any]] = []
        self.renders = threading.Event()

    def update(self, thing: Any, *, raw: bool = False) -> None:
        self.renders.set()
        self.pictures.append(thing if raw else thing._repr_mimebundle_())
