"""Pure exchanges to test, and few words to drive them with."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal

from rpcserver.domain.account import PositionMode
from rpcserver.domain.ids import AccountId, ClientOrderId, InstrumentId, Product, VenueId
from rpcserver.domain.order import OrderReport, OrderRequest
from rpcserver.domain.position import Position
from rpcserver.driver.ports import VenueEvent
from rpcserver.venues.paper.commands import (
    ExchangeCommand,
    ListContracts,
    OpenAccount,
    PassTime,
    SubmitOrder,
)
from rpcserver.venues.paper.contracts import Calendar, listed_contracts
from rpcserver.venues.paper.exchange import Exchange
from rpcserver.venues.paper.state import State

NOON = datetime(2026, 3, 3, 12, 0, tzinfo=UTC)  # a Tuesday; Globex and the NSE's evening
NET, HEDGED, INDIA = AccountId("Net1"), AccountId("Hedged1"), AccountId("India1")
CASH = Decimal(10_000_000)
_CONTRACTS = listed_contracts(NOON.date())


class Stage:
    """An exchange with three accounts, and the time that passes there."""

    def __init__(self, *, seed: int = 7, sessions: bool = False, now: datetime = NOON) -> None:
        self.now = now
        self.state = State(venue=VenueId("paper"), seed=seed)
        self.exchange = Exchange(self.state, sessions=sessions)
        self.told: list[VenueEvent] = []
        self.do(ListContracts(_CONTRACTS))
        self.do(PassTime())
        self.do(OpenAccount(account=NET, user_id="alice", calendar=Calendar.CME, cash=CASH))
        self.do(
            OpenAccount(
                account=HEDGED,
                user_id="bob",
                currency="USDT",
                mode=PositionMode.HEDGE,
                cash=CASH,
            )
        )
        self.do(
            OpenAccount(
                account=INDIA,
                user_id="user123",
                currency="INR",
                calendar=Calendar.NSE,
                products=(Product("INTRADAY"), Product("DELIVERY")),
                cash=CASH,
            )
        )

    def do(self, command: ExchangeCommand) -> list[VenueEvent]:
        happened = list(self.exchange.handle(command, self.now))
        self.told.extend(happened)
        return happened

    def wait(self, seconds: float) -> list[VenueEvent]:
        self.now += timedelta(seconds=seconds)
        return self.do(PassTime())

    def submit(self, request: OrderRequest) -> OrderReport:
        self.do(SubmitOrder(request))
        return self.report(request.client_order_id, request.account)

    def report(self, name: str, account: AccountId = NET) -> OrderReport:
        order = self.exchange.find_order(account, client_order_id=ClientOrderId(name))
        assert order is not None
        return order.report

    def positions(self, account: AccountId, instrument: str) -> list[Position]:
        held = self.state.positions[account].values()
        return [position for position in held if position.instrument == InstrumentId(instrument)]

    def held(self, account: AccountId, instrument: str) -> Decimal:
        positions = self.positions(account, instrument)
        return sum((position.signed_quantity for position in positions), Decimal(0))
