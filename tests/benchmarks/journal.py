"""
Durable appends a second, beside what the same disk syncs a second.

    python -m tests.benchmarks.journal [--rounds 3] [--seconds 1.0] [--directory DIR]

Figures of one machine say little; the ratio of two taken in the same minute says more. The rounds
alternate disk and journal, and the middle one is told.
"""

from __future__ import annotations

import argparse
import os
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory

import anyio

from rpcserver.core.records import Record
from rpcserver.journal.sqlite import SqliteJournal, open_journal
from tests.journal.stories import Story

BATCHES = (1, 100, 1_000)
BLOCK_BYTES = 4096


def syncs_a_second(directory: Path, seconds: float) -> float:
    """How often the disk makes one overwritten block durable: the floor under every commit."""
    file = os.open(directory / "block", os.O_RDWR | os.O_CREAT)
    try:
        block = os.urandom(BLOCK_BYTES)
        os.pwrite(file, block, 0)
        os.fsync(file)

        def overwrite() -> None:
            os.pwrite(file, block, 0)
            os.fdatasync(file)

        return times_a_second(overwrite, seconds)
    finally:
        os.close(file)


def times_a_second(work: Callable[[], None], seconds: float) -> float:
    done, started = 0, time.perf_counter()
    while (passed := time.perf_counter() - started) < seconds:
        work()
        done += 1
    return done / passed


async def appends_a_second(journal: SqliteJournal, batch: int, seconds: float) -> float:
    """Records of ordinary legs (intended, filled, ended), *batch* of them a commit."""
    story = Story(f"op-{journal.head.audit_seq}")
    await journal.append([story.opened()])
    done, spent = 0, 0.0
    while spent < seconds:
        records = typical_records(story, batch)
        started = time.perf_counter()
        await journal.append(records)
        spent += time.perf_counter() - started
        done += batch
    await journal.append([story.finished()])
    return done / spent


def typical_records(story: Story, count: int) -> Sequence[Record]:
    records: list[Record] = []
    while len(records) < count:
        records += (
            story.intended(total=count),
            story.filled(total=count),
            story.leg_ended(total=count),
        )
    return records[:count]


async def run(directory: Path, rounds: int, seconds: float) -> None:
    syncs: list[float] = []
    appends: dict[int, list[float]] = {batch: [] for batch in BATCHES}
    async with open_journal(directory / "journal.db") as journal:
        for _ in range(rounds):
            for batch in BATCHES:
                syncs.append(syncs_a_second(directory, seconds / len(BATCHES)))
                appends[batch].append(await appends_a_second(journal, batch, seconds))
    disk = median(syncs)
    print(f"{'disk, fdatasync of 4 KiB':>28}  {disk:>10,.0f}/s      1.00")
    for batch, rates in appends.items():
        rate = median(rates)
        print(
            f"{f'journal, {batch:,} a batch':>28}  {rate:>10,.0f}/s  {rate / disk:>8.2f}"
            f"   {1e6 / rate:>8.1f} µs a record"
        )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seconds", type=float, default=1.0, help="for each figure of a round")
    parser.add_argument("--directory", type=Path, help="on the disk to be measured")
    options = parser.parse_args()
    with TemporaryDirectory(dir=options.directory) as directory:
        anyio.run(run, Path(directory), options.rounds, options.seconds)


if __name__ == "__main__":
    main()
