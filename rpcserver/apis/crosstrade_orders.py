"""CrossTrade's reads of orders and executions."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime

import msgspec
from msgspec import UNSET, UnsetType

from rpcserver.apis.arguments import Args, WordFilter, word, words
from rpcserver.apis.crosstrade_reads import AccountRowsArgs
from rpcserver.apis.names import accounts_named, accounts_of, one_account
from rpcserver.apis.numbers import number, price
from rpcserver.apis.paging import Paged, page
from rpcserver.apis.queries import (
    Data,
    FoundFill,
    FoundOrder,
    ReadExecutions,
    ReadOrder,
    ReadOrders,
)
from rpcserver.apis.refusals import refuse_plainly
from rpcserver.apis.registry import Ask, Asked, Registry
from rpcserver.domain.errors import InvalidRequest
from rpcserver.domain.order import OrderSide, OrderStatus, OrderType, TimeInForce

registry = Registry()

ORDER_TYPES: Mapping[OrderType, str] = {
    OrderType.MARKET: "Market",
    OrderType.LIMIT: "Limit",
    OrderType.STOP_MARKET: "StopMarket",
    OrderType.STOP_LIMIT: "StopLimit",
}
ORDER_STATES: Mapping[OrderStatus, str] = {
    OrderStatus.ACCEPTED: "Working",
    OrderStatus.PARTIALLY_FILLED: "PartFilled",
    OrderStatus.FILLED: "Filled",
    OrderStatus.CANCELED: "Cancelled",
    OrderStatus.EXPIRED: "Cancelled",
    OrderStatus.REJECTED: "Rejected",
}
TIMES_IN_FORCE: Mapping[TimeInForce, str] = {
    TimeInForce.DAY: "Day",
    TimeInForce.GTC: "Gtc",
    TimeInForce.IOC: "Ioc",
    TimeInForce.FOK: "Fok",
}
assert ORDER_TYPES.keys() == set(OrderType), "an order type has no NinjaTrader name"
assert ORDER_STATES.keys() == set(OrderStatus), "an order status has no NinjaTrader name"
assert TIMES_IN_FORCE.keys() == set(TimeInForce), "a time in force has no NinjaTrader name"


class OrderArgs(Args, frozen=True, kw_only=True, rename="camel"):
    """One order by the venue's id or ours."""

    account: WordFilter = UNSET
    order_id: str | None


class ExecutionsArgs(Paged, frozen=True, kw_only=True):
    """Executions of one account, or of all; *since* an instant."""

    account: WordFilter = UNSET
    since: datetime | UnsetType = UNSET


