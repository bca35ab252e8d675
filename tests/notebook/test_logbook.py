"""The log book: lines in order of time however they come, searches that go on, parts that come again."""

from __future__ import annotations

import threading

from hypothesis import given
from hypothesis import strategies as st

from tests.notebook.stories import long_run
from tests.notebook.telling import StoryRun, logged
from wfkit.core.events import LogLine, LogLines
from wfkit.core.ids import GroupId
from wfkit.notebook.logbook import LogBook, Piece, Search


def part(index: int, number: int, *lines: tuple[float, str], level: int = 20, attempt: int = 1) -> LogLines:
    rows = tuple(LogLine(at_s=at_s, level=level, source="s", text=text) for at_s, text in lines)
    return LogLines(group=GroupId("g0"), index=index, attempt=attempt, part=number, lines=rows)


def take_all(book: LogBook, run: StoryRun) -> None:
    while book.take(run.view_model, run.body_log) < 1:
        pass


def texts(book: LogBook, run: StoryRun, level: int = 0, text: str = "") -> list[str]:
    """What a search finds after taking in all that there is."""
    take_all(book, run)
    search = book.search(level, text, ())
    while (found := search.candidates(book.pieces, lambda _: True)) or search.share(len(book.pieces)) < 1:
        search.look_through(found, book.at_s)
    return [book.line(number)[1].text for number in search.order]


def test_lines_of_all_nodes_and_of_the_body_are_in_order_of_time() -> None:
    run, book = long_run(2), LogBook()
    run.tell(part(0, 0, (1.0, "a"), (3.0, "c")), part(1, 0, (2.0, "b"), (5.0, "e")))
    run.body_log.append(LogLine(at_s=4.0, level=20, source="print", text="d"))
    assert texts(book, run) == ["a", "b", "c", "d", "e"]
    run.tell(part(1, 1, (2.5, "late"), (6.0, "f")))
    run.body_log.append(LogLine(at_s=0.5, level=20, source="print", text="first"))
    assert texts(book, run) == ["first", "a", "b", "late", "c", "d", "e", "f"]


@given(st.lists(st.lists(st.integers(0, 9), max_size=6), max_size=8))
def test_any_parts_in_any_order_end_up_sorted_and_equals_as_they_came(parts: list[list[int]]) -> None:
    run, book = long_run(1), LogBook()
    came: list[tuple[int, str]] = []
    for number, times in enumerate(parts):
        lines = [(float(at_s), f"{number}.{i}") for i, at_s in enumerate(times)]
        came += [(at_s, text) for at_s, (_, text) in zip(times, lines, strict=True)]
        run.tell(part(0, number, *lines))
        texts(book, run)
    assert texts(book, run) == [text for _, text in sorted(came, key=lambda one: one[0])]


def test_level_and_text_choose_lines_whatever_their_capitals() -> None:
    run, book = long_run(1), LogBook()
    run.tell(part(0, 0, (1, "Straße gesperrt")), part(0, 1, (2, "STRASSE"), level=40), part(0, 2, (3, "x"), level=30))
    assert texts(book, run, text="STRAß") == ["Straße gesperrt"]
    assert texts(book, run, text="strasse") == ["STRASSE"]
    assert texts(book, run, level=30) == ["STRASSE", "x"]
    assert texts(book, run, level=31, text="x") == []


def test_what_a_search_has_seen_it_does_not_look_through_again() -> None:
    run, book = long_run(1), LogBook()
    run.tell(*(part(0, number, (number, "line")) for number in range(50)))
    assert len(texts(book, run, text="line")) == 50
    asked: list[int] = []
    run.tell(part(0, 50, (50, "line")))
    take_all(book, run)

    def belongs(piece: Piece) -> bool:
        asked.append(piece.first)
        return True

    book.search(0, "line", ()).candidates(book.pieces, belongs)
    assert asked == [50]


def test_a_part_that_comes_again_takes_the_place_of_the_first() -> None:
    run, book = long_run(1), LogBook()
    run.tell(part(0, 0, (1, "old")), part(0, 1, (2, "next")))
    assert texts(book, run) == ["old", "next"]
    run.tell(part(0, 0, (1, "new")))
    assert texts(book, run) == ["new", "next"]
    assert texts(LogBook(), run) == ["new", "next"]


def test_a_long_log_is_taken_in_and_looked_through_in_steps() -> None:
    run, book = long_run(1), LogBook()
    run.tell(*(part(0, number, *((number + i / 1e6, "x") for i in range(30_000))) for number in range(8)))
    shares: list[float] = []
    while not shares or shares[-1] < 1:
        shares.append(book.take(run.view_model, run.body_log))
    assert len(shares) == 2
    search, steps = book.search(0, "x", ()), 0
    while search.share(len(book.pieces)) < 1:
        search.look_through(search.candidates(book.pieces, lambda _: True), book.at_s)
        steps += 1
    assert (steps, len(search.order)) == (2, 240_000)


def test_pieces_whose_place_is_not_known_are_asked_about_again() -> None:
    run, book = long_run(2), LogBook()
    run.tell(part(0, 0, (1, "a")), part(1, 0, (2, "b")))
    take_all(book, run)
    search = Search(0, "")
    assert search.candidates(book.pieces, lambda piece: None if piece.element == 1 else True) == book.pieces[:1]
    assert search.candidates(book.pieces, lambda _: True) == book.pieces[1:]
    assert search.candidates(book.pieces, lambda _: True) == []


def test_a_line_knows_its_place_also_among_equals() -> None:
    run, book = long_run(1), LogBook()
    run.tell(part(0, 0, *((1.0, str(i)) for i in range(9))), part(0, 1, (0.5, "before")))
    assert len(texts(book, run)) == 10
    search = book.search(0, "", ())
    assert [search.place(number, book.at_s) for number in (0, 8, 9)] == [1, 9, 0]


def test_few_searches_are_remembered() -> None:
    book = LogBook()
    first = book.search(0, "a", ())
    for text in "bcdefg":
        book.search(0, text, ())
    assert book.search(0, "g", ()) is book.search(0, "G", ())
    assert book.search(0, "a", ()) is not first


def test_lines_that_come_while_it_is_read_are_not_lost() -> None:
    run, book = long_run(1), LogBook()

    def write() -> None:
        for i in range(5000):
            run.body_log.append(LogLine(at_s=i, level=20, source="print", text=str(i)))

    writing = threading.Thread(target=write)
    writing.start()
    while writing.is_alive():
        texts(book, run)
    assert texts(book, run) == [str(i) for i in range(5000)]


def test_a_story_of_attempts_keeps_who_wrote_what() -> None:
    run, book = long_run(1), LogBook()
    run.tell(logged(0, 0, 1, "one"), logged(0, 0, 2, "two"))
    texts(book, run)
    assert [book.line(number)[0].attempt for number in (0, 1)] == [1, 2]
