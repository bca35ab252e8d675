"""Calls: a call of a task with everything it needs frozen, made where the call is made: in the kernel or in a task."""

from __future__ import annotations

import dataclasses
import hashlib
import inspect
import io
import pickle
import string
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from operator import attrgetter
from typing import Any, Final, NamedTuple

from wfkit.authoring.fingerprint import fingerprint_of
from wfkit.authoring.freeze import Frozen, Slot, freeze, hold_constants
from wfkit.authoring.handle import Handle
from wfkit.authoring.mapping import Items, Mapped, Over, positional_names
from wfkit.authoring.options import TaskOptions
from wfkit.authoring.secrets import redacted, redacted_start
from wfkit.authoring.task import Call, Task
from wfkit.authoring.tokens import Tokens
from wfkit.core.events import TOKEN_BYTES, Argument, CodeSpec, Input
from wfkit.core.redaction import HIDDEN, is_secret_name
from wfkit.engine.worker.arguments import arguments_of


@dataclass(frozen=True, slots=True, kw_only=True)
class FrozenCall:
    """One call. Its handles are those of the process it is in."""

    task: str  #: the task's name
    code: bytes  #: the function and its options
    code_id: str
    options: TaskOptions
    mapped: bool
    length: int | None  #: None until it is known
    frozen: Frozen | Sequence[Frozen]  #: the arguments; one for all nodes, or one each
    slots: tuple[Slot, ...] | Sequence[tuple[Slot, ...]]  #: likewise
    wait_for: tuple[Handle, ...]
    overs: tuple[Handle, ...]  #: the handles whose lengths decide this one's
    labels: tuple[str, ...]
    inputs: tuple[Input, ...]  #: digests of the plain values among the arguments
    arguments: tuple[Argument, ...]  #: what people see of them
    spec: CodeSpec  #: what the code means
    chunk: int | None  #: elements in one Dask task; None: as it suits
    max_concurrency: int | None


class Codes:
    """The code of tasks, frozen once: at the first call, however the task is edited later."""

    def __init__(self) -> None:
        self._known: dict[Task[..., object], tuple[bytes, CodeSpec]] = {}

    def of(self, task: Task[..., object]) -> tuple[bytes, CodeSpec]:
        """The bytes, and what they mean."""
        known = self._known.get(task)
        if known is None:
            code = task.frozen_code()
            known = self._known[task] = (code, code_spec(task, hashlib.blake2b(code, digest_size=12).hexdigest()))
        return known


def code_spec(task: Task[..., object], code_id: str = "") -> CodeSpec:
    """What the code of a task means, as it is now."""
    found = fingerprint_of(task)
    return CodeSpec(
        id=code_id,
        task=task.name,
        fingerprint=found.digest,
        unknown=found.unknown,
        parts=found.parts,
        source=_source(task.fn),
    )


def _source(function: Callable[..., object]) -> str:
    try:
        return redacted_start(inspect.getsource(inspect.unwrap(function)), _SOURCE_CHARACTERS)
    except (OSError, TypeError, ValueError):
        return ""


def frozen_call(call: Call, codes: Codes) -> FrozenCall:
    """Freeze a call.

    Raises
    ------
    WfkitError : something in the call cannot travel
    """
    code, spec = codes.of(call.task)
    name = call.task.name
    frozen: Frozen | Sequence[Frozen]
    slots: tuple[Slot, ...] | Sequence[tuple[Slot, ...]]
    if call.mapped is None:
        frozen, slots = freeze((call.args, call.kwargs), name)
    else:
        frozen, slots = _freeze_map(hold_constants(call.mapped, name), name)
    return FrozenCall(
        task=name,
        code=code,
        code_id=spec.id,
        options=call.task.options,
        mapped=call.mapped is not None,
        length=call.mapped.length if call.mapped else 1,
        frozen=frozen,
        slots=slots,
        wait_for=call.wait_for,
        overs=call.mapped.overs if call.mapped else (),
        labels=_labels(call),
        inputs=_inputs(call),
        arguments=arguments_of(call, slots),
        spec=spec,
        chunk=call.chunk,
        max_concurrency=call.max_concurrency,
    )


def _inputs(call: Call) -> tuple[Input, ...]:
    """Digests of the plain values among the arguments, argument by argument."""
    ignored = call.task.options.identity_ignore
    names = positional_names(call.task.signature, len(call.args))
    named = [*zip(names, call.args, strict=True), *call.kwargs.items()]
    tokens = Tokens()
    found = [
        Input(name, _tokens(tokens, value))
        for name, value in named
        if name not in ignored and not isinstance(value, Handle | Over)
    ]
    return (*found, *([Input("", _tokens(tokens, Items(call.keys)))] if call.keys else []))


class Given(NamedTuple):
    """What a flow inside the flow is called with, by which a rerun finds it again."""

    inputs: tuple[Input, ...]
    handles: tuple[Handle, ...]  #: in the order of the inputs, and of their numbers in each


def given_of(arguments: Mapping[str, object]) -> Given:
    """Describe what a flow inside the flow is called with."""
    tokens = Tokens()
    found = {name: tokens.with_handles(value) for name, value in arguments.items()}
    inputs = tuple(Input(name, token or _UNKNOWN) for name, (token, _) in found.items())
    return Given(inputs, tuple(handle for _, handles in found.values() for handle in handles))


