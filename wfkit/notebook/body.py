"""The body of a `%%flow` cell as a thing of its own: its names, and how it runs again in a private namespace."""

from __future__ import annotations
import __future__

import ast
import asyncio
import builtins
import dis
import inspect
import linecache
from collections.abc import Mapping
from dataclasses import dataclass
from types import CodeType
from typing import Any, Final, cast

from wfkit.authoring.lookups import caught_lookups
from wfkit.errors import BadFlow, BadParameter

#: Holds the value of the last expression while a body runs in a private namespace.
LAST_VALUE: Final = "__wfkit_last_value__"
#: What IPython puts in place of `!` and `%` lines; nobody's variable.
_GET_IPYTHON: Final = "get_ipython"
_FUTURE_FLAGS: Final = sum({getattr(__future__, name).compiler_flag for name in __future__.all_feature_names})
_COMPREHENSIONS: Final = frozenset({"<listcomp>", "<setcomp>", "<dictcomp>", "<genexpr>"})
_BINDS: Final = frozenset({"STORE_NAME", "DELETE_NAME"})
_BINDS_GLOBAL: Final = frozenset({"STORE_GLOBAL", "DELETE_GLOBAL"})
_READS: Final = frozenset({"LOAD_NAME", "LOAD_GLOBAL", "LOAD_FROM_DICT_OR_GLOBALS"})


@dataclass(frozen=True, slots=True)
class CellBody:
    """The body of a flow cell, as executed last.

    Line numbers are those of the cell as the user sees it: line 1 is the magic line.
    """

    name: str  #: of the flow
    source: str  #: the whole cell as typed
    python: str  #: the same lines as IPython hands them to Python, without `!` and `%`
    filename: str  #: the name that frames of this code carry
    code: CodeType
    has_last_expression: bool  #: whether the body ends in an expression, whose value is the flow's result
    parameters: Mapping[str, str]  #: name -> expression, in the order given
    assigned: Mapping[str, int]  #: name bound (or deleted) at top level -> first line that does so
    #: Names the body may read from the notebook, those of builtins included. A name that the body may bind itself
    #: before it reads it (in a branch, a loop, a function) can stand both here and in `assigned`.
    free: frozenset[str]

    @classmethod
    def of(
        cls,
        tree: ast.Module,
        *,
        name: str,
        source: str,
        python: str,
        filename: str,
        parameters: Mapping[str, str],
        flags: int = 0,
    ) -> CellBody:
        """Make a body from the statements of its cell (the magic line left out).

        Parameters
        ----------
        flags : int
            The compiler flags of the notebook; only those of `from __future__` count.

        Raises
        ------
        SyntaxError : what Python says about it, such as a `return` outside a function
        """
        last = tree.body[-1] if tree.body else None
        statements: list[ast.stmt] = list(tree.body)
        if isinstance(last, ast.Expr):
            target = ast.Name(LAST_VALUE, ast.Store())
            statements[-1] = ast.copy_location(ast.Assign([target], last.value), last)
        module = ast.fix_missing_locations(ast.Module(statements, []))
        flags = flags & _FUTURE_FLAGS | ast.PyCF_ALLOW_TOP_LEVEL_AWAIT
        code = cast("CodeType", compile(module, filename, "exec", flags, dont_inherit=True))
        names = _Names()
        names.scan(code)
        names.finish()
        return cls(
            name=name,
            source=source,
            python=python,
            filename=filename,
            code=code,
            has_last_expression=isinstance(last, ast.Expr),
            parameters=dict(parameters),
            assigned=names.assigned,
            free=frozenset(names.free),
        )

    def check(self, *, named: bool = True) -> None:
        """Refuse a body that binds one of its parameters, or the name of the flow.

        Parameters
        ----------
        named : bool
            Whether the flow's name was given by the user, and so is bound in the notebook.

        Raises
        ------
        BadParameter : a parameter is assigned
        BadFlow : the flow's name is assigned
        """
        for parameter in self.parameters:
            if parameter in self.assigned:
                raise BadParameter(
                    f"`{parameter}` is a parameter of `{self.name}`, but line {self.assigned[parameter]} binds it.",
                    fix="Use another name there.",
                )
        if named and self.name in self.assigned:
            raise BadFlow(
                f"`{self.name}` is the name of the flow, but line {self.assigned[self.name]} binds it.",
                fix="Use another name for one of them.",
            )

    def evaluate(self, namespace: dict[str, Any]) -> dict[str, Any]:
        """Evaluate the parameters' expressions in the notebook's namespace.

        Raises
        ------
        BadParameter : an expression raised
        """
        values = {}
        for name, expression in self.parameters.items():
            try:
                code = compile(expression, f"<-p {name}>", "eval", dont_inherit=True)
                values[name] = eval(code, namespace)  # noqa: S307 - code of the notebook, as its cells are
            except Exception as error:
                raise BadParameter(f"`-p {name}={expression}`: {type(error).__name__}: {error}") from error
        return values

    def missing(self, namespace: Mapping[str, Any]) -> list[str]:
        """Names the body reads that nobody provides, in alphabetical order."""
        known = namespace.keys() | self.assigned.keys() | self.parameters.keys()
        read = self.free - caught_lookups(self.code)
        return sorted(name for name in read if name not in known and not hasattr(builtins, name))

    def bound(self, namespace: Mapping[str, Any]) -> dict[str, Any]:
        """Pick what the body bound at top level out of the namespace it ran in, in order of the lines."""
        return {name: namespace[name] for name in self.assigned if name in namespace}

    def line_of(self, error: BaseException) -> int | None:
        """Find the line of the body at which an exception came out of it."""
        trace = error.__traceback__
        while trace is not None:
            if trace.tb_frame.f_code.co_filename == self.filename and trace.tb_frame.f_code.co_name == "<module>":
                return trace.tb_lineno
            trace = trace.tb_next
        return None

    def remember_source(self) -> None:
        """Let tracebacks and `inspect` find the lines of the cell."""
        if self.filename not in linecache.cache:
            lines = self.python.splitlines(keepends=True)
            linecache.cache[self.filename] = (len(self.python), None, lines, self.filename)

    def run_private(self, namespace: Mapping[str, Any], parameters: Mapping[str, Any]) -> tuple[dict[str, Any], Any]:
        """Run the body to its end in the calling thread, in a copy of a namespace.

        Parameters
        ----------
        namespace : mapping
            The notebook's namespace; nothing is bound in it.
        parameters : mapping
            Name -> value; all of them, as `evaluate` gives them or as the caller wants them.

        Returns
        -------
        The namespace after the body, and the value of its last expression.

        Raises
        ------
        BadFlow : the body awaits, and an event loop already runs in this thread
        BaseException : whatever the body raises
        """
        self.remember_source()
        private = {**namespace, **parameters}
        if callable(get_ipython := private.get(_GET_IPYTHON)):
            shell = _PrivateShell(get_ipython(), private)
            private[_GET_IPYTHON] = lambda: shell
        if self.code.co_flags & inspect.CO_COROUTINE:
            self._check_no_loop()
            asyncio.run(eval(self.code, private))  # noqa: S307 - code of the notebook, as its cells are
        else:
            exec(self.code, private)  # noqa: S102 - the same
        if callable(get_ipython):
            private[_GET_IPYTHON] = get_ipython
        return private, private.pop(LAST_VALUE, None)

    def _check_no_loop(self) -> None:
        try:
            asyncio.get_running_loop()
        except RuntimeError:
            return
        raise BadFlow(
            f"The body of `{self.name}` uses `await`, and an event loop already runs in this thread.",
            fix=f"Call `{self.name}.start()`, or call it from another thread.",
        )


