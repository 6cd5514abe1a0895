"""What the demo opens once everything is flat: something to press on."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Iterable, Mapping
from decimal import Decimal
from typing import NamedTuple

import msgspec

from rpcclient import RpcClient

STOP_AWAY = Decimal("0.01")  # of the price: far enough to stand for a while


class _Trade(NamedTuple):
    account: str
    instrument: str
    action: str
    quantity: str
    more: Mapping[str, str] = {}
    is_protected: bool = False  # by a stop on the other side


_NSE = {"product": "INTRADAY", "tag": "intraday_nifty"}
_TRADES = (
    _Trade("Sim101", "MES", "BUY", "3", is_protected=True),
    _Trade("Sim101", "NQ", "SELL", "1", is_protected=True),
    _Trade("Sim101", "GC", "SELL", "2"),
    _Trade("Sim102", "ES", "BUY", "2", is_protected=True),
    _Trade("Sim102", "CL", "SELL", "3"),
    _Trade("Sim102", "MES", "SELL", "4"),
    _Trade("user123", "NSE:INFY", "BUY", "100", _NSE),
    _Trade("user123", "NSE:TCS", "BUY", "50", _NSE),
    _Trade("crypto1", "ETH/USDT", "BUY", "0.5"),
    _Trade("crypto1", "BTC-USDT-SWAP", "BUY", "120", {"holding": "long"}),
    _Trade("crypto1", "BTC-USDT-SWAP", "SELL", "80", {"holding": "short"}),
)


class _Quote(msgspec.Struct, frozen=True, rename="camel"):
    last: Decimal
    tick_size: Decimal


async def open_positions(client: RpcClient) -> None:
    """
    Trade into a few positions of several accounts at the market, and protect some by stops.

    Raises:
        ClientError: An order was refused, or the connection is lost.
    """
    await _all(client.call("PlaceOrder", _at_market(trade)) for trade in _TRADES)
    await _all(_protect(client, trade) for trade in _TRADES if trade.is_protected)


async def _all(doing: Iterable[Awaitable[object]]) -> None:
    """At once; the first error is raised when all have ended."""
    for done in await asyncio.gather(*doing, return_exceptions=True):
        if isinstance(done, BaseException):
            raise done


def _at_market(trade: _Trade) -> dict[str, object]:
    return {
        "account": trade.account,
        "instrument": trade.instrument,
        "action": trade.action,
        "quantity": Decimal(trade.quantity),
        "orderType": "MARKET",
        **trade.more,
    }


async def _protect(client: RpcClient, trade: _Trade) -> None:
    quote = msgspec.convert(await client.call("GetQuote", {"instrument": trade.instrument}), _Quote)
    is_long = trade.action == "BUY"
    price = quote.last * (1 - STOP_AWAY if is_long else 1 + STOP_AWAY)
    stop = {
        **_at_market(trade),
        "action": "SELL" if is_long else "BUY",
        "orderType": "STOPMARKET",
        "stopPrice": price - price % quote.tick_size,
        "timeInForce": "GTC",
        "reduceOnly": True,
    }
    await client.call("PlaceOrder", stop)
