"""The portfolio's "Positions": all, daily and expiry, every field and type of its document."""

from __future__ import annotations

import re
from typing import Any

import pytest

from tests.acceptance.conftest import Stage

pytestmark = pytest.mark.anyio

STRING, INTEGER = str, int
FIELDS = {
    "exchange": STRING,
    "scrip_token": INTEGER,
    "product_type": STRING,
    "symbol": STRING,
    "series": STRING,
    "instrument": STRING,
    "expiry_date": STRING,
    "strike_price": STRING,
    "option_type": STRING,
    "buy_quantity": INTEGER,
    "avg_buy_price": STRING,
    "buy_value": STRING,
    "sell_quantity": INTEGER,
    "avg_sell_price": STRING,
    "sell_value": STRING,
    "net_quantity": INTEGER,
    "net_price": STRING,
    "net_value": STRING,
    "multiplier": STRING,
}
INFY_DAILY = {
    "exchange": "NSE",
    "scrip_token": 1594,
    "product_type": "INTRADAY",
    "symbol": "INFY",
    "series": "EQ",
    "instrument": "EQUITIES",
    "expiry_date": "",
    "strike_price": "0.00",
    "option_type": "",
    "buy_quantity": 100,
    "avg_buy_price": "1538.40",
    "buy_value": "153840.00",
    "sell_quantity": 0,
    "avg_sell_price": "0.00",
    "sell_value": "0.00",
    "net_quantity": 100,
    "net_price": "1538.40",
    "net_value": "153840.00",
    "multiplier": "1.00",
}
OPTION_EXPIRY = {
    "exchange": "NSE",
    "scrip_token": 43401,
    "product_type": "DELIVERY",
    "symbol": "NIFTY25DEC24000CE",
    "instrument": "OPTIONS",
    "expiry_date": "2025-12-30",
    "strike_price": "2400000.00",  # 24,000 rupees, in paise
    "option_type": "CE",
    "buy_quantity": 0,
    "sell_quantity": 130,
    "avg_sell_price": "191.20",
    "sell_value": "24856.00",
    "net_quantity": -130,
    "net_price": "191.20",
    "net_value": "-24856.00",
}


async def rows(stage: Stage, kind: str, account: str = "user123") -> list[dict[str, Any]]:
    answer = await stage.client.call("GetPortfolioPositions", {"type": kind, "account": account})
    assert answer.data["status"] == "success"
    assert answer.data["code"] == "s-101"
    assert type(answer.data["message"]) is str
    found: list[dict[str, Any]] = answer.data["data"]
    return found


@pytest.mark.parametrize("kind", ["all", "daily", "expiry"])
async def test_every_row_has_every_field_in_its_type(demo: Stage, kind: str) -> None:
    for account in ("user123", "Sim101", "Sim102"):
        for row in await rows(demo, kind, account):
            assert {key: type(row[key]) for key in FIELDS} == FIELDS
            for key in ("avg_buy_price", "buy_value", "net_price", "net_value", "multiplier"):
                assert re.fullmatch(r"-?\d+\.\d{2,}", row[key]), f"{key}: {row[key]}"
            assert re.fullmatch(r"(\d{4}-\d{2}-\d{2})?", row["expiry_date"])
            assert row["net_quantity"] == row["buy_quantity"] - row["sell_quantity"]


async def test_daily_is_what_was_opened_today(demo: Stage) -> None:
    found = await rows(demo, "daily")

    assert [row["symbol"] for row in found] == ["INFY", "TCS"]
    assert INFY_DAILY.items() <= found[0].items()


async def test_expiry_is_what_was_carried_forward(demo: Stage) -> None:
    [row] = await rows(demo, "expiry")

    assert OPTION_EXPIRY.items() <= row.items()


async def test_all_is_both(demo: Stage) -> None:
    everything = await rows(demo, "all")

    assert sorted(row["symbol"] for row in everything) == ["INFY", "NIFTY25DEC24000CE", "TCS"]
    assert [row for row in everything if row["daily_or_expiry"] == "DAILY"] == await rows(
        demo, "daily"
    )
    assert [row for row in everything if row["daily_or_expiry"] == "EXPIRY"] == await rows(
        demo, "expiry"
    )


async def test_without_an_account_all_accounts_are_read(demo: Stage) -> None:
    answer = await demo.client.call("GetPortfolioPositions", {"type": "all"})

    accounts = {row["account"] for row in answer.data["data"]}
    assert {"Sim101", "Sim102", "user123", "crypto1"} <= accounts


async def test_trades_of_the_day_are_told_apart_by_side(stage: Stage) -> None:
    order = {
        "account": "user123", "instrument": "NSE:INFY", "orderType": "MARKET",
        "product": "INTRADAY",
    }  # fmt: skip
    await stage.client.call("PlaceOrder", {**order, "action": "sell", "quantity": 30})

    [row, _] = await rows(stage, "daily")

    assert (row["buy_quantity"], row["sell_quantity"], row["net_quantity"]) == (100, 30, 70)
    assert (row["avg_sell_price"], row["sell_value"]) == ("1550.00", "46500.00")
    assert (row["net_price"], row["net_value"]) == ("1538.40", "107688.00")


async def test_a_position_both_carried_and_added_to_is_two_rows_and_closed_once(
    stage: Stage,
) -> None:
    """`all` shows two views of one position: their sum is the position, never twice it."""
    await stage.scene.hold("user123", "NSE:TCS", 20, "3200", product="DELIVERY", carried=True)
    await stage.scene.hold("user123", "NSE:TCS", 50, "3290", product="DELIVERY")
    tcs = [
        row
        for row in await rows(stage, "all")
        if (row["symbol"], row["product_type"]) == ("TCS", "DELIVERY")
    ]
    assert {row["daily_or_expiry"]: row["net_quantity"] for row in tcs} == {
        "DAILY": 50,
        "EXPIRY": 20,
    }
    assert len({row["position_id"] for row in tcs}) == 1

    answer = await stage.client.call("Liquidate", {"position_id": tcs[0]["position_id"]})

    assert answer.data["data"]["size"] == "70"
    [order] = await stage.scene.orders("user123")
    assert order.filled == 70
    assert (await stage.scene.positions("user123"))["NSE:TCS"] == 50, "the intraday one is not it"


async def test_what_is_closed_is_gone_from_the_portfolio(stage: Stage) -> None:
    await stage.client.call("ExitAll", {"user_id": "user123"})

    assert [row["net_quantity"] for row in await rows(stage, "all")] == [0] * len(
        await rows(stage, "all")
    )


@pytest.mark.parametrize(
    "args",
    [
        {"type": "weekly"},
        {},
        {"type": ""},
        {"type": None},
        {"type": 7},
        {"type": "all", "account": "nobody"},
        {"type": "all", "acount": "user123"},
    ],
)
async def test_a_wrong_request_is_the_documented_error(demo: Stage, args: dict[str, Any]) -> None:
    answer = await demo.client.call("GetPortfolioPositions", args)

    assert answer.data["status"] == "error"
    assert answer.data["code"] == "e-101"
    assert type(answer.data["message"]) is str
    assert answer.data["message"]
    assert "data" not in answer.data
