"""Random programs: flows as Python source that anybody can read and run, drawn by Hypothesis."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from itertools import count
from random import Random
from typing import TypeVar

from hypothesis import strategies as st

from tests.system.random_graphs.rules import RULES

T = TypeVar("T")

IMPORTS = """\
from wfkit import Fail, Missing, Retry, Skip, allow_failure, as_completed, current, flatten, flow, task, unmapped, wait
"""
PRELUDE = '''\
from zlib import crc32


def plain(value):
    """The value as text, alike in both worlds."""
    if isinstance(value, Missing):
        return f"<{value.state}>"
    if isinstance(value, (list, tuple)):
        return "[" + ", ".join(plain(item) for item in value) + "]"
    if isinstance(value, dict):
        return str({key: plain(item) for key, item in value.items()})
    return repr(value)


def mix(*values):
    return crc32(plain([SALT, *values]).encode()) % 1000


def looked(handle):
    try:
        return plain(handle.result())
    except Exception:
        return "no value"


def end(plan, number):
    """One letter of the plan says how the task ends: s succeeds, the others do not."""
    how = plan[number % len(plan)]
    if how == "f":
        raise ValueError("f")
    if how == "F":
        raise Fail("F")
    if how == "k":
        raise Skip("k")
    if how == "r" or (how == "R" and current.attempt == 1):
        raise Retry(how, delay_seconds=0.01)


'''
ENDING = """

if __name__ == "__main__":
    run = flow(graph).run()
    print(run.state)
    for row in run.nodes:
        print(row)
