"""Deaths: the end of a process in words."""

from __future__ import annotations

from pathlib import Path

import pytest

from wfkit.engine.worker import deaths
from wfkit.engine.worker.deaths import Death, in_words, oom_kills


@pytest.mark.parametrize(
    ("death", "oom_killed", "words"),
    [
        (Death(3, 0), False, "ended with exit code 3 before it had a result"),
        (Death(-11, 0), True, "was killed by signal 11 (SIGSEGV)"),
        (Death(-9, 2**30), False, "was killed by signal 9 (SIGKILL)"),
        (Death(-9, 2**30), True, "was killed by signal 9, probably out of memory: it used 1.0 GiB"),
        (Death(-9, 2**60), False, "was killed by signal 9, probably out of memory: it used 1073741824.0 GiB"),
        (Death(-40, 0), False, "was killed by signal 40"),
    ],
)
def test_each_end_has_its_words(death: Death, oom_killed: bool, words: str) -> None:
    assert in_words(death, oom_killed=oom_killed) == words


def test_the_control_group_is_asked_for_kills_and_its_limit(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(deaths, "_cgroup", lambda: tmp_path)
    assert oom_kills() == 0
    total = deaths._memory_bytes()
    (tmp_path / "memory.events").write_text("low 0\noom 4\noom_kill 3\n")
    (tmp_path / "memory.max").write_text("1000000\n")
    assert oom_kills() == 3
    assert deaths._memory_bytes() == 1_000_000
    (tmp_path / "memory.max").write_text("max\n")
    assert deaths._memory_bytes() == total
