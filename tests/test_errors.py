"""Every error has a code that stays, says what to do, and travels between worker and kernel."""

from __future__ import annotations

import inspect
import pickle

import pytest

from wfkit import errors
from wfkit.errors import MapFailed, NoSuchNode, WfkitError

CLASSES = [cls for cls in vars(errors).values() if inspect.isclass(cls) and issubclass(cls, WfkitError)]


def test_every_error_has_a_code_of_its_own() -> None:
    codes = [cls.code for cls in CLASSES]
    assert len(set(codes)) == len(codes)
    assert all(code.startswith("wfkit.") for code in codes)


@pytest.mark.parametrize("cls", CLASSES)
def test_an_error_survives_a_pickle(cls: type[WfkitError]) -> None:
    error = pickle.loads(pickle.dumps(cls("`clean[3]` is gone.", "Run it again.")))
    assert type(error) is cls
    assert (error.what, error.fix) == ("`clean[3]` is gone.", "Run it again.")
    assert str(error) == "`clean[3]` is gone. Run it again."


def test_an_error_without_a_remedy_ends_with_what_happened() -> None:
    assert str(WfkitError("It rained.")) == "It rained."


def test_the_repr_of_an_error_shows_what_it_says() -> None:
    assert repr(WfkitError("It rained.")) == "WfkitError('It rained.')"
    assert repr(NoSuchNode("It rained.", "Wait.")) == "NoSuchNode('It rained.', 'Wait.')"
    assert repr(errors.WaitTimeout("It rained.")) == "WaitTimeout('It rained.')"


@pytest.mark.parametrize("cls", [WfkitError, MapFailed, errors.FlowFailed])
def test_words_of_others_at_the_end_may_have_a_full_stop(cls: type[WfkitError]) -> None:
    assert str(cls("2 of 3 failed: a[0]: ValueError: no.. ".strip())) == "2 of 3 failed: a[0]: ValueError: no."
    assert str(cls("It waited...")) == "It waited..."


def test_a_failed_map_keeps_its_count_and_its_first_failures() -> None:
    error = pickle.loads(pickle.dumps(MapFailed("3 of 9 failed.", "", 3, ("a[0]: ValueError: no",))))
    assert (error.count, error.first) == (3, ("a[0]: ValueError: no",))


def test_an_unknown_name_is_told_in_words_not_as_the_repr_of_a_key() -> None:
    assert str(NoSuchNode("There is no node `x`.")) == "There is no node `x`."


def test_errors_can_be_caught_as_the_builtin_that_they_are() -> None:
    assert issubclass(errors.HandleMisuse, TypeError)
    assert issubclass(errors.BadParameter, ValueError)
    assert issubclass(errors.WaitTimeout, TimeoutError)
    assert issubclass(errors.NoSuchNode, KeyError)
