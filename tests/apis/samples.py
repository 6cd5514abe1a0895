"""
One call of every api and what a client reads as its answer, made by the builders themselves.

protocol.md shows exactly these; `tests/test_protocol_md.py` holds it to them.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, time, timedelta
from decimal import Decimal
from typing import Any

import msgspec

from rpcserver.apis.directive_queries import StandingRule, StandingSwitch
from rpcserver.apis.queries import (
    Approval,
    Bar,
    Bars,
    Bracket,
    Bracketed,
    Canceled,
    Changed,
    Confirmed,
    FoundExits,
    FoundFill,
    FoundOrder,
    FoundQuote,
    Lifecycle,
    MarketInfo,
    NewToken,
    Placed,
    PlaceOrders,
    Replaced,
    ReplaceOrder,
    Summarized,
    Watermark,
)
from rpcserver.apis.sandboxes import Kind
from rpcserver.apis.setting_queries import Allowed, StandingPolicy
from rpcserver.core.entries import ChainReport, Entry, Exit, FoundAlert, Head, OperationRow
from rpcserver.core.halts import Halted, Swept
from rpcserver.core.records import Noted, OrderIntended, OrderKnown
from rpcserver.core.report import OperationReport, Outcome, Placement
from rpcserver.core.requests import PlaceRequest, Scope, Sequel
from rpcserver.core.standing import DirectiveSet
from rpcserver.domain.account import Account, AccountSnapshot, PositionMode
from rpcserver.domain.closing import Dust, LadderStep, OnFence
from rpcserver.domain.directive import (
    Directive,
    Halt,
    HaltLevel,
    HaltScope,
    Mark,
    Policy,
    Preferences,
    Rule,
    Switch,
)
from rpcserver.domain.ids import (
    AccountId,
    AccountRef,
    ClientOrderId,
    InstrumentId,
    OperationId,
    PrincipalId,
    TokenId,
    TradeId,
    VenueOrderId,
)
from rpcserver.domain.market import Market, MarketPhase, Quote, Session
from rpcserver.domain.naming import InstrumentSelector
from rpcserver.domain.order import (
    Fill,
    OrderReport,
    OrderRequest,
    OrderSide,
    OrderStatus,
    OrderType,
    TimeInForce,
)
from rpcserver.domain.policy import (
    Exited,
    MarketHours,
    Passing,
    Rate,
    RateOf,
    SizeLimit,
    Threshold,
)
from rpcserver.domain.position import DayBook, Position
from rpcserver.domain.principal import Principal, Role, TokenRow
from rpcserver.domain.rule import FlattenAt, Limit, LimitAction, Measure, Retry, StoredCall
from tests.apis import hand

ORDER_ID = "cb1fc8d4e1a84d29ae38fea964aaac8c"
FOLLOWING_ID = "0a9c55e17cf84b7f9d3f7a2be2f40613"
STOP_ID = "7d2f31c09b6a4d0f8e1c5a7702b94e63"
SIM101 = AccountRef(hand.PAPER, AccountId("Sim101"))
OPERATION = OperationId("op-20251120150000-7f3a")


class Sample(msgspec.Struct, frozen=True):
    """A call's args, and what the core or the world has to say to it."""

    args: str
    world: Any
    full: bool = True


# --- closing -------------------------------------------------------------------------------------


def _report(*legs: Any, **changes: Any) -> OperationReport:
    ended = hand.report(*legs, **changes)
    return msgspec.structs.replace(
        ended,
        operation_id=OPERATION,
        opened_at=hand.NOW - timedelta(milliseconds=840),
        plan_hash="5f0c9d1be2a44c86",
        audit_seq=1042,
        audit_head="9b1d6e0c4f7a",
    )


def _short_mes(outcome: Outcome = Outcome.FLAT, **changes: Any) -> Any:
    return hand.leg(
        outcome,
        hand.position("MES 12-25", "-2", unrealized="61.25"),
        average_price="5774.25" if outcome is Outcome.FLAT else None,
        order_ids=(ORDER_ID,),
        **changes,
    )


