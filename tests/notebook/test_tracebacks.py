"""Tracebacks: users see their own frames, those behind a cause too, and debuggers see all."""

from __future__ import annotations

import json
import traceback
from collections.abc import Callable, Iterator

import pytest

from tests.notebook.shells import Lab
from wfkit.authoring.freeze import freeze
from wfkit.clusters.connect import connect
from wfkit.core.retry import exponential_backoff
from wfkit.errors import WfkitError
from wfkit.notebook import tracebacks
from wfkit.notebook.tracebacks import install_tracebacks, users_part


@pytest.fixture
def installed(lab: Lab) -> Iterator[Lab]:
    undo = install_tracebacks(lab.shell)
    yield lab
    undo()


def shown(lab: Lab, cell: str, capsys: pytest.CaptureFixture[str]) -> str:
    capsys.readouterr()
    lab.run(cell)
    return capsys.readouterr().out


def raised(work: Callable[[], object]) -> BaseException:
    try:
        work()
    except Exception as error:
        return error
    raise AssertionError


def test_only_frames_of_the_package_are_left_out() -> None:
    def broken() -> None:
        exponential_backoff("x")  # type: ignore[arg-type]

    trace = raised(broken).__traceback__
    files = [frame.filename for frame in traceback.extract_tb(trace)]
    assert any("wfkit/core" in file for file in files)
    assert {frame.filename for frame in traceback.extract_tb(users_part(trace))} == {__file__}
    assert [frame.filename for frame in traceback.extract_tb(trace)] == files


def test_a_very_deep_traceback_is_no_problem() -> None:
    def deep(level: int) -> None:
        if level:
            deep(level - 1)
        else:
            raise ValueError("deep")

    trace = raised(lambda: deep(900)).__traceback__
    assert len(traceback.extract_tb(users_part(trace))) == len(traceback.extract_tb(trace))


def test_the_shell_shows_the_users_frames(installed: Lab, capsys: pytest.CaptureFixture[str]) -> None:
    text = shown(installed, "from wfkit.core.retry import exponential_backoff\nexponential_backoff('x')", capsys)
    assert "----> 2 exponential_backoff('x')" in text
    assert "retry.py" not in text
    text = shown(
        installed,
        "try:\n    exponential_backoff('x')\nexcept TypeError as error:\n    raise ValueError('mine') from error",
        capsys,
    )
    assert "ValueError: mine" in text
    assert "----> 2     exponential_backoff('x')" in text
    assert "retry.py" not in text


def test_of_an_error_of_ours_the_frames_of_libraries_below_are_left_out(
    installed: Lab, capsys: pytest.CaptureFixture[str]
) -> None:
    installed.names.update(freeze=freeze, connect=connect)
    text = shown(installed, "freeze((((x for x in ()),), {}), 'use')", capsys)
    assert "NotPicklable: " in text
    assert "TypeError: cannot pickle 'generator' object" in text
    assert "----> 1 freeze((((x for x in ()),), {}), 'use')" in text
    assert "cloudpickle.py" not in text
    text = shown(installed, "connect('tcp://127.0.0.1:1')", capsys)
    assert "ClusterUnusable: " in text
    assert "ConnectionRefusedError: " in text
    assert "socket.py" not in text


def test_what_the_user_wrote_is_shown_wherever_it_was_called_from(
    installed: Lab, capsys: pytest.CaptureFixture[str]
) -> None:
    installed.names.update(freeze=freeze, json=json)
    text = shown(
        installed,
        "class Odd:\n    def __reduce__(self):\n        return json.loads('{')\nfreeze(((Odd(),), {}), 'use')",
        capsys,
    )
    assert "----> 3     return json.loads('{')" in text
    assert "decoder.py" in text
    assert "cloudpickle.py" not in text


def test_the_cause_keeps_its_whole_traceback(installed: Lab) -> None:
    installed.names["exponential_backoff"] = exponential_backoff
    installed.run(
        "try:\n    exponential_backoff('x')\nexcept TypeError as error:\n    kept = error\n    raise ValueError"
    )
    files = [frame.filename for frame in traceback.extract_tb(installed.names["kept"].__traceback__)]
    assert any(file.endswith("retry.py") for file in files)


def test_where_all_frames_are_ours_they_are_shown(
    installed: Lab, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(tracebacks, "_OURS", "")
    assert "1/0" in shown(installed, "1/0", capsys)


def test_undoing_gives_the_shell_back_its_own(lab: Lab) -> None:
    before = lab.shell.InteractiveTB.structured_traceback
    undo = install_tracebacks(lab.shell)
    assert lab.shell.InteractiveTB.structured_traceback != before
    undo()
    assert lab.shell.InteractiveTB.structured_traceback == before
    undo()


def test_errors_of_ours_from_a_statement_of_the_user_show_the_statement(
    installed: Lab, capsys: pytest.CaptureFixture[str]
) -> None:
    installed.names["WfkitError"] = WfkitError
    text = shown(installed, "x = 1\nraise WfkitError('what', 'fix')", capsys)
    assert "----> 2 raise WfkitError('what', 'fix')" in text
    assert text.rstrip().endswith("WfkitError: what fix")
