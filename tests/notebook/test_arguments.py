"""Magic lines as values, and every bad one as one clear line."""

from __future__ import annotations

import pytest

from wfkit.errors import BadCommand
from wfkit.notebook.arguments import (
    SUBCOMMANDS,
    FlowArguments,
    FlowCommand,
    Help,
    TaskArguments,
    parse_flow_cell,
    parse_flow_line,
    parse_task_cell,
    split,
)


def flow(line: str) -> FlowArguments:
    arguments = parse_flow_cell(line)
    assert isinstance(arguments, FlowArguments)
    return arguments


def task(line: str) -> TaskArguments:
    arguments = parse_task_cell(line)
    assert isinstance(arguments, TaskArguments)
    return arguments


def command(line: str) -> FlowCommand:
    parsed = parse_flow_line(line)
    assert isinstance(parsed, FlowCommand)
    return parsed


def test_a_flow_line_without_anything_has_the_default_name_and_says_that_it_was_not_given() -> None:
    assert flow("") == FlowArguments("flow", named=False, parameters={}, wait=None, again=None, view=True)


def test_all_options_of_a_flow_are_understood_in_any_order() -> None:
    assert flow("--no-view -p year=2013 --wait monthly --again cancel -p n=3") == FlowArguments(
        "monthly", named=True, parameters={"year": "2013", "n": "3"}, wait=True, again="cancel", view=False
    )
    assert flow("monthly --no-wait").wait is False


@pytest.mark.parametrize(
    ("line", "expression"),
    [
        ("-p x=1", "1"),
        ("-p x=-1", "-1"),
        ("-px=1", "1"),
        ("-p x='a b'", "'a b'"),
        ('-p x="it\'s"', '"it\'s"'),
        ("-p x='a\\'b c'", "'a\\'b c'"),
        ("-p x=[1, 2, {'a b': (3, 4)}]", "[1, 2, {'a b': (3, 4)}]"),
        ("-p x=f(a, b=2)", "f(a, b=2)"),
        ('-p "x = 1 + 2"', "1 + 2"),
        ("-p 'x=\"a b\"'", '"a b"'),
        ("-p x=a==b", "a==b"),
    ],
)
def test_the_value_of_a_parameter_is_an_expression_quoted_or_not(line: str, expression: str) -> None:
    assert flow(line).parameters == {"x": expression}
    assert flow(f"monthly {line} --wait") == FlowArguments("monthly", True, {"x": expression}, True, None, True)


@pytest.mark.parametrize(
    ("line", "text"),
    [
        ("--wiat", "unknown option `--wiat`, did you mean `--wait`?"),
        ("--sleep", "unknown option `--sleep`."),
        ("--wa", "unknown option `--wa`"),
        ("a b", "what is `b` for?"),
        ("year=3", "`year=3` is not a name; write `-p year=3`"),
        ("3months", "`3months` is not a name"),
        ("class", "`class` is a name of Python itself"),
        ("list", "`list` is a name of Python itself"),
        ("--wait --no-wait", "not allowed with argument"),
        ("--again later", "invalid choice: 'later'"),
        ("--again", "expected one argument"),
        ("-p", "expected one argument"),
        ("-p year", "`-p year`: write `-p name=value`"),
        ("-p year = 3", "write `-p name=value`, without spaces around `=`"),
        ("-p year=", "write `-p name=value`"),
        ("-p 3=3", "`3` cannot be the name of a parameter"),
        ("-p if=3", "`if` cannot be the name of a parameter"),
        ("-p a=3 -p a=4", "the parameter `a` is given twice"),
        ("a -p a=3", "`a` is the name of the flow"),
        ("-p a=(3", "`)` is missing"),
        ("-p a='3", "`'` is missing"),
        ("-p a=3+", "`3+` is not a Python expression"),
        ("-p a=b=c", "`b=c` is not a Python expression"),
        ("-p a=\x00", "is not a Python expression"),
    ],
)
def test_a_bad_flow_line_is_one_clear_line(line: str, text: str) -> None:
    with pytest.raises(BadCommand) as caught:
        parse_flow_cell(line)
    assert text in str(caught.value)
    assert "\n" not in str(caught.value)
    assert str(caught.value).startswith("`%%flow`: ")


@pytest.mark.parametrize("line", ["-h", "--help", "monthly -h", "--nonsense -h"])
def test_help_is_given_whatever_else_stands_there(line: str) -> None:
    answers = [parse_flow_cell(line), parse_task_cell(line), parse_flow_line(line)]
    assert all(isinstance(answer, Help) and "%%flow" in answer.text + "%%flow" for answer in answers)