def _single(**scope: Any) -> Any:
    return hand.request(scope=Scope(accounts=(SIM101,), **scope))


def _followed() -> Any:
    """A request that an order is to follow."""
    contract = hand.INSTRUMENTS["MES 12-25"]
    return hand.request(sequel=Sequel(account=SIM101, instrument=contract))


def _placed(quantity: str, status: str = "filled") -> Placement:
    line = hand.order(FOLLOWING_ID, status)
    return Placement(
        line=msgspec.structs.replace(
            line, quantity=Decimal(quantity), venue_order_id=VenueOrderId("v-94")
        )
    )


def _btc(**changes: Any) -> Any:
    opened = datetime(2026, 3, 3, 12, 0, tzinfo=UTC)
    held = hand.position("BTC/USDT", "0.01", average_price="50000", opened_at=opened)
    return hand.leg(
        Outcome.FLAT,
        held,
        average_price="50210.5",
        order_ids=(ORDER_ID,),
        proven_at=opened + timedelta(minutes=10),
        **changes,
    )


_PLANNED = msgspec.structs.replace(
    hand.leg(None, hand.position("MES 12-25", "-2")),
    planned_cancels=(VenueOrderId("stop-1"),),
    market=Market(
        instrument=InstrumentId("MES 12-25"), bid=Decimal("5774"), ask=Decimal("5774.25")
    ),
)

CLOSING: Mapping[str, Sample] = {
    "Flatten": Sample(
        '{"account":"Sim101","instrument":"MES 12-25","marketPosition":"short"}',
        _report(_short_mes(canceled=("stop-1",))),
    ),
    "FlattenEverything": Sample(
        '{"reason":"end of day"}',
        _report(
            _short_mes(),
            hand.leg(
                Outcome.UNKNOWN,
                hand.position("ES 12-25", "1", number=2),
                number=2,
                reason="order_unknown",
                detail="sent, and no answer came",
                order_ids=(STOP_ID,),
                proven_at=None,
            ),
        ),
    ),
    "ClosePosition": Sample(
        '{"account":"Sim101","instrument":"MES 12-25","quantity":1}',
        _report(_short_mes(Outcome.REDUCED, target="-1", remaining="-1")),
    ),
    "Reverse": Sample(
        '{"account":"Sim101","instrument":"MES 12-25"}',
        _report(_short_mes(), request=_followed(), placement=_placed("2")),
    ),
    "ReversePosition": Sample(
        '{"account":"Sim101","instrument":"MES 12-25","action":"BUY","quantity":1,'
        '"orderType":"LIMIT","limitPrice":5770,"timeInForce":"GTC"}',
        _report(_short_mes(), request=_followed(), placement=_placed("1", "working")),
    ),
    "FlatPlace": Sample(
        '{"account":"Sim101","instrument":"MES 12-25","action":"SELL","quantity":1,'
        '"orderType":"MARKET"}',
        _report(
            hand.leg(
                Outcome.UNKNOWN,
                hand.position("MES 12-25", "-2", unrealized="61.25"),
                reason="order_unknown",
                detail="sent, and no answer came",
                order_ids=(ORDER_ID,),
                proven_at=None,
            ),
            request=_followed(),
            placement=Placement(
                error="not_flat", detail="the position is not proven flat: nothing was placed"
            ),
        ),
    ),
    "ExitAll": Sample(
        '{"user_id":"user123","instruments":["NSE:INFY","NSE:TCS"],"execution_type":"LIMIT",'
        '"limit_prices":{"NSE:INFY":1550,"NSE:TCS":3300}}',
        _report(
            hand.leg(Outcome.FLAT, hand.position("NSE:INFY", "100"), average_price="1550"),
            hand.leg(
                Outcome.WAITING_MARKET,
                hand.position("NSE:TCS", "50", number=2),
                number=2,
                reason="market_closed",
            ),
        ),
    ),
    "BatchClose": Sample(
        '{"productGroup":"SwapU","instId":"BTC-USDT-SWAP"}',
        _report(
            hand.leg(Outcome.FLAT, hand.position("BTC-USDT-SWAP", "5"), average_price="50100"),
            hand.leg(
                Outcome.REJECTED,
                hand.position("BTC-USDT-SWAP", "-3", number=2),
                number=2,
                reason="reduce_only",
            ),
        ),
    ),
    "Liquidate": Sample(
        '{"symbol":"BTC/USDT"}', _report(_btc(), request=_single(oldest_only=True), more_matches=1)
    ),
    "LiquidateAll": Sample("{}", _report(_btc())),
}

