"""
`python -m tests.acceptance.ill_disk serve …`: the real program on a disk that is full, or lies.

`DISK_ILLNESS` says how. `sync:N`: the sync of the N-th commit fails, and what it wrote is there all
the same, as a kernel may leave it. `full`: SQLite itself finds no page more, for as long as the
ballast takes up the room. No privilege and no file system of its own is needed for either, and no
line of the program knows of them; what neither shows is what a real disk does to its other pages,
for which there is `tests/journal/test_power_cut.py`.
"""

from __future__ import annotations

import os
import sqlite3
import sys
from pathlib import Path
from unittest.mock import patch

from rpcserver.cli.main import main
from rpcserver.journal.writer import BatchConnection

ILLNESS_VARIABLE = "DISK_ILLNESS"
_ENDLESS = 2**31


class LyingDisk(BatchConnection):
    """The sync of one commit fails."""

    fails_at = int(os.environ.get(ILLNESS_VARIABLE, "").partition(":")[2] or 0)
    commits = 0

    def commit(self) -> None:
        super().commit()
        LyingDisk.commits += 1
        if LyingDisk.commits == self.fails_at:
            failed = sqlite3.OperationalError("disk I/O error")
            failed.sqlite_errorcode = sqlite3.SQLITE_IOERR_FSYNC
            raise failed


class FullDisk(BatchConnection):
    """There is room for so many pages as there are, until the ballast is given back."""

    def commit(self) -> None:
        [(_, _, database)] = self.execute("PRAGMA database_list").fetchall()
        is_full = Path(f"{database}.ballast").exists()
        self.execute(f"PRAGMA max_page_count = {1 if is_full else _ENDLESS}")
        super().commit()


if __name__ == "__main__":
    kind = FullDisk if os.environ[ILLNESS_VARIABLE] == "full" else LyingDisk
    with patch("rpcserver.journal.sqlite.open_writer") as opened:
        from rpcserver.journal.writer import open_writer

        opened.side_effect = lambda path, _: open_writer(path, kind)
        sys.exit(main(sys.argv[1:]))
