"""The process of one attempt: what it says, that it is gone, and that time has passed."""

from __future__ import annotations

import pickle
import time

import pytest

from wfkit.engine.worker import frames
from wfkit.engine.worker.own_process import Gone, OwnProcess, ProcessDied, TooLate

pytestmark = pytest.mark.timeout(60)


def test_silence_ends_with_the_time() -> None:
    process = OwnProcess(time.monotonic() + 0.1)
    with pytest.raises(TooLate):
        frames.read(process.read_into)
    process.close()


def test_a_killed_process_is_gone_for_reading_and_for_writing_and_can_be_killed_again() -> None:
    process = OwnProcess(time.monotonic() + 20)
    process.kill()
    process.kill()
    with pytest.raises(Gone):
        frames.read(process.read_into)
    with pytest.raises(Gone):
        process.send(frames.parts_of(frames.WORK, bytes(10_000_000)))
    assert process.died().reason == "its process was killed by signal 9 (SIGKILL)"
    process.close()
    process.kill()


def test_a_death_survives_a_pickle() -> None:
    died = pickle.loads(pickle.dumps(ProcessDied("its process ended", "in f")))
    assert (died.reason, died.last_words, str(died)) == ("its process ended", "in f", "its process ended\nin f")