DRY_RUN = Sample(
    '{"account":"Sim101","dryRun":true}',
    _report(_PLANNED, request=hand.request(dry_run=True), estimate=0.25, proven_at=None),
)

# --- the world -----------------------------------------------------------------------------------

ACCOUNT = Account(
    venue=hand.PAPER,
    account=AccountId("Sim101"),
    user_id="user123",
    display_name="Simulation",
    mode=PositionMode.NETTING,
    cash=Decimal("50000"),
    realized=Decimal("120.50"),
    unrealized=Decimal("61.25"),
    fees=Decimal("2.48"),
    margin=Decimal("2886.50"),
    balances={"BTC": Decimal("0.25")},
)

HELD = msgspec.structs.replace(
    hand.position("MES 12-25", "-2", unrealized="61.25"),
    day=DayBook(
        carried_quantity=Decimal(-1),
        carried_price=Decimal("5785.00"),
        sell_quantity=Decimal(1),
        sell_value=Decimal("5775.25"),
    ),
)

WORKING = OrderReport(
    venue_order_id=VenueOrderId("stop-1"),
    client_order_id=ClientOrderId(STOP_ID),
    account=AccountId("Sim101"),
    instrument=InstrumentId("MES 12-25"),
    side=OrderSide.BUY,
    type=OrderType.STOP_MARKET,
    status=OrderStatus.ACCEPTED,
    quantity=Decimal(2),
    stop_price=Decimal("5800"),
    time_in_force=TimeInForce.GTC,
    reduce_only=True,
    tag="scalper",
    created_at=hand.NOW - timedelta(hours=1),
    updated_at=hand.NOW - timedelta(hours=1),
)

FILLED = FoundFill(
    SIM101,
    hand.INSTRUMENTS["MES 12-25"],
    Fill(
        trade_id=TradeId("t-77"),
        venue_order_id=VenueOrderId("v-91"),
        client_order_id=ClientOrderId(ORDER_ID),
        account=AccountId("Sim101"),
        instrument=InstrumentId("MES 12-25"),
        side=OrderSide.BUY,
        quantity=Decimal(2),
        price=Decimal("5774.25"),
        fee=Decimal("1.24"),
        realized=Decimal("58.75"),
        at=hand.NOW,
    ),
)


def snapshot(*positions: Position, orders: tuple[OrderReport, ...] = ()) -> AccountSnapshot:
    names = {position.instrument for position in positions} | {o.instrument for o in orders}
    return AccountSnapshot(
        account=SIM101,
        positions=positions,
        orders=orders,
        instruments={name: hand.INSTRUMENTS[name] for name in names},
        taken_at=hand.NOW,
    )


def quote(name: str = "ES 12-25") -> FoundQuote:
    return FoundQuote(
        hand.INSTRUMENTS[name],
        Quote(
            instrument=InstrumentId(name),
            bid=Decimal("6618"),
            ask=Decimal("6618.25"),
            last=Decimal("6617.75"),
            open=Decimal("6722.50"),
            high=Decimal("6762.25"),
            low=Decimal("6604"),
            close=Decimal("6626"),
            volume=204962,
            at=hand.NOW,
            is_open=True,
        ),
    )


def market_info(*, is_open: bool = True) -> MarketInfo:
    starts = hand.NOW - timedelta(hours=16) if is_open else hand.NOW + timedelta(minutes=30)
    return MarketInfo(
        instrument=hand.INSTRUMENTS["ES 12-25"],
        market=Market(
            instrument=InstrumentId("ES 12-25"),
            phase=MarketPhase.OPEN if is_open else MarketPhase.CLOSED,
        ),
        session=Session(
            is_open=is_open,
            starts_at=starts,
            ends_at=starts + timedelta(hours=23),
            next_starts_at=starts + timedelta(hours=24),
            next_ends_at=starts + timedelta(hours=47),
            time_zone="America/Chicago",
        ),
    )


