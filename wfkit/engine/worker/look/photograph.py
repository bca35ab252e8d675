"""Photograph: a page in which scripts draw, as the picture that a browser without a window shows of it."""

from __future__ import annotations

import os
import resource
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Final, NamedTuple

#: Browsers whose command line is Chromium's.
_NAMES: Final = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome", "msedge")
#: Where kaleido looks first, too.
_VARIABLE: Final = "BROWSER_PATH"
_SCALES: Final = (1.0, 0.6, 0.35)
_PATIENCE_S: Final = 20.0
_MOST_PX: Final = 1_200
#: Nothing is looked up, installed, remembered or sent. Its own sandbox needs rights that a confined process has not.
_OPTIONS: Final = (
    "--headless",
    "--no-sandbox",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-dev-shm-usage",
    "--disable-extensions",
    "--disable-gpu",
    "--disable-sync",
    "--hide-scrollbars",
    "--js-flags=--max-old-space-size=512",
    "--host-resolver-rules=MAP * ~NOTFOUND",
    "--proxy-bypass-list=<-loopback>",
    "--proxy-server=127.0.0.1:9",
    "--virtual-time-budget=5000",
)


class Page(NamedTuple):
    """A page that needs nothing else, and its size in pixels."""

    html: str
    width: int
    height: int


def browser() -> str | None:
    """The path of a browser on this machine: that of `BROWSER_PATH`, or the first that has a known name."""
    named = os.environ.get(_VARIABLE, "")
    return shutil.which(named) if named else next(filter(None, map(shutil.which, _NAMES)), None)


def photographs(page: Page, program: str) -> Iterator[bytes]:
    """The page as PNG, each time with fewer dots.

    Parameters
    ----------
    page : Page
    program : str
        Path of the browser. It writes to the folder of temporary files only, and what it started ends with it.

    Raises
    ------
    OSError, subprocess.SubprocessError : it took no picture
    """
    size = f"--window-size={min(page.width, _MOST_PX)},{min(page.height, _MOST_PX)}"
    with tempfile.TemporaryDirectory(prefix="wfkit-page-", ignore_cleanup_errors=True) as name:
        folder = Path(name)
        source, picture = folder / "page.html", folder / "page.png"
        source.write_text(page.html, encoding="utf-8")
        places = (f"--user-data-dir={folder / 'profile'}", f"--screenshot={picture}", source.as_uri())
        for scale in _SCALES:
            subprocess.run(
                [program, *_OPTIONS, size, f"--force-device-scale-factor={scale:g}", *places],
                env={**os.environ, "HOME": name, "TMPDIR": name},
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                timeout=_PATIENCE_S,
                check=True,
                preexec_fn=_lift_limit,
            )
            yield picture.read_bytes()


def _lift_limit() -> None:
    """Let the browser reserve what it never uses; its scripts have a limit of their own."""
    _, hard = resource.getrlimit(resource.RLIMIT_DATA)
    resource.setrlimit(resource.RLIMIT_DATA, (hard, hard))
