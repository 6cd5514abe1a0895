"""Reads, orders, operations and tokens: what they ask of the world, and how they word it."""

from __future__ import annotations

import json
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

import msgspec
import pytest

from rpcserver.apis.catalogue import registry
from rpcserver.apis.queries import (
    Canceled,
    CancelOrders,
    CreateToken,
    Placed,
    PlaceOrders,
    ReadExecutions,
    ReadOperations,
    ReadQuotes,
    Resolve,
)
from rpcserver.apis.registry import QueryApi
from rpcserver.core.entries import ChainReport, Head
from rpcserver.core.report import Outcome
from rpcserver.core.requests import OrderOutcome
from rpcserver.domain.errors import InvalidRequest
from rpcserver.domain.ids import AccountId, InstrumentId, VenueOrderId
from rpcserver.domain.instrument import Instrument, InstrumentType
from rpcserver.domain.order import Holding, OrderSide, OrderStatus, OrderType, TimeInForce
from rpcserver.domain.position import DayBook, TaggedQuantity
from rpcserver.domain.principal import Permission, Role
from rpcserver.wire.errors import ERRORS
from tests.apis import hand, samples

SAMPLES = samples.QUERIES


def refused(name: str, args: str, *roles: Role) -> InvalidRequest:
    with pytest.raises(InvalidRequest) as caught:
        hand.ask(name, args, hand.asked(*roles))
    return caught.value


def test_every_api_has_a_sample() -> None:
    assert set(samples.ALL) == set(registry.names)


def test_what_changes_something_is_not_called_a_read() -> None:
    changing = {api.name for api in registry if isinstance(api, QueryApi) and not api.read_only}

    assert changing == {
        *("PlaceOrder", "Cancel", "CancelOrder", "CancelOrders", "CancelAllOrders"),
        *("Change", "CancelReplace", "CancelAndBracket"),
        *("PlaceMultiOrder", "CancelMultiOrder", "ResolveOrder"),
        *("CreateToken", "RotateToken", "RevokeToken", "Confirm"),
        *("Halt", "Release", "SetRule", "RemoveRule"),
        *("ArmDeadman", "RenewDeadman", "DisarmDeadman"),
        *("SetPreferences", "SetPolicy"),
        *("AcknowledgeAlert",),
    }


@pytest.mark.parametrize(
    ("name", "permission"),
    [
        ("Flatten", Permission.CLOSE),
        ("GetPosition", Permission.READ),
        ("PlaceOrder", Permission.TRADE),
        ("PlaceMultiOrder", Permission.TRADE),
        ("CancelAllOrders", Permission.CLOSE),
        ("ResolveOrder", Permission.OVERRIDE),
        ("Halt", Permission.HALT),
        ("Release", Permission.RELEASE),
        ("SetRule", Permission.HALT),
        ("ArmDeadman", Permission.CLOSE),
        ("CreateToken", Permission.ADMINISTER),
        ("ListTokens", Permission.ADMINISTER),
    ],
)
def test_each_call_needs_its_own_permission(name: str, permission: Permission) -> None:
    api = registry.find(name)

    assert api is not None
    assert api.permission is permission


# --- positions -----------------------------------------------------------------------------------


def test_flat_rows_are_those_of_waiting_orders() -> None:
    world = (samples.snapshot(samples.HELD, orders=(samples.WORKING, _order_in("ES 12-25"))),)

    plain = samples.answered("GetAllPositions", "{}", world)
    with_flat = samples.answered("GetAllPositions", '{"includeFlat":true}', world)

    assert [row["instrument"] for row in plain["positions"]] == ["MES 12-25"]
    assert [(row["instrument"], row["marketPosition"]) for row in with_flat["positions"]] == [
        ("MES 12-25", "Short"),
        ("ES 12-25", "Flat"),
    ]
    assert with_flat["positions"][1]["quantity"] == 0


def _order_in(name: str) -> Any:
    return msgspec.structs.replace(samples.WORKING, instrument=InstrumentId(name))


def test_a_position_that_is_not_there_is_flat() -> None:
    data = samples.answered(
        "GetPosition", '{"account":"SIM101","instrument":"ES"}', (samples.snapshot(),)
    )

    assert (data["marketPosition"], data["quantity"], data["success"]) == ("Flat", 0, True)
    assert (data["account"], data["instrument"]) == ("Sim101", "ES 12-25")


