"""Fixtures of the notebook's tests."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from tests.notebook.shells import Lab, open_lab
from tests.session.conftest import cells, client, current, failed
from wfkit.notebook.extension import unload

__all__ = ["cells", "client", "current", "failed"]  # a session on a small cluster, for acts on real runs


@pytest.fixture(scope="session")
def shell() -> Iterator[Lab]:
    with open_lab() as lab:
        yield lab


@pytest.fixture
def lab(shell: Lab) -> Lab:
    shell.renew()
    return shell


@pytest.fixture
def bare(lab: Lab) -> Iterator[Any]:
    """A shell without our cells, to load the extension into; afterwards as the other tests expect it."""
    lab.uninstall()
    yield lab.shell
    unload(lab.shell)
    lab.__init__(lab.shell)  # type: ignore[misc]
