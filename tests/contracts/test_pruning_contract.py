"""What every journal keeps when its front is pruned: one suite, each implementation."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from datetime import datetime
from pathlib import Path

import anyio
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from rpcserver.core.entries import ExitFilter, Head
from rpcserver.core.pruning import Pruned
from rpcserver.core.records import OperationPlanned, PlannedLeg, Record
from rpcserver.domain.errors import NotPrunable
from rpcserver.domain.ids import ClientOrderId
from rpcserver.domain.order import ZERO
from rpcserver.driver.folding import folded_report
from rpcserver.driver.ports import Journal
from rpcserver.journal.memory import MemoryJournal
from tests.contracts.test_journal_contract import Home
from tests.journal.stories import (
    ALICE,
    LANE,
    PAPER,
    Story,
    halted,
    moment,
    noted,
    own_order,
    own_order_ended,
    released,
)

pytestmark = pytest.mark.anyio

LATER = moment(1000)


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture(params=["memory", "sqlite"])
def home(request: pytest.FixtureRequest, tmp_path: Path) -> Home:
    return Home(request.param, tmp_path)


@pytest.fixture
async def journal(home: Home) -> AsyncIterator[Journal]:
    async with home.open() as journal:
        yield journal


async def pruning(journal: Journal, before: datetime = LATER) -> Pruned:
    """The record of all that may go."""
    through = await journal.prunable(before)
    [last] = await journal.entries(after=through - 1, limit=1)
    return Pruned(
        at=LATER,
        mono=0.0,
        through=through,
        audit_hash=last.audit_hash,
        records=through,
        archive=f"audit-1-{through}.jsonl",
        principal=ALICE,
    )


async def prune(journal: Journal, before: datetime = LATER) -> Pruned:
    record = await pruning(journal, before)
    await journal.prune(record)
    return record


def late(record: Record) -> Record:
    return replace(record, at=moment(2000))


async def test_what_is_old_and_over_goes_and_what_is_left_is_intact(home: Home) -> None:
    async with home.open() as journal:
        old, young = Story("op-1", key="k1"), Story("op-2", key="k2", at=2000)
        await journal.append(old.whole())
        await journal.append([late(record) for record in young.whole()])

        pruned = await prune(journal)

        assert pruned.through == 5
        assert await journal.anchor() == Head(audit_seq=5, audit_hash=pruned.audit_hash)
    async with home.open() as journal:
        report = await journal.verify()
        assert (report.intact, report.records) == (True, 6)
        assert report.detail == "entries up to 5 were pruned: see their archives"
        assert [entry.audit_seq for entry in await journal.entries()] == [6, 7, 8, 9, 10, 11]
        assert (await journal.entries())[-1].record == pruned
        assert [row.operation_id for row in await journal.operations()] == ["op-2"]
        assert [each.operation_id for each in await journal.exits(ExitFilter())] == ["op-2"]
        assert await journal.find_key(ALICE, "k1") is None
        assert await journal.find_key(ALICE, "k2") is not None
        assert list(await journal.operation(old.operation_id)) == []
        assert len(await journal.operation(young.operation_id)) == 5
        await journal.append([noted()])
        assert (await journal.verify()).head.audit_seq == 12


async def test_nothing_old_is_nothing_to_prune(journal: Journal) -> None:
    assert await journal.prunable(LATER) == 0
    await journal.append([late(noted())])

    assert await journal.prunable(LATER) == 0
    assert await journal.anchor() == Head(audit_seq=0, audit_hash=bytes(32).hex())


async def test_what_is_young_hides_behind_nothing_old(journal: Journal) -> None:
    """The wall clock was set back: what follows looks old."""
    await journal.append([noted("1"), late(noted("2")), noted("3")])

    assert await journal.prunable(LATER) == 1


async def test_what_recovery_would_fold_stays(journal: Journal) -> None:
    running = Story("op-2")
    await journal.append([*Story("op-1").whole(), running.opened(), *Story("op-3").whole()])
    before = list(await journal.unfinished())

    assert (await prune(journal)).through == 5
    assert list(await journal.unfinished()) == before


async def test_an_own_order_that_lives_stays(journal: Journal) -> None:
    await journal.append([noted(), own_order("mine"), noted()])
    assert await journal.prunable(LATER) == 1

    await journal.append([own_order_ended("mine")])
    assert (await prune(journal)).through == 4
    assert list(await journal.order(ClientOrderId("mine"))) == []


async def test_no_operation_is_cut_in_two(journal: Journal) -> None:
    """The date lies in the middle of the second: the first, whose entries are mixed, stays too."""
    one, two = Story("op-1"), Story("op-2")
    told: list[Record] = [
        noted(),
        one.opened(),
        one.intended(),
        two.opened(),
        two.intended(),
        one.filled(),
    ]
    rest: list[Record] = [one.leg_ended(), one.finished(), two.filled(), two.finished()]
    await journal.append([*told, *(late(record) for record in rest)])

    assert (await prune(journal)).through == 1
    assert len(await journal.operation(one.operation_id)) == 5


async def test_law_37_what_an_operation_joined_stays_with_it(journal: Journal) -> None:
    first, second = Story("op-1"), Story("op-2")
    joined = OperationPlanned(
        at=moment(2000),
        mono=2.0,
        concerns=(second.concern(total=1),),
        operation_id=second.operation_id,
        account=PAPER,
        legs=(
            PlannedLeg(number=1, key=LANE, target=ZERO, expected=ZERO, joins=(first.operation_id,)),
        ),
    )
    await journal.append([noted(), first.opened(), second.opened(), joined])
    await journal.append([late(first.finished()), late(second.finished())])

    assert (await prune(journal)).through == 1


async def test_what_stands_is_written_down_anew_and_keeps_nothing_old(home: Home) -> None:
    async with home.open() as journal:
        await journal.append([halted("one"), noted(), halted("two"), halted("gone")])
        await journal.append([released("gone"), late(noted())])
        assert list(await journal.unfinished()) == [halted("one"), halted("two")]

        assert (await prune(journal)).through == 5
    async with home.open() as journal:
        assert list(await journal.unfinished()) == [halted("one"), halted("two")]
        assert (await journal.verify()).intact
        await journal.append([released("one")])
        assert list(await journal.unfinished()) == [halted("two")]


async def test_what_stands_and_is_young_is_left_alone(journal: Journal) -> None:
    await journal.append([noted(), late(halted("one"))])

    await prune(journal)

    assert journal.head.audit_seq == 3


async def test_what_is_needed_is_refused(journal: Journal) -> None:
    await journal.append([noted(), Story("op-1").opened()])
    entries = await journal.entries()
    record = replace(await pruning(journal), through=2, audit_hash=entries[1].audit_hash)

    with pytest.raises(NotPrunable, match="entry 2 is still needed"):
        await journal.prune(record)
    with pytest.raises(NotPrunable, match="entry 1 is not what was archived"):
        await journal.prune(replace(record, through=1))
    assert await journal.entries() == entries


async def test_a_chain_is_pruned_again_and_again(home: Home) -> None:
    for life in range(4):
        async with home.open() as journal:
            await journal.append([noted(str(number)) for number in range(450)])
            pruned = await prune(journal, moment(1001))
            with pytest.raises(NotPrunable, match="is not what was archived"):
                await journal.prune(pruned)
            assert (await journal.verify()).intact, life
            assert len(await journal.entries()) == 1


async def test_appends_go_on_meanwhile(journal: Journal) -> None:
    await journal.append([noted(str(number)) for number in range(2000)])
    record = await pruning(journal)
    appended = 0
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(journal.prune, record)
        await anyio.sleep(0)
        while (await journal.anchor()).audit_seq < 2000:
            await journal.append([late(noted())])
            appended += 1

    report = await journal.verify()
    assert (report.intact, report.records) == (True, 1 + appended)


async def test_a_pruned_operation_is_folded_to_nothing(journal: Journal) -> None:
    """Between two chunks, too: its first entry goes first."""
    story = Story("op-1")
    records: Sequence[Record] = [story.opened(), *(story.intended() for _ in range(300))]
    await journal.append([*records, story.finished()])
    record = await pruning(journal)
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(journal.prune, record)
        while (await journal.anchor()).audit_seq < record.through:
            if await journal.operation_row(story.operation_id) is None:
                assert await folded_report(journal, story.operation_id) is None
            await anyio.sleep(0)
    assert await folded_report(journal, story.operation_id) is None


@given(
    stories=st.lists(st.tuples(st.integers(0, 3), st.integers(0, 3000)), max_size=30),
    cuts=st.lists(st.integers(0, 3000), max_size=3),
)
@settings(max_examples=60, deadline=None)
async def test_whatever_is_pruned_the_rest_tells_the_same(
    stories: list[tuple[int, int]], cuts: list[int]
) -> None:
    """Operations that overlap at will, and any dates: each is there as it was, or not at all."""
    journal, whole = MemoryJournal(), MemoryJournal()
    told = {name: Story(f"op-{name}") for name in range(4)}
    steps = {name: iter(story.whole()) for name, story in told.items()}
    for name, at in stories:
        for record in [step for step in [next(steps[name], None)] if step is not None]:
            for each in (journal, whole):
                await each.append([replace(record, at=moment(at))])
    for cut in cuts:
        if await journal.prunable(moment(cut)) > (await journal.anchor()).audit_seq:
            await prune(journal, moment(cut))
    assert (await journal.verify()).intact
    assert list(await journal.unfinished()) == list(await whole.unfinished())
    for story in told.values():
        left = list(await journal.operation(story.operation_id))
        assert left in ([], list(await whole.operation(story.operation_id)))
        assert bool(left) == (await journal.operation_row(story.operation_id) is not None)
