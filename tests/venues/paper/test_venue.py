"""The shell: what outlives a restart, what listeners hear, how much it bears."""

from __future__ import annotations

import sqlite3
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path

import anyio
import pytest

from rpcserver.domain.errors import OrderRefused, OutcomeUnknown, VenueUnavailable
from rpcserver.domain.ids import AccountId, ClientOrderId, InstrumentId, VenueId
from rpcserver.domain.order import OrderSide, OrderStatus, RejectReason
from rpcserver.driver.ports import LinkDown, LinkUp, MarketMoved, Quoted, VenueEvent
from rpcserver.venues.paper import PaperSettings, open_paper_venue
from rpcserver.venues.paper.commands import MovePrices, SetPhase, SetPrice, SubmitOrder
from rpcserver.venues.paper.durable import DurableExchange
from rpcserver.venues.paper.exchange import Exchange
from rpcserver.venues.paper.faults import StickCancels
from rpcserver.venues.paper.listeners import BACKLOG_MAX, Listeners
from rpcserver.venues.paper.opening import set_scene
from rpcserver.venues.paper.state import State
from rpcserver.venues.paper.store import Rows, Store
from tests.contracts.stages import order

pytestmark = pytest.mark.anyio

SIM101, SIM102, USER, COINS = (
    AccountId("Sim101"),
    AccountId("Sim102"),
    AccountId("user123"),
    AccountId("crypto1"),
)
MES, ES = InstrumentId("MES 12-25"), InstrumentId("ES 12-25")
BUY = OrderSide.BUY
NOON = datetime(2026, 3, 3, 12, tzinfo=UTC)


# --- the scene it starts with --------------------------------------------------------------------


async def test_the_portfolio_is_what_the_seed_documents_speak_of() -> None:
    async with open_paper_venue() as venue:
        held = {
            account.account: (await venue.snapshot(account.account)).positions
            for account in await venue.accounts()
        }

    assert held.keys() == {SIM101, SIM102, USER, COINS}
    short = next(each for each in held[SIM101] if each.instrument == MES)
    assert short.signed_quantity < 0
    assert {each.instrument for each in held[SIM101]} >= {ES, InstrumentId("ES 03-26")}
    tagged = {each.instrument: each for each in held[USER] if each.tags}
    assert {name: each.quantity for name, each in tagged.items()} == {
        "NSE:INFY": Decimal(100),
        "NSE:TCS": Decimal(50),
    }
    assert all(each.tags[0].tag == "intraday_nifty" for each in tagged.values())
    carried = [each for each in held[USER] if each.day.carried_quantity]
    assert len(carried) == 1
    hedged = {(each.instrument, each.holding.value) for each in held[COINS]}
    assert {("BTC-USDT-SWAP", "long"), ("BTC-USDT-SWAP", "short"), ("BTC-USDT", "net")} <= hedged


async def test_the_portfolio_has_a_bracket_to_cancel() -> None:
    async with open_paper_venue(PaperSettings(tick_interval=None)) as venue:
        resting = (await venue.snapshot(SIM101)).orders

    bracket = [each for each in resting if each.oco_id is not None]
    assert {each.type.value for each in bracket} == {"limit", "stop_market"}
    assert all(each.reduce_only for each in bracket)


async def test_a_portfolio_can_be_of_any_size_and_is_read_at_once() -> None:
    settings = PaperSettings(
        with_portfolio=False, tick_interval=None, synthetic_positions=10_000, synthetic_accounts=3
    )
    async with open_paper_venue(settings) as venue:
        readings = [await venue.snapshot(each.account) for each in await venue.accounts()]

    assert len(readings) == 3
    assert sum(len(reading.positions) for reading in readings) == 10_000
    assert all(reading.instruments for reading in readings)


# --- durability ----------------------------------------------------------------------------------


