"""What is written after `%%flow`, `%%task` and `%flow`, turned into plain values or one clear line."""

from __future__ import annotations

import argparse
import ast
import builtins
import difflib
import functools
import keyword
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, NoReturn

from wfkit.errors import BadCommand

DEFAULT_NAME: Final = "flow"
_PAIRS: Final = {"(": ")", "[": "]", "{": "}"}


@dataclass(frozen=True, slots=True)
class Help:
    """The user asked for help instead."""

    text: str


@dataclass(frozen=True, slots=True)
class FlowArguments:
    """What stands after `%%flow`."""

    name: str
    named: bool  #: False where the name was left out and is `DEFAULT_NAME`
    parameters: dict[str, str]  #: name -> expression, in the order given
    wait: bool | None  #: None: wait only where nobody can click
    again: str | None  #: "cancel", "parallel", or None: refuse while the last run lives
    view: bool
    reuse: bool = False  #: go on from the last run of the flow


@dataclass(frozen=True, slots=True)
class TaskArguments:
    """What stands after `%%task`."""

    name: str
    signature: str  #: "(a, b=2)", or "(a, b=2) -> int"
    options: dict[str, object]  #: keywords for `@task`


@dataclass(frozen=True, slots=True)
class FlowCommand:
    """What stands after `%flow`."""

    subcommand: str
    run: str | None = None  #: a run id, or a flow's name for its last run
    node: str | None = None
    words: tuple[str, ...] = ()  #: of `rerun`: a run, nodes, "changed"
    dry_run: bool = False


class _Parser(argparse.ArgumentParser):
    """An argument parser that neither exits nor prints."""

    def __init__(self, magic: str, description: str) -> None:
        shape = functools.partial(argparse.HelpFormatter, width=100, max_help_position=34)
        super().__init__(magic, description=description, add_help=False, allow_abbrev=False, formatter_class=shape)
        self.add_argument("-h", "--help", action="store_true", help="show this text")

    def error(self, message: str) -> NoReturn:
        raise refusal(self.prog, message)

    def option_names(self) -> tuple[str, ...]:
        return tuple(dict.fromkeys(re.findall(r"(?<![\w-])-{1,2}[a-z][a-z-]*", self.format_usage())))

    def choices(self, option: str) -> tuple[str, ...] | None:
        """The words an option may be followed by; () for any word, None where `option` takes none or is unknown."""
        for action in self._actions:
            if option in action.option_strings and action.nargs != 0:
                return tuple(action.choices or ())
        return None

    def read(self, tokens: Sequence[str]) -> argparse.Namespace | Help:
        if "-h" in tokens or "--help" in tokens:
            return Help(self.format_help())
        values, left = self.parse_known_args(list(tokens))
        for token in left:
            if not token.startswith("-"):
                raise refusal(self.prog, f"what is `{token}` for?")
            option = token.partition("=")[0]
            near = difflib.get_close_matches(option, self.option_names(), n=1)
            raise refusal(self.prog, f"unknown option `{option}`" + (f", did you mean `{near[0]}`?" if near else "."))
        return values


def refusal(magic: str, message: str) -> BadCommand:
    """Make the one line that a bad magic line gets."""
    end = "" if message[-1] in ".?!" else "."
    return BadCommand(f"`{magic}`: {message}{end}", fix=f"`{magic} -h` shows what it takes.")


def split(magic: str, line: str) -> list[str]:
    """Split a magic line at the spaces outside quotes and brackets, so that `-p xs=[1, 2]` is two tokens.

    A token that is quoted as a whole loses its quotes; quotes inside a token stay, as they belong to the expression.

    Raises
    ------
    BadCommand : a quote or a bracket is not closed
    """
    tokens: list[str] = []
    token, quote, closing = "", "", ""
    characters = iter(line)
    for character in characters:
        if quote:
            if character == "\\":
                token += character + next(characters, "")
                continue
            if character == quote:
                quote = ""
        elif character in "\"'":
            quote = character
        elif character in _PAIRS:
            closing = _PAIRS[character] + closing
        elif closing and character == closing[0]:
            closing = closing[1:]
        elif character.isspace() and not closing:
            tokens.append(token)
            token = ""
            continue
        token += character
    if quote or closing:
        raise refusal(magic, f"`{quote or closing[0]}` is missing at the end of the line")
    return [_unquoted(token) for token in [*tokens, token] if token]


def _unquoted(token: str) -> str:
    if token[0] not in "\"'" or token[-1] != token[0]:
        return token
    try:
        value = ast.literal_eval(token)
    except (SyntaxError, ValueError):  # `'a' 'b'` and other odd ones stay as they are
        return token
    return value if isinstance(value, str) else token


