"""Words and numbers as people read them."""

from __future__ import annotations

import pytest

from wfkit.notebook.plain import clean, duration, one_line, size


@pytest.mark.parametrize(
    ("raw", "safe"),
    [
        ("plain, naïve, 日本", "plain, naïve, 日本"),
        ("a\tb\nc", "a\tb\nc"),
        ("a\r\nb", "a\nb"),
        ("\x1b[31mred\x1b[0m", "red"),
        ("\x1b]8;;https://evil.example\x07click\x1b]8;;\x07", "click"),
        ("\x1b]0;title\x1b\\x", "x"),
        ("a\x00b\x07c\x9bd", "abcd"),
        ("user\u202etxt.exe", "usertxt.exe"),
        ("lone \ud800 half", "lone ? half"),
    ],
)
def test_what_a_terminal_or_a_codec_would_act_on_is_gone(raw: str, safe: str) -> None:
    assert clean(raw) == safe
    assert clean(raw).encode()


def test_long_text_is_cut_and_says_so() -> None:
    assert clean("x" * 5_000, 10) == "xxxxxxxxxx… (4,990 characters more)"
    assert clean("x" * 10, 10) == "x" * 10


def test_one_line_is_one_line() -> None:
    assert one_line("a\n  b\tc", 80) == "a b c"
    assert one_line("abcdef", 4) == "abc…"


@pytest.mark.parametrize(
    ("seconds", "told"),
    [
        (-1, "0 ms"),
        (0.012, "12 ms"),
        (0.0999, "0.1 s"),
        (3.24, "3.2 s"),
        (59.97, "0:59"),
        (247, "4:07"),
        (3729, "1:02:09"),
    ],
)
def test_durations_read_as_in_the_browser(seconds: float, told: str) -> None:
    assert duration(seconds) == told


@pytest.mark.parametrize(
    ("count", "told"),
    [
        (0, "0 B"),
        (999, "999 B"),
        (1000, "1.0 kB"),
        (3_400_000, "3.4 MB"),
        (999_600, "1.0 MB"),
        (12 * 10**15, "12000 TB"),
    ],
)
def test_sizes_read_as_in_the_browser(count: int, told: str) -> None:
    assert size(count) == told
