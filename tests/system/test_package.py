"""The package: what a wheel brings, where JupyterLab finds it, and one version everywhere."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

import wfkit

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> zipfile.ZipFile:
    """A wheel of this checkout, whose front end is built."""
    folder = tmp_path_factory.mktemp("dist")
    subprocess.run([sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", folder], cwd=ROOT, check=True)
    (built,) = folder.glob("*.whl")
    return zipfile.ZipFile(built)


def test_a_wheel_brings_the_widget_and_the_plugin_each_once(wheel: zipfile.ZipFile) -> None:
    names = wheel.namelist()
    assert "wfkit/static/widget.js" in names
    assert not [name for name in names if name.startswith("wfkit/labextension")]
    assert len([name for name in names if "remoteEntry" in name]) == 1


def test_jupyterlab_finds_the_plugin_of_a_wheel(wheel: zipfile.ZipFile, tmp_path: Path) -> None:
    data = f"wfkit-{wfkit.__version__}.data/data/"
    wheel.extractall(tmp_path, [name for name in wheel.namelist() if name.startswith(data)])
    environment = os.environ | {"JUPYTER_PATH": str(tmp_path / data / "share" / "jupyter"), "NO_COLOR": "1"}
    listed = subprocess.run(
        [sys.executable, "-m", "jupyterlab.labextensions", "list"],
        env=environment,
        capture_output=True,
        text=True,
        check=True,
    )
    (line,) = [line for line in (listed.stdout + listed.stderr).splitlines() if " wfkit v" in line]
    assert f"wfkit v{wfkit.__version__}" in line
    assert "enabled" in line
    assert "OK" in line


def test_one_version_everywhere() -> None:
    web = ROOT / "labextension"
    for path in (web / "package.json", web / "package-lock.json", ROOT / "wfkit" / "labextension" / "package.json"):
        assert json.loads(path.read_text())["version"] == wfkit.__version__, path
    assert f'"{wfkit.__version__}"' in (ROOT / "wfkit" / "static" / "report.js").read_text(encoding="utf-8")
    assert f'version = "{wfkit.__version__}"' in (ROOT / "pyproject.toml").read_text()
