"""Law 23 for what acts by itself: a crash after any commit, and all is done once all the same."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import time
from decimal import Decimal

import anyio
import pytest

from rpcserver.core.records import Record
from rpcserver.domain.directive import Directive, Halt, Mark
from rpcserver.domain.ids import AccountRef
from rpcserver.domain.rule import FlattenAt, Limit, LimitAction, Measure
from rpcserver.venues.paper import PaperVenue
from rpcserver.venues.paper.commands import SetPrice
from tests.driver.world import (
    MES,
    PAPER,
    SIM,
    WatchedJournal,
    fills,
    held,
    open_venue,
    positions,
)
from tests.rules.test_shell import SWITCH
from tests.rules.world import lay, rule, ruled

pytestmark = pytest.mark.anyio

LOSS = rule(
    Limit(measure=Measure.DAILY_LOSS, amount=Decimal(100), action=LimitAction.FLATTEN_AND_LOCK)
)
CLOSE = rule(FlattenAt(at=time(12, 1), until=time(12, 10), zone="UTC"))
LIFE = 90.0  # seconds: longer than any of them takes to act


async def die_after(commits: int, journal: WatchedJournal, venue: PaperVenue) -> None:
    """A life that ends when so many commits are durable, and nobody was told of the last."""
    left = commits

    async def count(records: Sequence[Record]) -> None:
        nonlocal left
        del records
        left -= 1
        if left == 0:
            await anyio.sleep_forever()

    journal.after = count
    with anyio.move_on_after(LIFE):
        async with ruled(journal, venue):
            await anyio.sleep_forever()


@pytest.mark.parametrize("commits", [*range(1, 13), 20])
@pytest.mark.parametrize("directive", [LOSS, CLOSE, SWITCH], ids=["limit", "time", "switch"])
async def test_law_23_a_crash_after_any_commit_does_it_once(
    directive: Directive, commits: int
) -> None:
    journal = WatchedJournal()
    async with open_venue(held(2)) as venue:
        await venue.control(SetPrice(instrument=MES, price=Decimal(100)))
        async with ruled(journal, venue) as engine:
            await lay(engine, directive)
            await anyio.sleep(3)
        await venue.control(SetPrice(instrument=MES, price=Decimal(89)))
        journal = journal.reopened()
        await die_after(commits, journal, venue)
        async with ruled(journal.reopened(), venue) as engine:
            await anyio.sleep(LIFE)

            assert not positions(venue)
            assert sum(fill.quantity for fill in fills(venue)) == 2
            keys = [row.idempotency_key for row in await engine.journal.operations()]
            assert len(keys) == len(set(keys))
            standing = [record.directive for record in engine.directives.values()]
            if directive is LOSS:
                assert [each.scope.account for each in standing if isinstance(each, Halt)] == [
                    AccountRef(PAPER, SIM)
                ]
                assert [each.passed for each in standing if isinstance(each, Mark)] == [1]
