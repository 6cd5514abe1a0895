"""
Scenes to start from: the portfolio the seed documents speak of, and synthetic ones of any size.

Each is a list of exchange commands. Positions are opened directly, not by trading.
"""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal

from rpcserver.domain.account import PositionMode
from rpcserver.domain.ids import AccountId, ClientOrderId, InstrumentId, Product
from rpcserver.domain.order import Holding, OrderRequest, OrderSide, OrderType
from rpcserver.venues.paper.commands import (
    ExchangeCommand,
    ListContracts,
    OpenAccount,
    OpenPosition,
    SubmitOrder,
)
from rpcserver.venues.paper.contracts import SYNTHETIC, Calendar, synthetic_contracts

INTRADAY, DELIVERY, NO_PRODUCT = Product("INTRADAY"), Product("DELIVERY"), Product("")
STRATEGY_TAG = "intraday_nifty"
FIRST_LOAD_ACCOUNT = AccountId("Load001")


def demo_portfolio() -> Iterator[ExchangeCommand]:
    """The accounts, positions and resting orders a new paper venue starts with."""
    yield from _futures()
    yield from _nse()
    yield from _coins()


def synthetic_portfolio(positions: int, accounts: int = 1) -> Iterator[ExchangeCommand]:
    """*positions* positions, long and short in turn, spread over accounts `Load001`, …"""
    yield ListContracts(synthetic_contracts(positions))
    names = [AccountId(f"Load{number:03}") for number in range(1, accounts + 1)]
    for name in names:
        yield OpenAccount(account=name, user_id="load", cash=Decimal(1_000_000_000))
    for number in range(1, positions + 1):
        yield OpenPosition(
            account=names[number % accounts],
            instrument=InstrumentId(f"{SYNTHETIC}{number:05}"),
            quantity=Decimal(1 + number % 9) * (1 if number % 2 else -1),
            average_price=Decimal("100.00"),
        )


def _futures() -> Iterator[ExchangeCommand]:
    sim101, sim102 = AccountId("Sim101"), AccountId("Sim102")
    for account, cash in ((sim101, 250_000), (sim102, 150_000)):
        yield OpenAccount(
            account=account,
            user_id="trader1",
            display_name=f"Simulation {account[-3:]}",
            calendar=Calendar.CME,
            cash=Decimal(cash),
        )
    yield _held(sim101, "MES 12-25", "-3", "5780.25")
    yield _held(sim101, "ES 12-25", "-2", "5780.125")
    yield _held(sim101, "ES 03-26", "1", "5771.50", carried=True)
    yield _held(sim101, "NQ 12-25", "1", "20120.25")
    yield _held(sim102, "MES 12-25", "4", "5768.50")
    yield _held(sim102, "CL 12-25", "2", "69.42", carried=True)
    yield _held(sim102, "GC 12-25", "-1", "2655.3")
    # A bracket around the short ES: whichever fills, the other is canceled.
    yield _resting(sim101, "ES 12-25", OrderSide.BUY, "2", stop="5805.00", oco="bracket-1")
    yield _resting(sim101, "ES 12-25", OrderSide.BUY, "2", limit="5740.00", oco="bracket-1")
    yield _resting(sim101, "NQ 12-25", OrderSide.SELL, "1", stop="19950.00")
    yield _resting(sim102, "MES 12-25", OrderSide.BUY, "2", limit="5700.00", opens=True)


def _nse() -> Iterator[ExchangeCommand]:
    account = AccountId("user123")
    yield OpenAccount(
        account=account,
        user_id="user123",
        display_name="NSE intraday",
        currency="INR",
        calendar=Calendar.NSE,
        products=(INTRADAY, DELIVERY),
        cash=Decimal(2_000_000),
    )
    for instrument, quantity, price in (("NSE:INFY", "100", "1538.40"), ("NSE:TCS", "50", "3287")):
        yield _held(account, instrument, quantity, price, product=INTRADAY, tag=STRATEGY_TAG)
    yield _held(account, "NSE:NIFTY25DEC24000CE", "-130", "191.20", product=DELIVERY, carried=True)


def _coins() -> Iterator[ExchangeCommand]:
    account = AccountId("crypto1")
    yield OpenAccount(
        account=account,
        user_id="10001",
        display_name="Coins",
        currency="USDT",
        mode=PositionMode.HEDGE,
        cash=Decimal(100_000),
    )
    yield _held(account, "BTC-USDT", "0.25", "49120.5")
    yield _held(account, "BTC-USD-SWAP", "5000", "49500.0", holding=Holding.LONG)
    yield _held(account, "BTC-USD-SWAP", "-2000", "50310.0", holding=Holding.SHORT)
    yield _held(account, "BTC-USDT-SWAP", "120", "49800.0", holding=Holding.LONG)
    yield _held(account, "BTC-USDT-SWAP", "-80", "50250.0", holding=Holding.SHORT)
    yield _held(account, "BTC/USDT", "0.01", "50000.00")
    yield _held(account, "ETH/USDT", "0.5", "3000.00")


def _held(
    account: AccountId,
    instrument: str,
    quantity: str,
    price: str,
    *,
    holding: Holding = Holding.NET,
    product: Product = NO_PRODUCT,
    tag: str | None = None,
    carried: bool = False,
) -> OpenPosition:
    return OpenPosition(
        account=account,
        instrument=InstrumentId(instrument),
        quantity=Decimal(quantity),
        average_price=Decimal(price),
        holding=holding,
        product=product,
        tag=tag,
        carried=carried,
    )


def _resting(
    account: AccountId,
    instrument: str,
    side: OrderSide,
    quantity: str,
    *,
    limit: str | None = None,
    stop: str | None = None,
    oco: str | None = None,
    opens: bool = False,
) -> SubmitOrder:
    return SubmitOrder(
        OrderRequest(
            client_order_id=ClientOrderId(
                f"demo-{account}-{instrument}-{limit or stop}".replace(" ", "-")
            ),
            account=account,
            instrument=InstrumentId(instrument),
            side=side,
            quantity=Decimal(quantity),
            type=OrderType.STOP_MARKET if stop else OrderType.LIMIT,
            limit_price=Decimal(limit) if limit else None,
            stop_price=Decimal(stop) if stop else None,
            reduce_only=not opens,
            oco_id=oco,
        )
    )
