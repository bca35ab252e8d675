"""Why a worker is gone, from what is known."""

from __future__ import annotations

from pathlib import Path

import pytest

from wfkit.engine.scheduler.causes import Cause, Evidence, Kind, oom_kills, workers_of

GIB = 2**30


@pytest.mark.parametrize(
    ("evidence", "kind", "words"),
    [
        (Evidence(), Kind.CRASH, "its process ended, or its connection broke"),
        (Evidence(exit_code=-9), Kind.CRASH, "killed by signal 9 (SIGKILL)"),
        (Evidence(exit_code=-11), Kind.CRASH, "killed by signal 11 (SIGSEGV)"),
        (Evidence(exit_code=-250), Kind.CRASH, "killed by signal 250"),
        (Evidence(exit_code=3), Kind.CRASH, "its process exited with status 3"),
        (Evidence(exit_code=255), Kind.CRASH, "its process ended"),
        (Evidence(exit_code=-15), Kind.CLOSED, "was asked to end (signal 15)"),
        (Evidence(closing=True), Kind.CLOSED, "was closed"),
        (Evidence(closing=True, failure="OSError()"), Kind.CRASH, "failed inside Dask: OSError()"),
        (Evidence(closing=True, silent_s=30.0), Kind.CRASH, "did not answer for 30 s"),
        (
            Evidence(rss_bytes=2 * GIB, limit_bytes=3 * GIB, exit_code=-15),
            Kind.MEMORY,
            "out of memory: 2.0 GiB of 3.0 GiB",
        ),
        (Evidence(limit_bytes=10 * GIB, seen_bytes=9 * GIB), Kind.CRASH, "its process ended, or its connection broke"),
        (
            Evidence(limit_bytes=10 * GIB, seen_bytes=10 * GIB),
            Kind.MEMORY,
            "killed (probably memory: last seen with 10.0 GiB of 10.0 GiB)",
        ),
        (
            Evidence(limit_bytes=10 * GIB, seen_bytes=10 * GIB, exit_code=-11),
            Kind.CRASH,
            "killed by signal 11 (SIGSEGV)",
        ),
        (
            Evidence(system_killed=True, exit_code=-9),
            Kind.MEMORY,
            "killed (probably memory: the system's out-of-memory killer was at work)",
        ),
    ],
)
def test_the_best_explanation_wins(evidence: Evidence, kind: Kind, words: str) -> None:
    assert evidence.cause() == Cause(kind, words)


@pytest.mark.parametrize(
    ("topic", "message", "workers"),
    [
        ("worker-restart-memory", {"worker": "w", "rss": 1}, ["w"]),
        ("worker-fail-hard", {"worker": "w", "exception_text": "x"}, ["w"]),
        ("wfkit-worker-ended", {"worker": "w", "exitcode": 1}, ["w"]),
        ("scheduler", {"action": "worker-ttl-timed-out", "workers": ["v", "w"], "ttl": 30}, ["v", "w"]),
        ("scheduler", {"action": "other"}, []),
        ("w", {"action": "worker-status-change", "status": "closing"}, ["w"]),
        ("w", {"action": "worker-status-change", "status": "paused"}, []),
        ("wfkit-r1", [["event"]], []),
    ],
)
def test_events_that_tell_of_an_end_are_known(topic: str, message: object, workers: list[str]) -> None:
    assert workers_of(topic, message) == workers


def test_what_events_say_is_gathered() -> None:
    evidence = Evidence()
    evidence.hear("worker-restart-memory", {"worker": "w", "rss": 7})
    evidence.hear("worker-fail-hard", {"worker": "w", "exception_text": "x"})
    evidence.hear("scheduler", {"ttl": 30})
    evidence.hear("wfkit-worker-ended", {"exitcode": -9})
    evidence.hear("w", {"status": "closing"})
    assert evidence == Evidence(closing=True, rss_bytes=7, silent_s=30, failure="x", exit_code=-9)


@pytest.mark.parametrize(
    ("cgroup", "file", "text", "kills"),
    [
        ("0::/a/b\n", "a/b/memory.events", "low 0\noom 3\noom_kill 2\n", 2),
        ("0::/outside\n", "memory.events", "oom_kill 1\n", 1),
        ("4:cpu:/x\n3:cpuacct,memory:/m\n", "memory/m/memory.oom_control", "under_oom 0\noom_kill 5\n", 5),
        ("3:memory:/m\n", "memory/memory.oom_control", "under_oom 0\n", 0),
        ("0::/a\n", "elsewhere", "oom_kill 5\n", 0),
        ("nonsense\n", "memory.events", "oom_kill 5\n", 0),
    ],
)
def test_the_system_tells_how_many_it_has_killed(tmp_path: Path, cgroup: str, file: str, text: str, kills: int) -> None:
    (tmp_path / "cgroup").write_text(cgroup)
    root = tmp_path / "root"
    (root / file).parent.mkdir(parents=True)
    (root / file).write_text(text)
    assert oom_kills(tmp_path / "cgroup", root) == kills
    assert oom_kills(tmp_path / "nothing", root) == 0
