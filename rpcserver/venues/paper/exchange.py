"""
The pure exchange: commands in, events out.

Rule 1: everything that happens at the venue happens in `Exchange.handle`. It performs nothing:
no clock (time is an argument), no socket, no database, and no randomness but the seeded walk in
its state. The same commands at the same times give the same events and the same state.

Rule 2: a command is checked first and carried out after. One that raises changed nothing.

Rule 3: whatever changed is marked in `State.touched`, for whoever makes it durable.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from decimal import Decimal
from typing import assert_never

import msgspec

from rpcserver.domain.errors import OrderRefused
from rpcserver.domain.ids import AccountId, ClientOrderId, VenueOrderId
from rpcserver.domain.order import (
    OrderReport,
    OrderRequest,
    OrderSide,
    OrderStatus,
    RejectReason,
)
from rpcserver.domain.position import DayBook
from rpcserver.driver.ports import OrderChanged, VenueEvent
from rpcserver.venues.paper.admission import admit, check_change, check_other
from rpcserver.venues.paper.calendars import trading_date
from rpcserver.venues.paper.commands import (
    CancelOrder,
    ChangeOrder,
    ExchangeCommand,
    FillOrder,
    ListContracts,
    MovePrices,
    OpenAccount,
    OpenPosition,
    PassTime,
    SetBands,
    SetDepth,
    SetPhase,
    SetPrice,
    SubmitOrder,
    TradeAsOther,
)
from rpcserver.venues.paper.execution import Execution
from rpcserver.venues.paper.markets import Markets
from rpcserver.venues.paper.positions import Slot, Trade
from rpcserver.venues.paper.prices import Market, Print
from rpcserver.venues.paper.state import AccountRecord, Order, State


class Exchange:
    """One exchange over one `State`. With *sessions*, calendars open and close its markets."""

    def __init__(self, state: State, *, sessions: bool = False) -> None:
        self.state = state
        self._happened: list[VenueEvent] = []
        self._execution = Execution(state, self._happened)
        self.markets = Markets(state, self._execution, self._happened, sessions=sessions)

    def handle(self, command: ExchangeCommand, now: datetime) -> Sequence[VenueEvent]:
        """
        Carry out *command* at *now*, and tell what happened.

        Raises:
            OrderRefused: The exchange said no, and nothing changed.
        """
        try:
            self._carry_out(command, now)
            return tuple(self._happened)
        finally:
            self._happened.clear()

    def find_order(
        self,
        account: AccountId,
        *,
        client_order_id: ClientOrderId | None = None,
        venue_order_id: VenueOrderId | None = None,
    ) -> Order | None:
        """The order of either name, if it is this account's."""
        if venue_order_id is None and client_order_id is not None:
            venue_order_id = self.state.names.get((account, client_order_id))
        order = self.state.orders.get(venue_order_id) if venue_order_id is not None else None
        return order if order is not None and order.report.account == account else None

    def _carry_out(self, command: ExchangeCommand, now: datetime) -> None:
        match command:
            case SubmitOrder(order):
                self._submit(order, now)
            case CancelOrder():
                self._cancel(command, now)
            case ChangeOrder():
                self._change(command, now)
            case FillOrder():
                self._fill_order(command, now)
            case TradeAsOther():
                self._trade_as_other(command, now)
            case OpenAccount():
                self._open_account(command, now)
            case OpenPosition():
                self._open_position(command, now)
            case PassTime():
                self._end_stuck_cancels(now)
                self.markets.pass_time(now)
            case MovePrices():
                self.markets.move_prices(now)
            case SetPrice():
                self.markets.set_price(command, now)
            case SetPhase():
                self.markets.set_phase(command, now)
            case SetBands():
                self.markets.set_bands(command, now)
            case SetDepth():
                self.markets.set_depth(command, now)
            case ListContracts(contracts):
                self.markets.list_contracts(contracts)
            case _:
                assert_never(command)

    # --- orders ----------------------------------------------------------------------------------

    def _submit(self, request: OrderRequest, now: datetime) -> None:
        self._account(request.account)
        market = self.markets.named(request.instrument)
        phase = self.markets.phase(market, now)
        request = admit(self.state, request, phase)
        order = self._new_order(request, request.client_order_id, now)
        self._execution.arrive(order, phase, now)

    def _cancel(self, command: CancelOrder, now: datetime) -> None:
        order = self._working_order(command.account, command.venue_order_id)
        if command.after <= 0:
            self._execution.end(order, OrderStatus.CANCELED, now, "canceled as asked")
            return
        order.cancel_at = now + timedelta(seconds=command.after)
        self.state.stuck_cancels[order.venue_order_id] = order
        report = msgspec.structs.replace(order.report, cancel_pending=True, updated_at=now)
        self._replace(order, report)

    def _change(self, command: ChangeOrder, now: datetime) -> None:
        order = self._working_order(command.account, command.venue_order_id)
        old = order.report
        new = msgspec.structs.replace(
            old,
            quantity=old.quantity if command.quantity is None else command.quantity,
            limit_price=old.limit_price if command.limit_price is None else command.limit_price,
            stop_price=old.stop_price if command.stop_price is None else command.stop_price,
            updated_at=now,
        )
        check_change(self.state, old, new)
        self._replace(order, new)
        self._execution.trim(new.account, order.slot, now)
        market = self.markets.named(new.instrument)
        self._execution.work(order, self.markets.phase(market, now), now, resting=False)

    def _fill_order(self, command: FillOrder, now: datetime) -> None:
        order = self._working_order(command.account, command.venue_order_id)
        report = order.report
        market = self.markets.named(report.instrument)
        allowed = self._execution.allowed(report, market.contract)
        quantity = min(command.quantity or report.remaining, report.remaining, allowed)
        if quantity <= 0:
            raise OrderRefused(RejectReason.REDUCE_ONLY, "there is nothing it could reduce")
        price = command.price or report.limit_price or _touch(market, report)
        self._execution.fill(order, [Print(price, quantity)], now)

    def _trade_as_other(self, command: TradeAsOther, now: datetime) -> None:
        """What someone else does is an order like any other, but without a name we know."""
        self._account(command.account)
        market = self.markets.named(command.instrument)
        request = OrderRequest(
            client_order_id=ClientOrderId(""),
            account=command.account,
            instrument=command.instrument,
            side=command.side,
            quantity=command.quantity,
            holding=command.holding,
            product=command.product,
        )
        check_other(self.state, request)
        order = self._new_order(request, None, now)
        self.state.add_order(order)
        price = command.price or _touch(market, order.report)
        self._execution.fill(order, [Print(price, command.quantity)], now)

    def _end_stuck_cancels(self, now: datetime) -> None:
        for order in tuple(self.state.stuck_cancels.values()):
            if order.cancel_at is not None and order.cancel_at <= now:
                self._execution.end(order, OrderStatus.CANCELED, now, "canceled as asked")

    def _new_order(self, request: OrderRequest, name: ClientOrderId | None, now: datetime) -> Order:
        calendar = self.state.markets[request.instrument].contract.calendar
        report = OrderReport(
            venue_order_id=self.state.next_order_id(),
            client_order_id=name,
            account=request.account,
            instrument=request.instrument,
            side=request.side,
            type=request.type,
            status=OrderStatus.ACCEPTED,
            quantity=request.quantity,
            limit_price=request.limit_price,
            stop_price=request.stop_price,
            time_in_force=request.time_in_force,
            reduce_only=request.reduce_only,
            holding=request.holding,
            product=request.product,
            tag=request.tag,
            oco_id=request.oco_id,
            created_at=now,
            updated_at=now,
        )
        day = self.state.days.get(calendar) or trading_date(calendar, now)
        return Order(report=report, sequence=self.state.counters.orders, day=day)

    def _replace(self, order: Order, report: OrderReport) -> None:
        self.state.set_report(order, report)
        self._happened.append(OrderChanged(msgspec.structs.replace(report, fills=())))

    def _working_order(self, account: AccountId, venue_order_id: VenueOrderId) -> Order:
        self._account(account)
        order = self.find_order(account, venue_order_id=venue_order_id)
        if order is None:
            raise OrderRefused(RejectReason.UNKNOWN_ORDER, f"no order {venue_order_id}")
        if order.report.status.is_terminal:
            detail = f"the order is {order.report.status.value}"
            raise OrderRefused(RejectReason.ALREADY_TERMINAL, detail)
        return order

    # --- accounts --------------------------------------------------------------------------------

    def _account(self, account: AccountId) -> AccountRecord:
        record = self.state.accounts.get(account)
        if record is None:
            raise OrderRefused(RejectReason.UNKNOWN_ACCOUNT, f"there is no account {account}")
        return record

    def _open_account(self, command: OpenAccount, now: datetime) -> None:
        if command.account in self.state.accounts:
            return
        self.state.add_account(
            AccountRecord(
                account=command.account,
                user_id=command.user_id,
                display_name=command.display_name,
                currency=command.currency,
                mode=command.mode,
                calendar=command.calendar,
                products=command.products,
                cash={command.currency: command.cash},
                day=trading_date(command.calendar, now),
            )
        )

    def _open_position(self, command: OpenPosition, now: datetime) -> None:
        self._account(command.account)
        self.markets.named(command.instrument)
        slot = Slot(command.instrument, command.holding, command.product)
        trade = Trade(command.quantity, command.average_price, command.tag, now)
        position = self._execution.shift_position(command.account, slot, trade).position
        if command.carried:
            book = DayBook(
                carried_quantity=position.signed_quantity, carried_price=position.average_price
            )
            position = msgspec.structs.replace(position, day=book)
            self.state.set_position(command.account, slot, position)
        self._execution.tell_position(position)
        self._execution.trim(command.account, slot, now)


def _touch(market: Market, report: OrderReport) -> Decimal:
    """What an order trades at when it takes the best price."""
    return market.ask if report.side is OrderSide.BUY else market.bid
