"""Logs of tasks on real workers: what is captured, whose it is, when it arrives, and what is left out."""

from __future__ import annotations

import logging
import time
import warnings
from pathlib import Path

import pytest

from tests.system.running import Workers, errors, ran, started, states
from wfkit import current, task
from wfkit.engine.driver.run import Run

pytestmark = pytest.mark.usefixtures("unharmed")


def lines(run: Run, name: str) -> list[tuple[str, str, str]]:
    """Level, source and text of the lines of a node."""
    return [(logging.getLevelName(line.level), line.source, line.text) for line in run.node(name).logs()]


def texts(run: Run, name: str) -> list[str]:
    return [line.text for line in run.node(name).logs()]


def test_logging_prints_and_warnings_are_lines_with_level_and_source() -> None:
    @task(log_prints=True)
    def speak() -> None:
        import sys

        print("printed", 1)
        print("to stderr", file=sys.stderr)
        logging.getLogger("mine.own").warning("logged %s", "well")
        logging.getLogger("mine").debug("too quiet")
        warnings.warn("careful", stacklevel=1)
        logging.getLogger("mine").error("two\nlines")

    run = ran(lambda: [speak()])
    found = lines(run, "speak")
    assert found[:3] == [
        ("INFO", "print", "printed 1"),
        ("WARNING", "print", "to stderr"),
        ("WARNING", "mine.own", "logged well"),
    ]
    assert found[3][:2] == ("WARNING", "warnings")
    assert found[3][2].startswith("UserWarning: careful (")
    assert found[4:] == [("ERROR", "mine", "two"), ("ERROR", "mine", "lines")]
    assert [line.text for line in run.logs()] == texts(run, "speak")


def test_prints_are_captured_only_where_the_task_asks_for_it() -> None:
    @task
    def speak() -> None:
        print("printed")
        logging.getLogger().info("logged")

    run = ran(lambda: [speak(), speak.with_options(log_prints=True)()])
    assert texts(run, "speak") == ["logged"]
    assert texts(run, "speak#2") == ["printed", "logged"]


def test_each_attempt_has_its_own_lines_warnings_too() -> None:
    @task(retries=2, log_prints=True)
    def speak() -> None:
        for _ in range(3):
            warnings.warn("again", stacklevel=1)
        print("attempt", current.attempt)
        if current.attempt < 3:
            raise ValueError

    run = ran(lambda: [speak()])
    parts = run.view_model.by_name("speak")[0].logs[0]
    by_attempt = {attempt: [line.text for line in part.lines] for (attempt, _), part in sorted(parts.items())}
    assert {attempt: said[1] for attempt, said in by_attempt.items()} == {n: f"attempt {n}" for n in (1, 2, 3)}
    assert all(len(said) == 2 and said[0].startswith("UserWarning: again") for said in by_attempt.values())


def test_lines_arrive_while_the_task_runs(tmp_path: Path) -> None:
    gate = tmp_path / "gate"

    @task(log_prints=True)
    def speak() -> None:
        print("first")
        while not gate.exists():
            time.sleep(0.005)
        print("second")

    run = started(lambda: [speak()])
    start_s = time.monotonic()
    assert run.until(lambda: "speak" in states(run) and texts(run, "speak") == ["first"], 5)
    assert time.monotonic() - start_s < 2
    assert states(run) == {"speak": "RUNNING"}
    gate.touch()
    run.wait(5)
    assert texts(run, "speak") == ["first", "second"]


def test_tasks_in_threads_of_one_process_never_mix(unharmed: Workers) -> None:
    @task(log_prints=True, workers=unharmed.addresses[0])
    def speak(number: int) -> None:
        for count in range(300):
            print(number, end=" ")
            print(count)
            logging.getLogger("both").info("%s logged", number)
            if count % 50 == 0:
                time.sleep(0.001)

    run = ran(lambda: speak.map(range(4)))
    for number in range(4):
        said = texts(run, f"speak[{number}]")
        assert said[::2] == [f"{number} {count}" for count in range(300)]
        assert set(said[1::2]) == {f"{number} logged"}