def test_help_names_every_option_and_every_subcommand() -> None:
    answers = [parse_flow_cell("-h"), parse_task_cell("-h"), parse_flow_line("help"), parse_flow_line("")]
    texts = [answer.text for answer in answers if isinstance(answer, Help)]
    assert all(option in texts[0] for option in ("-p", "--wait", "--no-wait", "--again", "--no-view"))
    assert texts[1].startswith("usage: %%task NAME(arguments) ")
    assert all(word in texts[2] for word in ("list", "show", "cancel", "logs", "cluster", "help"))
    assert texts[2] == texts[3]


@pytest.mark.parametrize(
    ("line", "name", "signature"),
    [
        ("t()", "t", "()"),
        ("clean(df, n=2)", "clean", "(df, n=2)"),
        ("clean (df, n = 2)", "clean", "(df, n = 2)"),
        (
            "clean(df: pd.DataFrame, *rest, key=(1, 2), **more) -> int",
            "clean",
            "(df: pd.DataFrame, *rest, key=(1, 2), **more) -> int",
        ),
        ("clean(sep=', ')", "clean", "(sep=', ')"),
        ("clean(n=-1)", "clean", "(n=-1)"),
    ],
)
def test_the_head_of_a_task_may_be_written_as_any_head_of_a_function(line: str, name: str, signature: str) -> None:
    assert task(line) == TaskArguments(name, signature, {})
    assert task(f"{line} --retries 2") == TaskArguments(name, signature, {"retries": 2})


def test_options_of_a_task_are_keywords_for_the_decorator() -> None:
    line = "t(a) --retries 3 --retry-delay-seconds [1, 10] --retry-jitter-factor 0.5 --timeout-seconds 60"
    assert task(f"{line} --trigger all_done --tags db,slow --log-prints --description 'A line'").options == {
        "retries": 3,
        "retry_delay_seconds": [1, 10],
        "retry_jitter_factor": 0.5,
        "timeout_seconds": 60.0,
        "trigger": "all_done",
        "tags": {"db", "slow"},
        "log_prints": True,
        "description": "A line",
    }
    assert task("t() --retry-delay-seconds 2.5").options == {"retry_delay_seconds": 2.5}


@pytest.mark.parametrize(
    ("line", "text"),
    [
        ("", "which task? Write `%%task name(a, b=2)`"),
        ("clean", "`clean`: write the arguments too, as in `clean(a, b=2)`"),
        ("3t(a)", "`3t` is not a name"),
        ("print(a)", "`print` is a name of Python itself"),
        ("t(a=1, b)", "`t(a=1, b)` is not the head of a function"),
        ("t(a", "`)` is missing"),
        ("t(a) --retires 3", "unknown option `--retires`, did you mean `--retries`?"),
        ("t(a) --retries three", "invalid int value: 'three'"),
        ("t(a) --retry-delay-seconds soon", "invalid number or list of numbers value: 'soon'"),
        ("--retries 3", "is not a name"),
        ("t(a) b", "`t(a) b`: write the arguments too"),
    ],
)
def test_a_bad_task_line_is_one_clear_line(line: str, text: str) -> None:
    with pytest.raises(BadCommand) as caught:
        parse_task_cell(line)
    assert text in str(caught.value)
    assert "\n" not in str(caught.value)


def test_subcommands_take_what_their_help_says() -> None:
    assert command("list") == FlowCommand("list")
    assert command("show") == FlowCommand("show")
    assert command(" cancel  monthly ") == FlowCommand("cancel", "monthly")
    assert command("logs monthly clean[3]") == FlowCommand("logs", "monthly", "clean[3]")
    assert command("cluster") == FlowCommand("cluster")


@pytest.mark.parametrize(
    ("line", "text"),
    [
        ("lst", f"`lst` is not one of {', '.join(SUBCOMMANDS)}; did you mean `list`?"),
        ("again", "`again` is not one of"),
        ("list all", "`list` takes no arguments, so what is `all` for?"),
        ("show a b", "`show` takes only [RUN], so what is `b` for?"),
        ("show --all", "unknown option `--all`"),
        ("show 'a", "`'` is missing"),
    ],
)
def test_a_bad_subcommand_is_one_clear_line(line: str, text: str) -> None:
    with pytest.raises(BadCommand) as caught:
        parse_flow_line(line)
    assert text in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_line_is_split_at_spaces_outside_quotes_and_brackets() -> None:
    assert split("%flow", "  a  b[1, 2]\t'c d' e'f g'  'h' 'i' ") == ["a", "b[1, 2]", "c d", "e'f g'", "h", "i"]
    assert split("%flow", "") == []