def placed(query: Any, *, error: str | None = None, detail: str = "") -> tuple[Placed, ...]:
    """What becomes of every order of *query*: the venue has it, or *error*."""
    assert isinstance(query, PlaceOrders)
    if error is not None:
        return tuple(Placed(request, None, error, detail) for request in query.orders)
    return tuple(
        Placed(
            request,
            msgspec.structs.replace(
                WORKING,
                venue_order_id=VenueOrderId(f"v-{90 + number}"),
                client_order_id=request.order.client_order_id,
            ),
        )
        for number, request in enumerate(query.orders, 1)
    )


CANCELED = Canceled(SIM101, VenueOrderId("stop-1"), canceled=True)

TOKEN = TokenRow(
    token_id=TokenId("tok-2"),
    principal=PrincipalId("night-desk"),
    roles=frozenset({Role.RISK, Role.VIEWER}),
    accounts=("*",),
    created_at=hand.NOW,
    expires_at=hand.NOW + timedelta(days=30),
    created_by=PrincipalId("desk"),
)
APPROVAL = Approval(
    code="ap-5d1f0c9e2b7a4c86",
    api="FlattenEverything",
    principal=PrincipalId("desk"),
    reason="end of day",
    why="it closes everything",
    asked_at=hand.NOW,
    expires_at=hand.NOW + timedelta(minutes=5),
    accounts=("paper:Sim101", "paper:Sim102"),
    positions=7,
    plan_hash="5f0c9d1be2a44c86",
    plan_operation=OPERATION,
    kind=Kind(True),
)
ROTATED = msgspec.structs.replace(TOKEN, token_id=TokenId("tok-3"))

ROW = OperationRow(
    operation_id=OPERATION,
    api="Flatten",
    principal=PrincipalId("desk"),
    idempotency_key="press-1",
    digest="d",
    opened_at=hand.NOW - timedelta(milliseconds=840),
    finished_at=hand.NOW,
    success=True,
    flat=True,
    partial=False,
    dry_run=False,
    legs=1,
    venues=(hand.PAPER,),
    sandboxes=(hand.PAPER,),
)

_FOUND = FoundOrder(SIM101, hand.INSTRUMENTS["MES 12-25"], WORKING)


def replaced(query: ReplaceOrder) -> Replaced:
    """The world placed what was to take the place of an order."""
    [new] = placed(PlaceOrders((query.order,)))
    return Replaced(query.order_id, True, placed=new)


def bracketed(query: Bracket) -> Bracketed:
    """The world guards a short position of two."""
    orders = []
    for name in (ORDER_ID, FOLLOWING_ID):
        order = OrderRequest(
            client_order_id=ClientOrderId(name),
            account=query.account.account,
            instrument=query.instrument,
            side=OrderSide.BUY,
            quantity=Decimal(2),
        )
        orders.append(
            PlaceRequest(principal=PrincipalId("desk"), account=query.account, order=order)
        )
    guards = placed(PlaceOrders(tuple(orders)))
    return Bracketed((VenueOrderId("stop-1"),), Decimal(-2), guards)


_POSITIONS = (snapshot(HELD),)

INTENDED = OrderIntended(
    at=hand.NOW - timedelta(hours=1),
    mono=0.0,
    account=SIM101,
    order=OrderRequest(
        client_order_id=ClientOrderId(STOP_ID),
        account=AccountId("Sim101"),
        instrument=InstrumentId("MES 12-25"),
        side=OrderSide.BUY,
        quantity=Decimal(2),
        type=OrderType.STOP_MARKET,
        stop_price=Decimal("5800"),
    ),
    principal=PrincipalId("desk"),
)
KNOWN = OrderKnown(at=INTENDED.at, mono=0.0, account=SIM101, report=WORKING)
LIFE = Lifecycle(
    SIM101,
    (
        Entry(audit_seq=1001, audit_hash="", record=INTENDED),
        Entry(audit_seq=1002, audit_hash="", record=KNOWN),
    ),
    WORKING,
    hand.INSTRUMENTS["MES 12-25"],
)
MARK = Watermark(
    account=SIM101,
    currency="USD",
    equity=Decimal("50061.25"),
    high=Decimal("50120.00"),
    high_at=hand.NOW - timedelta(minutes=30),
    low=Decimal("49980.50"),
    low_at=hand.NOW - timedelta(minutes=50),
    since=hand.NOW - timedelta(hours=1),
)

