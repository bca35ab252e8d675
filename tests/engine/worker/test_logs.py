"""Log sinks: lines cleaned, cut, capped and sent in parts."""

from __future__ import annotations

import logging
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wfkit.authoring.secrets import learn
from wfkit.core.events import LogLine
from wfkit.engine.worker.logs import FLUSH_S, HEAD_CHARACTERS, LINE_CHARACTERS, TAIL_CHARACTERS, LogSink


class Receiver:
    """Takes parts, and calls what is planned when it is told to."""

    def __init__(self) -> None:
        self.parts: list[tuple[int, tuple[LogLine, ...]]] = []
        self.planned: list[tuple[float, Callable[[], None]]] = []
        self.sink = LogSink(lambda part, lines: self.parts.append((part, lines)), self._later)

    def _later(self, seconds: float, function: Callable[[], None]) -> None:
        self.planned.append((seconds, function))

    def pass_time(self) -> None:
        planned, self.planned = self.planned, []
        for _, function in planned:
            function()

    @property
    def texts(self) -> list[str]:
        return [line.text for _, lines in self.parts for line in lines]


def texts_of(*written: str) -> list[str]:
    receiver = Receiver()
    for text in written:
        receiver.sink.write(logging.INFO, text)
    receiver.sink.close()
    return receiver.texts


def test_lines_wait_a_moment_for_more_and_then_go_together() -> None:
    receiver = Receiver()
    receiver.sink.add(logging.INFO, "mine", "one")
    receiver.sink.add(logging.INFO, "mine", "two")
    assert receiver.parts == []
    assert [seconds for seconds, _ in receiver.planned] == [FLUSH_S]
    receiver.pass_time()
    assert [(part, [line.text for line in lines]) for part, lines in receiver.parts] == [(0, ["one", "two"])]
    receiver.sink.add(logging.ERROR, "mine", "three")
    receiver.pass_time()
    assert [(part, [(line.level, line.source, line.text) for line in lines]) for part, lines in receiver.parts[1:]] == [
        (1, [(logging.ERROR, "mine", "three")])
    ]


def test_nothing_is_sent_for_silence() -> None:
    receiver = Receiver()
    receiver.sink.close()
    receiver.pass_time()
    assert receiver.parts == []


def test_much_is_sent_without_waiting_in_parts_of_a_size_that_can_travel() -> None:
    receiver = Receiver()
    for number in range(300):
        receiver.sink.add(logging.INFO, "mine", f"{number}" + "x" * 1_000)
    receiver.sink.close()
    assert [part for part, _ in receiver.parts] == list(range(len(receiver.parts)))
    assert len(receiver.parts) >= 5
    assert max(sum(len(line.text) for line in lines) for _, lines in receiver.parts) < 65_000
    assert [text.rstrip("x") for text in receiver.texts] == [str(number) for number in range(300)]


@given(st.lists(st.text(alphabet="ab\n", max_size=10), max_size=10))
def test_however_text_is_cut_into_writes_its_lines_are_the_same(pieces: list[str]) -> None:
    text = "".join(pieces)
    expected = text.split("\n")
    assert texts_of(*pieces) == (expected if expected[-1] else expected[:-1])


def test_levels_keep_their_own_unfinished_lines() -> None:
    receiver = Receiver()
    receiver.sink.write(logging.INFO, "out ")
    receiver.sink.write(logging.WARNING, "err ")
    receiver.sink.write(logging.INFO, "put\n")
    receiver.sink.write(logging.WARNING, "or\n")
    receiver.sink.close()
    assert receiver.texts == ["out put", "err or"]


@pytest.mark.parametrize(
    ("written", "kept"),
    [
        ("\r 10%\r 50%\r100%\n", "100%"),
        ("100%\r\n", "100%"),
        ("\x1b[1;31mred\x1b[0m", "red"),
        ("\x1b]0;title\x07text", "text"),
        ("\x1b]8;;http://x\x1b\\link\x1b]8;;\x1b\\", "link"),
        ("\x9b31mred", "red"),
        ("a\x00b\x08c\x7fd\x85e", "abcde"),
        ("tab\tstays", "tab\tstays"),
        ("ünï ☃ 漢", "ünï ☃ 漢"),
        ("\x1b[", "["),
    ],
)
def test_what_a_terminal_would_act_on_is_taken_out(written: str, kept: str) -> None:
    assert texts_of(written) == [kept]


@given(st.text(max_size=50))
def test_no_control_codes_are_left(text: str) -> None:
    assert not any(
        (character < " " and character != "\t") or "\x7f" <= character <= "\x9f"
        for line in texts_of(text)
        for character in line
    )


