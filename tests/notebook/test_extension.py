"""The extension: what it puts into a shell, and that it takes all of it out again."""

from __future__ import annotations

from typing import Any

import pytest

import wfkit
import wfkit.session.session as module
from wfkit.errors import BadSetting
from wfkit.notebook.extension import load, unload
from wfkit.notebook.waiting import wait_interruptibly
from wfkit.session.session import Session, wait_for
from wfkit.session.settings import WfkitSettings


@pytest.fixture
def current(monkeypatch: pytest.MonkeyPatch) -> Session:
    """A session that starts no cluster."""
    session = Session(WfkitSettings())
    monkeypatch.setattr(session, "prepare", lambda: None)
    monkeypatch.setattr(module, "_CURRENT", [session])
    return session


def traces(shell: Any) -> dict[str, object]:
    """All in a shell that the extension touches."""
    formatters = shell.display_formatter.formatters
    return {
        "magics": {kind: sorted(known) for kind, known in shell.magics_manager.magics.items()},
        "lines": list(shell.input_transformers_cleanup),
        "trees": list(shell.ast_transformers),
        "matchers": list(shell.Completer.custom_matchers),
        "configurables": list(shell.configurables),
        "traceback": "structured_traceback" in vars(shell.InteractiveTB),
        "reprs": [
            key
            for kind in ("text/html", "text/plain")
            for key in [*formatters[kind].deferred_printers, *formatters[kind].type_printers]
            if "wfkit" in str(key)
        ],
    }


def test_unloading_leaves_the_shell_as_it_was(bare: Any, current: Session) -> None:
    before = traces(bare)
    load(bare)
    during = traces(bare)
    assert [name for name in before if before[name] == during[name]] == []
    assert current.wait is wait_interruptibly
    unload(bare)
    assert traces(bare) == before
    assert current.wait is wait_for
    unload(bare)


def test_loading_twice_is_loading_once(bare: Any, current: Session) -> None:
    load(bare)
    once = traces(bare)
    load(bare)
    twice = traces(bare)
    assert [name for name in once if len(str(once[name])) != len(str(twice[name]))] == []
    assert len(bare.ast_transformers) == 1


def test_the_package_is_an_extension(bare: Any, current: Session) -> None:
    wfkit.load_ipython_extension(bare)
    assert "flow" in bare.magics_manager.magics["cell"]
    wfkit.unload_ipython_extension(bare)
    assert "flow" not in bare.magics_manager.magics["cell"]


def test_a_bad_setting_is_told_in_one_line_and_nothing_is_loaded(bare: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_CURRENT", [])
    monkeypatch.setenv("WFKIT_CLUSTER_N_WORKERS", "many")
    before = traces(bare)
    with pytest.raises(BadSetting) as caught:
        load(bare)
    (line,) = caught.value._render_traceback_()  # type: ignore[attr-defined]
    assert line.startswith("BadSetting: WFKIT_CLUSTER_N_WORKERS is 'many'")
    assert traces(bare) == before


def test_settings_in_ipythons_own_configuration_count(bare: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_CURRENT", [])
    monkeypatch.setattr(Session, "prepare", lambda _: None)
    bare.config.WfkitSettings.cluster_n_workers = 3
    load(bare)
    assert module.session().settings.cluster_n_workers == 3
    del bare.config["WfkitSettings"]
    module.close_session()
