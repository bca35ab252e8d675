"""What is offered after the magics, and that nothing is offered elsewhere."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from IPython.core.completer import provisionalcompleter

from tests.notebook.shells import Lab
from wfkit.notebook.completion import candidates, install_completion

SUBCOMMANDS = ["list", "show", "rerun", "cancel", "pause", "resume", "release"]
SUBCOMMANDS += ["attach", "history", "logs", "cluster", "help"]
NAMES = ["monthly", "r-01abc", "yearly"]
FLOW_OPTIONS = ["-h", "-p", "--wait", "--no-wait", "--again", "--reuse", "--no-view"]


def offered(text: str) -> list[str] | None:
    *above, line = text.split("\n")
    found = candidates(above, line, lambda: NAMES)
    return None if found is None else list(found)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("%%flow ", ["monthly", "yearly", *FLOW_OPTIONS]),
        ("\n\n%%flow ", ["monthly", "yearly", *FLOW_OPTIONS]),
        ("%%flow mon", ["monthly", "yearly"]),
        ("%%flow monthly ", FLOW_OPTIONS),
        ("%%flow monthly --w", FLOW_OPTIONS),
        ("%%flow monthly --wait -p x=1 ", [option for option in FLOW_OPTIONS if option != "--wait"]),
        ("%%flow monthly --again ", ["cancel", "parallel"]),
        ("%flow ", SUBCOMMANDS),
        ("x = 1\n  %flow sh", SUBCOMMANDS),
        ("%flow show ", NAMES),
        ("%flow logs r-", NAMES),
        ("%flow pause ", NAMES),
        ("%flow resume r", NAMES),
        ("%flow release ", NAMES),
        ("%flow list ", []),
        ("%flow nonsense ", []),
    ],
)
def test_words_that_may_stand_at_the_cursor_are_offered(text: str, words: list[str]) -> None:
    assert offered(text) == words


@pytest.mark.parametrize(
    "text",
    [
        "",
        "%%fl",
        "%%flow",
        "%flow",
        "x = 1\n%%flow ",
        "%%flow a\nx",
        "%%flow a -p ",
        "%%flow a -p x=mon",
        "%%flowers ",
        "flow ",
    ],
)
def test_nothing_is_said_where_python_or_ipython_knows_better(text: str) -> None:
    assert offered(text) is None


def test_options_of_a_task_are_offered_behind_its_head() -> None:
    options = offered("%%task clean(df) --r")
    assert options is not None
    assert {"--retries", "--retry-delay-seconds", "--timeout-seconds", "--log-prints"} <= set(options)
    assert "--retries" not in (offered("%%task clean(df) --retries 3 ") or ["--retries"])
    assert offered("%%task ") is None


@pytest.fixture
def completer(lab: Lab) -> Iterator[Lab]:
    uninstall = install_completion(lab.shell, lambda: NAMES)
    yield lab
    uninstall()


def completed(lab: Lab, text: str) -> list[tuple[str, str]]:
    """What is replaced, and by what."""
    with provisionalcompleter():
        matches = list(lab.shell.Completer.completions(text, len(text)))
    return [(text[match.start : match.end], match.text) for match in matches]


def test_the_shell_offers_only_what_fits_and_replaces_what_was_typed(completer: Lab) -> None:
    assert completed(completer, "%%flow mo") == [("mo", "monthly")]
    assert completed(completer, "%%flow a --no") == [("--no", "--no-wait"), ("--no", "--no-view")]
    assert completed(completer, "%flow c") == [("c", "cancel"), ("c", "cluster")]
    assert completed(completer, "x = 1\n%flow show ") == [("", name) for name in NAMES]


def test_other_completions_stay_as_they_are(completer: Lab) -> None:
    completer.run("flowers_of_mine = 1")
    for text in ("flowers_", "%%flow a\nflowers_", "%%flow a -p x=flowers_"):
        assert ("flowers_", "flowers_of_mine") in completed(completer, text)


def test_a_completion_never_shows_an_error(lab: Lab, capsys: pytest.CaptureFixture[str]) -> None:
    def broken() -> list[str]:
        raise RuntimeError

    uninstall = install_completion(lab.shell, broken)
    assert ("", "monthly") not in completed(lab, "%flow show ")
    assert ("", "--wait") in completed(lab, "%%flow ")
    uninstall()
    assert capsys.readouterr().err == ""


def test_installing_twice_is_installing_once_and_uninstalling_takes_it_out(lab: Lab) -> None:
    before = list(lab.shell.Completer.custom_matchers)
    install_completion(lab.shell, lambda: ["first"])
    uninstall = install_completion(lab.shell, lambda: ["second"])
    assert completed(lab, "%flow show ") == [("", "second")]
    uninstall()
    uninstall()
    assert lab.shell.Completer.custom_matchers == before