def test_a_root_finds_the_back_month_too() -> None:
    back = hand.position("ES 03-26", "1")
    both = (hand.position("ES 12-25", "-1"), back)
    args = '{"account":"Sim101","instrument":"ES"}'

    one = samples.answered("GetPosition", args, (samples.snapshot(back),))
    two = samples.answered("GetPosition", args, (samples.snapshot(*both),))

    assert (one["instrument"], one["marketPosition"]) == ("ES 03-26", "Long")
    assert "positions" not in one
    assert [row["instrument"] for row in two["positions"]] == ["ES 12-25", "ES 03-26"]


def test_a_tag_is_shown_where_there_is_one() -> None:
    tagged = msgspec.structs.replace(
        samples.HELD, tags=(TaggedQuantity(tag="scalper", quantity=Decimal(-2)),)
    )

    data = samples.answered("ListPositions", '{"account":"Sim101"}', (samples.snapshot(tagged),))

    assert data["positions"][0]["tag"] == "scalper"


# --- the portfolio -------------------------------------------------------------------------------

OPTION = Instrument(
    instrument_id=InstrumentId("NSE:NIFTY25DEC24000CE"),
    type=InstrumentType.OPTION,
    lot=Decimal(65),
    tick=Decimal("0.05"),
    minimum=Decimal(65),
    exchange="NSE",
    expiry=date(2025, 12, 30),
    strike=Decimal(24000),
    option_right="CE",
    scrip_token=43401,
)


def portfolio(kind: str, held: Any, instrument: Instrument | None = None) -> Any:
    snapshot = samples.snapshot()
    snapshot = msgspec.structs.replace(
        snapshot,
        positions=(held,),
        instruments={held.instrument: instrument or hand.INSTRUMENTS[held.instrument]},
    )
    return samples.answered("GetPortfolioPositions", f'{{"type":"{kind}"}}', (snapshot,))


def test_the_row_of_the_portfolio_document() -> None:
    held = msgspec.structs.replace(
        hand.position("NSE:INFY", "-97", average_price="360.50"),
        day=DayBook(
            buy_quantity=Decimal(3),
            buy_value=Decimal("815.10"),
            sell_quantity=Decimal(100),
            sell_value=Decimal(36050),
        ),
    )

    data = portfolio("daily", held)

    assert (data["status"], data["code"]) == ("success", "s-101")
    [row] = data["data"]
    assert row["exchange"] == "NSE"
    assert row["scrip_token"] == 1594
    assert (row["symbol"], row["series"], row["instrument"]) == ("INFY", "EQ", "EQUITIES")
    assert (row["buy_quantity"], row["avg_buy_price"], row["buy_value"]) == (3, "271.70", "815.10")
    assert (row["sell_quantity"], row["avg_sell_price"]) == (100, "360.50")
    assert (row["sell_value"], row["net_quantity"]) == ("36050.00", -97)
    assert (row["net_price"], row["multiplier"]) == ("360.50", "1.00")


def test_an_option_tells_its_strike_in_paise() -> None:
    held = msgspec.structs.replace(
        hand.position("NSE:INFY", "65", average_price="185"), instrument=OPTION.instrument_id
    )

    [row] = portfolio("all", held, OPTION)["data"]

    assert (row["strike_price"], row["option_type"]) == ("2400000.00", "CE")
    assert (row["expiry_date"], row["instrument"]) == ("2025-12-30", "OPTIONS")
    assert (row["net_quantity"], row["net_value"]) == (65, "12025.00")


@pytest.mark.parametrize(("kind", "nets"), [("all", [-1, -1]), ("DAILY", [-1]), ("expiry", [-1])])
def test_daily_and_expiry_are_two_views_of_one_position(kind: str, nets: list[int]) -> None:
    data = portfolio(kind, samples.HELD)

    assert [row["net_quantity"] for row in data["data"]] == nets


@pytest.mark.parametrize("quantity", ["-2", "3"])
def test_a_venue_without_a_day_book_shows_the_position_as_todays(quantity: str) -> None:
    data = portfolio("all", hand.position(quantity=quantity))

    [row] = data["data"]
    assert (row["daily_or_expiry"], row["net_quantity"]) == ("DAILY", int(quantity))


def test_a_type_that_is_none_is_refused() -> None:
    assert refused("GetPortfolioPositions", "{}").code == "missing_argument"
    assert refused("GetPortfolioPositions", '{"type":"weekly"}').code == "invalid_argument"


# --- quotes and hours ----------------------------------------------------------------------------


