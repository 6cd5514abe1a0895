"""The faults of the journal in memory: each does what disks do, and says what is left."""

from __future__ import annotations

import anyio
import pytest

from rpcserver.domain.errors import JournalBroken
from rpcserver.journal.memory import MemoryJournal
from tests.journal.stories import Story, noted

pytestmark = pytest.mark.anyio


async def test_a_failing_commit_ends_the_journal_and_leaves_nothing() -> None:
    journal = MemoryJournal()
    await journal.append([noted("told")])

    with journal.failing_commits(), pytest.raises(JournalBroken):
        await journal.append([noted("gone")])
    with pytest.raises(JournalBroken):
        await journal.append([noted("refused")])

    assert [entry.record for entry in await journal.reopened().entries()] == [noted("told")]


async def test_a_lying_commit_raises_and_is_there_after_a_restart() -> None:
    journal = MemoryJournal()
    story = Story()

    with journal.lying_commits(), pytest.raises(JournalBroken):
        await journal.append([story.opened()])
    assert journal.head.audit_seq == 0

    reopened = journal.reopened()
    assert reopened.head.audit_seq == 1
    assert len(await reopened.unfinished()) == 1


async def test_a_dead_process_appends_no_more() -> None:
    journal = MemoryJournal()
    reopened = journal.reopened()

    with pytest.raises(JournalBroken, match="taken over"):
        await journal.append([noted("zombie")])

    await reopened.append([noted("alive")])
    assert (await reopened.verify()).records == 1


@pytest.mark.parametrize("steps", [0, 1, 2])
async def test_who_is_cancelled_may_be_so_on_either_side_of_the_commit(steps: int) -> None:
    journal = MemoryJournal()
    returned = False

    async def append() -> None:
        nonlocal returned
        await journal.append([noted()])
        returned = True

    async with anyio.create_task_group() as tasks:
        tasks.start_soon(append)
        for _ in range(steps):
            await anyio.lowlevel.checkpoint()
        tasks.cancel_scope.cancel()

    kept = journal.reopened().head.audit_seq
    assert kept == (0 if steps < 2 else 1)
    assert not returned


async def test_a_filling_disk_says_so() -> None:
    journal = MemoryJournal()

    with journal.filling_disk():
        low = journal.low

    assert (low, journal.low) == (True, False)
