"""Fixtures of the notebook's tests."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.notebook.shells import Lab, open_lab
from tests.session.conftest import cells, client, current, failed

__all__ = ["cells", "client", "current", "failed"]  # a session on a small cluster, for acts on real runs


@pytest.fixture(scope="session")
def shell() -> Iterator[Lab]:
    with open_lab() as lab:
        yield lab


@pytest.fixture
def lab(shell: Lab) -> Lab:
    shell.renew()
    return shell
