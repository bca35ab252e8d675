"""What all tests share: kinds of tests, their order and time limits, Hypothesis' settings."""

from __future__ import annotations

import atexit
import os
import shutil
import sys
import tempfile
from pathlib import Path

import hypothesis
import pytest

TESTS = Path(__file__).parent
IN_CI = "CI" in os.environ
#: What tests and the processes that they start keep; never the user's own.
os.environ["WFKIT_HOME"] = tempfile.mkdtemp(prefix="wfkit-tests-")
atexit.register(shutil.rmtree, os.environ["WFKIT_HOME"], ignore_errors=True)
#: Clusters in the process of the tests, too, may hang of it (`wfkit.clusters.profiler`). Read when Dask is imported.
os.environ["DASK_DISTRIBUTED__WORKER__PROFILE__ENABLED"] = "False"
CHROMIUM = os.environ.get("WFKIT_CHROMIUM") or shutil.which("chromium") or shutil.which("google-chrome")
UNIT_LIMIT_S = 30  # a unit test that takes longer waits for something; the limit of the others is in pyproject.toml

hypothesis.settings.register_profile("wfkit", deadline=None, print_blob=True)  # no deadline: machines are shared
hypothesis.settings.load_profile("wfkit")


@pytest.fixture(autouse=True, scope="module")
def main_with_a_spec() -> None:
    """Give `__main__` what multiprocessing asks it for: IPython's shells put a module without it in its place."""
    main = sys.modules["__main__"]
    if not hasattr(main, "__spec__"):
        main.__spec__ = None


def pytest_itemcollected(item: pytest.Item) -> None:
    """Mark by folder, before `-m` chooses."""
    if item.path.is_relative_to(TESTS / "system"):
        item.add_marker(pytest.mark.system)


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Limit unit tests, and run the narrow tests first and the browser last.

    Browser tests come last for a second reason: playwright leaves an event loop running in the main thread.
    """
    for item in items:
        if not item.path.is_relative_to(TESTS / "system") and not item.get_closest_marker("timeout"):
            item.add_marker(pytest.mark.timeout(UNIT_LIMIT_S))
        if item.get_closest_marker("browser") and not CHROMIUM and not IN_CI:
            item.add_marker(
                pytest.mark.skip(reason="no chromium here; `apt-get install chromium` or set WFKIT_CHROMIUM")
            )
    items.sort(key=_width)


def _width(item: pytest.Item) -> int:
    return sum(2**place for place, kind in enumerate(("system", "browser")) if item.get_closest_marker(kind))
