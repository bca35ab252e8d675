"""Confined: a process that from now on may look, but not write, delete or connect, and has a limit for all it takes."""

from __future__ import annotations

import ctypes
import os
import resource
import signal
import struct
from contextlib import suppress
from typing import Any, Final

_PR_SET_NO_NEW_PRIVS: Final = 38
#: From <linux/landlock.h>; the numbers are the same on all machines.
_CREATE_RULESET: Final = 444
_ADD_RULE: Final = 445
_RESTRICT_SELF: Final = 446
_CREATE_RULESET_VERSION: Final = 1
_RULE_PATH_BENEATH: Final = 1
#: Bits of rights to files by the version in which the kernel came to know them: all that change something.
_WRITE_FILE: Final = 1 << 1
_CHANGES: Final = sum(1 << bit for bit in range(4, 13))  # remove and make, of all kinds
_REFER, _REFER_VERSION = 1 << 13, 2
_TRUNCATE, _TRUNCATE_VERSION = 1 << 14, 3
_NETWORK, _NETWORK_VERSION = 0b11, 4  # bind and connect


def confine(scratch: str = "") -> bool:
    """Take the rights to change files and to connect from this process and all that it starts, for good.

    Parameters
    ----------
    scratch : str
        A folder in which they may change files all the same; they may throw away what they want then, too.

    Returns
    -------
    bool : whether the kernel knows how (Linux 5.13, if it is not turned off)
    """
    libc: Any = ctypes.CDLL(None, use_errno=True)
    version = libc.syscall(_CREATE_RULESET, None, ctypes.c_size_t(0), ctypes.c_uint32(_CREATE_RULESET_VERSION))
    if version < 1:
        return False
    files = _WRITE_FILE | _CHANGES
    files |= _REFER if version >= _REFER_VERSION else 0
    files |= _TRUNCATE if version >= _TRUNCATE_VERSION else 0
    words = [files, _NETWORK] if version >= _NETWORK_VERSION else [files]
    handled = (ctypes.c_uint64 * len(words))(*words)
    rules = libc.syscall(_CREATE_RULESET, ctypes.byref(handled), ctypes.c_size_t(8 * len(words)), ctypes.c_uint32(0))
    if rules < 0:
        return False
    try:
        if scratch:
            _allow(libc, rules, scratch, files)
            _allow(libc, rules, os.devnull, files & (_WRITE_FILE | _TRUNCATE))
        libc.prctl(_PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)
        return bool(libc.syscall(_RESTRICT_SELF, rules, ctypes.c_uint32(0)) == 0)
    finally:
        os.close(rules)


def _allow(libc: Any, rules: int, path: str, rights: int) -> None:
    descriptor = os.open(path, os.O_PATH)
    try:
        rule = struct.pack("=Qi", rights, descriptor)
        libc.syscall(_ADD_RULE, ctypes.c_int(rules), _RULE_PATH_BENEATH, ctypes.c_char_p(rule), ctypes.c_uint32(0))
    finally:
        os.close(descriptor)


def limit_memory(more_bytes: int, *, for_good: bool = True) -> None:
    """Let this process take no more memory than this in addition to what it has; what it starts may lift that if not
    `for_good`.
    """
    with suppress(OSError, ValueError):
        pages = int(open("/proc/self/statm", encoding="ascii").read().split()[5])  # noqa: PTH123, SIM115 - of no file
        most = pages * resource.getpagesize() + more_bytes
        _, hard = resource.getrlimit(resource.RLIMIT_DATA)
        resource.setrlimit(resource.RLIMIT_DATA, (most, most if for_good else hard))


def limit_time(processor_s: float) -> None:
    """Have this process die (SIGPROF) when it has computed for so long from now on."""
    signal.signal(signal.SIGPROF, signal.SIG_DFL)
    signal.setitimer(signal.ITIMER_PROF, processor_s)