@functools.cache
def flow_cell_parser() -> _Parser:
    """The parser of what stands after `%%flow`."""
    parser = _Parser("%%flow", "Run this cell as a flow: the tasks it calls become a run, shown live.")
    parser.add_argument("name", nargs="?", metavar="NAME", help="the flow's name; it is bound to the flow")
    parser.add_argument(
        "-p", dest="parameters", metavar="NAME=EXPR", action="append", default=[], help="a parameter, for the body only"
    )
    waiting = parser.add_mutually_exclusive_group()
    waiting.add_argument("--wait", dest="wait", action="store_true", default=None, help="end when the run ends")
    waiting.add_argument("--no-wait", dest="wait", action="store_false", default=None, help="end with the body")
    parser.add_argument(
        "--again", choices=("cancel", "parallel"), help="what to do with the last run if it still runs (else: refuse)"
    )
    parser.add_argument(
        "--reuse", action="store_true", help="keep what the last run has, and execute what failed or changed since"
    )
    parser.add_argument("--no-view", dest="view", action="store_false", help="do not show the live view")
    return parser


def parse_flow_cell(line: str) -> FlowArguments | Help:
    """Read what stands after `%%flow`.

    Raises
    ------
    BadCommand : it is not usable; the text says why in one line
    """
    parser = flow_cell_parser()
    tokens = split(parser.prog, line)
    if any(token.startswith("=") for token in tokens):
        raise refusal(parser.prog, "write `-p name=value`, without spaces around `=`")
    values = parser.read(tokens)
    if isinstance(values, Help):
        return values
    name = values.name or DEFAULT_NAME
    _check_name(parser.prog, name)
    parameters: dict[str, str] = {}
    for text in values.parameters:
        parameter, expression = _parameter(parser.prog, text)
        if parameter in parameters:
            raise refusal(parser.prog, f"the parameter `{parameter}` is given twice")
        if values.name and parameter == name:
            raise refusal(parser.prog, f"`{name}` is the name of the flow, so it cannot be a parameter of it too")
        parameters[parameter] = expression
    return FlowArguments(name, bool(values.name), parameters, values.wait, values.again, values.view, values.reuse)


def _parameter(magic: str, text: str) -> tuple[str, str]:
    name, equals, expression = (part.strip() for part in text.partition("="))
    if not equals or not expression:
        raise refusal(magic, f"`-p {text}`: write `-p name=value`, without spaces around `=`")
    if not name.isidentifier() or keyword.iskeyword(name):
        raise refusal(magic, f"`-p {text}`: `{name}` cannot be the name of a parameter")
    try:
        compile(expression, f"<-p {name}>", "eval")
    except (SyntaxError, ValueError):
        raise refusal(magic, f"`-p {text}`: `{expression}` is not a Python expression") from None
    return name, expression


def _check_name(magic: str, name: str) -> None:
    if not name.isidentifier():
        hint = f"; write `-p {name}`" if "=" in name else ""
        raise refusal(magic, f"`{name}` is not a name{hint}")
    if keyword.iskeyword(name) or hasattr(builtins, name):
        raise refusal(magic, f"`{name}` is a name of Python itself, so choose another")


@functools.cache
def task_cell_parser() -> _Parser:
    """The parser of the options after `%%task NAME(…)`."""
    parser = _Parser("%%task", "Make this cell the body of a task; its last expression is the return value.")
    parser.usage = None
    parser.add_argument("--retries", type=int, metavar="N", help="how many more attempts after the first")
    parser.add_argument(
        "--retry-delay-seconds", type=_number_or_list, metavar="S", help="a number, or a list whose last item repeats"
    )
    parser.add_argument("--retry-jitter-factor", type=float, metavar="F", help="up to this share of the delay is added")
    parser.add_argument("--timeout-seconds", type=float, metavar="S", help="an attempt that takes longer fails")
    parser.add_argument("--trigger", metavar="RULE", help="when it runs: all_success (default), all_done, …")
    parser.add_argument("--tags", type=_words, metavar="A,B", help="tags, separated by commas")
    parser.add_argument("--description", metavar="TEXT", help="a line about the task")
    parser.add_argument("--log-prints", action="store_true", default=None, help="prints go to the task's log")
    return parser


def _number_or_list(text: str) -> float | list[float]:
    value = ast.literal_eval(text)
    numbers = value if isinstance(value, list | tuple) else [value]
    if not numbers or not all(isinstance(number, int | float) for number in numbers):
        raise ValueError(text)
    return list(numbers) if isinstance(value, list | tuple) else value


_number_or_list.__name__ = "number or list of numbers"  # argparse names the type by it


def _words(text: str) -> set[str]:
    return {word.strip() for word in text.split(",") if word.strip()}


