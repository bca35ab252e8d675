"""Completion after `%%flow`, `%%task` and `%flow`: options, subcommands, names of runs and flows."""

from __future__ import annotations

import logging
import re
from collections.abc import Callable, Iterable, Sequence
from typing import Any, Final

from IPython.core.completer import CompletionContext, SimpleCompletion, SimpleMatcherResult, context_matcher

from wfkit.notebook.arguments import SUBCOMMANDS, flow_cell_parser, task_cell_parser

logger = logging.getLogger(__name__)

_CELL_MAGIC: Final = re.compile(r"%%(flow|task)\s")
_LINE_MAGIC: Final = re.compile(r"\s*%flow\s")
_IDENTIFIER: Final = "wfkit"


def install_completion(shell: Any, names: Callable[[], Iterable[str]]) -> Callable[[], None]:
    """Teach a shell's completer the wfkit magics; what was installed before is replaced.

    Parameters
    ----------
    shell : InteractiveShell
        The notebook's shell.
    names : callable
        Gives the run ids and the names of flows that there are; asked at each completion, so it must be quick.

    Returns
    -------
    A function that takes it out again.
    """
    matchers: list[Any] = shell.Completer.custom_matchers

    @context_matcher(identifier=_IDENTIFIER, priority=100)  # type: ignore[untyped-decorator]  # IPython's own
    def matcher(context: CompletionContext) -> SimpleMatcherResult:
        before = context.text_until_cursor
        found = candidates(context.full_text.split("\n")[: context.cursor_line], before, _quietly(names))
        if found is None:
            return SimpleMatcherResult(completions=[])
        fragment = re.split(r"\s", before)[-1]
        fitting = [SimpleCompletion(word, type="magic") for word in found if word.startswith(fragment)]
        return SimpleMatcherResult(completions=fitting, matched_fragment=fragment, suppress=True, ordered=True)

    def uninstall() -> None:
        if matcher in matchers:
            matchers.remove(matcher)

    for old in [known for known in matchers if getattr(known, "matcher_identifier", None) == _IDENTIFIER]:
        matchers.remove(old)
    matchers.append(matcher)
    return uninstall


def candidates(lines_above: Sequence[str], before: str, names: Callable[[], Sequence[str]]) -> Sequence[str] | None:
    """All words that may stand at the cursor, or None where it is not ours to say.

    Parameters
    ----------
    lines_above : sequence of str
        The lines of the cell above the cursor's.
    before : str
        The cursor's line, up to the cursor.
    names : callable
        Gives the run ids and the names of flows.
    """
    # The value of `-p name=value` is plain Python; `a(` of a task's head too.
    words = before.split()
    fragment = words.pop() if words and not before[-1].isspace() else ""
    if (magic := _CELL_MAGIC.match(before)) and not any(line.strip() for line in lines_above):
        if fragment and not fragment.startswith("-"):
            return _flows(names) if magic[1] == "flow" and len(words) == 1 else None
        return _after_cell_magic(magic[1], words, names)
    if _LINE_MAGIC.match(before):
        if len(words) == 1:
            return list(SUBCOMMANDS)
        takes_run = len(words) == 2 and "RUN" in SUBCOMMANDS.get(words[1], ("", ""))[0]  # noqa: PLR2004 - %flow show
        return names() if takes_run else []
    return None


def _after_cell_magic(magic: str, words: Sequence[str], names: Callable[[], Sequence[str]]) -> Sequence[str] | None:
    parser = flow_cell_parser() if magic == "flow" else task_cell_parser()
    previous = words[-1]
    if previous == "-p":
        return None
    if (choices := parser.choices(previous)) is not None:
        return choices
    options = [name for name in parser.option_names() if name not in words or name == "-p"]
    if magic == "task":
        return options if len(words) > 1 else None
    return [*_flows(names), *options] if len(words) == 1 else options


def _flows(names: Callable[[], Sequence[str]]) -> list[str]:
    """The names of flows, without the ids of runs."""
    return [name for name in names() if name.isidentifier()]


def _quietly(names: Callable[[], Iterable[str]]) -> Callable[[], Sequence[str]]:
    """Answer with no names where the runs cannot be asked: a completion never shows an error."""

    def ask() -> Sequence[str]:
        try:
            return sorted(set(names()))
        except Exception:
            logger.debug("no names to complete", exc_info=True)
            return ()

    return ask