async def test_everything_outlives_a_restart(tmp_path: Path) -> None:
    settings = PaperSettings(path=tmp_path / "paper.db", tick_interval=None)
    async with open_paper_venue(settings) as venue:
        filled = await venue.submit_order(order("filled", BUY, "1", account=SIM101))
        resting = await venue.submit_order(
            order("resting", BUY, "1", account=SIM101, limit="5000.00")
        )
        await venue.control(SetPhase(instrument=ES, phase=None))
        await venue.control(SetPrice(instrument=ES, price=Decimal(5555)))
        before = [await venue.snapshot(name) for name in (SIM101, SIM102, USER, COINS)]
        money = await venue.accounts()
        trades = await venue.trades(SIM101)

    async with open_paper_venue(settings) as venue:
        after = [await venue.snapshot(name) for name in (SIM101, SIM102, USER, COINS)]
        assert [each.positions for each in after] == [each.positions for each in before]
        assert [each.orders for each in after] == [each.orders for each in before]
        assert list(await venue.accounts()) == list(money)
        assert list(await venue.trades(SIM101)) == list(trades)
        assert await venue.query_order(SIM101, client_order_id=ClientOrderId("filled")) == filled
        with pytest.raises(OrderRefused) as again:
            await venue.submit_order(order("filled", BUY, "1", account=SIM101))
        assert again.value.reason is RejectReason.DUPLICATE_ID
        canceled = await venue.cancel_order(SIM101, resting.venue_order_id)
        assert canceled.status is OrderStatus.CANCELED
        more = await venue.submit_order(order("more", BUY, "1", account=SIM101))
        assert more.venue_order_id not in {filled.venue_order_id, resting.venue_order_id}
        assert more.fills[0].trade_id not in {fill.trade_id for fill in trades}


async def test_a_stuck_cancel_takes_effect_after_a_restart(tmp_path: Path) -> None:
    settings = PaperSettings(path=tmp_path / "paper.db", tick_interval=None)
    async with open_paper_venue(settings) as venue:
        resting = await venue.submit_order(
            order("resting", BUY, "1", account=SIM101, limit="5000.00")
        )
        await venue.control(StickCancels(seconds=0.2))
        pending = await venue.cancel_order(SIM101, resting.venue_order_id)
        assert pending.cancel_pending

    async with open_paper_venue(settings) as venue:
        with anyio.fail_after(5):
            while True:
                found = await venue.query_order(SIM101, venue_order_id=resting.venue_order_id)
                assert found is not None
                if found.status is OrderStatus.CANCELED:
                    break
                await anyio.sleep(0.02)


async def test_names_of_positions_are_never_used_again_after_a_restart(tmp_path: Path) -> None:
    settings = PaperSettings(path=tmp_path / "paper.db", tick_interval=None, with_portfolio=True)
    seen: list[str] = []  # in two lives within one second
    for life in range(2):
        async with open_paper_venue(settings, clock=lambda: NOON) as venue:
            reading = await venue.snapshot(SIM101)
            held = next(each for each in reading.positions if each.instrument == MES)
            close = order(f"close{life}", held.closing_side, str(held.quantity), account=SIM101)
            await venue.submit_order(close)
            await venue.submit_order(order(f"open{life}", BUY, "1", account=SIM101))
            reading = await venue.snapshot(SIM101)
            seen += [each.position_id for each in reading.positions if each.instrument == MES]

    assert len(set(seen)) == 2


async def test_orders_at_once_share_their_commits() -> None:
    exchange = _exchange()
    store = _CountingStore()
    durable = DurableExchange(exchange, store, lambda _events: None)
    answered: list[int] = []

    async def submit(number: int) -> None:
        durable.handle(SubmitOrder(order(f"n{number}", BUY, "1", account=SIM101)), NOON)
        await durable.durable()
        answered.append(number)

    async with anyio.create_task_group() as tasks:
        tasks.start_soon(durable.run)
        async with anyio.create_task_group() as orders:
            for number in range(100):
                orders.start_soon(submit, number)
        tasks.cancel_scope.cancel()

    assert len(answered) == 100
    assert 1 <= store.writes <= 5


