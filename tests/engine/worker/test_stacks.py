"""The frames of other threads, while threads begin and end and garbage is collected."""

from __future__ import annotations

import subprocess
import sys
import threading

from wfkit.engine.worker.stacks import frame_of

#: Collections begin all the time and let other threads go on; it ends, or never does.
BUSY = """
import gc, sys, threading, time
from wfkit.engine.worker.stacks import frame_of

def begin_and_end():
    while True:
        thread = threading.Thread(target=int)
        thread.start()
        thread.join()

gc.callbacks.append(lambda phase, info: time.sleep(0))
gc.set_threshold(5)
sys.setswitchinterval(1e-5)
for _ in range(4):
    threading.Thread(target=begin_and_end, daemon=True).start()
for _ in range(20_000):
    assert frame_of(threading.get_ident()) is not None
print(gc.isenabled(), flush=True)
import os
os._exit(0)
"""


def test_a_thread_is_found_and_one_that_has_ended_is_not() -> None:
    began, end = threading.Event(), threading.Event()

    def wait_in_here() -> None:
        began.set()
        end.wait()

    thread = threading.Thread(target=wait_in_here)
    thread.start()
    began.wait()
    frame, names = frame_of(thread.ident or 0), []
    while frame is not None:
        names.append(frame.f_code.co_name)
        frame = frame.f_back
    assert "wait_in_here" in names
    end.set()
    thread.join()
    assert frame_of(thread.ident or 0) is None


def test_a_process_does_not_stand_still_however_often_it_is_asked() -> None:
    ended = subprocess.run([sys.executable, "-c", BUSY], capture_output=True, text=True, timeout=25, check=True)
    assert ended.stdout == "True\n"
