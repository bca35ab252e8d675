"""Meaning: a walk over all that a piece of code refers to, which leaves a node for each thing of the user's own.

Functions, classes and plain values of the notebook and of local modules are followed; of a local module, what the code
takes from it. Installed libraries count by name and version, the standard library by the version of Python.
"""

from __future__ import annotations

import functools
import sys
from collections import deque
from collections.abc import Callable, Mapping
from types import CellType, CodeType, FunctionType, ModuleType
from typing import Final, Protocol, cast

from wfkit.authoring import classes, sources
from wfkit.authoring.bytecode import meaning_of
from wfkit.authoring.contents import PLAIN, Contents, Unhashable, part, plain
from wfkit.authoring.handle import Handle
from wfkit.authoring.locality import MAIN, is_local, is_standard, library_of
from wfkit.authoring.lookups import Import, Path, global_lookups, imports_in
from wfkit.authoring.pieces import is_plain_builtin
from wfkit.authoring.secrets import redacted
from wfkit.authoring.unfolding import Node, quoted
from wfkit.core.redaction import is_secret_name

BODY: Final = "body of "  #: how the label of the task's own function begins
UNKNOWN: Final = "?"
_SETS: Final = (set, frozenset)
_SHOWN: Final = 40  #: characters of a plain value in words
_MAKER: Final = "__getattr__"  #: what a module calls for names that it does not have
#: The code of every function that `functools.singledispatch` makes, and what it keeps in one beside the registry.
_DISPATCHER: Final = cast("FunctionType", functools.singledispatch(len)).__code__
_OF_DISPATCHERS: Final = frozenset({"_clear_cache", "dispatch", "register"})


class Meaningful(Protocol):
    """Something of ours that says itself what of it counts."""

    name: str

    def __wfkit_meaning__(self) -> tuple[object, ...]:
        """What a fingerprint is made of, the code first."""


