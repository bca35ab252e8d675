"""Fixtures of the notebook's tests."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.notebook.shells import Lab, open_lab


@pytest.fixture(scope="session")
def shell() -> Iterator[Lab]:
    with open_lab() as lab:
        yield lab


@pytest.fixture
def lab(shell: Lab) -> Lab:
    shell.renew()
    return shell
