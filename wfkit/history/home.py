"""Home: the folder where history, results and keys live, for its owner alone."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from wfkit.errors import StoreUnusable
from wfkit.history.faults import words

VARIABLE: Final = "WFKIT_HOME"
_OTHERS_MAY_WRITE: Final = 0o022
_FIX: Final = f"Set {VARIABLE} to a folder of your own."


def home(environ: Mapping[str, str] = os.environ) -> Path:
    """The folder that WFKIT_HOME names, else one in the user's data directory; made where it is missing.

    Raises
    ------
    StoreUnusable : it belongs to somebody else, is writable by others, or cannot be made or written to
    """
    import platformdirs  # only the kernel asks, workers import the rest

    named = environ.get(VARIABLE)
    folder = Path(named) if named else platformdirs.user_data_path("wfkit", appauthor=False)
    return own_folder(folder, "The folder for history and results", _FIX)


def own_folder(folder: Path, name: str, fix: str) -> Path:
    """Make a folder that only its owner can look into, or see to it that an existing one is safe.

    Parameters
    ----------
    folder : Path
        "~" is the user's home directory; a relative path begins at the working directory.
    name, fix : str
        For the error: what the folder is for, and what to do.

    Returns
    -------
    Path : absolute, without symbolic links

    Raises
    ------
    StoreUnusable : it belongs to somebody else, is writable by others, or cannot be made or written to
    """
    try:
        folder = folder.expanduser().absolute()
        for part in (*reversed(folder.parents), folder):
            part.mkdir(mode=0o700, exist_ok=True)  # parents too: who may rename one owns all below it
        folder = folder.resolve(strict=True)
        state = folder.stat()
    except (OSError, RuntimeError) as error:
        raise StoreUnusable(f"{name}, {folder}, cannot be made: {words(error)}.", fix) from error
    if state.st_uid != os.geteuid():
        raise StoreUnusable(f"{name}, {folder}, belongs to another user.", fix)
    if state.st_mode & _OTHERS_MAY_WRITE:
        raise StoreUnusable(f"{name}, {folder}, is writable by other users.", f"Type `chmod go-w {folder}`, or: {fix}")
    if not os.access(folder, os.W_OK | os.X_OK, effective_ids=True):
        raise StoreUnusable(f"{name}, {folder}, cannot be written to.", fix)
    return folder
