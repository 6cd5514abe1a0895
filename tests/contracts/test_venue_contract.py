"""What every venue keeps: one suite, each implementation."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import anyio
import pytest

from rpcserver.domain.account import AccountSnapshot
from rpcserver.domain.capabilities import IdMemory, ReduceOnly
from rpcserver.domain.errors import OrderRefused, OutcomeUnknown, VenueError, VenueUnavailable
from rpcserver.domain.ids import AccountId, ClientOrderId, InstrumentId, VenueOrderId
from rpcserver.domain.market import MarketPhase
from rpcserver.domain.order import (
    Holding,
    OrderReport,
    OrderRequest,
    OrderSide,
    OrderStatus,
    RejectReason,
    TimeInForce,
)
from rpcserver.driver.ports import (
    LinkDown,
    LinkUp,
    MarketMoved,
    OrderChanged,
    PositionMoved,
    VenueEvent,
)
from rpcserver.venues.paper.commands import (
    FillOrder,
    SetBands,
    SetPhase,
    SetPrice,
    TradeAsOther,
)
from rpcserver.venues.paper.faults import (
    ArriveLate,
    ClearFaults,
    CutLink,
    DelayAnswers,
    DelayRequests,
    FailReads,
    FillBeforeCancel,
    HideOrders,
    LagPositions,
    LoseAnswers,
    LoseEvents,
    LoseRequests,
    Message,
    RefuseOrders,
    RepeatEvents,
    StickCancels,
)
from tests.contracts.stages import (
    COIN,
    ES,
    HEDGED,
    INDIA,
    INFY,
    MES,
    NET,
    OPTION,
    STRANGER,
    SWAP,
    StagedVenue,
    holding,
    open_stage,
    order,
)

pytestmark = pytest.mark.anyio

BUY, SELL = OrderSide.BUY, OrderSide.SELL
FAR_BELOW, FAR_ABOVE = "5000.00", "6500.00"


@pytest.fixture(params=["in process", "own process"])
async def venue(request: pytest.FixtureRequest) -> AsyncIterator[StagedVenue]:
    async with open_stage(request.param) as venue:
        yield venue


async def held(venue: StagedVenue, account: AccountId, instrument: InstrumentId) -> Decimal:
    """What the account holds of the instrument, all sides added up."""
    taken = await venue.snapshot(account)
    return sum(
        (each.signed_quantity for each in taken.positions if each.instrument == instrument),
        Decimal(0),
    )


async def refusal(venue: StagedVenue, request: OrderRequest) -> RejectReason:
    with pytest.raises(OrderRefused) as refused:
        await venue.submit_order(request)
    return refused.value.reason


async def heard(events: AsyncIterator[VenueEvent], count: int) -> list[VenueEvent]:
    """The next *count* events, which must come soon."""
    with anyio.fail_after(5):
        return [await anext(events) for _ in range(count)]


# --- what it is ----------------------------------------------------------------------------------


async def test_it_says_what_it_can_do(venue: StagedVenue) -> None:
    able = await venue.capabilities()

    assert able.sandbox
    assert able.id_memory is IdMemory.FOR_EVER
    assert able.reduce_only is ReduceOnly.AT_FILL
    assert able.change_orders
    assert able.hedge_mode


async def test_it_lists_what_it_trades(venue: StagedVenue) -> None:
    listed = {instrument.instrument_id: instrument for instrument in await venue.instruments()}

    assert {ES, MES, INFY, OPTION, COIN, SWAP} <= listed.keys()
    assert "MESZ25" in listed[MES].aliases
    assert listed[ES].point_value == 50


async def test_it_lists_accounts_with_their_money(venue: StagedVenue) -> None:
    await venue.control(holding(NET, MES, "2", price="5764.00"))

    accounts = {account.account: account for account in await venue.accounts()}

    assert accounts.keys() == {NET, HEDGED, INDIA}
    assert accounts[INDIA].user_id == "user123"
    assert accounts[NET].unrealized == Decimal("100.00")  # 2 contracts, 10 points, 5 dollars
    assert accounts[NET].equity == accounts[NET].cash + 100
    assert accounts[NET].margin > 0


# --- reading -------------------------------------------------------------------------------------


async def test_a_reading_describes_all_that_occurs_in_it(venue: StagedVenue) -> None:
    await venue.control(holding(NET, MES, "-3"))
    await venue.submit_order(order("resting", BUY, "1", instrument=ES, limit=FAR_BELOW))

    taken = await venue.snapshot(NET, markets=True)

    [position] = taken.positions
    assert position.instrument == MES
    assert position.signed_quantity == -3
    assert position.position_id.startswith("pos-")
    [resting] = taken.orders
    assert resting.client_order_id == "resting"
    assert taken.instruments.keys() == taken.markets.keys() == {ES, MES}
    assert taken.markets[ES].phase is MarketPhase.OPEN


async def test_a_flat_account_is_an_empty_reading(venue: StagedVenue) -> None:
    taken = await venue.snapshot(NET)

    assert (taken.positions, taken.orders) == ((), ())


async def test_an_unknown_account_is_no_flat_one(venue: StagedVenue) -> None:
    with pytest.raises(OrderRefused) as refused:
        await venue.snapshot(STRANGER)

    assert refused.value.reason is RejectReason.UNKNOWN_ACCOUNT


async def test_markets_quotes_and_sessions_can_be_asked(venue: StagedVenue) -> None:
    [market, other] = await venue.markets([ES, COIN])
    [quote] = await venue.quotes([ES])
    session = await venue.session(INFY)

    assert (market.instrument, other.instrument) == (ES, COIN)
    assert market.bid is not None
    assert market.ask is not None
    assert market.bid < market.ask
    assert quote.low <= quote.last <= quote.high
    assert quote.is_open
    assert session.is_open
    assert session.starts_at < session.ends_at <= session.next_starts_at < session.next_ends_at


# --- orders --------------------------------------------------------------------------------------


async def test_a_market_order_fills_and_tells_every_fill(venue: StagedVenue) -> None:
    await venue.control(holding(NET, MES, "2"))

    report = await venue.submit_order(order("close", SELL, "2", reduce_only=True))

    assert report.status is OrderStatus.FILLED
    assert report.client_order_id == "close"
    assert sum(fill.quantity for fill in report.fills) == report.filled == 2
    assert await held(venue, NET, MES) == 0


async def test_what_exceeds_the_book_fills_in_parts_and_needs_another_order(
    venue: StagedVenue,
) -> None:
    await venue.control(holding(NET, MES, "5000"))

    report = await venue.submit_order(order("large", SELL, "5000"))

    assert report.status is OrderStatus.CANCELED
    assert 0 < report.filled < 5000
    assert len({fill.trade_id for fill in report.fills}) == len(report.fills) > 1
    assert len({fill.price for fill in report.fills}) == len(report.fills)
    assert await held(venue, NET, MES) == 5000 - report.filled
    assert (await venue.submit_order(order("rest", SELL, "100"))).status is OrderStatus.FILLED


async def test_a_name_is_good_for_one_order(venue: StagedVenue) -> None:
    await venue.submit_order(order("once", BUY, "1"))

    assert await refusal(venue, order("once", BUY, "1")) is RejectReason.DUPLICATE_ID
    assert await held(venue, NET, MES) == 1


async def test_an_order_is_found_by_either_name(venue: StagedVenue) -> None:
    placed = await venue.submit_order(order("mine", BUY, "1"))

    by_ours = await venue.query_order(NET, client_order_id=ClientOrderId("mine"))
    by_theirs = await venue.query_order(NET, venue_order_id=placed.venue_order_id)

    assert by_ours == by_theirs == placed
    assert await venue.query_order(NET, client_order_id=ClientOrderId("never")) is None
    assert await venue.query_order(INDIA, venue_order_id=placed.venue_order_id) is None


async def test_a_refused_order_does_not_exist(venue: StagedVenue) -> None:
    assert await refusal(venue, order("small", BUY, "0.5")) is RejectReason.BELOW_MINIMUM

    assert await venue.query_order(NET, client_order_id=ClientOrderId("small")) is None
    assert list(await venue.orders(NET)) == []


@pytest.mark.parametrize(
    ("request_", "reason"),
    [
        (order("r", BUY, "1", account=STRANGER), RejectReason.UNKNOWN_ACCOUNT),
        (order("r", BUY, "1", instrument=InstrumentId("XX")), RejectReason.UNKNOWN_INSTRUMENT),
        (order("r", BUY, "1.5"), RejectReason.BAD_STEP),
        (order("r", BUY, "1", limit="5000.10"), RejectReason.BAD_STEP),
        (order("r", BUY, "100000"), RejectReason.INSUFFICIENT_MARGIN),
        (order("r", SELL, "1", reduce_only=True), RejectReason.REDUCE_ONLY),
        (order("r", BUY, "1820", account=INDIA, instrument=OPTION), RejectReason.ABOVE_MAXIMUM),
        (order("r", BUY, "50", account=INDIA, instrument=OPTION), RejectReason.BELOW_MINIMUM),
        (order("r", SELL, "1", account=HEDGED, instrument=COIN), RejectReason.INSUFFICIENT_MARGIN),
        (order("r", BUY, "1", account=HEDGED, instrument=SWAP), RejectReason.OTHER),
        (order("r", BUY, "1", held=Holding.LONG), RejectReason.OTHER),
    ],
    ids=lambda value: value.value if isinstance(value, RejectReason) else "",
)
async def test_what_is_refused_and_why(
    venue: StagedVenue, request_: OrderRequest, reason: RejectReason
) -> None:
    assert await refusal(venue, request_) is reason


@pytest.mark.parametrize(
    ("phase", "market", "limit"),
    [
        (MarketPhase.CLOSED, RejectReason.MARKET_CLOSED, RejectReason.MARKET_CLOSED),
        (MarketPhase.HALTED, RejectReason.MARKET_CLOSED, RejectReason.MARKET_CLOSED),
        (MarketPhase.AUCTION, RejectReason.MARKET_ORDERS_BANNED, None),
        (MarketPhase.RESERVED, RejectReason.MARKET_ORDERS_BANNED, None),
    ],
)
async def test_a_market_that_is_not_open_says_so(
    venue: StagedVenue, phase: MarketPhase, market: RejectReason, limit: RejectReason | None
) -> None:
    await venue.control(SetPhase(instrument=MES, phase=phase))

    assert await refusal(venue, order("m", BUY, "1")) is market
    if limit is not None:
        assert await refusal(venue, order("l", BUY, "1", limit=FAR_ABOVE)) is limit
        return
    resting = await venue.submit_order(order("l", BUY, "1", limit=FAR_ABOVE))
    assert resting.status is OrderStatus.ACCEPTED  # nothing trades before the market opens

    await venue.control(SetPhase(instrument=MES, phase=MarketPhase.OPEN))

    opened = await venue.query_order(NET, client_order_id=ClientOrderId("l"))
    assert opened is not None
    assert opened.status is OrderStatus.FILLED


async def test_prices_beyond_a_band_are_refused(venue: StagedVenue) -> None:
    await venue.control(SetBands(instrument=MES, lower=Decimal(5700), upper=Decimal(5800)))

    for price in ("5699.75", "5800.25"):
        outside = order(price, BUY, "1", limit=price)
        assert await refusal(venue, outside) is RejectReason.PRICE_OUT_OF_BAND
    [market] = await venue.markets([MES])
    assert market.lower_band == 5700
    assert market.upper_band == 5800


async def test_a_working_order_can_be_canceled_once(venue: StagedVenue) -> None:
    resting = await venue.submit_order(order("resting", BUY, "1", limit=FAR_BELOW))

    canceled = await venue.cancel_order(NET, resting.venue_order_id)

    assert canceled.status is OrderStatus.CANCELED
    assert (await venue.snapshot(NET)).orders == ()
    with pytest.raises(OrderRefused) as late:
        await venue.cancel_order(NET, resting.venue_order_id)
    assert late.value.reason is RejectReason.ALREADY_TERMINAL
    with pytest.raises(OrderRefused) as lost:
        await venue.cancel_order(NET, VenueOrderId("never"))
    assert lost.value.reason is RejectReason.UNKNOWN_ORDER


async def test_a_working_order_can_be_changed_in_place(venue: StagedVenue) -> None:
    resting = await venue.submit_order(order("resting", BUY, "2", limit=FAR_BELOW))

    changed = await venue.change_order(
        NET, resting.venue_order_id, quantity=Decimal(3), limit_price=Decimal("5100.00")
    )

    assert changed.venue_order_id == resting.venue_order_id
    assert changed.quantity == 3
    assert changed.limit_price == 5100
    with pytest.raises(OrderRefused):
        await venue.change_order(NET, resting.venue_order_id, limit_price=Decimal("5100.10"))
    crossed = await venue.change_order(NET, resting.venue_order_id, limit_price=Decimal(6000))
    assert crossed.status is OrderStatus.FILLED


@pytest.mark.parametrize("time_in_force", [TimeInForce.IOC, TimeInForce.FOK])
async def test_what_does_not_fill_at_once_expires(
    venue: StagedVenue, time_in_force: TimeInForce
) -> None:
    beyond = order("now", BUY, "5000", limit="5775.00", time_in_force=time_in_force)

    report = await venue.submit_order(beyond)

    assert report.status is OrderStatus.EXPIRED
    assert (report.filled > 0) is (time_in_force is TimeInForce.IOC)
    assert await held(venue, NET, MES) == report.filled


async def test_resting_orders_meet_the_price(venue: StagedVenue) -> None:
    await venue.submit_order(order("limit", BUY, "1", limit="5750.00"))
    await venue.submit_order(order("stop", BUY, "1", stop="5800.00"))

    await venue.control(SetPrice(instrument=MES, price=Decimal(5745)))
    limit = await venue.query_order(NET, client_order_id=ClientOrderId("limit"))
    assert limit is not None
    assert limit.status is OrderStatus.FILLED
    assert limit.average_price == 5750

    await venue.control(SetPrice(instrument=MES, price=Decimal(5801)))
    stop = await venue.query_order(NET, client_order_id=ClientOrderId("stop"))
    assert stop is not None
    assert stop.status is OrderStatus.FILLED
    assert stop.average_price is not None
    assert stop.average_price >= 5801


async def test_of_a_group_one_fills_and_the_others_are_canceled(venue: StagedVenue) -> None:
    await venue.control(holding(NET, MES, "2"))
    await venue.submit_order(order("profit", SELL, "2", limit="5800.00", oco="g", reduce_only=True))
    await venue.submit_order(order("loss", SELL, "2", stop="5750.00", oco="g", reduce_only=True))

    await venue.control(SetPrice(instrument=MES, price=Decimal(5810)))

    statuses = {report.client_order_id: report.status for report in await venue.orders(NET)}
    assert statuses == {"profit": OrderStatus.FILLED, "loss": OrderStatus.CANCELED}
    assert await held(venue, NET, MES) == 0


async def test_law_01_reduce_only_holds_at_the_fill_and_not_only_on_arrival(
    venue: StagedVenue,
) -> None:
    await venue.control(holding(NET, MES, "5"))
    resting = await venue.submit_order(order("exit", SELL, "5", limit="5800.00", reduce_only=True))

    await venue.submit_order(order("by another way", SELL, "3"))

    trimmed = await venue.query_order(NET, venue_order_id=resting.venue_order_id)
    assert trimmed is not None
    assert trimmed.quantity == 2
    await venue.control(SetPrice(instrument=MES, price=Decimal(5900)))
    assert await held(venue, NET, MES) == 0


async def test_reduce_only_beyond_the_position_fills_the_position(venue: StagedVenue) -> None:
    await venue.control(holding(NET, MES, "-2"))

    report = await venue.submit_order(order("too much", BUY, "7", reduce_only=True))

    assert report.status.is_terminal
    assert report.filled == 2
    assert await held(venue, NET, MES) == 0


async def test_law_15_the_legs_of_a_hedge_are_independent(venue: StagedVenue) -> None:
    await venue.control(holding(HEDGED, SWAP, "120", "50000", Holding.LONG))
    await venue.control(holding(HEDGED, SWAP, "-80", "50000", Holding.SHORT))

    closing = order("long", SELL, "120", account=HEDGED, instrument=SWAP, held=Holding.LONG)
    await venue.submit_order(closing)

    [left] = (await venue.snapshot(HEDGED)).positions
    assert left.holding is Holding.SHORT
    assert left.signed_quantity == -80
    again = order("again", SELL, "1", account=HEDGED, instrument=SWAP, held=Holding.LONG)
    assert await refusal(venue, again) is RejectReason.REDUCE_ONLY


async def test_a_spot_position_is_the_balance_less_its_fees(venue: StagedVenue) -> None:
    bought = await venue.submit_order(order("buy", BUY, "0.1", account=HEDGED, instrument=COIN))

    [position] = (await venue.snapshot(HEDGED)).positions
    fees = sum(fill.fee for fill in bought.fills)
    assert fees > 0
    assert {fill.fee_currency for fill in bought.fills} == {"BTC"}
    assert position.signed_quantity == Decimal("0.1") - fees
    [account] = [each for each in await venue.accounts() if each.account == HEDGED]
    assert account.balances["BTC"] == position.signed_quantity


async def test_executions_are_listed_whoever_ordered_them(venue: StagedVenue) -> None:
    await venue.submit_order(order("ours", BUY, "2"))
    await venue.control(TradeAsOther(account=NET, instrument=MES, side=SELL, quantity=Decimal(1)))

    ours, theirs = await venue.trades(NET)

    assert (ours.client_order_id, theirs.client_order_id) == ("ours", None)
    assert ours.trade_id != theirs.trade_id
    assert await held(venue, NET, MES) == 1
    tomorrow = datetime.now(UTC) + timedelta(days=1)
    assert list(await venue.trades(NET, since=tomorrow)) == []


async def test_many_at_once_are_all_answered_and_none_is_mixed_up(venue: StagedVenue) -> None:
    reports: dict[str, OrderReport] = {}

    async def buy(name: str) -> None:
        reports[name] = await venue.submit_order(order(name, BUY, "1"))

    async with anyio.create_task_group() as tasks:
        for number in range(200):
            tasks.start_soon(buy, f"n{number}")

    assert all(report.client_order_id == name for name, report in reports.items())
    assert len({report.venue_order_id for report in reports.values()}) == 200
    assert await held(venue, NET, MES) == 200


# --- events --------------------------------------------------------------------------------------


async def test_events_begin_with_the_link_and_are_heard_by_everybody(venue: StagedVenue) -> None:
    listeners = venue.events(), venue.events()
    for listener in listeners:
        assert await heard(listener, 1) == [LinkUp()]

    await venue.submit_order(order("told", BUY, "2"))

    for listener in listeners:
        changed, moved = await heard(listener, 2)
        assert isinstance(changed, OrderChanged)
        assert changed.report.client_order_id == "told"
        assert [fill.quantity for fill in changed.report.fills] == [2]
        assert isinstance(moved, PositionMoved)
        assert moved.position.signed_quantity == 2


async def test_becoming_flat_is_told(venue: StagedVenue) -> None:
    await venue.control(holding(NET, MES, "1"))
    events = venue.events()
    await heard(events, 1)

    await venue.submit_order(order("close", SELL, "1"))

    moved = (await heard(events, 2))[1]
    assert isinstance(moved, PositionMoved)
    assert moved.position.is_flat


async def test_a_market_that_changes_is_told(venue: StagedVenue) -> None:
    events = venue.events()
    await heard(events, 1)

    await venue.control(SetPhase(instrument=ES, phase=MarketPhase.HALTED))

    [moved] = await heard(events, 1)
    assert isinstance(moved, MarketMoved)
    assert (moved.market.instrument, moved.market.phase) == (ES, MarketPhase.HALTED)


# --- faults --------------------------------------------------------------------------------------


async def test_an_answer_is_lost_and_the_order_exists(venue: StagedVenue) -> None:
    await venue.control(LoseAnswers(count=1))

    with pytest.raises(OutcomeUnknown):
        await venue.submit_order(order("lost", BUY, "1"))

    found = await venue.query_order(NET, client_order_id=ClientOrderId("lost"))
    assert found is not None
    assert found.status is OrderStatus.FILLED
    assert (await venue.submit_order(order("next", BUY, "1"))).filled == 1


async def test_a_request_is_lost_and_the_order_does_not_exist(venue: StagedVenue) -> None:
    await venue.control(LoseRequests(count=1, account=NET, instrument=MES))

    await venue.submit_order(order("elsewhere", BUY, "1", instrument=ES))
    with pytest.raises(OutcomeUnknown):
        await venue.submit_order(order("lost", BUY, "1"))

    assert await venue.query_order(NET, client_order_id=ClientOrderId("lost")) is None


async def test_a_request_lands_after_its_sender_was_told_nothing(venue: StagedVenue) -> None:
    await venue.control(ArriveLate(seconds=0.4, count=1))
    with pytest.raises(OutcomeUnknown):
        await venue.submit_order(order("late", BUY, "1"))
    assert await venue.query_order(NET, client_order_id=ClientOrderId("late")) is None

    await _becomes_held(venue, Decimal(1))


async def test_a_request_lands_after_its_sender_gave_up(venue: StagedVenue) -> None:
    await venue.control(DelayRequests(seconds=0.4, count=1))

    with anyio.move_on_after(0.05) as patience:
        await venue.submit_order(order("late", BUY, "1"))

    assert patience.cancelled_caught
    assert await held(venue, NET, MES) == 0
    await _becomes_held(venue, Decimal(1))


async def test_a_request_that_comes_too_late_is_refused(venue: StagedVenue) -> None:
    """What the venue says of it in its capabilities: no older one is ever filled (law 7)."""
    expiry = (await venue.capabilities()).request_expiry
    assert expiry is not None
    await venue.control(DelayRequests(seconds=expiry + 0.05, count=1))

    with pytest.raises(OrderRefused, match="expired"):
        await venue.submit_order(order("late", BUY, "1"))

    assert await held(venue, NET, MES) == 0
    assert await venue.query_order(NET, client_order_id=ClientOrderId("late")) is None


async def test_an_answer_can_be_late(venue: StagedVenue) -> None:
    await venue.control(DelayAnswers(seconds=0.05, count=1))
    started = anyio.current_time()

    report = await venue.submit_order(order("slow", BUY, "1"))

    assert report.status is OrderStatus.FILLED
    assert anyio.current_time() - started >= 0.05


async def test_position_reads_lag_fills(venue: StagedVenue) -> None:
    await venue.control(holding(NET, MES, "1"))
    await venue.control(LagPositions(seconds=60, account=NET))

    await venue.submit_order(order("close", SELL, "1"))

    assert await held(venue, NET, MES) == 1
    await venue.control(ClearFaults())
    assert await held(venue, NET, MES) == 0


async def test_reads_can_fail(venue: StagedVenue) -> None:
    await venue.control(FailReads(count=1))

    with pytest.raises(VenueError):
        await venue.snapshot(NET)

    assert isinstance(await venue.snapshot(NET), AccountSnapshot)


async def test_an_accepted_order_may_not_be_found_for_a_while(venue: StagedVenue) -> None:
    await venue.control(HideOrders(seconds=60))
    placed = await venue.submit_order(order("hidden", BUY, "1", limit=FAR_BELOW))

    assert await venue.query_order(NET, venue_order_id=placed.venue_order_id) is None
    assert (await venue.snapshot(NET)).orders == ()

    await venue.control(ClearFaults())
    assert await venue.query_order(NET, venue_order_id=placed.venue_order_id) == placed


async def test_a_stuck_cancel_is_pending_and_its_order_can_fill(venue: StagedVenue) -> None:
    await venue.control(StickCancels(seconds=60))
    resting = await venue.submit_order(order("resting", BUY, "1", limit=FAR_BELOW))

    pending = await venue.cancel_order(NET, resting.venue_order_id)

    assert pending.cancel_pending
    assert not pending.status.is_terminal
    await venue.control(FillOrder(account=NET, venue_order_id=resting.venue_order_id))
    filled = await venue.query_order(NET, venue_order_id=resting.venue_order_id)
    assert filled is not None
    assert filled.status is OrderStatus.FILLED
    assert not filled.cancel_pending


async def test_a_stuck_cancel_takes_effect_in_the_end(venue: StagedVenue) -> None:
    await venue.control(StickCancels(seconds=0.05))
    resting = await venue.submit_order(order("resting", BUY, "1", limit=FAR_BELOW))
    await venue.cancel_order(NET, resting.venue_order_id)

    with anyio.fail_after(5):
        while (await venue.snapshot(NET)).orders:
            await anyio.sleep(0.02)

    ended = await venue.query_order(NET, venue_order_id=resting.venue_order_id)
    assert ended is not None
    assert ended.status is OrderStatus.CANCELED


async def test_an_order_can_fill_before_its_cancel_arrives(venue: StagedVenue) -> None:
    resting = await venue.submit_order(order("resting", BUY, "1", limit=FAR_BELOW))
    await venue.control(FillBeforeCancel(count=1))

    with pytest.raises(OrderRefused) as late:
        await venue.cancel_order(NET, resting.venue_order_id)

    assert late.value.reason is RejectReason.ALREADY_TERMINAL
    assert await held(venue, NET, MES) == 1


async def test_orders_can_be_refused_for_any_reason(venue: StagedVenue) -> None:
    await venue.control(RefuseOrders(reason=RejectReason.NO_LIQUIDITY, instrument=MES, count=2))

    assert await refusal(venue, order("a", BUY, "1")) is RejectReason.NO_LIQUIDITY
    assert (await venue.submit_order(order("b", BUY, "1", instrument=ES))).filled == 1
    assert await refusal(venue, order("c", BUY, "1")) is RejectReason.NO_LIQUIDITY
    assert (await venue.submit_order(order("d", BUY, "1"))).filled == 1


async def test_a_cut_link_is_told_and_sends_nothing(venue: StagedVenue) -> None:
    events = venue.events()
    await heard(events, 1)

    await venue.control(CutLink())
    [down] = await heard(events, 1)
    assert isinstance(down, LinkDown)
    with pytest.raises(VenueUnavailable):
        await venue.submit_order(order("unsent", BUY, "1"))
    with pytest.raises(VenueUnavailable):
        await venue.snapshot(NET)

    await venue.control(ClearFaults())
    assert await heard(events, 1) == [LinkUp()]
    assert await venue.query_order(NET, client_order_id=ClientOrderId("unsent")) is None


async def test_a_cut_link_mends_by_itself(venue: StagedVenue) -> None:
    events = venue.events()
    await heard(events, 1)

    await venue.control(CutLink(seconds=0.05))

    down, up = await heard(events, 2)
    assert isinstance(down, LinkDown)
    assert up == LinkUp()
    assert (await venue.submit_order(order("after", BUY, "1"))).filled == 1


async def test_events_can_be_lost_or_repeated(venue: StagedVenue) -> None:
    events = venue.events()
    await heard(events, 1)

    await venue.control(LoseEvents(count=1))
    await venue.submit_order(order("lost", BUY, "1", limit=FAR_BELOW))
    await venue.control(RepeatEvents(count=1))
    await venue.submit_order(order("twice", BUY, "1", limit=FAR_BELOW))

    first, second = await heard(events, 2)
    assert first == second
    assert isinstance(first, OrderChanged)
    assert first.report.client_order_id == "twice"


async def test_a_lost_refusal_is_as_unknown_as_a_lost_acceptance(venue: StagedVenue) -> None:
    await venue.control(LoseAnswers(count=1, messages=frozenset({Message.CANCEL})))

    with pytest.raises(OutcomeUnknown):
        await venue.cancel_order(NET, VenueOrderId("never"))


async def _becomes_held(venue: StagedVenue, quantity: Decimal) -> None:
    with anyio.fail_after(5):
        while await held(venue, NET, MES) != quantity:
            await anyio.sleep(0.02)