@pytest.mark.parametrize("pieces", [1, 10, 1_000])
def test_a_long_line_is_cut_and_counted_however_it_is_written(pieces: int) -> None:
    assert texts_of(*["x" * (100_000 // pieces)] * pieces, "\n") == [
        "x" * LINE_CHARACTERS + f"… ({100_000 - LINE_CHARACTERS} more characters)"
    ]


def test_a_bar_that_never_ends_its_line_costs_no_memory_and_keeps_its_last_form() -> None:
    receiver = Receiver()
    for percent in range(20_000):
        receiver.sink.write(logging.WARNING, f"\r{percent / 200:6.2f}% " + "#" * 50)
    assert sum(len(piece) for one in receiver.sink._unfinished.values() for piece in one._pieces) < 10 * LINE_CHARACTERS
    receiver.sink.close()
    assert receiver.texts == [f"{19_999 / 200:6.2f}% " + "#" * 50]


def test_a_flood_keeps_its_head_and_tail_and_says_how_much_is_gone() -> None:
    receiver = Receiver()
    for number in range(30_000):
        receiver.sink.add(logging.INFO, "mine", f"{number:05} " + "x" * 93)
    receiver.sink.close()
    texts = receiver.texts
    (gap,) = (place for place, text in enumerate(texts) if text.startswith("…"))
    assert texts[gap] == "… 20000 lines (2000000 characters) dropped here …"
    assert [int(text[:5]) for text in texts[:gap]] == list(range(HEAD_CHARACTERS // 100))
    assert [int(text[:5]) for text in texts[gap + 1 :]] == list(range(30_000 - TAIL_CHARACTERS // 100, 30_000))


def test_what_fits_into_head_and_tail_is_kept_whole_and_in_order() -> None:
    receiver = Receiver()
    for number in range(9_000):
        receiver.sink.add(logging.INFO, "mine", f"{number:05} " + "x" * 93)
    receiver.sink.close()
    assert [int(text[:5]) for text in receiver.texts] == list(range(9_000))


CANARY = "canary-in-the-logs/7f3a"


@pytest.mark.parametrize("cut", range(0, len(CANARY) + 1, 3))
def test_a_secret_that_is_written_in_pieces_is_hidden(cut: int) -> None:
    learn((CANARY,))
    assert texts_of("it is ", CANARY[:cut], CANARY[cut:], " and more\n") == ["it is *** and more"]
    assert texts_of(*CANARY) == ["***"]


@pytest.mark.parametrize("most", [LINE_CHARACTERS, 4 * LINE_CHARACTERS, 8 * LINE_CHARACTERS])
@pytest.mark.parametrize("pieces", [1, 7])
def test_no_part_of_a_secret_is_left_where_a_line_is_cut(most: int, pieces: int) -> None:
    learn((CANARY,))
    for place in range(most - len(CANARY) - 1, most + 2):
        text = "." * place + CANARY + "." * 20_000 + CANARY
        size = len(text) // pieces + 1
        (line,) = texts_of(*(text[start : start + size] for start in range(0, len(text), size)))
        assert set(line.partition("…")[0]) <= {".", "*"}
    (line,) = texts_of(*[CANARY * 100] * 50)
    assert set(line.partition("…")[0]) == {"*"}


def test_a_secret_in_a_line_that_is_written_anew_is_hidden() -> None:
    learn((CANARY,))
    assert texts_of("." * 50_000, CANARY, "\r", CANARY[:5], CANARY[5:]) == ["***"]
    assert texts_of("." * 50_000, CANARY[:5], CANARY[5:] + "\r50%", "\r100% " + CANARY + "\n") == ["100% ***"]


def test_control_codes_within_a_secret_do_not_save_it() -> None:
    learn((CANARY, "with\x00a\x1bcontrol code"))
    assert texts_of(f"{CANARY[:4]}\x1b[31m{CANARY[4:]}\x1b[0m") == ["***"]
    assert texts_of("<with\x00a\x1bcontrol code>") == ["<***>"]


def test_each_line_of_a_secret_of_several_is_hidden() -> None:
    key = "-----BEGIN CANARY-----\nMIIcanary123\n-----END CANARY-----\n"
    learn((key,))
    assert texts_of(key) == ["***"] * 3


def test_what_has_the_name_of_a_secret_is_hidden_in_logs() -> None:
    receiver = Receiver()
    receiver.sink.add(logging.INFO, "mine", "login with password=abc, user=me")
    receiver.sink.close()
    assert receiver.texts == ["login with password=***, user=me"]