HALT = DirectiveSet(
    at=hand.NOW,
    mono=0.0,
    directive=Halt(
        halt_id="halt-cb1fc8d4e1a8",
        scope=HaltScope(account=SIM101, instrument=InstrumentSelector(asked="ES", root="ES")),
        level=HaltLevel.CANCEL,
    ),
    principal=PrincipalId("desk"),
    reason="the feed is wrong",
    remote="127.0.0.1",
)

BY = Principal(
    principal_id=PrincipalId("desk"),
    token_id=TokenId("tok-1"),
    roles=frozenset({Role.TRADER}),
)


def _stands(directive: Directive, reason: str) -> DirectiveSet:
    return DirectiveSet(
        at=hand.NOW,
        mono=0.0,
        directive=directive,
        principal=PrincipalId("desk"),
        reason=reason,
        remote="127.0.0.1",
    )


PREFERENCES = _stands(
    Preferences(
        user=PrincipalId("desk"),
        ladder=(
            LadderStep(),
            LadderStep(offset_ticks=4, after=3.0),
            LadderStep(type=OrderType.MARKET, after=8.0),
        ),
        on_fence=OnFence.WAIT,
        dust=Dust.LEAVE,
        deadline=30.0,
        accounts=(SIM101,),
        strategy_tag="scalper",
        alerts=("exit_failed", "unprotected"),
    ),
    "",
)

POLICY = _stands(
    Policy(
        rates=(
            Rate(of=RateOf.ROLE, name="viewer", per_second=5.0, burst=10),
            Rate(of=RateOf.API, name="BatchClose", per_second=1.0, burst=1),
        ),
        thresholds=(
            Threshold(of=Exited.LOSS, amount=Decimal(5000), passing=Passing.REASON),
            Threshold(
                of=Exited.EXPOSURE,
                amount=Decimal(1_000_000),
                passing=Passing.SECOND_PERSON,
                currency="USD",
            ),
        ),
        hours=(MarketHours(accounts=(SIM101,), check=True, wait=True),),
        sizes=(
            SizeLimit(
                instrument=InstrumentSelector(asked="MES", root="MES"),
                order=Decimal(5),
                position=Decimal(10),
            ),
        ),
        retry=Retry(times=3, every=5.0, lasting=60.0, offset_ticks=2),
        retention_days=2555,
    ),
    "the house rules",
)

ALLOWED = Allowed(
    calls_per_second=100.0,
    calls_burst=200,
    closing_calls_per_second=20.0,
    closing_calls_burst=100,
)

DAY_LIMIT = _stands(
    Rule(
        rule_id="day-limit",
        by=BY,
        accounts=(SIM101,),
        terms=Limit(
            measure=Measure.DAILY_LOSS,
            amount=Decimal(2000),
            action=LimitAction.FLATTEN_AND_LOCK,
            day_starts_at=time(17),
            zone="America/Chicago",
        ),
    ),
    "the house limit",
)
AT_THE_CLOSE = _stands(
    Rule(
        rule_id="at-the-close",
        by=BY,
        terms=FlattenAt(
            at=time(15, 50), until=time(16, 5), zone="America/Chicago", calendar="CMES"
        ),
    ),
    "nothing overnight",
)
SWITCH = StandingSwitch(
    record=_stands(
        Switch(
            switch_id="my-bot",
            by=BY,
            timeout=60.0,
            call=StoredCall(api="Flatten", args='{"account":"Sim101"}'),
        ),
        "nobody watches at night",
    ),
    accounts=(AccountRef(hand.PAPER, AccountId("Sim101")),),
    fires_at=hand.NOW + timedelta(seconds=60),
)
ALERT = Noted(
    at=hand.NOW,
    mono=0.0,
    alert=True,
    code="exit_failed",
    detail="Flatten in Sim101: not closed: MES 12-25 partial (deadline)",
    account=AccountRef(hand.PAPER, AccountId("Sim101")),
    operation_ids=(OPERATION,),
)
WORD = Noted(
    at=hand.NOW + timedelta(seconds=40),
    mono=0.0,
    code="alert_acknowledged",
    detail="on the phone with the broker",
    principal=PrincipalId("rita"),
    acknowledges=1043,
)

