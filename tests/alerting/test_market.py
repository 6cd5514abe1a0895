"""The markets of what is being closed: abnormal ones are told of, and no exit waits for that."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from datetime import datetime, timedelta
from decimal import Decimal

import anyio
import msgspec
import pytest

from rpcserver.alerting.herald import Herald
from rpcserver.alerting.market import READ_TIMEOUT, MarketWatch, Thresholds
from rpcserver.core.entries import Entry
from rpcserver.core.events import Event, Noticed
from rpcserver.core.records import LegEnded, OperationFinished, OperationPlanned, PlannedLeg, Record
from rpcserver.core.report import Outcome
from rpcserver.domain.errors import VenueUnavailable
from rpcserver.domain.ids import AccountRef, InstrumentId, OperationId
from rpcserver.domain.market import Quote
from rpcserver.domain.order import Holding
from rpcserver.domain.position import PositionKey
from tests.server.fakes import MES, NOON, PAPER, SIM101, FakeVenue, a_quote

pytestmark = pytest.mark.anyio

OP, OTHER = OperationId("op-1"), OperationId("op-2")
LANE = PositionKey(*SIM101, MES, Holding.NET, "")  # type: ignore[arg-type]
LIMITS = Thresholds(price_jump=0.02, wide_spread=0.01, stale_quotes=30.0)


class Market(FakeVenue):
    """A venue whose quotes are what the test says, and fresh unless it says otherwise."""

    def __init__(self) -> None:
        super().__init__()
        self.now = NOON
        self.shown: Quote | None = a_quote()
        self.fails = self.hangs = False
        self.readings = 0

    async def quotes(self, instruments: Sequence[InstrumentId]) -> Sequence[Quote]:
        self.readings += 1
        assert list(instruments) == [MES]
        if self.hangs:
            await anyio.sleep(3600)
        if self.fails:
            raise VenueUnavailable("the line is dead")
        return [] if self.shown is None else [self.shown]

    def says(self, **changes: object) -> None:
        assert self.shown is not None
        self.shown = msgspec.structs.replace(self.shown, **changes)


class Scene:
    def __init__(self, venue: Market, watch: MarketWatch, told: list[Noticed]) -> None:
        self.venue = venue
        self.watch = watch
        self.told = told

    @property
    def codes(self) -> list[str]:
        return [alert.code for alert in self.told]

    def commit(self, record: Record) -> None:
        self.watch.take([Entry(audit_seq=1, audit_hash="", record=record)])

    def begin(self, name: OperationId = OP) -> None:
        leg = PlannedLeg(
            number=1, key=LANE, target=Decimal(0), expected=Decimal(2), quantity=Decimal(2)
        )
        account = AccountRef(LANE.venue, LANE.account)
        self.commit(
            OperationPlanned(at=NOON, mono=0.0, operation_id=name, account=account, legs=(leg,))
        )

    def end(self, name: OperationId = OP) -> None:
        self.commit(
            LegEnded(
                at=NOON, mono=0.0, operation_id=name, number=1, lane=LANE, outcome=Outcome.FLAT
            )
        )

    async def look(self) -> None:
        await self.watch.look()


@asynccontextmanager
async def a_scene(*, running: bool = False) -> AsyncIterator[Scene]:
    venue, told = Market(), list[Noticed]()

    def feed(event: Event) -> None:
        assert isinstance(event, Noticed)
        told.append(event)

    def clock() -> datetime:
        return venue.now

    herald = Herald(feed, repeats=100, window=60.0)
    watch = MarketWatch({PAPER: venue}, herald, LIMITS, interval=1.0, clock=clock)
    async with anyio.create_task_group() as tasks:
        if running:
            tasks.start_soon(watch.run)
        yield Scene(venue, watch, told)
        tasks.cancel_scope.cancel()


async def test_an_ordinary_market_is_not_told_of() -> None:
    async with a_scene() as scene:
        scene.begin()
        for last in ("5774.25", "5775", "5760"):
            scene.venue.shown = a_quote(last)
            await scene.look()

    assert scene.codes == []
    assert scene.venue.readings == 3


async def test_nobody_is_asked_while_nothing_is_closed() -> None:
    async with a_scene(running=True) as scene:
        await anyio.sleep(60.0)
        assert scene.venue.readings == 0
        scene.begin()
        await anyio.sleep(10.5)
        assert scene.venue.readings == 11
        scene.end()
        await anyio.sleep(60.0)
        assert scene.venue.readings <= 12


async def test_a_price_that_jumps_is_told_once() -> None:
    async with a_scene() as scene:
        scene.begin()
        await scene.look()
        for _ in range(3):
            scene.venue.shown = a_quote("5600")
            await scene.look()

    [told] = scene.told
    assert (told.code, told.instrument, told.venue) == ("price_jumped", MES, PAPER)
    assert told.operation_ids == (OP,)
    assert told.alert
    assert "from 5774.25 to 5600: -3.02%" in told.detail


async def test_a_wide_spread_is_an_occasion_until_it_narrows() -> None:
    async with a_scene() as scene:
        scene.begin()
        for bid in ("5600", "5601", "5774", "5600"):
            scene.venue.says(bid=Decimal(bid))
            await scene.look()

    assert scene.codes == ["spread_wide", "spread_wide"]


async def test_a_quote_that_stands_still_is_stale() -> None:
    async with a_scene() as scene:
        scene.begin()
        await scene.look()
        scene.venue.now += timedelta(seconds=31)
        await scene.look()

    assert scene.codes == ["quotes_stale"]
    assert "31 s old" in scene.told[0].detail


async def test_a_closed_market_owes_nobody_a_price() -> None:
    async with a_scene() as scene:
        scene.begin()
        scene.venue.says(is_open=False, bid=Decimal(0))
        scene.venue.now += timedelta(hours=9)
        await scene.look()

    assert scene.codes == []


@pytest.mark.parametrize("how", ["fails", "hangs", "silent", "one-sided"])
async def test_a_quote_that_is_missing_is_told_of(how: str) -> None:
    async with a_scene() as scene:
        scene.begin()
        match how:
            case "silent":
                scene.venue.shown = None
            case "one-sided":
                scene.venue.says(bid=Decimal(0))
            case _:
                setattr(scene.venue, how, True)
        with anyio.fail_after(READ_TIMEOUT + 1):
            await scene.look()

    assert scene.codes == ["quotes_missing"]


async def test_each_operation_is_told_of_by_itself() -> None:
    async with a_scene() as scene:
        scene.begin()
        scene.begin(OTHER)
        scene.venue.shown = None
        await scene.look()
        scene.commit(
            OperationFinished(
                at=NOON,
                mono=0.0,
                operation_id=OTHER,
                success=True,
                flat=True,
                counts={},
                proven_at=None,
            )
        )
        scene.venue.shown = a_quote()
        await scene.look()
        scene.venue.shown = None
        await scene.look()

    assert [alert.operation_ids for alert in scene.told] == [(OP,), (OTHER,), (OP,)]
