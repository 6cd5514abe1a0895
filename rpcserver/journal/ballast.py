"""Room kept for the last exits: a file that is given back to the disk when the disk is full."""

from __future__ import annotations

import os
from pathlib import Path

BALLAST_BYTES = 16 * 1024 * 1024
LOW_WATER_BYTES = 4 * BALLAST_BYTES
_CHUNK_BYTES = 1024 * 1024


class Ballast:
    """
    A file of *size* bytes beside the journal.

    Real, incompressible bytes, because a hole or a run of zeros reserves nothing on some file
    systems.
    """

    def __init__(self, path: Path, size: int = BALLAST_BYTES) -> None:
        self._path = path
        self._size = size
        self._is_held = False

    @property
    def is_held(self) -> bool:
        return self._is_held

    def reserve(self) -> bool:
        """Write the file unless it is there. A disk too full for it is no reason not to start."""
        try:
            if not self._path.exists() or self._path.stat().st_size != self._size:
                self._write()
        except OSError:
            self._path.unlink(missing_ok=True)
            self._is_held = False
        else:
            self._is_held = True
        return self._is_held

    def free(self) -> bool:
        """Give the room back. Whether there was any."""
        was_held, self._is_held = self._is_held, False
        self._path.unlink(missing_ok=True)
        return was_held

    def is_low(self, low_water: int) -> bool:
        """Whether the room is spent, or the disk has less than *low_water* bytes left."""
        if not self._is_held:
            return True
        disk = os.statvfs(self._path.parent)
        return disk.f_bavail * disk.f_frsize < low_water

    def _write(self) -> None:
        chunk = os.urandom(_CHUNK_BYTES)
        with self._path.open("wb") as file:
            for start in range(0, self._size, _CHUNK_BYTES):
                file.write(chunk[: self._size - start])
            file.flush()
            os.fsync(file.fileno())
