"""
A read-only file system for one Python process: imported by the interpreter as it starts.

Whatever would be written outside the directory of `WRITABLE` fails as it would on a root file
system that is mounted read-only.
"""

from __future__ import annotations

import errno
import os
import sys

WRITABLE = os.path.realpath(os.environ["WRITABLE"])
DEVICES = ("/dev/", "/proc/self/fd/")
_WRITING = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_APPEND
_CHANGES = {"os.mkdir": 0, "os.remove": 0, "os.rename": 1, "os.rmdir": 0, "os.truncate": 0}


def watch(event: str, args: tuple[object, ...]) -> None:
    """Refuse what a read-only file system would refuse."""
    if event == "open":
        path, _, flags = args[:3]
        if isinstance(flags, int) and flags & _WRITING:
            refuse_elsewhere(path)
    elif event == "sqlite3.connect":
        if ":memory:" not in str(args[0]):
            refuse_elsewhere(str(args[0]).removeprefix("file:").partition("?")[0])
    elif event in _CHANGES:
        refuse_elsewhere(args[_CHANGES[event]])


def refuse_elsewhere(path: object) -> None:
    if not isinstance(path, (str, bytes, os.PathLike)):
        return  # a descriptor that is open already
    real = os.path.realpath(os.fsdecode(path))
    if not (real + "/").startswith(WRITABLE + "/") and not real.startswith(DEVICES):
        raise OSError(errno.EROFS, "read-only file system", real)


sys.addaudithook(watch)