async def test_nothing_is_told_before_it_is_durable() -> None:
    told: list[VenueEvent] = []
    durable = DurableExchange(_exchange(), _CountingStore(), told.extend)
    await durable.flush()
    told.clear()

    durable.handle(SetPrice(instrument=MES, price=Decimal(5000)), NOON)
    assert told == []
    await durable.flush()

    assert any(isinstance(event, MarketMoved) for event in told)


async def test_law_27_what_could_not_be_committed_is_unknown_and_nothing_follows() -> None:
    told: list[VenueEvent] = []
    durable = DurableExchange(_exchange(), _BrokenStore(), told.extend)

    durable.handle(SetPrice(instrument=MES, price=Decimal(5000)), NOON)
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(durable.flush)
        with pytest.raises(OutcomeUnknown):
            await durable.durable()

    assert told == []
    with pytest.raises(VenueUnavailable):
        durable.handle(MovePrices(), NOON)


# --- listeners -----------------------------------------------------------------------------------


async def test_prices_move_by_themselves_and_are_told() -> None:
    settings = PaperSettings(tick_interval=0.005, watched=(MES,))
    async with open_paper_venue(settings) as venue:
        events = venue.events()
        assert await anext(events) == LinkUp()
        with anyio.fail_after(5):
            first, second = await anext(events), await anext(events)

    assert isinstance(first, Quoted)
    assert isinstance(second, Quoted)
    assert first.quote.instrument == second.quote.instrument == MES
    assert first.quote.bid < first.quote.ask


async def test_an_unheard_quote_gives_way_to_a_newer_one() -> None:
    markets = _exchange().markets
    mes, es = markets.named(MES), markets.named(ES)
    listeners = Listeners(is_up=True)
    listener = listeners.listen()
    for price in range(5700, 5720):
        mes.move_to(4 * price)
        listeners.publish([Quoted(markets.quote(mes, NOON)), Quoted(markets.quote(es, NOON))])
    listeners.link_down("that is all")

    heard = [await anext(listener) for _ in range(4)]

    assert heard[0] == LinkUp()
    assert heard[1:3] == [Quoted(markets.quote(mes, NOON)), Quoted(markets.quote(es, NOON))]
    assert isinstance(heard[3], LinkDown)


async def test_who_falls_hopelessly_behind_is_told_to_ask() -> None:
    async with open_paper_venue(PaperSettings(tick_interval=None)) as venue:
        [market] = await venue.markets([MES])
    listeners = Listeners(is_up=True)
    slow, quick = listeners.listen(), listeners.listen()
    assert await anext(quick) == LinkUp()

    for _ in range(BACKLOG_MAX + 1):
        listeners.publish([MarketMoved(market)])
        assert isinstance(await anext(quick), MarketMoved)

    assert isinstance(await anext(slow), LinkDown)
    assert await anext(slow) == LinkUp()


async def test_who_stops_listening_is_forgotten() -> None:
    listeners = Listeners(is_up=True)
    listener = listeners.listen()
    assert len(listeners) == 1

    del listener

    assert len(listeners) == 0


class _CountingStore(Store):
    """A disk that takes a moment, and counts."""

    def __init__(self) -> None:
        self.writes = 0

    async def write(self, rows: Rows) -> None:
        assert rows.statements
        await anyio.sleep(0.001)
        self.writes += 1


class _BrokenStore(Store):
    """A disk whose sync fails."""

    def __init__(self) -> None: ...

    async def write(self, _rows: Rows) -> None:
        raise sqlite3.OperationalError("disk I/O error")


def _exchange() -> Exchange:
    exchange = Exchange(State(venue=VenueId("paper"), seed=1))
    set_scene(exchange, PaperSettings(), NOON)
    return exchange