def test_several_quotes_come_as_an_array_in_the_order_asked() -> None:
    ask = hand.ask("GetQuote", '{"instrument":"MES 12-25, es"}')

    assert ask.query == ReadQuotes(
        (
            (hand.PAPER, InstrumentId("MES 12-25")),
            (hand.PAPER, InstrumentId("ES 12-25")),
        )
    )
    data = hand.on_the_wire(ask.answer((samples.quote("MES 12-25"), samples.quote())))
    assert [row["instrument"] for row in data] == ["MES 12-25", "ES 12-25"]
    assert all("success" not in row for row in data)


@pytest.mark.parametrize("asked", ["ES,", ",", ",".join(["ES"] * 101)])
def test_a_list_of_quotes_has_bounds(asked: str) -> None:
    assert refused("GetQuote", f'{{"instrument":"{asked}"}}').code == "invalid_argument"


def test_a_closed_market_counts_down_to_its_open() -> None:
    data = samples.answered("MarketInfo", "{}", samples.market_info(is_open=False))

    assert data["status"] == {"isOpen": False, "state": "Closed"}
    assert (data["session"]["label"], data["session"]["action"]) == ("Next Session", "Until Open")
    assert (data["session"]["countdown"], data["session"]["secondsRemaining"]) == ("00:30:00", 1800)


def test_a_zone_nobody_knows_is_shown_in_utc() -> None:
    info = samples.market_info()
    info = msgspec.structs.replace(
        info, session=msgspec.structs.replace(info.session, time_zone="Nowhere/At All")
    )

    data = samples.answered("MarketInfo", '{"instrument":"ES 12-25"}', info)

    assert data["session"]["localEnd"] == "2025-11-20 22:00:00"


def test_instrument_and_root_together_are_a_riddle() -> None:
    assert refused("MarketInfo", '{"instrument":"ES","root":"ES"}').code == "invalid_argument"


# --- orders --------------------------------------------------------------------------------------


def test_the_order_of_the_crosstrade_example() -> None:
    query = hand.ask("PlaceOrder", SAMPLES["PlaceOrder"].args).query

    assert isinstance(query, PlaceOrders)
    [request] = query.orders
    assert (request.principal, request.remote) == ("desk", "127.0.0.1")
    order = request.order
    assert (order.client_order_id, order.account) == (samples.ORDER_ID, "Sim101")
    assert (order.instrument, order.side) == ("ES 12-25", OrderSide.BUY)
    assert order.quantity == 1
    assert (order.type, order.time_in_force) == (OrderType.MARKET, TimeInForce.GTC)
    assert (order.reduce_only, order.holding, order.tag) == (False, Holding.NET, None)


PLACE = {
    "account": "Sim101",
    "instrument": "ES",
    "action": "sell",
    "quantity": "1",
    "orderType": "limit",
    "limitPrice": 6600.25,
}


def test_an_order_takes_everything_it_knows() -> None:
    more: dict[str, Any] = {
        "stopPrice": "6601",
        "orderType": "StopLimit",
        "ocoId": "oco",
        "tag": "scalper",
    }
    more |= {"reduceOnly": True, "holding": "Long", "product": "INTRADAY", "timeInForce": "ioc"}
    query = hand.ask("PlaceOrder", json.dumps(PLACE | more)).query

    assert isinstance(query, PlaceOrders)
    order = query.orders[0].order
    assert (order.type, order.limit_price) == (OrderType.STOP_LIMIT, Decimal("6600.25"))
    assert (order.stop_price, order.oco_id, order.tag) == (Decimal(6601), "oco", "scalper")
    assert (order.reduce_only, order.holding) == (True, Holding.LONG)
    assert (order.product, order.time_in_force) == ("INTRADAY", TimeInForce.IOC)


@pytest.mark.parametrize(
    ("changes", "code", "key"),
    [
        ({"quantity": 0}, "invalid_argument", "quantity"),
        ({"quantity": -1}, "invalid_argument", "quantity"),
        ({"action": "short"}, "invalid_argument", "action"),
        ({"orderType": "MIT"}, "invalid_argument", "orderType"),
        ({"orderType": "market"}, "invalid_argument", "limitPrice"),
        ({"orderType": "stopmarket"}, "invalid_argument", "limitPrice"),
        ({"orderType": "stoplimit"}, "missing_argument", "stopPrice"),
        ({"stopPrice": 1}, "invalid_argument", "stopPrice"),
        ({"limitPrice": None}, "invalid_argument", "limitPrice"),
        ({"strategy": "atm"}, "unknown_argument", "strategy"),
        ({"requireMarketPosition": "sideways"}, "invalid_argument", "requireMarketPosition"),
        ({"requireMarketPosition": ""}, "empty_filter", "requireMarketPosition"),
        ({"maxPositions": 0}, "invalid_argument", "maxPositions"),
        ({"ocoId": ""}, "empty_filter", "ocoId"),
        ({"account": "Twin"}, "ambiguous_account", "Twin"),
    ],
)
def test_an_order_that_cannot_be_meant_is_refused(
    changes: dict[str, Any], code: str, key: str
) -> None:
    error = refused("PlaceOrder", json.dumps(PLACE | changes))

    assert error.code == code
    assert key in error.detail


