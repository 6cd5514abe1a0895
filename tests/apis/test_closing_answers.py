"""Every answer the dialects' own documents show, field by field, and what ours says beside it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import msgspec
import pytest

from rpcserver.apis.catalogue import registry
from rpcserver.apis.registry import ClosingApi
from rpcserver.core.report import Outcome
from rpcserver.core.requests import Scope
from rpcserver.domain.errors import InvalidRequest
from rpcserver.domain.ids import AccountId, AccountRef, InstrumentId, PositionId, VenueOrderId
from rpcserver.domain.market import Market, MarketPhase
from rpcserver.domain.naming import InstrumentSelector
from tests.apis import hand

CLOSING = [api.name for api in registry if isinstance(api, ClosingApi)]
OPENED = datetime(2026, 3, 3, 12, 0, tzinfo=UTC)
ACCOUNTS = (AccountRef(hand.PAPER, AccountId("Sim101")),)


def within(expected: Any, found: Any) -> bool:
    """Whether *found* says all that *expected* says; more beside it is allowed."""
    if isinstance(expected, dict):
        return isinstance(found, dict) and all(
            key in found and within(value, found[key]) for key, value in expected.items()
        )
    if isinstance(expected, list):
        return (
            isinstance(found, list)
            and len(found) == len(expected)
            and all(within(*pair) for pair in zip(expected, found, strict=True))
        )
    return bool(expected == found)


# --- CrossTrade ----------------------------------------------------------------------------------


def test_the_flatten_answer_of_the_seed() -> None:
    order_ids = (
        "adb3868865de4b59b0e147b8300e4a29",
        "2141df9fc0254ba9b34c8a5e38722249",
        "16f6774e302748ce962f2d60b58b2eb1",
    )
    short = hand.position("ES 12-25", "-2", average_price="5780.125", market_price="5774.0")

    data = hand.answer("Flatten", hand.report(hand.leg(Outcome.FLAT, short, order_ids=order_ids)))

    assert within(
        {
            "orderIds": list(order_ids),
            "closedPositions": [
                {
                    "type": "NinjaTrader.Cbi.Position",
                    "account": "Sim101",
                    "instrument": "ES 12-25",
                    "instrumentType": "Future",
                    "marketPosition": "Short",
                    "quantity": 2,
                    "averagePrice": 5780.125,
                    "marketPrice": 5774.0,
                    "unrealizedProfitLoss": 612.5,
                }
            ],
            "success": True,
        },
        data,
    )
    assert list(data["closedPositions"][0]) == [
        "type",
        "account",
        "instrument",
        "instrumentType",
        "marketPosition",
        "quantity",
        "averagePrice",
        "marketPrice",
        "unrealizedProfitLoss",
    ]


def test_what_is_ours_stands_beside_it() -> None:
    leg = hand.leg(Outcome.FLAT, order_ids=("a",), canceled=("stop-1",), average_price="5774.25")
    data = hand.answer("Flatten", hand.report(leg))

    assert data["operationId"] == "op-1"
    assert data["flat"] is True
    assert data["provenAt"] == "2025-11-20T15:00:00Z"
    assert data["remainingPositions"] == []
    assert data["canceledOrderIds"] == ["stop-1"]
    assert (data["durationMs"], data["auditSeq"], data["auditHead"]) == (1000, 42, "ab" * 32)
    assert (data["planHash"], data["statusCode"]) == ("hash", 200)
    assert data["counts"] == {"flat": 1}
    assert data["legs"] == [
        {
            "leg": 1,
            "positionId": "pos-20260303120000-1",
            "venue": "paper",
            "account": "Sim101",
            "instrument": "MES 12-25",
            "side": "long",
            "outcome": "flat",
            "quantity": "2",
            "target": "0",
            "closed": "2",
            "remaining": "0",
            "averagePrice": "5774.25",
            "orderIds": ["a"],
            "canceledOrderIds": ["stop-1"],
            "provenAt": "2025-11-20T15:00:00Z",
        }
    ]


def test_a_partial_close_lists_what_was_closed_and_what_remains() -> None:
    held = hand.position(quantity="-3", unrealized="300")
    leg = hand.leg(Outcome.REDUCED, held, target="-1", remaining="-1")

    data = hand.answer("ClosePosition", hand.report(leg))

    assert (data["success"], data["flat"]) == (True, False)
    assert [row["quantity"] for row in data["closedPositions"]] == [2]
    [left] = data["remainingPositions"]
    assert (left["marketPosition"], left["quantity"]) == ("Short", 1)
    assert left["unrealizedProfitLoss"] == 100.0


def test_a_flip_is_shown_as_what_it_is() -> None:
    leg = hand.leg(Outcome.PARTIAL, hand.position(quantity="2"), remaining="-1")

    data = hand.answer("Flatten", hand.report(leg))

    assert data["success"] is False
    assert data["legs"][0]["flipped"] is True
    [left] = data["remainingPositions"]
    assert (left["marketPosition"], left["quantity"]) == ("Short", 1)
    assert left["unrealizedProfitLoss"] is None


@pytest.mark.parametrize("api", ["Flatten", "FlattenEverything", "ClosePosition"])
def test_nothing_to_flatten_is_no_error(api: str) -> None:
    only_orders = hand.leg(Outcome.FLAT, hand.position(quantity="0"), canceled=("o-1",))

    for report in (hand.report(), hand.report(only_orders)):
        data = hand.answer(api, report)
        assert (data["success"], data["flat"], data["warning"]) == (
            True,
            True,
            "nothing_to_flatten",
        )
        assert data["closedPositions"] == data["remainingPositions"] == []
    assert data["canceledOrderIds"] == ["o-1"]


def test_an_order_that_never_left_is_not_among_the_order_ids() -> None:
    leg = hand.leg(Outcome.REJECTED)
    leg = msgspec.structs.replace(leg, orders=(hand.order("a", "unsent"), hand.order("b")))

    assert hand.answer("Flatten", hand.report(leg))["orderIds"] == ["b"]


def test_an_unprotected_leg_is_told_at_the_top() -> None:
    leg = hand.leg(Outcome.UNKNOWN, unprotected=True)

    assert hand.answer("Flatten", hand.report(leg))["unprotected"] is True


# --- Upstox --------------------------------------------------------------------------------------


def infy(outcome: Outcome = Outcome.FLAT) -> Any:
    return hand.leg(outcome, hand.position("NSE:INFY", "100"), average_price="1550")


def tcs(outcome: Outcome, **changes: Any) -> Any:
    return hand.leg(outcome, hand.position("NSE:TCS", "50", number=2), number=2, **changes)


def test_the_successful_exit_of_the_seed() -> None:
    done = hand.report(infy(), tcs(Outcome.FLAT, average_price="3300"))

    assert within(
        {
            "status": "success",
            "data": [
                {
                    "instrument": "NSE:INFY",
                    "exit_quantity": 100,
                    "exit_price": 1550,
                    "status": "CLOSED",
                },
                {
                    "instrument": "NSE:TCS",
                    "exit_quantity": 50,
                    "exit_price": 3300,
                    "status": "CLOSED",
                },
            ],
        },
        hand.answer("ExitAll", done),
    )


@pytest.mark.parametrize(
    "closed",
    [
        tcs(Outcome.WAITING_MARKET, reason="market_closed", detail="opens at 03:45Z"),
        tcs(Outcome.REJECTED, reason="market_closed", detail="NSE: closed"),
    ],
)
def test_the_partly_successful_exit_of_the_seed(closed: Any) -> None:
    data = hand.answer("ExitAll", hand.report(infy(), closed))

    assert within(
        {
            "status": "partial_success",
            "data": [
                {
                    "instrument": "NSE:INFY",
                    "exit_quantity": 100,
                    "exit_price": 1550,
                    "status": "CLOSED",
                },
                {
                    "instrument": "NSE:TCS",
                    "exit_quantity": 50,
                    "status": "FAILED",
                    "error": "Market closed",
                },
            ],
        },
        data,
    )
    assert "exit_price" not in data["data"][1]
    assert (data["statusCode"], data["success"], data["flat"]) == (207, False, False)


def test_the_exit_of_nothing_of_the_seed() -> None:
    data = hand.answer("ExitAll", hand.report())

    assert within(
        {
            "status": "error",
            "error_code": "NO_OPEN_POSITIONS",
            "message": "No open positions found for user.",
        },
        data,
    )
    assert (data["statusCode"], data["success"], data["flat"]) == (400, False, True)


def test_nothing_found_while_an_account_could_not_be_read_is_not_nothing() -> None:
    data = hand.answer("ExitAll", hand.report(failures=(hand.UNREAD,)))

    assert data["status"] == "partial_success"
    assert "error_code" not in data
    assert data["flat"] is False


def test_a_refused_leg_that_had_traded_is_not_called_failed() -> None:
    data = hand.answer("ExitAll", hand.report(tcs(Outcome.REJECTED, remaining="20")))

    [row] = data["data"]
    assert (row["status"], row["exit_quantity"], row["remaining_quantity"]) == ("PARTIAL", 30, 20)
    assert data["status"] == "partial_success"


def test_the_venue_is_quoted_where_it_refused() -> None:
    data = hand.answer("ExitAll", hand.report(tcs(Outcome.REJECTED, detail="RMS: margin exceeds")))

    assert data["data"][0]["error"] == "RMS: margin exceeds"
    assert (data["status"], data["statusCode"]) == ("error", 400)


# --- Deepcoin ------------------------------------------------------------------------------------


def swap(outcome: Outcome, quantity: str, number: int, **changes: Any) -> Any:
    held = hand.position(
        "BTC-USDT-SWAP", quantity, number=number, account="100001234", market_price=None
    )
    held = msgspec.structs.replace(held, position_id=PositionId(f"TU00{number}"))
    return hand.leg(outcome, held, number=number, **changes)


def test_the_successful_batch_close_of_the_seed() -> None:
    data = hand.answer("BatchClose", hand.report(swap(Outcome.FLAT, "5", 1)))

    assert within({"code": "0", "msg": "", "data": {"errorList": []}}, data)


def test_the_partial_failure_of_the_seed() -> None:
    data = hand.answer(
        "BatchClose",
        hand.report(
            swap(Outcome.REJECTED, "5", 1, reason="reduce_only"),
            swap(Outcome.REJECTED, "-5", 2, reason="unknown_order"),
        ),
    )

    assert within(
        {
            "code": "0",
            "msg": "",
            "data": {
                "errorList": [
                    {
                        "memberId": "10001",
                        "accountId": "100001234",
                        "tradeUnitId": "TU001",
                        "instId": "BTC-USDT-SWAP",
                        "posiDirection": "long",
                        "errorCode": 51020,
                        "errorMsg": "Insufficient position",
                    },
                    {
                        "memberId": "10001",
                        "accountId": "100001234",
                        "tradeUnitId": "TU002",
                        "instId": "BTC-USDT-SWAP",
                        "posiDirection": "short",
                        "errorCode": 51008,
                        "errorMsg": "Order does not exist",
                    },
                ]
            },
        },
        data,
    )


def test_one_bad_position_does_not_hide_the_good_one() -> None:
    data = hand.answer(
        "BatchClose", hand.report(swap(Outcome.FLAT, "5", 1), swap(Outcome.UNKNOWN, "-5", 2))
    )

    assert [item["tradeUnitId"] for item in data["data"]["errorList"]] == ["TU002"]
    assert data["statusCode"] == 207


def test_an_account_that_was_not_read_keeps_the_error_list_from_being_empty() -> None:
    request = hand.request(
        scope=Scope(
            accounts=ACCOUNTS,
            instruments=(
                InstrumentSelector(asked="BTC-USDT-SWAP", exact=InstrumentId("BTC-USDT-SWAP")),
            ),
        )
    )
    data = hand.answer("BatchClose", hand.report(request=request, failures=(hand.UNREAD,)))

    [item] = data["data"]["errorList"]
    assert (item["accountId"], item["instId"], item["errorCode"]) == (
        "Sim101",
        "BTC-USDT-SWAP",
        90004,
    )


# --- NeuraTrade ----------------------------------------------------------------------------------

SINGLE = hand.request(scope=Scope(accounts=ACCOUNTS, oldest_only=True))


def btc(outcome: Outcome = Outcome.FLAT, **changes: Any) -> Any:
    held = hand.position("BTC/USDT", "0.01", average_price="50000", opened_at=OPENED)
    return hand.leg(
        outcome,
        held,
        order_ids=("ord-20260303120000-1",),
        proven_at=OPENED + timedelta(minutes=10),
        **changes,
    )


def eth() -> Any:
    held = hand.position(
        "ETH/USDT", "-0.5", number=2, average_price="3000", opened_at=OPENED + timedelta(minutes=5)
    )
    return hand.leg(
        Outcome.FLAT,
        held,
        number=2,
        order_ids=("ord-20260303120000-2",),
        proven_at=OPENED + timedelta(minutes=15),
    )


RECORD = {
    "position_id": "pos-20260303120000-1",
    "order_id": "ord-20260303120000-1",
    "exchange": "paper",
    "symbol": "BTC/USDT",
    "side": "BUY",
    "size": "0.01",
    "entry_price": "50000.00",
    "status": "LIQUIDATED",
    "opened_at": "2026-03-03T12:00:00Z",
    "updated_at": "2026-03-03T12:10:00Z",
}


def test_the_liquidated_position_of_the_seed() -> None:
    data = hand.answer("Liquidate", hand.report(btc(), request=SINGLE, more_matches=2))

    assert within({"status": "success", "data": RECORD}, data)
    assert data["moreMatches"] == 2


def test_the_position_of_the_seed_that_is_not_there() -> None:
    data = hand.answer("Liquidate", hand.report(request=SINGLE))

    assert within({"status": "error", "error": "open position not found"}, data)
    assert (data["statusCode"], data["success"], data["flat"]) == (404, False, True)
    assert data["errorCode"] == "position_not_found"


def test_not_read_is_not_not_found() -> None:
    data = hand.answer("Liquidate", hand.report(request=SINGLE, failures=(hand.UNREAD,)))

    assert (data["status"], data["statusCode"], data["flat"]) == ("error", 504, False)
    assert data["error"] != "open position not found"


def test_the_failed_liquidation_keeps_the_text_and_shows_the_open_position() -> None:
    data = hand.answer("Liquidate", hand.report(btc(Outcome.REJECTED), request=SINGLE))

    assert (data["error"], data["statusCode"]) == ("failed to liquidate position", 500)
    assert (data["data"]["status"], data["data"]["size"]) == ("OPEN", "0.01")


def test_all_the_liquidated_positions_of_the_seed() -> None:
    data = hand.answer("LiquidateAll", hand.report(btc(), eth()))

    second = {
        "position_id": "pos-20260303120000-2",
        "order_id": "ord-20260303120000-2",
        "symbol": "ETH/USDT",
        "side": "SELL",
        "size": "0.5",
        "entry_price": "3000.00",
        "status": "LIQUIDATED",
        "opened_at": "2026-03-03T12:05:00Z",
        "updated_at": "2026-03-03T12:15:00Z",
    }
    assert within({"status": "success", "data": {"count": 2, "positions": [RECORD, second]}}, data)


def test_no_open_positions_of_the_seed() -> None:
    data = hand.answer("LiquidateAll", hand.report())

    assert within({"status": "success", "data": {"count": 0, "positions": []}}, data)


def test_some_liquidated_some_not() -> None:
    unknown = btc(Outcome.UNKNOWN)
    data = hand.answer("LiquidateAll", hand.report(unknown, eth()))

    assert (data["status"], data["statusCode"]) == ("error", 207)
    assert data["error"] == "failed to liquidate 1 of 2 positions"
    assert data["data"]["count"] == 1
    assert [row["status"] for row in data["data"]["remaining"]] == ["UNKNOWN"]


# --- refusals ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("api", "expected"),
    [
        ("Flatten", {"success": False, "error": "unknown_account", "detail": "x"}),
        (
            "ExitAll",
            {
                "status": "error",
                "error_code": "UNKNOWN_ACCOUNT",
                "message": "x",
                "error": "unknown_account",
            },
        ),
        ("BatchClose", {"code": "51", "msg": "x", "error": "unknown_account"}),
        (
            "Liquidate",
            {
                "status": "error",
                "error": "open position not found",
                "errorCode": "unknown_account",
            },
        ),
        (
            "GetPortfolioPositions",
            {"status": "error", "code": "e-101", "message": "x", "error": "unknown_account"},
        ),
    ],
)
def test_a_refusal_speaks_the_callers_dialect(api: str, expected: dict[str, Any]) -> None:
    found = registry.find(api)
    assert found is not None

    data = hand.on_the_wire(found.refuse(InvalidRequest("unknown_account", "x")))

    assert within(expected, data)
    assert (data["success"], data["statusCode"]) == (False, 404)
    assert "errorList" not in str(data)


def test_neither_position_nor_symbol_is_neuratrades_400() -> None:
    api = hand.closing_api("Liquidate")
    with pytest.raises(InvalidRequest) as caught:
        hand.terms("Liquidate", "{}")

    data = hand.on_the_wire(api.refuse(caught.value))

    assert within({"status": "error", "error": "position_id or symbol is required"}, data)
    assert data["statusCode"] == 400


@pytest.mark.parametrize("name", CLOSING)
def test_an_operation_that_ended_with_an_error_says_so_in_every_dialect(name: str) -> None:
    request = SINGLE if name == "Liquidate" else hand.request()
    changed = hand.report(request=request, error="plan_changed", detail="a position grew")

    data = hand.answer(name, changed)

    assert (data["success"], data["flat"], data["statusCode"]) == (False, False, 409)
    assert "plan_changed" in (data.get("error"), data.get("errorCode"))
    assert data.get("status") in (None, "error")
    assert "errorList" not in str(data)


# --- dry runs ------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", CLOSING)
def test_a_dry_run_shows_the_plan_and_claims_nothing(name: str) -> None:
    scope = Scope(accounts=ACCOUNTS, oldest_only=name == "Liquidate")
    leg = msgspec.structs.replace(
        hand.leg(None, hand.position(quantity="-3"), target="-1"),
        market=Market(
            instrument=InstrumentId("MES 12-25"), phase=MarketPhase.AUCTION, bid=Decimal("5774")
        ),
        planned_cancels=(VenueOrderId("stop-1"),),
    )
    request = hand.request(dry_run=True, scope=scope)

    data = hand.answer(name, hand.report(leg, request=request, estimate=1.25))

    assert (data["dryRun"], data["planned"]) == (True, True)
    assert (data["planHash"], data["estimateMs"]) == ("hash", 1250)
    assert data["legs"] == [
        {
            "leg": 1,
            "positionId": "pos-20260303120000-1",
            "venue": "paper",
            "account": "Sim101",
            "instrument": "MES 12-25",
            "side": "short",
            "quantity": "3",
            "target": "1",
            "plannedQuantity": "2",
            "cancels": ["stop-1"],
            "market": {"phase": "auction", "bid": "5774.00"},
        }
    ]
    for done in ("success", "flat", "status", "closedPositions", "data", "code"):
        assert done not in data


def test_a_dry_run_of_what_could_not_be_read_is_no_plan() -> None:
    request = hand.request(dry_run=True)
    data = hand.answer("Flatten", hand.report(request=request, failures=(hand.UNREAD,)))

    assert (data["planned"], data["statusCode"]) == (False, 504)
    assert data["failures"] == [{"venue": "paper", "account": "Sim101", "detail": "timed out"}]


# --- short answers -------------------------------------------------------------------------------


@pytest.mark.parametrize("name", CLOSING)
def test_a_short_answer_keeps_the_counts_and_every_unproven_leg(name: str) -> None:
    proven = [
        hand.leg(Outcome.FLAT, hand.position(number=number), number=number, order_ids=("a" * 32,))
        for number in range(1, 100)
    ]
    unknown = hand.leg(Outcome.UNKNOWN, hand.position(number=100), number=100)
    report = hand.report(*proven, unknown)

    data = hand.answer(name, report, full=False)

    assert data["counts"] == {"flat": 99, "unknown": 1}
    assert [leg["leg"] for leg in data["legs"]] == [100]
    assert data["legsOmitted"] == 99
    assert "GetOperation" in data["more"]
    assert data["success"] is False
    if name == "LiquidateAll":
        assert data["data"]["count"] == 99


def test_ten_thousand_unproven_legs_fit_into_a_final_frame() -> None:
    legs = [
        hand.leg(
            Outcome.UNKNOWN,
            hand.position(number=number),
            number=number,
            detail="sent, and no answer came",
            order_ids=(f"{number:032}",),
        )
        for number in range(1, 10_001)
    ]
    report = hand.report(*legs)

    for name in CLOSING:
        data = hand.closing_api(name).answer(report, False)
        assert len(msgspec.json.encode(data)) < 512 * 1024
        assert hand.on_the_wire(data)["success"] is False
