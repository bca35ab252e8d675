"""Pairs of cells that define `f`: such that mean the same, and such that do not."""

from __future__ import annotations

from typing import Final

_BASE: Final = "def f(x):\n    return [y + 1 for y in x if y in {'a', 'b', 'c'}]\n"
_TWO: Final = "def g(x):\n    return x + 1\n\ndef f(x):\n    return g(x) * 2\n"
_CLASS: Final = "class A:\n    n = 1\n    def m(self):\n        return self.n\n\ndef f(x):\n    return A().m()\n"
_DATA: Final = (
    "@dataclasses.dataclass\nclass C:\n    a: int\n    b: list = dataclasses.field(default_factory=list)\n\n"
    "c = C(1)\n\ndef f(x):\n    return c\n"
)
_ENUM: Final = "class E(enum.Enum):\n    A = 1\n    B = 2\n\ndef f(x):\n    return E.A\n"
_PARTIAL: Final = (
    "class P(functools.partial):\n    def __call__(self, *a):\n        return 1\n\n"
    "g = P(len)\n\ndef f(x):\n    return g(x)\n"
)
_CLOSURE: Final = "def make(n):\n    def f(x):\n        return x * n\n    return f\n\nf = make(2)\n"
_DECORATED: Final = (
    "def twice(fn):\n    @functools.wraps(fn)\n    def inner(*a):\n        return fn(*a) * 2\n    return inner\n\n"
    "@twice\ndef f(x):\n    return x + 1\n"
)
_TASK: Final = "@task(retries=1)\ndef f(x):\n    return x + 1\n"
_TRY: Final = (
    "def f(x):\n    try:\n        a = g(x)\n    except ValueError:\n        a = 0\n    return a\n\n"
    "def g(x):\n    return x\n"
)
_RECURSIVE: Final = "@task\ndef f(n):\n    return f.fn(n - 1) if n else 0\n"
_CYCLE: Final = (
    "def even(n):\n    return n == 0 or odd(n - 1)\n\ndef odd(n):\n    return n != 0 and even(n - 1)\n\nf = even\n"
)

SAME: Final[dict[str, tuple[str, str]]] = {
    "executed again": (_BASE, _BASE),
    "moved": (_BASE, "\n\n# moved\n" + _BASE),
    "comment": (_BASE, _BASE.replace("    return", "    # a comment\n    return")),
    "layout": (_BASE, "def f(x) :\n        return [ y+1 for y in x\n            if y in {'a',  'b','c'} ]\n"),
    "docstring": (_BASE, _BASE.replace("    return", '    """Words."""\n    return')),
    "another docstring": (
        "def f(x):\n    'one'\n    return 'a'\n",
        "def f(x):\n    'two'\n    return 'a'\n",
    ),
    "annotations of parameters": (_BASE, _BASE.replace("(x)", "(x: list[str]) -> list[int]")),
    "annotations of variables": ("def f(x):\n    y = x\n    return y", "def f(x):\n    y: int = x\n    return y"),
    "quotes and digits": ("def f(x):\n    return 'a', 1000\n", 'def f(x):\n    return "a", 1_000\n'),
    "parentheses": ("def f(x):\n    return x + 1 * 2\n", "def f(x):\n    return (x + (1 * 2))\n"),
    "a pass": ("def f(x):\n    return x\n", "def f(x):\n    pass\n    return x\n"),
    "conditions over lines": (
        "def f(x):\n    return [y for y in x if y and y is not None]\n",
        "def f(x):\n    return [y\n            for y in x\n            if y\n            and y is not None]\n",
    ),
    "name of the function": (_BASE, _BASE.replace("f(x)", "g(x)") + "f = g\n"),
    "helper defined after": (_TWO, "def f(x):\n    return g(x) * 2\n\ndef g(x):\n    return x + 1\n"),
    "docstring of a helper": (_TWO, _TWO.replace("    return x", "    'words'\n    return x")),
    "a name that it does not use": (_TWO, _TWO + "other = 3\n"),
    "helper executed again": (_TWO, _TWO + "def g(x):\n    return x + 1\n"),
    "one of two that call each other executed again": (
        _CYCLE,
        _CYCLE + "def odd(n):\n    return n != 0 and even(n - 1)\n",
    ),
    "a task that keeps its first function": (
        _RECURSIVE,
        f"{_RECURSIVE}\ng = f.with_options(retries=3)\n\n{_RECURSIVE}\nf = g\n",
    ),
    "order of a set": ("s = {'a', 'b', 'c'}\ndef f(x):\n    return s", "s = {'c', 'b', 'a'}\ndef f(x):\n    return s"),
    "order of methods": (
        "class A:\n    def a(self): return 1\n    def b(self): return 2\ndef f(x): return A",
        "class A:\n    def b(self): return 2\n    def a(self): return 1\ndef f(x): return A",
    ),
    "docstring of a class": (_CLASS, _CLASS.replace("    n = 1", "    'words'\n    n = 1")),
    "docstring of a method": (_CLASS, _CLASS.replace("        return self", "        'words'\n        return self")),
    "class in a function with words": (
        "def f(x):\n    class A:\n        n = 1\n    return A",
        "def f(x):\n    class A:\n        'words'\n        n = 1\n    return A",
    ),
    "dataclass executed again": (_DATA, _DATA + _DATA),
    "enum executed again": (_ENUM, _ENUM + _ENUM),
    "closure made again": (_CLOSURE, _CLOSURE + "f = make(2)\n"),
    "decorated again": (_DECORATED, _DECORATED + _DECORATED),
    "what a cache remembers": (
        "@functools.lru_cache\ndef g(x):\n    return x\n\ndef f(x):\n    return g(x)\n",
        "@functools.lru_cache\ndef g(x):\n    return x\n\ndef f(x):\n    return g(x)\n\ng(1)\n",
    ),
    "retries": (_TASK, _TASK.replace("retries=1", "retries=5, retry_delay_seconds=2, tags='a', name='other'")),
    "words of a task": (
        _TASK,
        _TASK.replace("retries=1", "description='words', task_run_name='run {x}', log_prints=True"),
    ),
    "where a task runs": (_TASK, _TASK.replace("retries=1", "limits={'db': 1}, priority=3, isolate='process'")),
    "a time limit": (_TASK, _TASK.replace("retries=1", "timeout_seconds=3, crash_retries=0")),
    "version": ("@task(version='1')\ndef f(x): return 1", "@task(version='1')\ndef f(x): return 2"),
    "array of the same items": (
        "t = np.arange(4).reshape(2, 2)\ndef f(x): return t",
        "t = np.array([[0, 1], [2, 3]], order='F')\ndef f(x): return t",
    ),
    "alias of a module": (
        "import math as m\ndef f(x): return m.pi",
        "import math as m\nimport math as n\ndef f(x): return m.pi",
    ),
}

