"""What was closed stays closed: a refill is told, and closed again where the caller said so."""

from __future__ import annotations

from decimal import Decimal

import anyio
import msgspec
import pytest

from rpcserver.core.requests import CloseRequest, OnRefill
from rpcserver.domain.ids import AccountId
from rpcserver.domain.naming import InstrumentSelector
from rpcserver.domain.order import OrderSide
from rpcserver.driver.engine import Engine
from rpcserver.rules.staying_flat import CLOSES_MAX
from rpcserver.venues.paper import PaperVenue
from rpcserver.venues.paper.commands import SubmitOrder, TradeAsOther
from rpcserver.venues.paper.faults import LoseEvents
from tests.driver.world import (
    MES,
    NQ,
    SIM,
    SIM2,
    WatchedJournal,
    WatchedVenue,
    flatten,
    held,
    open_venue,
    order,
    positions,
)
from tests.rules.world import alerts, operations, ruled

pytestmark = pytest.mark.anyio


def staying_flat(
    seconds: float, refill: OnRefill = OnRefill.REPORT, **asked: object
) -> CloseRequest:
    request = flatten(**asked)  # type: ignore[arg-type]
    return msgspec.structs.replace(request, stay_flat=seconds, on_refill=refill)


async def flat(engine: Engine, request: CloseRequest) -> None:
    admitted = await engine.close(request)
    assert (await engine.finished(admitted.operation_id)).flat


async def trade(venue: PaperVenue, quantity: int = 2, account: AccountId = SIM) -> None:
    """Somebody else opens a position."""
    await venue.control(
        TradeAsOther(
            account=account, instrument=MES, side=OrderSide.BUY, quantity=Decimal(quantity)
        )
    )


async def test_law_21_a_refill_is_told_once_and_left_alone() -> None:
    async with open_venue(held(3)) as venue, ruled(WatchedJournal(), venue) as engine:
        await flat(engine, staying_flat(60))
        await anyio.sleep(10)
        await trade(venue)
        await anyio.sleep(0.1)

        assert (await alerts(engine)).count("refilled") == 1
        await anyio.sleep(120)
        assert (await alerts(engine)).count("refilled") == 1
        assert positions(venue) == {(SIM, MES): 2}
        assert await operations(engine) == 1


async def test_law_13_an_order_in_what_was_left_out_is_no_refill() -> None:
    async with open_venue(held(3)) as venue, ruled(WatchedJournal(), venue) as engine:
        asked = staying_flat(60, OnRefill.CLOSE)
        left_out = InstrumentSelector(asked=NQ, exact=NQ)
        scope = msgspec.structs.replace(asked.scope, exclude=(left_out,))
        await flat(engine, msgspec.structs.replace(asked, scope=scope))
        await venue.control(SubmitOrder(order("resting", instrument=NQ, limit="1")))
        await anyio.sleep(120)

        assert "refilled" not in await alerts(engine)
        assert await operations(engine) == 1


async def test_law_21_a_refill_is_closed_where_that_was_asked_for() -> None:
    async with open_venue(held(3)) as venue, ruled(WatchedJournal(), venue) as engine:
        await flat(engine, staying_flat(60, OnRefill.CLOSE))
        await anyio.sleep(10)
        await trade(venue)
        await anyio.sleep(10)

        assert not positions(venue)
        assert await operations(engine) == 2


async def test_law_21_a_refill_nobody_heard_of_is_found_by_reading() -> None:
    async with open_venue(held(3)) as venue, ruled(WatchedJournal(), venue) as engine:
        await flat(engine, staying_flat(40))
        await anyio.sleep(1)
        await venue.control(LoseEvents(lasts=5.0))
        await trade(venue)
        assert "refilled" not in await alerts(engine)
        await anyio.sleep(15)

        assert (await alerts(engine)).count("refilled") == 1


async def test_law_21_the_last_reading_is_at_the_end_of_the_time() -> None:
    async with open_venue(held(3)) as paper:
        venue = WatchedVenue(paper)
        async with ruled(WatchedJournal(), venue) as engine:
            await flat(engine, staying_flat(40))
            ended = anyio.current_time()
            before = len(venue.called("snapshot"))
            await anyio.sleep(100)

            readings = venue.called("snapshot")[before:]
            assert len(readings) >= 3
            assert readings[-1].at - ended == pytest.approx(40, abs=0.5)


async def test_law_21_a_working_order_that_could_open_is_told() -> None:
    async with open_venue(held(3)) as venue, ruled(WatchedJournal(), venue) as engine:
        await flat(engine, staying_flat(40))
        await venue.control(SubmitOrder(order("resting", limit="1")))
        await anyio.sleep(15)

        assert (await alerts(engine)).count("refilled") == 1


async def test_law_21_the_watch_goes_on_after_a_restart() -> None:
    async with open_venue(held(3)) as venue:
        journal = WatchedJournal()
        async with ruled(journal, venue) as engine:
            await flat(engine, staying_flat(600, OnRefill.CLOSE))
        await trade(venue)
        async with ruled(journal.reopened(), venue) as engine:
            await anyio.sleep(10)

            assert not positions(venue)
            assert "refilled" in await alerts(engine)


async def test_law_28_programs_that_fight_do_not_do_so_for_ever() -> None:
    async with open_venue(held(3)) as venue, ruled(WatchedJournal(), venue) as engine:
        await flat(engine, staying_flat(600, OnRefill.CLOSE))
        for _ in range(20):
            await trade(venue)
            await anyio.sleep(20)

        assert await operations(engine) == 1 + CLOSES_MAX
        assert positions(venue)


async def test_law_13_what_was_not_in_scope_is_nobodys_refill() -> None:
    async with (
        open_venue(held(3), held(1, NQ), accounts=(SIM, SIM2)) as venue,
        ruled(WatchedJournal(), venue) as engine,
    ):
        await flat(engine, staying_flat(60, OnRefill.CLOSE, instruments=(MES,)))
        await trade(venue, account=SIM2)
        await anyio.sleep(120)

        assert "refilled" not in await alerts(engine)
        assert positions(venue) == {(SIM, NQ): 1, (SIM2, MES): 2}


async def test_without_the_option_nothing_is_watched() -> None:
    async with open_venue(held(3)) as paper:
        venue = WatchedVenue(paper)
        async with ruled(WatchedJournal(), venue) as engine:
            await flat(engine, flatten())
            before = len(venue.called("snapshot"))
            await trade(paper)
            await anyio.sleep(600)

            assert len(venue.called("snapshot")) == before
            assert "refilled" not in await alerts(engine)
