"""By hand: a value that takes the place of a node's own in a rerun; pickled when it is given, so that it can travel."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Self

from wfkit.authoring.culprit import culprit
from wfkit.authoring.freeze import Frozen, freeze
from wfkit.authoring.handle import Handle
from wfkit.engine.worker.outcome import dump_value
from wfkit.engine.worker.result import Checked, check_result
from wfkit.errors import HandleMisuse, NotPicklable


@dataclass(frozen=True, slots=True)
class ByHand:
    """A value as it was when it was given."""

    checked: Checked
    frozen: Frozen | None  #: what the cluster is to hold; None where the value is small and travels with its users

    @classmethod
    def of(cls, value: object, name: str) -> Self:
        """Take a value for the node of a name.

        Raises
        ------
        HandleMisuse : it is a handle
        NotPicklable : it cannot be sent to a worker; the message names the part that cannot
        """
        if isinstance(value, Handle):
            raise HandleMisuse(
                f"`replace` gives `{name}` the handle `{value.name}`, which is not a value.", "Give its `.result()`."
            )
        try:
            checked = replace(check_result(value, name), pickled=None)
            return cls(checked, freeze(((value,), {}), name)[0] if checked.inline is None else None)
        except NotPicklable as error:
            found = culprit(value, dump_value)
            part = "" if found is None else f": `value{found.path}` is {found.told}"
            raise NotPicklable(
                f"`replace` gives `{name}` a value that cannot be sent to a worker{part}.",
                "Give what it is made from, such as list(...) of a generator.",
            ) from error.__cause__  # that of a task says that it returned the value
