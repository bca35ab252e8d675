"""A real JupyterLab or Notebook 7 on loopback, with notebooks of its own, for browser tests."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from playwright.sync_api import Page, expect

PLUGIN = Path(__file__).parents[2] / "wfkit" / "labextension"  #: built from labextension/

_CONFIG = """
from jupyterlab.galata import configure_jupyter_server
configure_jupyter_server(c)
c.ServerApp.ip = "127.0.0.1"
c.ServerApp.port = {port}
c.ServerApp.port_retries = 0
c.ServerApp.root_dir = {root!r}
c.ServerApp.allow_root = True
c.ServerApp.log_level = "ERROR"
c.JupyterNotebookApp.expose_app_in_browser = True
"""
#: Every kernel writes what its threads do into a file of its own when it is asked to.
_STARTUP = """
import faulthandler, os, signal
faulthandler.register(signal.SIGUSR1, file=open(os.path.join({folder!r}, str(os.getpid())), "w"))
"""
#: Cells out of sight stay in the page, so that a test can look at all of them; and nothing asks to be clicked.
_SETTINGS = {
    "notebook-extension/tracker": {"windowingMode": "none"},
    "apputils-extension/notification": {"fetchNews": "false", "checkForUpdates": False},
}
_READY = """([path]) => {
  const app = window.jupyterapp;
  const widget = app && app.shell.currentWidget;
  if (!widget || !widget.context || widget.context.path !== path) return false;
  if (!app.commands.hasCommand("notebook:run-all-cells")) return false;
  if (!widget.context.isReady) return false;
  const session = widget.sessionContext.session;
  return !!session && !!session.kernel && session.kernel.status === "idle";
}"""


@dataclass(frozen=True)
class Lab:
    """Where it listens, and where its notebooks are."""

    url: str
    root: Path
    stacks: Path  #: where kernels write what their threads do
    log: Path  #: that of the server

    def open(self, page: Page, notebook: str) -> None:
        """Open a notebook in a workspace of its own and wait for its kernel."""
        page.goto(f"{self.url}/lab/workspaces/{Path(notebook).stem}{time.time_ns()}/tree/{notebook}?reset")
        page.wait_for_function(_READY, arg=[notebook], timeout=60_000)
        page.evaluate("() => window.jupyterapp.shell.collapseLeft()")

    def run_all(self, page: Page) -> None:
        """Start all cells; not awaited, since the promise ends with the last cell."""
        page.evaluate("() => { void window.jupyterapp.commands.execute('notebook:run-all-cells'); }")

    def await_all_cells(self, page: Page) -> None:
        """Wait until no cell runs or waits to run."""
        expect(page.locator(".jp-InputPrompt", has_text="[*]")).to_have_count(0, timeout=90_000)

    def told_by_kernels(self) -> str:
        """What the threads of each kernel do, and the server's log, for whoever reads of a test that failed."""
        told = []
        for file in self.stacks.iterdir():
            try:
                os.kill(int(file.name), signal.SIGUSR1)
                told.append(f"kernel {file.name}\n{_written(file)}")
            except ProcessLookupError:
                told.append(f"kernel {file.name} is gone")
        return "\n\n".join([*told, self.log.read_text()[-2_000:]])


@contextlib.contextmanager
def jupyterlab(root: Path, module: str = "jupyterlab") -> Iterator[Lab]:
    """Start JupyterLab, or another server of notebooks, over a folder, and end it with all its kernels."""
    home = root / "home"
    for name, settings in _SETTINGS.items():
        path = home / "settings" / "@jupyterlab" / f"{name}.jupyterlab-settings"
        path.parent.mkdir(parents=True)
        path.write_text(json.dumps(settings))
    stacks = home / "stacks"
    stacks.mkdir()
    startup = home / "ipython" / "profile_default" / "startup" / "stacks.py"
    startup.parent.mkdir(parents=True)
    startup.write_text(_STARTUP.format(folder=str(stacks)))
    plugins = home / "data" / "labextensions"
    plugins.mkdir(parents=True)
    (plugins / "wfkit").symlink_to(PLUGIN)  # that of this checkout, wherever the environment's own points
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    config = home / "jupyter_server_config.py"
    config.write_text(_CONFIG.format(port=port, root=str(root)))
    environment = os.environ | {
        "JUPYTER_CONFIG_DIR": str(home / "config"),
        "JUPYTER_DATA_DIR": str(home / "data"),
        "JUPYTERLAB_SETTINGS_DIR": str(home / "settings"),
        "JUPYTERLAB_WORKSPACES_DIR": str(home / "workspaces"),
        "IPYTHONDIR": str(home / "ipython"),
    }
    log = (home / "server.log").open("w")
    server = subprocess.Popen(
        [sys.executable, "-m", module, f"--config={config}", "--no-browser"],
        env=environment,
        stdout=log,
        stderr=log,
        start_new_session=True,
    )
    try:
        url = f"http://127.0.0.1:{port}"
        _await_answer(f"{url}/api/status", server, home / "server.log")
        yield Lab(url, root, stacks, home / "server.log")
    finally:
        server.send_signal(signal.SIGTERM)
        try:
            server.wait(15)
        except subprocess.TimeoutExpired:
            os.killpg(server.pid, signal.SIGKILL)
            server.wait()
        log.close()


def _written(file: Path) -> str:
    """The end of what is being written into a file, when no more comes."""
    before, text = "", file.read_text()
    deadline = time.monotonic() + 2
    while (not text or text != before) and time.monotonic() < deadline:
        time.sleep(0.1)
        before, text = text, file.read_text()
    return text[-20_000:]


def _await_answer(url: str, server: subprocess.Popen[bytes], log: Path) -> None:
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        assert server.poll() is None, f"JupyterLab ended:\n{log.read_text()[-2000:]}"
        with contextlib.suppress(OSError), urllib.request.urlopen(url, timeout=2) as answer:
            if answer.status == 200:
                return
        time.sleep(0.1)
    raise AssertionError(f"JupyterLab does not answer:\n{log.read_text()[-2000:]}")