def _tokens(tokens: Tokens, value: object) -> bytes:
    if isinstance(value, Items):
        return b"".join([tokens.of(one) or _UNKNOWN for one in value.values])
    return tokens.of(value) or _UNKNOWN


def _freeze_map(mapped: Mapped, task: str) -> tuple[Frozen | list[Frozen], tuple[Slot, ...] | list[tuple[Slot, ...]]]:
    if mapped.shared:
        return freeze((mapped.args, mapped.kwargs), task)
    pairs = [freeze(mapped.element(index), task) for index in range(mapped.length or 0)]
    slots = [slots for _, slots in pairs]
    same = all(one == slots[0] for one in slots[1:])
    return [frozen for frozen, _ in pairs], (slots[0] if slots and same else slots)


def _labels(call: Call) -> tuple[str, ...]:
    """One name per node from the `task_run_name` template; parameters without a plain value show as their handle."""
    template = call.task.options.task_run_name
    if not template or (call.mapped is not None and call.mapped.length is None):
        return ()
    signature = call.task.signature
    elements = [(call.args, call.kwargs)]
    if call.mapped is not None:
        elements = [call.mapped.element(index) for index in range(call.mapped.length or 0)]
    return tuple(
        redacted(_Lenient().vformat(template, (), dict(signature.bind(*args, **kwargs).arguments)))
        for args, kwargs in elements
    )


_LABEL_CHARACTERS: Final = 100
_SOURCE_CHARACTERS: Final = 20_000
_UNKNOWN: Final = bytes(TOKEN_BYTES)


class _Lenient(string.Formatter):
    """Formats a template, without secrets; what is not known yet, or cannot be formatted so, stays as its name."""

    def get_field(self, field_name: str, args: Sequence[Any], kwargs: Mapping[str, Any]) -> tuple[Any, str]:
        try:
            value, name = super().get_field(field_name, args, kwargs)
        except (LookupError, AttributeError, ValueError):
            return f"{{{field_name}}}", field_name
        if is_secret_name(field_name.rstrip("]")):
            return HIDDEN, str(name)
        return (f"{{{field_name}}}" if isinstance(value, Handle | Over) else value), str(name)

    def format_field(self, value: Any, format_spec: str) -> Any:
        try:
            return redacted(str(super().format_field(value, format_spec)))[:_LABEL_CHARACTERS]
        except Exception:  # noqa: BLE001 - the user's __format__, or a spec that does not fit
            return redacted(str(value))[:_LABEL_CHARACTERS] if isinstance(value, str) else f"<{type(value).__name__}>"


#: What a handle is while it travels: group, element, item, whether it is mapped, and its number of outputs.
HandleFacts = tuple[str, int | None, int | None, bool, int | None]


def facts_of(handle: Handle) -> HandleFacts:
    """What a handle stands for, without its source."""
    ref = handle._ref
    return (ref.group, ref.index, ref.item, handle._mapped, handle._n_outputs)


class _Packer(pickle.Pickler):
    """Handles travel as facts; the receiver makes handles of its own."""

    def persistent_id(self, value: object) -> HandleFacts | None:
        return facts_of(value) if type(value) is Handle else None


def pack(thing: object) -> bytes:
    """Pickle something of ours that holds handles of the sender's process."""
    file = io.BytesIO()
    _Packer(file, protocol=5).dump(thing)
    return file.getvalue()


def unpack(packed: bytes, handle: Callable[[HandleFacts], Handle]) -> Any:
    """Read what was packed, with the receiver's handles in the places of the sender's."""
    unpickler = pickle.Unpickler(io.BytesIO(packed))  # noqa: S301 - from our own worker
    unpickler.persistent_load = handle  # type: ignore[method-assign]  # the ids are facts, as `_Packer` gave them
    return unpickler.load()


class Code(NamedTuple):
    """What the calls of a task have in common, of which the driver is told once."""

    pickled: bytes
    options: TaskOptions
    spec: CodeSpec


def code_of(call: FrozenCall) -> Code:
    """The code of a call for the driver, which must not load user code: without the functions among the options."""
    plain = dataclasses.replace(
        call.options, retry_delay_seconds=0.0, retry_on=(), retry_condition_fn=None, cache_key_fn=None
    )
    return Code(call.code, plain, call.spec)


#: What is told of each call.
_OWN: Final = tuple(
    field.name for field in dataclasses.fields(FrozenCall) if field.name not in {"code", "options", "spec"}
)
_own: Final = attrgetter(*_OWN)


def pack_call(call: FrozenCall) -> bytes:
    """Pickle what a call does not have in common with others of its task."""
    return pack(_own(call))


def unpack_call(packed: bytes, codes: Mapping[str, Code], handle: Callable[[HandleFacts], Handle]) -> FrozenCall:
    """Read what `pack_call` gave.

    Parameters
    ----------
    packed : bytes
    codes : mapping
        By their id.
    handle : callable
        The receiver's handle for one of the sender's.
    """
    own = dict(zip(_OWN, unpack(packed, handle), strict=True))
    code = codes[own["code_id"]]
    return FrozenCall(code=code.pickled, options=code.options, spec=code.spec, **own)