def test_an_order_of_unknown_outcome_can_be_asked_about() -> None:
    data = samples.answered(
        "PlaceOrder",
        json.dumps(PLACE),
        lambda query: samples.placed(query, error="outcome_unknown", detail="no answer"),
    )

    assert (data["success"], data["error"], data["statusCode"]) == (False, "outcome_unknown", 504)
    assert data["orderId"] == samples.ORDER_ID


def test_an_order_the_venue_rejected_is_no_success() -> None:
    def rejected(query: Any) -> tuple[Placed, ...]:
        [placed] = samples.placed(query)
        assert placed.report is not None
        report = msgspec.structs.replace(
            placed.report, status=OrderStatus.REJECTED, detail="no margin"
        )
        return (msgspec.structs.replace(placed, report=report),)

    data = samples.answered("PlaceOrder", json.dumps(PLACE), rejected)

    assert (data["success"], data["error"], data["detail"]) == (False, "order_refused", "no margin")
    assert data["orderState"] == "Rejected"


def test_a_cancel_that_is_not_proven_is_no_success() -> None:
    pending = Canceled(samples.SIM101, VenueOrderId("v-1"), canceled=False, pending=True)
    refusal = Canceled(None, VenueOrderId("v-1"), canceled=False, error="unknown_order", detail="?")

    taken = samples.answered("Cancel", '{"orderId":"v-1"}', (pending,))
    unknown = samples.answered("Cancel", '{"orderId":"v-1"}', (refusal,))

    assert (taken["success"], taken["error"]) == (False, "cancel_pending")
    assert (unknown["success"], unknown["error"]) == (False, "unknown_order")
    assert {taken["error"], unknown["error"]} <= ERRORS.keys()


def test_cancel_orders_takes_a_root_for_every_expiry() -> None:
    query = hand.ask("CancelOrders", '{"account":"Sim101","instruments":["ES"]}').query

    assert isinstance(query, CancelOrders)
    assert query.accounts == (samples.SIM101,)
    assert [selector.root for selector in query.instruments] == ["ES"]
    assert refused("CancelOrders", "{}").code == "missing_argument"


def test_an_order_that_is_not_there_is_unknown() -> None:
    data = samples.answered("GetOrder", '{"orderId":"nope"}', None)

    assert (data["success"], data["error"], data["statusCode"]) == (False, "unknown_order", 404)


def test_a_cancel_under_way_shows_in_the_orders_state() -> None:
    found = msgspec.structs.replace(SAMPLES["GetOrder"].world)
    report = msgspec.structs.replace(found.report, cancel_pending=True)

    data = samples.answered(
        "GetOrder", '{"orderId":"stop-1"}', msgspec.structs.replace(found, report=report)
    )

    assert data["orderState"] == "CancelPending"


def test_executions_are_read_since_an_instant() -> None:
    query = hand.ask("ListExecutions", SAMPLES["ListExecutions"].args).query

    assert isinstance(query, ReadExecutions)
    assert query.since == datetime(2025, 11, 20, tzinfo=UTC)
    vague = refused("ListExecutions", '{"since":"2025-11-20T00:00:00"}')
    assert (vague.code, "since" in vague.detail) == ("invalid_argument", True)


# --- Upstox's orders -----------------------------------------------------------------------------


def test_buys_go_first_and_every_answer_finds_its_order() -> None:
    query = hand.ask("PlaceMultiOrder", SAMPLES["PlaceMultiOrder"].args).query

    assert isinstance(query, PlaceOrders)
    assert [request.order.side for request in query.orders] == [OrderSide.BUY, OrderSide.SELL]
    assert [request.order.instrument for request in query.orders] == ["NSE:INFY", "NSE:TCS"]
    data = samples.read_by_client("PlaceMultiOrder")
    assert [row["correlation_id"] for row in data["data"]] == ["2", "1"]


