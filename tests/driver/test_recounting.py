"""What a restart found, in sentences: from the journal alone."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from rpcserver.core.entries import Entry
from rpcserver.core.records import OrderEnd, OrderEnded, OrderUnknown, Record, Recovered
from rpcserver.domain.ids import OperationId
from rpcserver.driver.recounting import Recount, recount
from rpcserver.journal.memory import MemoryJournal
from tests.journal.stories import LANE, NOON, PAPER, Story

pytestmark = pytest.mark.anyio


class Restarted(MemoryJournal):
    """The journal in memory, asked as the one on disk is."""

    async def last_start(self) -> Entry | None:
        starts = [e for e in await self.entries() if isinstance(e.record, Recovered)]
        return starts[-1] if starts else None


async def told(*batches: Sequence[Record]) -> list[Recount]:
    journal = Restarted()
    for batch in batches:
        await journal.append(batch)
    return await recount(journal)


def recovered(*stories: Story) -> Recovered:
    concerns = tuple(story.concern(total=1) for story in stories)
    return Recovered(at=NOON, mono=0.0, concerns=concerns, unfinished=len(stories))


def ended(story: Story, end: OrderEnd) -> OrderEnded:
    return OrderEnded(
        at=NOON,
        mono=0.0,
        concerns=(story.concern(leg=1, total=1),),
        account=PAPER,
        end=end,
        client_order_id=story.last_order,
        venue_order_id=None,
        lane=LANE,
    )


def unknown(story: Story) -> OrderUnknown:
    return OrderUnknown(
        at=NOON,
        mono=0.0,
        concerns=(story.concern(leg=1, total=1),),
        account=PAPER,
        client_order_id=story.last_order,
        detail="no answer",
        lane=LANE,
    )


async def test_before_the_first_stop_there_is_nothing_to_tell() -> None:
    assert await told() == []


async def test_what_a_stop_left_is_taken_up_by_the_next_start() -> None:
    story = Story()
    [found] = await told([story.opened(), story.intended()])

    assert (found.api, found.principal, found.done, found.total) == ("Flatten", "alice", 0, 1)
    assert [order.is_unknown for order in found.asked] == [True]
    assert found.taken_up_at is None
    assert found.sentence == (
        "Flatten by alice, since 2026-03-03 12:00:00Z: at the stop 0 of 1 legs were done. "
        "1 order will be asked about at the venue: op-1-1 (sell 2 MES 12-25 in Sim101): "
        "still unknown. The next start takes it up."
    )


@pytest.mark.parametrize(
    ("end", "words"),
    [
        (OrderEnd.CANCELED, "canceled, 0 of 2 filled"),
        (OrderEnd.NEVER_EXISTED, "never existed, 0 of 2 filled"),
        (OrderEnd.REJECTED, "rejected, 0 of 2 filled"),
    ],
)
async def test_what_the_venue_said_of_each_order_is_told(end: OrderEnd, words: str) -> None:
    story = Story()
    [found] = await told(
        [story.opened(), story.intended()], [recovered(story)], [ended(story, end)]
    )

    assert [order.found for order in found.asked] == [words]
    assert "1 order was asked about" in found.sentence
    assert "has not ended" in found.sentence


async def test_an_operation_that_ended_well_says_so() -> None:
    story = Story()
    opened, intended = story.opened(), story.intended()
    start = recovered(story)
    rest: list[Record] = [story.filled(), story.leg_ended(), story.finished()]
    [found] = await told([opened, intended], [start], rest)

    assert [order.found for order in found.asked] == ["2 of 2 filled"]
    assert (found.success, found.flat, found.to_do) == (True, True, ())
    assert found.sentence.endswith("It ended 2026-03-03 12:00:01Z: flat, and proven.")


async def test_what_only_a_person_can_settle_says_how() -> None:
    story = Story()
    before: list[Record] = [story.opened(), story.intended()]
    start = recovered(story)
    after: list[Record] = [unknown(story), story.finished(settled=False, success=False, flat=False)]
    [found] = await told(before, [start], after)

    assert found.sentence.endswith("or --outcome never_existed.")
    [advice] = found.to_do
    assert "rpcserver resolve op-1-1 --outcome filled" in advice
    assert "NOT done" in found.sentence


async def test_what_an_earlier_stop_left_is_not_told_for_ever() -> None:
    first, second = Story("op-1"), Story("op-2")
    told_of = await told(
        first.whole(), [second.opened()], [recovered(second)], [second.finished()], [recovered()]
    )

    assert told_of == []


async def test_several_are_told_in_the_order_they_came() -> None:
    late, early = Story("op-1", at=60), Story("op-2", at=0)
    found = await told([early.opened(), late.opened()])

    assert [each.operation_id for each in found] == [OperationId("op-2"), OperationId("op-1")]