class _PrivateShell:
    """The shell as a private run sees it: `!cmd` prints to `sys.stdout`, `user_ns` is the private namespace."""

    def __init__(self, shell: Any, namespace: dict[str, Any]) -> None:
        self._shell = shell
        self.user_ns = namespace

    def __getattr__(self, name: str) -> Any:
        # The shell's own method is handed out, since it looks for `$name` in the frame that calls it. Not `system`:
        # in a terminal that one writes past `sys.stdout`.
        return getattr(self._shell, "system_piped" if name == "system" else name)


class _Names:
    """Collects from compiled code which names of the notebook it binds and reads.

    Compiled code has every form of binding (`for`, `import`, `with`, `except`, `:=`, `match`, `def`, …) in the same
    four instructions, with the scopes already worked out.
    """

    def __init__(self) -> None:
        self.assigned: dict[str, int] = {}
        self.free: set[str] = set()
        self._later: set[str] = set()

    def finish(self) -> None:
        """Count what functions read: they run later, when all names of the body may be bound."""
        self.free |= {name for name in self._later if name not in self.assigned}
        for special in (LAST_VALUE, _GET_IPYTHON):
            self.assigned.pop(special, None)
            self.free.discard(special)
        self.free = {name for name in self.free if not (name.startswith("__") and name.endswith("__"))}

    def scan(self, code: CodeType, *, later: bool = False, in_class: bool = False) -> None:
        own: set[str] = set()  # names of a class body
        for instruction in dis.get_instructions(code):
            name, operation = instruction.argval, instruction.opname
            if operation in _BINDS and in_class:
                own.add(name)
            elif operation in _BINDS or operation in _BINDS_GLOBAL:
                line = instruction.positions.lineno if instruction.positions else None
                self.assigned.setdefault(name, line or code.co_firstlineno)
            elif operation in _READS and name not in own:
                self._read(name, later=later)
            elif isinstance(name, CodeType):
                is_class = not name.co_flags & inspect.CO_OPTIMIZED
                runs_now = is_class or name.co_name in _COMPREHENSIONS
                self.scan(name, later=later or not runs_now, in_class=is_class)

    def _read(self, name: str, *, later: bool) -> None:
        if later:
            self._later.add(name)
        elif name not in self.assigned:
            self.free.add(name)