def test_one_refused_order_of_several_is_a_partial_success() -> None:
    def world(query: Any) -> tuple[Placed, ...]:
        good, bad = samples.placed(query)
        return good, Placed(bad.request, None, "outcome_unknown", "no answer")

    data = samples.answered("PlaceMultiOrder", SAMPLES["PlaceMultiOrder"].args, world)

    assert (data["status"], data["success"], data["statusCode"]) == ("partial_success", False, 207)
    assert data["summary"] == {"total": 2, "success": 1, "error": 1, "payload_error": 0}
    assert data["errors"] == [
        {
            "correlation_id": "1",
            "order_id": samples.ORDER_ID,
            "instrument_key": "NSE:TCS",
            "error_code": "OUTCOME_UNKNOWN",
            "message": "no answer",
        }
    ]


ORDER = {
    "correlation_id": "1",
    "instrument_token": "NSE:INFY",
    "transaction_type": "BUY",
    "quantity": 1,
    "order_type": "SL-M",
    "trigger_price": 1500,
    "account": "Sim101",
}


@pytest.mark.parametrize(
    ("orders", "code"),
    [
        ([], "invalid_argument"),
        ([ORDER | {"correlation_id": str(n)} for n in range(26)], "invalid_argument"),
        ([ORDER, ORDER], "invalid_argument"),
        ([ORDER | {"correlation_id": "x" * 21}], "invalid_argument"),
        ([ORDER | {"trigger_price": 0}], "missing_argument"),
        ([ORDER | {"price": 1}], "invalid_argument"),
        ([ORDER | {"market_protection": -1}], "unknown_argument"),
        ([{key: value for key, value in ORDER.items() if key != "account"}], "missing_argument"),
    ],
)
def test_a_list_of_orders_is_checked_before_the_first_is_sent(
    orders: list[dict[str, Any]], code: str
) -> None:
    assert refused("PlaceMultiOrder", json.dumps({"orders": orders})).code == code


def test_cancel_multi_order_needs_a_filter_and_tells_when_nothing_matched() -> None:
    assert refused("CancelMultiOrder", "{}").code == "filter_required"

    data = samples.answered("CancelMultiOrder", '{"tag":"hedge"}', ())
    assert (data["status"], data["error_code"], data["success"]) == (
        "error",
        "NO_OPEN_ORDERS",
        False,
    )
    pending = Canceled(samples.SIM101, VenueOrderId("v-1"), canceled=False, pending=True)
    data = samples.answered("CancelMultiOrder", '{"order_ids":["v-1"]}', (pending,))
    assert (data["status"], data["errors"][0]["error_code"]) == ("error", "CANCEL_PENDING")


# --- operations, orders in doubt, tokens ---------------------------------------------------------


def test_everyones_operations_are_for_those_who_oversee() -> None:
    own = hand.ask("ListOperations", "{}", hand.asked(Role.TRADER)).query
    everyones = hand.ask("ListOperations", '{"all":true}', hand.asked(Role.RISK)).query

    assert isinstance(own, ReadOperations)
    assert isinstance(everyones, ReadOperations)
    assert (own.principal, everyones.principal) == ("desk", None)
    assert refused("ListOperations", '{"all":true}', Role.TRADER).code == "forbidden"
    assert refused("ListOperations", '{"limit":0}').code == "invalid_argument"
    assert refused("ListOperations", '{"limit":501}').code == "invalid_argument"


def test_a_full_page_of_operations_names_the_next() -> None:
    data = samples.answered("ListOperations", '{"limit":1}', (samples.ROW,))

    assert data["next"] == samples.OPERATION


def test_the_legs_of_an_operation_are_paged() -> None:
    legs = [hand.leg(Outcome.FLAT, hand.position(number=n), number=n) for n in range(1, 6)]
    seen, after = [], 0
    while True:
        args = f'{{"operationId":"op-1","after":{after},"limit":2}}'
        data = samples.answered("GetOperation", args, hand.report(*legs))
        seen += [leg["leg"] for leg in data["legs"]]
        if "next" not in data:
            break
        after = data["next"]

    assert seen == [1, 2, 3, 4, 5]
    assert data["operation"]["total"] == 5
    assert refused("GetOperation", '{"operationId":"op-1","after":-1}').code == "invalid_argument"