DIFFERENT: Final[dict[str, tuple[str, str]]] = {
    "constant": (_BASE, _BASE.replace("+ 1", "+ 2")),
    "type of a constant": (_BASE, _BASE.replace("+ 1", "+ 1.0")),
    "truth for one": ("def f(x): return x == 1", "def f(x): return x == True"),
    "sign of zero": ("def f(x): return x * 0.0", "def f(x): return x * -0.0"),
    "operator": (_BASE, _BASE.replace("+ 1", "- 1")),
    "member of a set": (_BASE, _BASE.replace("'c'", "'d'")),
    "member of a set beside a tuple": ("def f(x): return x in {(1, 2), 3}", "def f(x): return x in {(1, 2), 4}"),
    "tuple in a tuple in a set": ("def f(x): return x in {((1,),), 2}", "def f(x): return x in {((3,),), 2}"),
    "one more parameter": (_BASE, _BASE.replace("(x)", "(x, y)")),
    "name of a parameter": ("def f(x): return 1", "def f(y): return 1"),
    "async": (_BASE, _BASE.replace("def", "async def")),
    "star": (_BASE, _BASE.replace("(x)", "(*x)")),
    "keyword only": (_BASE, _BASE.replace("(x)", "(*, x)")),
    "position only": (_BASE, _BASE.replace("(x)", "(x, /)")),
    "what is called": ("def f(x): return min(x)", "def f(x): return max(x)"),
    "attribute": ("def f(x): return np.min(x)", "def f(x): return np.max(x)"),
    "nested function": (
        "def f(x):\n    def g(): return 1\n    return g",
        "def f(x):\n    def g(): return 2\n    return g",
    ),
    "lambda": ("def f(x): return sorted(x, key=lambda v: v)", "def f(x): return sorted(x, key=lambda v: -v)"),
    "what is in the try": (
        _TRY,
        _TRY.replace("        a = g(x)\n", "        a = x\n").replace(
            "    return a\n", "    a = g(x)\n    return a\n", 1
        ),
    ),
    "end of the try": (
        "def f(x):\n    try:\n        a(x)\n        b(x)\n    except ValueError:\n        pass\n",
        "def f(x):\n    try:\n        a(x)\n    except ValueError:\n        pass\n    b(x)\n",
    ),
    "kind of exception": (_TRY, _TRY.replace("ValueError", "TypeError")),
    "default": ("def f(x, n=1): return n", "def f(x, n=2): return n"),
    "keyword default": ("def f(x, *, n=1): return n", "def f(x, *, n=2): return n"),
    "which parameter has a default": ("def f(x, y=1): return x", "def f(x=1, y=1): return x"),
    "list for a default": ("def f(x, n=[1]): return n", "def f(x, n=[2]): return n"),
    "helper": (_TWO, _TWO.replace("x + 1", "x + 2")),
    "default of a helper": (
        "def g(x, n=1): return n\ndef f(x): return g(x)",
        "def g(x, n=2): return n\ndef f(x): return g(x)",
    ),
    "helper of a helper": (
        "def h(x): return x\ndef g(x): return h(x)\ndef f(x): return g(x)",
        "def h(x): return -x\ndef g(x): return h(x)\ndef f(x): return g(x)",
    ),
    "one of two that call each other": (_CYCLE, _CYCLE.replace("n != 0 and", "n != 0 or")),
    "helper called in a lambda": (
        "def g(x): return 1\ndef f(x): return map(lambda v: g(v), x)",
        "def g(x): return 2\ndef f(x): return map(lambda v: g(v), x)",
    ),
    "a number": ("n = 2\ndef f(x): return n", "n = 3\ndef f(x): return n"),
    "type of a number": ("n = 2\ndef f(x): return n", "n = 2.0\ndef f(x): return n"),
    "a list": ("n = [1, [2]]\ndef f(x): return n", "n = [1, [3]]\ndef f(x): return n"),
    "list and tuple": ("n = [1]\ndef f(x): return n", "n = (1,)\ndef f(x): return n"),
    "order of a dict": ("n = {'a': 1, 'b': 2}\ndef f(x): return n", "n = {'b': 2, 'a': 1}\ndef f(x): return n"),
    "function in a dict": ("n = {'a': lambda v: 1}\ndef f(x): return n", "n = {'a': lambda v: 2}\ndef f(x): return n"),
    "function in a set": (
        "def g(): return 1\ndef h(): return 2\nn = {g, h}\ndef f(x): return n",
        "def g(): return 1\ndef h(): return 3\nn = {g, h}\ndef f(x): return n",
    ),
    "two swapped functions": (
        "def make(n):\n    def g(): return n\n    return g\na, b = make(1), make(2)\ndef f(x): return a() - b()",
        "def make(n):\n    def g(): return n\n    return g\na, b = make(2), make(1)\ndef f(x): return a() - b()",
    ),
    "array": ("t = np.arange(4)\ndef f(x): return t", "t = np.arange(1, 5)\ndef f(x): return t"),
    "array turned": (
        "t = np.arange(4).reshape(2, 2)\ndef f(x): return t",
        "t = np.arange(4).reshape(2, 2).T\ndef f(x): return t",
    ),
    "type of an array": ("t = np.arange(4)\ndef f(x): return t", "t = np.arange(4.0)\ndef f(x): return t"),
    "global that it sets": ("n = 1\ndef f(x):\n    global n\n    n += 1", "n = 2\ndef f(x):\n    global n\n    n += 1"),
    "closure": (_CLOSURE, _CLOSURE.replace("make(2)", "make(3)")),
    "decorator": (_DECORATED, _DECORATED.replace("* 2", "* 3")),
    "inside a decorator": (_DECORATED, _DECORATED.replace("x + 1", "x + 2")),
    "without its decorator": (_DECORATED, _DECORATED.replace("@twice\n", "")),
    "cached helper": (
        "@functools.lru_cache\ndef g(x):\n    return 1\n\ndef f(x):\n    return g(x)\n",
        "@functools.lru_cache\ndef g(x):\n    return 2\n\ndef f(x):\n    return g(x)\n",
    ),
    "partial": (
        "def g(a, b): return a\nf = functools.partial(g, 1)",
        "def g(a, b): return a\nf = functools.partial(g, 2)",
    ),
    "keyword of a partial": (
        "def g(a, b): return a\nf = functools.partial(g, b=1)",
        "def g(a, b): return a\nf = functools.partial(g, b=2)",
    ),
    "attribute of a partial": (
        "g = functools.partial(len)\ng.n = 1\ndef f(x): return g.n",
        "g = functools.partial(len)\ng.n = 2\ndef f(x): return g.n",
    ),
    "class made of a partial": (_PARTIAL, _PARTIAL.replace("return 1", "return 2")),
    "method": (_CLASS, _CLASS.replace("return self.n", "return -self.n")),
    "attribute of a class": (_CLASS, _CLASS.replace("n = 1", "n = 2")),
    "base of a class": (_CLASS, "class B: k = 1\n" + _CLASS.replace("class A:", "class A(B):")),
    "method of a base": (
        "class B:\n    def m(self): return 1\nclass A(B): pass\ndef f(x): return A().m()",
        "class B:\n    def m(self): return 2\nclass A(B): pass\ndef f(x): return A().m()",
    ),
    "property": (
        "class A:\n    @property\n    def m(self): return 1\ndef f(x): return A().m",
        "class A:\n    @property\n    def m(self): return 2\ndef f(x): return A().m",
    ),
    "static method": (
        "class A:\n    @staticmethod\n    def m(): return 1\ndef f(x): return A.m",
        "class A:\n    @staticmethod\n    def m(): return 2\ndef f(x): return A.m",
    ),
    "kind of method": (
        "class A:\n    @staticmethod\n    def m(a): return 1\ndef f(x): return A.m",
        "class A:\n    @classmethod\n    def m(a): return 1\ndef f(x): return A.m",
    ),
    "slots": (
        "class A:\n    __slots__ = ('a',)\ndef f(x): return A",
        "class A:\n    __slots__ = ('a', 'b')\ndef f(x): return A",
    ),
    "field of a dataclass": (_DATA, _DATA.replace("    a: int\n", "    a: int\n    k: int = 0\n")),
    "type of a field": (_DATA, _DATA.replace("a: int", "a: float")),
    "factory of a field": (_DATA, _DATA.replace("default_factory=list", "default_factory=tuple")),
    "frozen dataclass": (_DATA, _DATA.replace("@dataclasses.dataclass", "@dataclasses.dataclass(frozen=True)")),
    "instance": (_DATA, _DATA.replace("C(1)", "C(2)")),
    "member of an enum": (_ENUM, _ENUM.replace("B = 2", "B = 3")),
    "order of an enum": (_ENUM, _ENUM.replace("    A = 1\n    B = 2\n", "    B = 2\n    A = 1\n")),
    "what is no member of an enum": (
        "class E(str, enum.Enum):\n    A = 'a'\n    n = enum.nonmember(5)\ndef f(x): return E.n",
        "class E(str, enum.Enum):\n    A = 'a'\n    n = enum.nonmember(6)\ndef f(x): return E.n",
    ),
    "cached method of an enum": (
        "class E(enum.Flag):\n    A = 1\n    @functools.lru_cache\n    def m(self): return 1\ndef f(x): return E",
        "class E(enum.Flag):\n    A = 1\n    @functools.lru_cache\n    def m(self): return 2\ndef f(x): return E",
    ),
    "callable instance": (
        "class A:\n    def __call__(self): return 1\na = A()\ndef f(x): return a()",
        "class A:\n    def __call__(self): return 2\na = A()\ndef f(x): return a()",
    ),
    "bound instance": (
        "class A:\n    def __init__(self, n): self.n = n\n    def m(self): return self.n\nf = A(1).m",
        "class A:\n    def __init__(self, n): self.n = n\n    def m(self): return self.n\nf = A(2).m",
    ),
    "attribute of a function": (
        "def g(): pass\ng.n = 1\ndef f(x): return g.n",
        "def g(): pass\ng.n = 2\ndef f(x): return g.n",
    ),
    "another task": (
        "@task\ndef g(x): return 1\n@task\ndef f(x): return g(x)",
        "@task\ndef g(x): return 2\n@task\ndef f(x): return g(x)",
    ),
    "outputs of another task": (
        "@task(n_outputs=2)\ndef g(x): return 1, 2, 3\n@task\ndef f(x): return g(x)",
        "@task(n_outputs=3)\ndef g(x): return 1, 2, 3\n@task\ndef f(x): return g(x)",
    ),
    "a flow": (
        "@flow\ndef g(x): return 1\n@task\ndef f(x): return g(x)",
        "@flow\ndef g(x): return 2\n@task\ndef f(x): return g(x)",
    ),
    "body of a task": (_TASK, _TASK.replace("x + 1", "x + 2")),
    "trigger": (_TASK, _TASK.replace("retries=1", "trigger='all_done'")),
    "number of outputs": (_TASK, _TASK.replace("retries=1", "n_outputs=2")),
    "skipped inputs": (_TASK, _TASK.replace("retries=1", "skip_on_upstream_skip=False")),
    "version": ("@task(version='1')\ndef f(x): return 1", "@task(version='2')\ndef f(x): return 1"),
    "which module": (
        "import os.path as p\ndef f(x): return p.join",
        "import posixpath, ntpath as p\ndef f(x): return p.join",
    ),
    "import inside": (
        "def f(x):\n    import json\n    return json",
        "def f(x):\n    import csv as json\n    return json",
    ),
    "name that was missing": ("def f(x): return g", "g = 1\ndef f(x): return g"),
}
