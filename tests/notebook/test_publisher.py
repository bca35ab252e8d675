"""The publisher: leading edge, pace, the last word, and no trace when nothing happens."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

from wfkit.notebook.publisher import Line, Publisher


class Told:
    """A line that notes when it was asked to speak, and with which news."""

    def __init__(self, publisher: Publisher, size: int = 1, run: object = None) -> None:
        self.news = 0
        self.size = size
        self.heard: list[tuple[float, int]] = []
        self.line: Line = publisher.line(self._publish, lambda: run or self)

    def _publish(self) -> int:
        self.heard.append((time.monotonic(), self.news))
        return self.size

    def tell(self) -> None:
        self.news += 1
        self.line.wake()


def eventually(met: Callable[[], bool], within_s: float = 3.0) -> bool:
    until_s = time.monotonic() + within_s
    while not met():
        if time.monotonic() > until_s:
            return False
        time.sleep(0.002)
    return True


def test_the_first_word_is_said_at_once() -> None:
    told = Told(Publisher(interval_s=5.0))
    told.tell()
    assert eventually(lambda: bool(told.heard), 0.5)


def test_many_news_make_few_messages_and_the_last_one_is_always_told() -> None:
    told = Told(Publisher(interval_s=0.05))
    begun_s = time.monotonic()
    while time.monotonic() < begun_s + 0.4:
        told.tell()
        time.sleep(0.0005)
    assert eventually(lambda: told.heard[-1][1] == told.news)
    assert 3 <= len(told.heard) <= (time.monotonic() - begun_s) / 0.05 + 2
    gaps = [after - before for (before, _), (after, _) in zip(told.heard, told.heard[1:], strict=False)]
    assert min(gaps) > 0.045


def test_a_large_message_makes_the_next_one_wait_unless_somebody_waits_for_it() -> None:
    told = Told(Publisher(interval_s=0.01), size=200_000_000)
    told.tell()
    assert eventually(lambda: len(told.heard) == 1)
    told.tell()
    time.sleep(0.05)
    assert len(told.heard) == 1
    told.line.wake_now()
    assert eventually(lambda: len(told.heard) == 2)


def test_many_lines_share_the_messages_of_a_kernel() -> None:
    publisher = Publisher(interval_s=0.01)
    lines = [Told(publisher) for _ in range(10)]
    begun_s = time.monotonic()
    while time.monotonic() < begun_s + 0.6:
        for told in lines:
            told.tell()
        time.sleep(0.005)
    assert eventually(lambda: all(told.heard[-1][1] == told.news for told in lines))
    assert sum(len(told.heard) for told in lines) <= 10 + 20 * (time.monotonic() - begun_s) + 10


def test_all_views_of_a_run_share_its_budget_and_take_turns() -> None:
    publisher = Publisher(interval_s=0.01)
    run = Publisher()  # anything
    first, second = (Told(publisher, size=20_000, run=run) for _ in range(2))  # 0.1 s of the budget each
    other = Told(publisher)
    begun_s = time.monotonic()
    while len(first.heard) + len(second.heard) < 4 and time.monotonic() < begun_s + 10:
        for told in (first, second, other):
            told.tell()
        time.sleep(0.002)
    one, two, three = len(first.heard), len(second.heard), len(other.heard)
    assert 4 <= one + two <= 2 + (time.monotonic() - begun_s) / 0.1
    assert abs(one - two) <= 1
    assert three > one


def test_who_waits_does_not_wait_for_another_view_of_the_run() -> None:
    publisher = Publisher(interval_s=0.01)
    run = Publisher()  # anything
    large, small = Told(publisher, size=200_000_000, run=run), Told(publisher, run=run)
    large.tell()
    assert eventually(lambda: len(large.heard) == 1)
    large.tell()
    small.line.wake_now()
    assert eventually(lambda: len(small.heard) == 1)
    assert len(large.heard) == 1


def test_a_line_with_nothing_to_say_uses_up_nothing() -> None:
    told = Told(Publisher(interval_s=5.0), size=0)
    told.tell()
    assert eventually(lambda: len(told.heard) == 1)
    told.tell()
    assert eventually(lambda: len(told.heard) == 2, 0.5)


def test_a_line_that_raises_does_not_silence_the_others() -> None:
    publisher = Publisher(interval_s=0.01)

    def broken() -> int:
        raise RuntimeError("no comm")

    bad, good = publisher.line(broken, lambda: broken), Told(publisher)
    for _ in range(3):
        bad.wake()
        good.tell()
        assert eventually(lambda: good.heard[-1:] != [] and good.heard[-1][1] == good.news)


def test_one_thread_serves_all_and_ends_when_nothing_happens() -> None:
    publisher = Publisher(interval_s=0.01, idle_s=0.05)
    lines = [Told(publisher) for _ in range(3)]
    before = threading.active_count()
    for told in lines:
        told.tell()
    assert threading.active_count() <= before + 1
    assert eventually(lambda: publisher._thread is None)
    lines[0].tell()
    assert eventually(lambda: len(lines[0].heard) == 2)