@pytest.mark.parametrize("dry_run", [False, True])
def test_an_operation_that_has_not_closed_anything_claims_nothing(dry_run: bool) -> None:
    leg = hand.leg(None)
    report = hand.report(leg, request=hand.request(dry_run=dry_run))
    report = msgspec.structs.replace(report, finished_at=hand.NOW if dry_run else None)

    data = samples.answered("GetOperation", '{"operationId":"op-1"}', report)

    assert data["operation"]["running"] is not dry_run
    assert data["operation"]["success"] is None
    assert data["operation"]["flat"] is None
    assert data["legs"][0]["outcome"] is None
    assert data["operation"]["counts"] == {"running": 1}


def test_a_running_operation_listed_claims_nothing() -> None:
    running = msgspec.structs.replace(samples.ROW, finished_at=None, success=None, flat=None)
    dry = msgspec.structs.replace(samples.ROW, dry_run=True)

    data = samples.answered("ListOperations", "{}", (running, dry))

    assert [(row["success"], row["flat"]) for row in data["operations"]] == [(None, None)] * 2
    assert [row["running"] for row in data["operations"]] == [True, False]


def test_a_persons_word_is_taken_exactly() -> None:
    query = hand.ask("ResolveOrder", SAMPLES["ResolveOrder"].args).query

    assert isinstance(query, Resolve)
    request = query.request
    assert (request.principal, request.client_order_id) == ("desk", samples.STOP_ID)
    assert (request.outcome, request.filled) == (OrderOutcome.FILLED, Decimal(1))
    assert request.reason == "broker confirmed by phone"


@pytest.mark.parametrize(
    ("said", "code"),
    [
        ('"outcome":"filled","reason":"x"', "missing_argument"),
        ('"outcome":"never_existed","filled":1,"reason":"x"', "invalid_argument"),
        ('"outcome":"canceled","filled":-1,"reason":"x"', "invalid_argument"),
        ('"outcome":"canceled"', "missing_argument"),
        ('"outcome":"canceled","reason":" "', "empty_filter"),
        ('"outcome":"lost","reason":"x"', "invalid_argument"),
    ],
)
def test_a_word_that_says_too_little_is_refused(said: str, code: str) -> None:
    assert refused("ResolveOrder", f'{{"clientOrderId":"a",{said}}}').code == code


def test_a_broken_chain_is_no_success() -> None:
    broken = ChainReport(
        intact=False, records=9, head=Head(audit_seq=9, audit_hash="ff"), first_broken=4
    )

    data = samples.answered("VerifyAudit", "{}", broken)

    assert (data["success"], data["intact"], data["firstBroken"]) == (False, False, 4)


def test_a_token_is_made_for_accounts_that_exist() -> None:
    args = '{{"principal":"p","roles":["{}"],"accounts":["{}"]}}'
    query = hand.ask("CreateToken", args.format("Trader", "paper:sim101")).query

    assert isinstance(query, CreateToken)
    assert (query.roles, query.accounts) == (frozenset({Role.TRADER}), ("paper:sim101",))
    assert refused("CreateToken", args.format("trader", "Sim10")).code == "unknown_account"
    assert refused("CreateToken", args.format("boss", "*")).code == "invalid_argument"
    assert refused("CreateToken", '{"principal":"p","roles":[],"accounts":["*"]}').code == (
        "empty_filter"
    )


def test_revoking_what_is_not_there_is_told() -> None:
    data = samples.answered("RevokeToken", '{"tokenId":"tok-9"}', False)

    assert (data["success"], data["error"]) == (False, "unknown_token")


def test_a_disconnected_account_says_so() -> None:
    away = msgspec.structs.replace(samples.ACCOUNT, connected=False, sandbox=False)

    data = samples.answered("GetAccount", '{"account":"Sim101"}', (away,))

    assert (data["connectionStatus"], data["provider"]) == ("Disconnected", "paper")


def test_an_account_is_named_where_there_are_several() -> None:
    one = hand.asked(Role.TRADER, grants=("sim102",))

    order = {key: value for key, value in ORDER.items() if key != "account"}
    query = hand.ask("PlaceMultiOrder", json.dumps({"orders": [order]}), one).query

    assert isinstance(query, PlaceOrders)
    assert query.orders[0].account.account == AccountId("Sim102")


def test_time_is_told_in_utc() -> None:
    data = samples.read_by_client("Ping")

    told = datetime.fromisoformat(data["time"])
    assert told - hand.NOW == timedelta(0)
    assert data["epoch"] == 1763650800000