class OrderAnswer(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """One order, as CrossTrade names its parts; then ours."""

    account: str
    order_id: str
    instrument: str
    instrument_type: str
    order_action: str
    order_type: str
    order_state: str
    quantity: int | float
    filled: int | float
    average_fill_price: float
    limit_price: float
    stop_price: float
    oco_id: str
    time_in_force: str
    time: str
    epoch: int  # milliseconds
    name: str
    is_limit: bool
    is_long: bool
    is_market: bool
    is_short: bool
    is_stop_limit: bool
    is_stop_market: bool
    venue: str
    venue_order_id: str
    remaining: int | float
    reduce_only: bool
    tag: str | None
    cancel_pending: bool
    reject_reason: str | None
    detail: str
    success: bool | UnsetType = UNSET


def order_answer(found: FoundOrder) -> OrderAnswer:
    report = found.report
    is_buy = report.side is OrderSide.BUY
    state = ORDER_STATES[report.status]
    return OrderAnswer(
        account=found.account.account,
        order_id=report.client_order_id or report.venue_order_id,
        instrument=found.instrument.instrument_id,
        instrument_type=found.instrument.type.value,
        order_action="Buy" if is_buy else "Sell",
        order_type=ORDER_TYPES[report.type],
        order_state="CancelPending" if report.cancel_pending and report.remaining else state,
        quantity=number(report.quantity),
        filled=number(report.filled),
        average_fill_price=price(report.average_price) or 0.0,
        limit_price=price(report.limit_price) or 0.0,
        stop_price=price(report.stop_price) or 0.0,
        oco_id=report.oco_id or "",
        time_in_force=TIMES_IN_FORCE[report.time_in_force],
        time=report.created_at.isoformat(),
        epoch=_epoch_ms(report.created_at),
        name=report.tag or "",
        is_limit=report.type is OrderType.LIMIT,
        is_long=is_buy,
        is_market=report.type is OrderType.MARKET,
        is_short=not is_buy,
        is_stop_limit=report.type is OrderType.STOP_LIMIT,
        is_stop_market=report.type is OrderType.STOP_MARKET,
        venue=found.account.venue,
        venue_order_id=report.venue_order_id,
        remaining=number(report.remaining),
        reduce_only=report.reduce_only,
        tag=report.tag,
        cancel_pending=report.cancel_pending,
        reject_reason=None if report.reject_reason is None else report.reject_reason.value,
        detail=report.detail,
    )


def orders_answer(found: Sequence[FoundOrder], args: Paged) -> Data:
    shown, more = page(found, args, lambda order: order.report.venue_order_id)
    return {"orders": [order_answer(order) for order in shown], **more, "success": True}


class ExecutionAnswer(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """One fill, as CrossTrade names its parts; then ours."""

    id: str
    type: str = "NinjaTrader.Cbi.Execution"
    time: str
    epoch: int  # milliseconds
    name: str
    order_id: str
    account: str
    instrument: str
    instrument_type: str
    market_position: str  # the side of the execution: Long bought, Short sold
    price: float
    quantity: int | float
    commission: float
    exchange: str
    venue: str
    venue_order_id: str
    fee_currency: str
    realized_profit_loss: float


def execution_answer(found: FoundFill) -> ExecutionAnswer:
    fill = found.fill
    return ExecutionAnswer(
        id=fill.trade_id,
        time=fill.at.isoformat(),
        epoch=_epoch_ms(fill.at),
        name=fill.tag or "",
        order_id=fill.client_order_id or fill.venue_order_id,
        account=found.account.account,
        instrument=found.instrument.instrument_id,
        instrument_type=found.instrument.type.value,
        market_position="Long" if fill.side is OrderSide.BUY else "Short",
        price=float(fill.price),
        quantity=number(fill.quantity),
        commission=float(fill.fee),
        exchange=found.instrument.exchange,
        venue=found.account.venue,
        venue_order_id=fill.venue_order_id,
        fee_currency=fill.fee_currency,
        realized_profit_loss=float(fill.realized),
    )


@registry.query("ListOrders", args=AccountRowsArgs)
def list_orders(args: AccountRowsArgs, asked: Asked) -> Ask:
    """The orders of one account, working and finished."""
    account = one_account(asked, word(args.account))
    return Ask(ReadOrders((account.ref,)), lambda found: orders_answer(found, args))


@registry.query("GetAllOrders", args=Paged)
def get_all_orders(args: Paged, asked: Asked) -> Ask:
    """The orders of every account of the caller."""
    query = ReadOrders(asked.refs(accounts_of(asked)))
    return Ask(query, lambda found: orders_answer(found, args))


@registry.query("GetOrder", args=OrderArgs)
def get_order(args: OrderArgs, asked: Asked) -> Ask:
    """One order."""
    accounts = accounts_named(asked, words(args.account, UNSET, "account"))
    order_id = word(args.order_id) or ""

    def answer(found: FoundOrder | None) -> Data:
        if found is None:
            return refuse_plainly(InvalidRequest("unknown_order", f"no order {order_id!r}"))
        return msgspec.structs.replace(order_answer(found), success=True)

    return Ask(ReadOrder(asked.refs(accounts), order_id), answer)


@registry.query("ListExecutions", args=ExecutionsArgs)
def list_executions(args: ExecutionsArgs, asked: Asked) -> Ask:
    """The executions of one account, or of all, oldest first."""
    accounts = accounts_named(asked, words(args.account, UNSET, "account"))
    since = args.since if isinstance(args.since, datetime) else None
    if since is not None and since.tzinfo is None:
        raise InvalidRequest("invalid_argument", "since: a time needs its offset, as in …Z")

    def answer(found: Sequence[FoundFill]) -> Data:
        shown, more = page(found, args, lambda each: each.fill.trade_id)
        return {"executions": [execution_answer(fill) for fill in shown], **more, "success": True}

    return Ask(ReadExecutions(asked.refs(accounts), since), answer)


def _epoch_ms(at: datetime) -> int:
    return round(at.timestamp() * 1000)