def parse_task_cell(line: str) -> TaskArguments | Help:
    """Read what stands after `%%task`.

    Raises
    ------
    BadCommand : it is not usable; the text says why in one line
    """
    parser = task_cell_parser()
    tokens = split(parser.prog, line)
    if not tokens or "-h" in tokens or "--help" in tokens:
        help_text = parser.format_help().replace("%%task", "%%task NAME(arguments)", 1)
        if tokens:
            return Help(help_text)
        raise refusal(parser.prog, "which task? Write `%%task name(a, b=2)`")
    name, signature, rest = _signature(parser.prog, tokens)
    values = parser.read(rest)
    if isinstance(values, Help):
        return values
    options = {option: value for option, value in vars(values).items() if value is not None and option != "help"}
    return TaskArguments(name, signature, options)


def _signature(magic: str, tokens: list[str]) -> tuple[str, str, list[str]]:
    """Take `NAME(a, b=2) -> int` off the front; annotation and brackets may come as tokens of their own."""
    count = next((i for i, token in enumerate(tokens) if re.match(r"--?[a-z]", token)), len(tokens))
    head, rest = " ".join(tokens[:count]), tokens[count:]
    found = re.fullmatch(r"([^\s(]+)\s*(\(.*\)(?:\s*->.*)?)", head)
    if found is None:
        _check_name(magic, head.partition("(")[0].strip())
        raise refusal(magic, f"`{head}`: write the arguments too, as in `{head.split()[0]}(a, b=2)`")
    name, signature = found.groups()
    _check_name(magic, name)
    try:
        ast.parse(f"def {name}{signature}: pass")
    except (SyntaxError, ValueError):
        raise refusal(magic, f"`{name}{signature}` is not the head of a function") from None
    return name, signature, rest


#: Subcommand of `%flow` -> (arguments it takes, what it does).
SUBCOMMANDS: Final[dict[str, tuple[str, str]]] = {
    "list": ("", "the runs of this notebook"),
    "show": ("[RUN]", "the live view of a run (default: the last one)"),
    "rerun": ("[RUN] [NODE...] [changed] [--dry-run]", "execute again what failed, and NODEs; keep all else"),
    "cancel": ("[RUN]", "cancel a run (default: the last one)"),
    "pause": ("[RUN]", "start nothing more of a run; what runs goes on"),
    "resume": ("[RUN]", "go on with a paused run"),
    "release": ("[RUN]", "free what an ended run holds in cluster memory"),
    "attach": ("RUN", "look at a run of another notebook, or of before"),
    "history": ("[FLOW]", "the runs on record, newest first"),
    "logs": ("[RUN] [NODE]", "the log of a run, or of one task of it"),
    "cluster": ("", "the Dask cluster in use"),
    "help": ("", "this text"),
}


def flow_help() -> str:
    """The text of `%flow help`."""
    width = max(len(f"{name} {arguments}") for name, (arguments, _) in SUBCOMMANDS.items())
    rows = [f"  %flow {f'{name} {arguments}':<{width}}  {about}" for name, (arguments, about) in SUBCOMMANDS.items()]
    return "\n".join(
        [
            "`%%flow NAME` as the first line of a cell runs that cell as a flow (`%%flow -h`).",
            "`%%task NAME(arguments)` makes a cell the body of a task (`%%task -h`).",
            *rows,
            "RUN is a run's id, or a flow's name for its last run; NODE is a name such as clean[3].",
        ]
    )


def parse_flow_line(line: str) -> FlowCommand | Help:
    """Read what stands after `%flow`.

    Raises
    ------
    BadCommand : it is not usable; the text says why in one line
    """
    subcommand, *rest = split("%flow", line) or ["help"]
    if subcommand in {"help", "-h", "--help"} or "-h" in rest or "--help" in rest:
        return Help(flow_help())
    if subcommand not in SUBCOMMANDS:
        near = difflib.get_close_matches(subcommand, SUBCOMMANDS, n=1)
        message = f"`{subcommand}` is not one of {', '.join(SUBCOMMANDS)}"
        raise refusal("%flow", message + (f"; did you mean `{near[0]}`?" if near else ""))
    if subcommand == "rerun":
        options = [token for token in rest if token.startswith("-")]
        if unknown := next((option for option in options if option != "--dry-run"), None):
            raise refusal("%flow", f"unknown option `{unknown}`, did you mean `--dry-run`?")
        words = tuple(token for token in rest if not token.startswith("-"))
        return FlowCommand(subcommand, words=words, dry_run=bool(options))
    allowed = SUBCOMMANDS[subcommand][0].split()
    if len(rest) > len(allowed):
        takes = f"takes only {' '.join(allowed)}" if allowed else "takes no arguments"
        raise refusal("%flow", f"`{subcommand}` {takes}, so what is `{rest[len(allowed)]}` for?")
    if any(token.startswith("-") for token in rest):
        raise refusal("%flow", f"unknown option `{next(t for t in rest if t.startswith('-'))}`")
    run, node = (*rest, None, None)[:2]
    return FlowCommand(subcommand, run, node)