class Walk:
    """A walk.

    Attributes
    ----------
    nodes : list of Node
        All that was met, the nearest first.
    unknown : str
        What of it cannot be hashed, in words; empty where all can.
    """

    def __init__(self) -> None:
        self.nodes: list[Node] = []
        self.unknown = ""
        #: Nodes by the id of what they stand for, which is kept alive with them.
        self._known: dict[object, tuple[Node, object]] = {}
        self._waiting: deque[tuple[Node, Callable[[Node], bytes]]] = deque()

    def finish(self) -> None:
        """Follow everything that was met."""
        while self._waiting:
            node, describe = self._waiting.popleft()
            try:
                node.data = describe(node)
            except Unhashable as error:
                self._lost(node, error.why)
            except Exception as error:  # noqa: BLE001 - the user's objects answer in ways of their own
                self._lost(node, type(error).__name__)

    def _lost(self, node: Node, why: str) -> None:
        node.shown = UNKNOWN
        self.unknown = self.unknown or f"`{node.name}` cannot be hashed: {why}"

    def start(self, label: str, describe: Callable[[Node], bytes]) -> Node:
        """The node that all begins with."""
        return self._node(label, None, label, describe)

    def code(self, node: Node, value: object, label: str) -> bytes:
        """Refer to a callable that was given a name; what stands for it in the node's data."""
        if isinstance(value, FunctionType) and is_local(value):
            return node.link(self._function_node(value, label))
        return self.value(node, value, label)

    def value(self, node: Node, value: object, label: str) -> bytes:
        """Refer to a value that was given a name; what stands for it in the node's data."""
        linked = None if type(value) in _SETS else self._link(node, value, label)
        if linked is not None:
            return linked
        shown = ascii(value) if type(value) in PLAIN else "?" * _SHOWN
        if len(shown) < _SHOWN:
            key: object = (label, shown)
        else:
            key, shown = id(value), ""
        if is_secret_name(quoted(label)) or redacted(shown) != shown:
            shown = ""
        return node.link(self._node(key, value, label, self._contents(value), shown=shown))

    def _contents(self, value: object) -> Callable[[Node], bytes]:
        return lambda node: Contents(functools.partial(self._link, node), ordered=True).write(value)

    def _node(
        self,
        key: object,
        thing: object,
        label: str,
        describe: Callable[[Node], bytes],
        *,
        shown: str = "",
        bag: bool = False,
    ) -> Node:
        """The node of a thing, made when it is first met."""
        if key not in self._known:
            node = Node(label, shown=shown, bag=bag)
            self.nodes.append(node)
            self._known[key] = (node, thing)
            self._waiting.append((node, describe))
        return self._known[key][0]

    def _link(self, node: Node, value: object, label: str = "") -> bytes | None:  # noqa: PLR0911 - one return a kind
        """What stands for a thing that has a node of its own, or a name; None for what counts by its contents."""
        if isinstance(value, Handle):
            raise Unhashable("it is a handle")
        if isinstance(value, FunctionType):
            return self._function(node, value, label)
        if isinstance(value, type):
            return self._class(node, value, label)
        if isinstance(value, ModuleType):
            if not is_local(value):
                return self._named(node, value.__name__, "")
            return node.link(self._module_node(value))
        if hasattr(type(value), "__wfkit_meaning__"):
            return self._ours(node, cast("Meaningful", value))
        if isinstance(value, CodeType):
            return self.compiled(node, value)
        if type(value) in _SETS:
            describe = functools.partial(self._bag, cast("set[object]", value))
            return node.link(self._node(("bag", id(value)), value, f"set in {node.label}", describe, bag=True))
        if is_plain_builtin(value):
            return self._named(node, str(getattr(value, "__module__", None) or "builtins"), _qualname(value))
        return None

    def _ours(self, node: Node, value: Meaningful) -> bytes:
        def describe(own: Node) -> bytes:
            first, *rest = value.__wfkit_meaning__()
            code = self.code(own, first, f"helper `{value.name}`")
            return part(b"ours", code, self._contents(tuple(rest))(own))

        label = f"{type(value).__name__.lower()} `{value.name}`"
        return node.link(self._node(id(value), value, label, describe))

    def _bag(self, items: set[object], node: Node) -> bytes:
        for item in items:
            node.links.append(self._node(("item", id(item)), item, f"item of {node.label}", self._contents(item)))
        return part(type(items).__name__.encode(), b"%d" % len(items))

    # --- names ---

    def _named(self, node: Node, module: str, qualname: str) -> bytes:
        """What stands for something of a library, or of Python itself."""
        return part(b"name", module.encode(), qualname.encode(), self.library(node, module))

    def library(self, node: Node, module: str) -> bytes:
        """Refer to the library that a module belongs to; what stands for it in the node's data."""
        if is_standard(module):
            return b""
        name, version = library_of(module)
        return self.fact(node, f"library {name}", version or "of no version")

    def fact(self, node: Node, label: str, shown: str) -> bytes:
        """Refer to something that a short text says all of."""
        return node.link(self._node((label, shown), None, label, lambda _: shown.encode(), shown=shown))

    # --- classes and functions ---

    def _class(self, node: Node, cls: type, label: str) -> bytes:
        if not is_local(cls):
            return self._named(node, cls.__module__, cls.__qualname__)
        label = f"class `{quoted(label) or _called(cls.__module__, cls.__qualname__)}`"
        return node.link(self._node(id(cls), cls, label, functools.partial(classes.described, self, cls)))

    def _function(self, node: Node, function: FunctionType, label: str) -> bytes:
        if not is_local(function) and _is_importable(function):
            return self._named(node, str(function.__globals__.get("__name__")), function.__qualname__)
        name = quoted(label) or _called(str(function.__globals__.get("__name__", "")), function.__qualname__)
        return node.link(self._function_node(function, f"helper `{name}`"))

    def _function_node(self, function: FunctionType, label: str) -> Node:
        return self._node(id(function), function, label, functools.partial(self._described, function))

    def _described(self, function: FunctionType, node: Node) -> bytes:
        """The data of a function's node: its bytecode, and what stands for all that it refers to."""
        name = node.name
        of = "" if node.label.startswith(BODY) else f" of `{name}`"
        if is_local(function):
            written = [self.compiled(node, function.__code__, function.__globals__)]
        else:  # made by a library around something else
            module = str(function.__globals__.get("__name__"))
            written = [self._named(node, module, function.__code__.co_qualname)]
        for parameter, default in _defaults(function):
            written += [parameter.encode(), self.value(node, default, f"default of `{parameter}`{of}")]
        dispatches = function.__code__ is _DISPATCHER  # its closure remembers whom it has called
        cells = () if dispatches else zip(function.__code__.co_freevars, function.__closure__ or (), strict=True)
        for enclosed, cell in cells:
            written += [enclosed.encode(), self._cell(node, cell, f"enclosed variable `{enclosed}`{of}")]
        for key, item in sorted(function.__dict__.items()):
            if key != "__wrapped__" and not (dispatches and key in _OF_DISPATCHERS):
                written += [key.encode(), self.value(node, item, f"attribute `{name}.{key}`")]
        return part(b"function", *written)

    def _cell(self, node: Node, cell: CellType, label: str) -> bytes:
        try:
            value = cell.cell_contents
        except ValueError:
            return b"empty"
        return self.value(node, value, label)

    def compiled(self, node: Node, code: CodeType, space: Mapping[str, object] | None = None) -> bytes:
        """What code does, with what stands for all that it takes from its module and imports itself."""
        written = [meaning_of(code, Contents(lambda _: None, ordered=True).write)]
        names = {} if space is None else space
        for name, paths in sorted(global_lookups(code).items()):
            if name in names:
                written += [name.encode(), self._global(node, names[name], name, paths, str(names.get("__name__", "")))]
        for one in imports_in(code):
            written.append(self._import(node, one, str(names.get("__package__") or "")))
        return part(b"code", *written)

    def _global(self, node: Node, value: object, name: str, paths: set[Path], module: str) -> bytes:
        """What stands for a name of a module, or for what is taken from the local module that it is."""
        if isinstance(value, ModuleType) and is_local(value) and () not in paths:
            taken = sorted(paths)
            return part(b"taken", *(part(".".join(path).encode(), self._taken(node, value, path)) for path in taken))
        return self.value(node, value, f"global `{_called(module, name)}`")

    def _taken(self, node: Node, module: ModuleType, path: Path) -> bytes:
        """What stands for an attribute of a local module, reached over other modules or not."""
        name, *rest = path
        if name not in vars(module):  # which may make it when it is asked for
            name, rest = _MAKER, []
        if name not in vars(module):
            return b"missing"
        value = vars(module)[name]
        return self._global(node, value, name, {tuple(rest)}, module.__name__)

    # --- modules ---

    def _module_node(self, module: ModuleType) -> Node:
        return self._node(id(module), module, f"module `{module.__name__}`", functools.partial(self._whole, module))

    def _whole(self, module: ModuleType, node: Node) -> bytes:
        """The data of a local module that code uses in a way that does not tell what it takes from it."""
        names = sorted(
            name for name in vars(module) if name == _MAKER or not (name.startswith("__") and name.endswith("__"))
        )
        taken = [part(name.encode(), self._taken(node, module, (name,))) for name in names]
        return part(b"module", *taken)

    def _import(self, node: Node, one: Import, package: str) -> bytes:
        """What stands for a module that code imports when it runs: that is read from its file then."""
        found = [self._imported(node, name) for name in sources.imported_names(one, package)]
        return part(b"import", *found)

    def _imported(self, node: Node, name: str) -> bytes:
        if is_standard(name):
            return plain(name)
        file = sources.local_source(name)
        if file is None:
            return part(b"library", plain(name), self.library(node, name))
        describe = functools.partial(self._source, name, file)
        return node.link(self._node(("source", name), None, f"module `{name}`", describe))

    def _source(self, name: str, file: str, node: Node) -> bytes:
        code, package = sources.compiled_source(name, file)
        return self.compiled(node, code, {"__package__": package})


def _called(module: str, name: str) -> str:
    return name if module in MAIN or not module else f"{module}.{name}"


def _qualname(value: object) -> str:
    return str(getattr(value, "__qualname__", ""))


def _defaults(function: FunctionType) -> list[tuple[str, object]]:
    code = function.__code__
    positional = code.co_varnames[: code.co_argcount]
    given = function.__defaults__ or ()
    named = zip(positional[len(positional) - len(given) :], given, strict=True)
    return [*named, *sorted((function.__kwdefaults__ or {}).items())]


def _is_importable(function: FunctionType) -> bool:
    found: object = sys.modules.get(str(function.__globals__.get("__name__")))
    for name in function.__qualname__.split("."):
        found = getattr(found, name, None)
    return found is function
