"""Orders that are sent only where the position is what they require; small things of reads."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from rpcserver.venues.paper.faults import FailReads
from tests.acceptance.conftest import Stage

pytestmark = pytest.mark.anyio

MES = "MES 12-25"


async def place(desk: Stage, **more: object) -> Any:
    plain = {
        "account": desk.account,
        "instrument": MES,
        "action": "BUY",
        "quantity": 1,
        "orderType": "MARKET",
    }
    return (await desk.client.call("PlaceOrder", plain | more)).data


async def test_an_order_that_requires_another_position_is_not_sent(desk: Stage) -> None:
    refused = await place(desk, requireMarketPosition="long, short")
    taken = await place(desk, requireMarketPosition="Flat,long")
    again = await place(desk, requireMarketPosition="flat")

    assert (refused["error"], refused["statusCode"]) == ("position_mismatch", 400)
    assert taken["success"] is True
    assert again["error"] == "position_mismatch"
    assert await desk.scene.positions(desk.account) == {MES: Decimal(1)}


async def test_no_more_is_added_than_max_positions_says(desk: Stage) -> None:
    first = await place(desk, quantity=2, maxPositions=2)
    second = await place(desk, maxPositions=2)
    smaller = await place(desk, action="SELL", maxPositions=2)

    assert (first["success"], smaller["success"]) == (True, True)
    assert second["error"] == "max_positions"
    assert await desk.scene.positions(desk.account) == {MES: Decimal(1)}


async def test_what_cannot_be_read_is_not_taken_for_flat(desk: Stage) -> None:
    await desk.scene.do(FailReads(account=desk.account, count=1))  # type: ignore[arg-type]

    data = await place(desk, requireMarketPosition="flat")

    assert data["success"] is False
    assert data["error"] in ("outcome_unknown", "venue_unavailable")
    assert await desk.scene.orders(desk.account) == []


async def test_a_quote_names_its_trading_hours(desk: Stage) -> None:
    quote = (await desk.client.call("GetQuote", {"instrument": "ES"})).data
    info = (await desk.client.call("MarketInfo", {"root": "ES"})).data

    assert quote["tradingHours"] == info["tradingHours"] == "CME US Index Futures ETH"