def test_lines_without_an_end_bars_colours_and_junk_become_plain_text() -> None:
    @task(log_prints=True)
    def speak() -> None:
        import sys

        for percent in (0, 50, 100):
            sys.stderr.write(f"\r{percent:3}% |###   |")
        sys.stderr.write("\n")
        print("\x1b[31mred\x1b[0m and \x1b]8;;http://evil\x07link\x1b]8;;\x07")
        print("".join(map(chr, range(32))) + "\x7f\x9b31m end")
        print("lone \udc80 surrogate")
        sys.stdout.writelines(["a\n", "b\n"])
        print("no end", end="")

    said = texts(ran(lambda: [speak()]), "speak")
    assert said[:2] == ["100% |###   |", "red and link"]
    assert said[2:4] == ["\t", " end"]
    assert all(character.isprintable() or character == "\t" for line in said for character in line)
    assert said[-4:] == ["lone \\udc80 surrogate", "a", "b", "no end"]


@pytest.mark.parametrize("how", ["within its limit", "async", "async within its limit", "failing", "timing out"])
def test_last_words_without_a_line_end_are_kept(how: str) -> None:
    def speak() -> None:
        print("one")
        print("last words", end="")
        if how == "failing":
            raise ValueError
        while how == "timing out":
            time.sleep(0.001)

    async def speak_async() -> None:
        speak()

    limit = {"timing out": 0.2, "within its limit": 10, "async within its limit": 10}.get(how)
    function = speak_async if "async" in how else speak
    run = ran(lambda: [task(name="speak", log_prints=True, timeout_seconds=limit)(function)()])
    assert texts(run, "speak") == ["one", "last words"]


def test_a_flood_keeps_its_head_and_its_tail_and_says_what_is_missing() -> None:
    @task(log_prints=True)
    def flood() -> None:
        for number in range(100_000):
            print(f"line {number:6} " + "x" * 40)

    start_s = time.monotonic()
    run = ran(lambda: [flood()])
    assert time.monotonic() - start_s < 10
    said = texts(run, "flood")
    assert sum(map(len, said)) < 1_010_000
    assert said[0].startswith("line      0 ")
    assert said[-1].startswith("line  99999 ")
    (gap,) = (place for place, text in enumerate(said) if "dropped here" in text)
    dropped = 100_000 - (len(said) - 1)
    assert said[gap] == f"… {dropped} lines ({dropped * 53} characters) dropped here …"
    numbers = [int(text.split()[1]) for text in said[:gap] + said[gap + 1 :]]
    assert numbers == [*range(gap), *range(100_000 - (len(numbers) - gap), 100_000)]


def test_fifty_megabytes_in_one_line_or_in_many_are_capped() -> None:
    @task(log_prints=True)
    def flood() -> None:
        print("y" * 50_000_000)
        for _ in range(50):
            print(("z" * 999 + "\n") * 1_000, end="")

    start_s = time.monotonic()
    run = ran(lambda: [flood()])
    assert time.monotonic() - start_s < 15
    said = texts(run, "flood")
    assert said[0] == "y" * 4_000 + "… (49996000 more characters)"
    assert sum(map(len, said)) < 1_010_000
    assert "dropped here" in "".join(said)


def test_logging_that_does_not_fit_its_arguments_harms_nobody() -> None:
    @task
    def speak() -> int:
        logging.getLogger().warning("%d and %d", 1)  # noqa: PLE1206 - the point
        logging.getLogger().log(10**30, "loud")
        return 1

    run = ran(lambda: [speak()])
    assert states(run) == {"speak": "COMPLETED"}
    assert texts(run, "speak")[0].startswith("%d and %d (its arguments do not fit: not enough arguments")
    assert errors(run, "speak") == {}


def test_user_code_may_replace_streams_and_hooks(tmp_path: Path) -> None:
    @task(log_prints=True)
    def swap() -> str:
        import contextlib
        import io

        with contextlib.redirect_stdout(io.StringIO()) as kept, warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            print("for itself")
            warnings.warn("for itself too", stacklevel=1)
        print("for the log")
        logging.basicConfig(force=True)  # takes our handler away
        logging.root.handlers.clear()
        return f"{kept.getvalue()}{len(caught)}"

    run = ran(lambda: [swap()])
    assert run.node("swap").result() == "for itself\n1"
    assert texts(run, "swap") == ["for the log"]
    assert texts(ran(lambda: [swap()]), "swap") == ["for the log"]