"""
PLANS = ("s", "s", "s", "s", "sssf", "sssk", "ssfk", "f", "k", "ssF", "sR", "ssr", "sfkFrR")
ONE, LIST, LISTS, ANY, PAIR = "one", "list", "lists", "any", "pair"
MAX_CALLS, MAX_DEPTH = 12, 3


@dataclass(frozen=True)
class Var:
    """A name of the program, and what it stands for."""

    name: str
    gives: str  #: what one value of it is
    mapped: bool = False
    known: bool = True  #: whether its length is known at the call
    length: object = None  #: maps that have this in common have one length
    single: bool = True  #: whether each element is a node, or an item of a node's value


@dataclass
class Scope:
    """A body that is being written."""

    depth: int
    indent: str
    vars: list[Var]
    lines: list[str] = field(default_factory=list)
    blocks: bool = True  #: whether it may wait for values

    def write(self, line: str) -> None:
        self.lines.append(self.indent + line)

    def having(self, wanted: Callable[[Var], bool]) -> list[Var]:
        return [var for var in self.vars if wanted(var)]


class Writer:
    """Writes one program."""

    def __init__(self, seed: int, calls: int) -> None:
        self._random = Random(seed)
        self._numbers = count(1)
        self._tasks: list[str] = []
        self._made: dict[tuple[str, int], list[str]] = {}
        self._calls = calls

    def chance(self, percent: int) -> bool:
        return self.number(0, 99) < percent

    def number(self, low: int, high: int) -> int:
        return self._random.randint(low, high)

    def one_of(self, items: Sequence[T]) -> T:
        return items[self.number(0, len(items) - 1)]

    def program(self) -> str:
        salt = self.number(0, 9999)
        scope = Scope(0, "    ", [])
        self.statements(scope, self.number(3, 9))
        lines = [*scope.lines, "    return None"]
        return "\n\n".join([f"SALT = {salt}\n", *self._tasks, "def graph():\n" + "\n".join(lines)]) + "\n"

    # Bodies

    def statements(self, scope: Scope, how_many: int) -> None:
        kinds: list[Callable[[Scope], None]] = [
            self.call,
            self.map,
            self.call,
            self.map,
            self.map,
            self.flatten,
            self.flatten,
            self.branches,
        ]
        if scope.blocks:
            kinds += [self.look, self.decide, self.pick]
        for _ in range(how_many):
            if self._calls > 0:
                self.one_of(kinds)(scope)

    def new_name(self, start: str) -> str:
        return f"{start}{next(self._numbers)}"

    def call(self, scope: Scope, gives: str = "") -> None:
        self._calls -= 1
        gives = gives or self.one_of([ONE, ONE, LIST, LIST, LISTS, ANY, PAIR])
        task = self.task(gives, scope.depth)
        args = self.named([self.argument(scope) for _ in range(self.number(0, 2))])
        name = self.new_name("h")
        scope.write(f"{name} = {task}.submit({', '.join(args + self.order(scope))})")
        if gives == PAIR:
            scope.vars += [Var(f"{name}[{at}]", ONE) for at in (0, 1)]
        scope.vars.append(Var(name, gives))

    def order(self, scope: Scope) -> list[str]:
        names = [var.name for var in scope.vars if var.name.startswith(("h", "m", "c"))]
        return [f"wait_for=[{self.one_of(names)}]"] if names and self.chance(12) else []

    def named(self, args: list[str]) -> list[str]:
        """The arguments; at times the last one is given by its name."""
        return [*args[:-1], f"by={args[-1]}"] if args and self.chance(25) else args

    def argument(self, scope: Scope) -> str:
        if not scope.vars or self.chance(15):
            return str(self.number(0, 9))
        text = self.one_of(scope.vars).name
        if self.chance(20):
            text = f"allow_failure({text})"
        if self.chance(15):
            text = f"[{text}, {self.one_of(scope.vars).name}]"
        elif self.chance(8):
            text = f"{{'a': [{text}], 'b': 1}}"
        return text

    def map(self, scope: Scope, gives: str = "") -> None:
        self._calls -= 1
        overs = scope.having(lambda var: var.mapped or var.gives in {LIST, LISTS})
        if overs and self.chance(80):
            over = self.one_of(overs[-3:])
            text = f"allow_failure({over.name})" if self.chance(15) else over.name
        else:
            over = Var(str([self.number(0, 9) for _ in range(self.number(0, 6 - scope.depth))]), ONE, mapped=True)
            text = over.name
        length = over.length or over.name
        args = [text]
        others = scope.having(lambda var: var.mapped and var.length == length and var != over)
        if others and self.chance(30):
            args.append(self.one_of(others).name)
        if scope.vars and self.chance(30):
            args.append(f"unmapped({self.one_of(scope.vars).name})")
        args = self.named(args) + self.order(scope)
        args += [self.one_of(["chunk=1", "chunk=2", "chunk=3", "max_concurrency=1"])] if self.chance(30) else []
        gives = gives or self.one_of([ONE, ONE, ONE, LIST, ANY])
        name = self.new_name("m")
        scope.write(f"{name} = {self.task(gives, scope.depth)}.map({', '.join(args)})")
        scope.vars.append(Var(name, gives, mapped=True, known=over.mapped and over.known, length=length))

    def flatten(self, scope: Scope) -> None:
        lists = scope.having(lambda var: var.gives == (LIST if var.mapped else LISTS))
        if not lists:
            return self.map(scope, LIST) if self.chance(60) else self.call(scope, LISTS)
        return self.chain(scope, self.one_of(lists))

    def chain(self, scope: Scope, source: Var) -> None:
        self._calls -= 1
        name = self.new_name("c")
        scope.write(f"{name} = flatten({source.name})")
        scope.vars.append(Var(name, ONE, mapped=True, known=False, length=name, single=source.mapped))

    def branches(self, scope: Scope) -> None:
        """`Flow.map`, over what has a length at once, or over a task's value."""
        if not scope.blocks or scope.depth >= MAX_DEPTH:
            return self.call(scope)
        self._calls -= 1
        overs = scope.having(lambda var: var.known and (var.mapped or var.gives == LIST))
        over = self.one_of(overs) if overs and self.chance(70) else Var(str([1, 2, 3][: self.number(0, 3)]), ONE, True)
        flow, item, name = self.new_name("b"), self.new_name("x"), self.new_name("h")
        inner = Scope(max(scope.depth, 1) + 1, "    ", [Var(item, over.gives if over.mapped else ONE)], blocks=False)
        inner.vars = inner.vars if over.mapped and over.name[0] != "[" else [Var(item, ANY)]
        self.statements(inner, self.number(1, 2))
        self._tasks.append(f"@flow\ndef {flow}({item}: object):\n{self._text(inner)}    return {inner.vars[-1].name}\n")
        scope.write(f"{name} = {flow}.map({over.name})")
        if over.mapped:
            scope.vars.append(Var(f"list({name})", ANY))
        else:
            scope.vars.append(Var(name, ANY))

    def look(self, scope: Scope) -> None:
        names = [var.name for var in scope.vars if var.name[0] in "hmc" and "list" not in var.name]
        singles = [var.name for var in scope.vars if var.name[0] == "h" and not var.mapped]
        if not names:
            return self.call(scope)
        name, pick = self.new_name("x"), [self.one_of(names) for _ in range(self.number(1, 2))]
        if singles and self.chance(25):
            pick = list(dict.fromkeys(self.one_of(singles) for _ in range(3)))
            scope.write(f"{name} = sorted(looked(each) for each in as_completed([{', '.join(pick)}]))")
        else:
            if self.chance(30):
                scope.write(f"wait([{', '.join(pick)}])")
            scope.write(
                f"{name} = {pick[0]}.result()" if self.chance(15) and scope.depth else f"{name} = looked({pick[0]})"
            )
        scope.vars.append(Var(name, ANY))

    def decide(self, scope: Scope) -> None:
        values = [var.name for var in scope.vars if var.name[0] == "x"]
        if not values:
            return self.look(scope)
        inner = Scope(scope.depth, scope.indent + "    ", list(scope.vars))
        self.statements(inner, 1)
        if inner.lines:
            scope.write(f"if mix({self.one_of(values)}) % 2:")
            scope.lines += inner.lines

    def pick(self, scope: Scope) -> None:
        """An element of what was waited for, and what is done with it."""
        if self._calls > 2 and self.chance(50):
            self.map(scope, LIST)
            self.chain(scope, scope.vars[-1])
            if self.chance(60):
                self.map(scope)
        wholes = scope.having(lambda var: var.mapped and var.single and var.name[0] in "mc")
        if not wholes:
            return self.map(scope)
        whole, at, name = self.one_of(wholes[-2:]), self.number(-3, 2), self.new_name("h")
        inner = Scope(scope.depth, scope.indent + "    ", [Var(name, whole.gives)])
        inner.write(f"{name} = {whole.name}[{at}]")
        self.statements(inner, self.number(1, 3))
        scope.write(f"wait([{whole.name}])" if self.chance(50) else f"looked({whole.name})")
        scope.write(f"if len({whole.name}) > {at if at >= 0 else -at - 1}:")
        scope.lines += inner.lines

    # Tasks

    def task(self, gives: str, depth: int) -> str:
        """The name of a task that gives this; one there is already, or a new one."""
        made = self._made.setdefault((gives, depth), [])
        if made and self.chance(30):
            return self.one_of(made)
        name = self.new_name("t")
        number = name[1:]
        options, retries = self.options(gives)
        scope = Scope(depth + 1, "    ", [Var("seed", ANY)])
        scope.write(f"seed = mix({number}, inputs, by)")
        flaky = self.number(1, 2) if self.chance(25 if not retries else 70) else 0
        late = self.chance(50)
        if flaky and not late:
            scope.write(f"end('s' if current.attempt > {flaky} else 'f', 0)")
        if (plan := self.one_of(PLANS)) != "s":
            scope.write(f"end({plan!r}, seed)")
        if depth < MAX_DEPTH and self._calls > 0 and self.chance(50 if plan == "s" else 25):
            self.statements(scope, self.number(1, 4))
        if flaky and late:
            scope.write(f"end('s' if current.attempt > {flaky} else 'f', 0)")
        scope.write(f"return {self.value(scope, gives)}")
        self._tasks.append(f"@task({options})\ndef {name}(*inputs, by=None):\n{self._text(scope)}")
        made.append(name)
        return name

    def _text(self, scope: Scope) -> str:
        return "".join(f"{line}\n" for line in scope.lines)

    def options(self, gives: str) -> tuple[str, int]:
        options: dict[str, object] = {"n_outputs": 2} if gives == PAIR else {}
        retries = self.one_of([0, 0, 1, 2])
        if retries:
            options |= {"retries": retries}
            options |= {"retry_delay_seconds": 0.01} if self.chance(30) else {}
        if self.chance(30):
            options["trigger"] = self.one_of(RULES)
        if self.chance(10):
            options["skip_on_upstream_skip"] = False
        if self.chance(10):
            options["priority"] = self.number(-2, 2)
        if self.chance(10):
            options["limits"] = {"db": 2}
        if self.chance(15):
            options["on_parent_failure"] = "keep"
        return ", ".join(f"{key}={value!r}" for key, value in options.items()), retries

    def value(self, scope: Scope, gives: str) -> str:
        """What a task returns: numbers, handles, or both."""
        ones = [var.name for var in scope.having(lambda var: var.gives == ONE and not var.mapped)]
        maps = [var.name for var in scope.having(lambda var: var.mapped and var.gives == ONE)]
        lists = [var.name for var in scope.having(lambda var: not var.mapped and var.gives == LIST)]
        anything = [var.name for var in scope.vars]
        whole = f"mix({', '.join(var.name for var in scope.vars if var.name[0] in 'xs')})"
        choices = {
            ONE: [whole, *ones],
            LIST: [f"[seed + each for each in range(seed % {5 - min(scope.depth, 3)})]", *maps, *lists]
            + ([f"[{self.one_of(ones)}, {self.one_of(ones)}]", f"[{self.one_of(ones)}, seed]"] if ones else []),
            LISTS: ["[[each] * each for each in range(seed % 4)]"]
            + ([f"[{self.one_of(maps)}, {self.one_of(maps)}]"] if maps else [])
            + ([f"[{self.one_of(lists)}]", f"[{self.one_of(lists)}, [seed]]"] if lists else [])
            + ([f"[[{self.one_of(ones)}], [seed]]"] if ones else [])
            + [var.name for var in scope.having(lambda var: var.mapped and var.gives == LIST)],
            ANY: [f"{{'a': {self.one_of(anything)}, 'b': [1, {self.one_of(anything)}]}}", *anything],
            PAIR: [f"(seed, {self.one_of([whole, *ones])})"] + ([f"({ones[0]}, {ones[-1]})"] if ones else []),
        }[gives]
        return choices[0] if len(choices) == 1 or self.chance(15) else self.one_of(choices)


def programs() -> st.SearchStrategy[str]:
    """Sources of a flow body `graph` and of its tasks, without the prelude.

    Hypothesis draws how many calls there are at most, and a seed: where it draws each choice itself, it repeats itself
    so much that half of the programs are the same. `reducing` finds what of a program it takes to fail.
    """
    calls, seeds = st.integers(4, MAX_CALLS), st.integers(0, 2**40)
    return st.builds(lambda most, seed: Writer(seed, most).program(), calls, seeds)


def script(program: str) -> str:
    """The program as a file to be run."""
    return IMPORTS + PRELUDE + program + ENDING