EXIT = Exit(
    audit_seq=1041,
    operation_id=OPERATION,
    leg=1,
    at=hand.NOW,
    venue=hand.PAPER,
    account=AccountId("Sim101"),
    instrument=InstrumentId("MES 12-25"),
    held=Decimal(-2),
    closed=Decimal(2),
    average_price=Decimal("5774.25"),
    remaining=Decimal(0),
    outcome=Outcome.FLAT,
    why="",
    proven_at=hand.NOW,
    api="Flatten",
    principal=PrincipalId("desk"),
    reason="end of day",
    remote="127.0.0.1",
    sandboxes=(hand.PAPER,),
)

QUERIES: Mapping[str, Sample] = {
    "GetPortfolioPositions": Sample('{"type":"all","account":"Sim101"}', _POSITIONS),
    "ListAccounts": Sample("{}", (ACCOUNT,)),
    "GetAccount": Sample('{"account":"sim101"}', (ACCOUNT,)),
    "ListPositions": Sample('{"account":"Sim101"}', _POSITIONS),
    "GetAllPositions": Sample('{"includeFlat":false}', _POSITIONS),
    "GetPosition": Sample('{"account":"Sim101","instrument":"MES 12-25"}', _POSITIONS),
    "ListOrders": Sample('{"account":"Sim101"}', (_FOUND,)),
    "GetAllOrders": Sample("{}", (_FOUND,)),
    "GetOrder": Sample('{"account":"Sim101","orderId":"stop-1"}', _FOUND),
    "ListExecutions": Sample('{"account":"Sim101","since":"2025-11-20T00:00:00Z"}', (FILLED,)),
    "GetBars": Sample(
        '{"instrument":"ES 12-25","periodType":"minute","period":5,"limit":2}',
        Bars(
            hand.INSTRUMENTS["ES 12-25"],
            (
                Bar(
                    starts_at=hand.NOW - timedelta(minutes=5),
                    open=Decimal("6615.50"),
                    high=Decimal("6619.00"),
                    low=Decimal("6615.25"),
                    close=Decimal("6617.75"),
                    volume=1204,
                ),
            ),
            hand.NOW - timedelta(hours=1),
        ),
    ),
    "GetOrderStatus": Sample('{"account":"Sim101","orderId":"stop-1"}', _FOUND),
    "GetOrderLifecycle": Sample('{"orderId":"stop-1"}', LIFE),
    "GetExecution": Sample('{"account":"Sim101","executionId":"t-77"}', (FILLED,)),
    "GetExecutionsByOrderId": Sample(
        '{"account":"Sim101","orderId":"cb1fc8d4e1a84d29ae38fea964aaac8c"}', (FILLED,)
    ),
    "GetAccountSummary": Sample("{}", (Summarized(ACCOUNT, _POSITIONS[0]),)),
    "GetWatermarks": Sample("{}", (MARK,)),
    "GetConnections": Sample("{}", (ACCOUNT,)),
    "GetQuote": Sample('{"instrument":"ES 12-25"}', (quote(),)),
    "MarketInfo": Sample('{"root":"ES"}', market_info()),
    "PlaceOrder": Sample(
        '{"account":"Sim101","instrument":"ES 12-25","action":"Buy","orderType":"Market",'
        '"quantity":1,"timeInForce":"Gtc"}',
        placed,
    ),
    "Change": Sample(
        '{"account":"Sim101","orderId":"stop-1","quantity":1,"stopPrice":5790}',
        Changed(msgspec.structs.replace(WORKING, quantity=Decimal(1), stop_price=Decimal(5790))),
    ),
    "CancelReplace": Sample(
        '{"account":"Sim101","orderId":"stop-1","instrument":"MES 12-25","action":"BUY",'
        '"quantity":2,"orderType":"STOPMARKET","stopPrice":5790,"timeInForce":"GTC"}',
        replaced,
    ),
    "CancelAndBracket": Sample(
        '{"account":"Sim101","instrument":"MES 12-25","stopPrice":5800,"limitPrice":5700}',
        bracketed,
    ),
    "Cancel": Sample('{"account":"Sim101","orderId":"stop-1"}', (CANCELED,)),
    "CancelOrder": Sample('{"orderId":"stop-1"}', (CANCELED,)),
    "CancelOrders": Sample('{"account":"Sim101","instrument":"MES 12-25"}', (CANCELED,)),
    "CancelAllOrders": Sample(
        "{}",
        (
            CANCELED,
            Canceled(SIM101, VenueOrderId("v-92"), canceled=False, pending=True),
            Canceled(
                SIM101,
                VenueOrderId("v-93"),
                canceled=False,
                error="order_refused",
                detail="filled already",
            ),
        ),
    ),
    "PlaceMultiOrder": Sample(
        '{"orders":[{"correlation_id":"1","instrument_token":"NSE:TCS","transaction_type":"SELL",'
        '"quantity":50,"order_type":"LIMIT","price":3300,"account":"Sim101","tag":"hedge"},'
        '{"correlation_id":"2","instrument_token":"NSE:INFY","transaction_type":"BUY",'
        '"quantity":100,"order_type":"MARKET","price":0,"account":"Sim101"}]}',
        placed,
    ),
    "CancelMultiOrder": Sample('{"tag":"hedge"}', (CANCELED,)),
    "ListOperations": Sample('{"limit":50}', (ROW,)),
    "GetOperation": Sample(
        f'{{"operationId":"{OPERATION}","after":0,"limit":100}}',
        CLOSING["Flatten"].world,
    ),
    "ResolveOrder": Sample(
        f'{{"clientOrderId":"{STOP_ID}","outcome":"filled","filled":"1",'
        '"reason":"broker confirmed by phone"}',
        None,
    ),
    "Halt": Sample(
        '{"account":"Sim101","instrument":"ES","level":"cancel","reason":"the feed is wrong"}',
        Halted(
            halt=HALT,
            closing=None,
            swept=Swept(canceled=(VenueOrderId("v-91"),), unproven=(VenueOrderId("v-92"),)),
        ),
    ),
    "Release": Sample('{"haltId":"halt-cb1fc8d4e1a8","reason":"the feed is right again"}', HALT),
    "ListHalts": Sample("{}", (HALT,)),
    "SetRule": Sample(
        '{"ruleId":"day-limit","kind":"daily_loss","accounts":["Sim101"],"amount":2000,'
        '"action":"flatten_and_lock","dayStartsAt":"17:00","timeZone":"America/Chicago",'
        '"reason":"the house limit"}',
        StandingRule(record=DAY_LIMIT),
    ),
    "RemoveRule": Sample('{"ruleId":"day-limit","reason":"the account is closed"}', DAY_LIMIT),
    "ListRules": Sample(
        "{}",
        (
            StandingRule(
                record=DAY_LIMIT,
                marks=(
                    Mark(
                        rule_id="day-limit",
                        account=SIM101,
                        day=hand.NOW.date(),
                        start=Decimal("250000"),
                        highest=Decimal("250412.5"),
                    ),
                ),
            ),
            StandingRule(record=AT_THE_CLOSE, next_at=hand.NOW + timedelta(hours=6, minutes=50)),
        ),
    ),
    "ArmDeadman": Sample(
        '{"switchId":"my-bot","timeoutMs":60000,"api":"Flatten","args":{"account":"Sim101"},'
        '"reason":"nobody watches at night"}',
        SWITCH,
    ),
    "RenewDeadman": Sample('{"switchId":"my-bot"}', SWITCH),
    "DisarmDeadman": Sample('{"switchId":"my-bot","reason":"good night"}', SWITCH),
    "ListSwitches": Sample("{}", (SWITCH,)),
    "GetPreferences": Sample("{}", PREFERENCES),
    "SetPreferences": Sample(
        '{"executionType":"ladder","ladder":[{"offsetTicks":0},{"offsetTicks":4,"afterMs":3000},'
        '{"type":"market","afterMs":8000}],"dust":"leave","deadlineMs":30000,"onFence":"wait",'
        '"accounts":["Sim101"],"strategyTag":"scalper","alerts":["exit_failed","unprotected"]}',
        PREFERENCES,
    ),
    "GetPolicy": Sample("{}", StandingPolicy(record=None, allowed=ALLOWED)),
    "SetPolicy": Sample(
        '{"rates":[{"role":"viewer","perSecond":5,"burst":10},{"api":"BatchClose","perSecond":1}],'
        '"thresholds":[{"of":"loss","amount":5000,"needs":"reason"},{"of":"exposure",'
        '"amount":1000000,"needs":"second_person","currency":"USD"}],"hours":[{"accounts":'
        '["Sim101"],"checkHours":true,"waitForOpen":true}],"sizes":[{"instrument":"MES","order":5,'
        '"position":10}],"retry":{"times":3,"everyMs":5000,"forMs":60000,"offsetTicks":2},'
        '"retentionDays":2555,"reason":"the house rules"}',
        StandingPolicy(record=POLICY, allowed=ALLOWED),
    ),
    "QueryAudit": Sample(
        '{"user":"desk","instrument":"MES","since":"2025-11-20T00:00:00Z","summary":true}',
        FoundExits((EXIT,), (EXIT,)),
    ),
    "ListAlerts": Sample(
        '{"code":"exit_failed","since":"2025-11-20T00:00:00Z","open":true}',
        (FoundAlert(1043, ALERT),),
    ),
    "AcknowledgeAlert": Sample(
        '{"auditSeq":1043,"reason":"on the phone with the broker"}',
        FoundAlert(1043, ALERT, WORD),
    ),
    "VerifyAudit": Sample(
        "{}",
        ChainReport(
            intact=True,
            records=1042,
            head=Head(audit_seq=1042, audit_hash="9b1d6e"),
            signature="6f0c2a",
            public_key="d75a98",
        ),
    ),
    "ListApprovals": Sample("{}", (APPROVAL,)),
    "Confirm": Sample(
        '{"code":"ap-5d1f0c9e2b7a4c86","reason":"seen the plan, agreed by phone"}',
        Confirmed(OperationId("op-20251120150200-91c4"), APPROVAL),
    ),
    "CreateToken": Sample(
        '{"principal":"night-desk","roles":["viewer","risk"],"accounts":["*"],'
        '"expiresAt":"2025-12-20T15:00:00Z","reason":"nights until Christmas"}',
        NewToken("shown-once", TOKEN),
    ),
    "RotateToken": Sample(
        '{"tokenId":"tok-2","graceMs":60000}',
        NewToken(
            "shown-once",
            ROTATED,
            old=msgspec.structs.replace(TOKEN, expires_at=hand.NOW + timedelta(minutes=1)),
        ),
    ),
    "ListTokens": Sample("{}", (TOKEN,)),
    "RevokeToken": Sample('{"tokenId":"tok-2"}', True),
    "Ping": Sample("{}", None),
}

ALL: Mapping[str, Sample] = {**CLOSING, **QUERIES}


def read_by_client(name: str) -> Any:
    """`data` of the final answer to the sample call of *name*."""
    if name in CLOSING:
        hand.terms(name, CLOSING[name].args)  # the call itself must be one
        return hand.answer(name, CLOSING[name].world)
    return answered(name, QUERIES[name].args, QUERIES[name].world)


def answered(name: str, args: str, world: Any) -> Any:
    """What a client reads when *world* is what comes back to its query."""
    asked = hand.ask(name, args)
    came_back = world(asked.query) if callable(world) else world
    return hand.on_the_wire(asked.answer(came_back))
