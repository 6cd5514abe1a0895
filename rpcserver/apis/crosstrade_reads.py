"""CrossTrade's reads: accounts, positions, orders and executions."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime

import msgspec
from msgspec import UNSET, UnsetType

from rpcserver.apis.arguments import Args, NoArgs, WordFilter, word, words
from rpcserver.apis.crosstrade import PositionAnswer, position_answer
from rpcserver.apis.names import (
    accounts_named,
    accounts_of,
    one_account,
    one_instrument,
    selectors_of,
)
from rpcserver.apis.numbers import number, price, text
from rpcserver.apis.queries import (
    Data,
    FoundFill,
    FoundOrder,
    ReadAccounts,
    ReadExecutions,
    ReadOrder,
    ReadOrders,
    ReadPositions,
)
from rpcserver.apis.refusals import refuse_plainly
from rpcserver.apis.registry import Ask, Asked, Registry
from rpcserver.domain.account import Account, AccountSnapshot
from rpcserver.domain.errors import InvalidRequest
from rpcserver.domain.ids import AccountRef
from rpcserver.domain.instrument import Instrument
from rpcserver.domain.naming import InstrumentSelector
from rpcserver.domain.order import OrderSide, OrderStatus, OrderType, TimeInForce
from rpcserver.domain.position import Position

registry = Registry()

_NINJA_CURRENCIES = {"USD": "UsDollar", "EUR": "Euro", "GBP": "BritishPound"}

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


class AccountArgs(Args, frozen=True, kw_only=True):
    """One account, by name."""

    account: str | None


class AllPositionsArgs(Args, frozen=True, kw_only=True, rename="camel"):
    """`includeFlat` adds the instruments that only have working orders."""

    include_flat: bool = False


class PositionArgs(Args, frozen=True, kw_only=True):
    """One position: a root finds it in any expiry."""

    account: str | None
    instrument: str | None


class OrderArgs(Args, frozen=True, kw_only=True, rename="camel"):
    """One order by the venue's id or ours."""

    account: WordFilter = UNSET
    order_id: str | None


class ExecutionsArgs(Args, frozen=True, kw_only=True):
    """Executions of one account, or of all; *since* an instant."""

    account: WordFilter = UNSET
    since: datetime | UnsetType = UNSET


# --- accounts ------------------------------------------------------------------------------------


class AccountItems(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """NinjaTrader's account items that any venue has."""

    buying_power: float
    cash_value: float
    fee: float
    gross_realized_profit_loss: float
    initial_margin: float
    excess_initial_margin: float
    net_liquidation: float
    realized_profit_loss: float
    total_cash_balance: float
    unrealized_profit_loss: float


class AccountAnswer(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """One account, as CrossTrade names its parts; then ours."""

    id: str
    name: str
    display_name: str
    primary_user: str
    provider: str
    denomination: str
    status: str
    connection: str = "NinjaTrader.Cbi.Connection"
    connection_status: str
    item: AccountItems
    venue: str
    currency: str
    mode: str
    sandbox: bool
    balances: dict[str, str]
    success: bool | UnsetType = UNSET


def account_answer(account: Account) -> AccountAnswer:
    return AccountAnswer(
        id=str(account.ref),
        name=account.account,
        display_name=account.display_name or account.account,
        primary_user=account.user_id,
        provider="Simulator" if account.sandbox else account.venue,
        denomination=_NINJA_CURRENCIES.get(account.currency, account.currency),
        status="Enabled",
        connection_status="Connected" if account.connected else "Disconnected",
        item=AccountItems(
            buying_power=float(account.equity - account.margin),
            cash_value=float(account.cash),
            fee=float(account.fees),
            gross_realized_profit_loss=float(account.realized),
            initial_margin=float(account.margin),
            excess_initial_margin=float(account.equity - account.margin),
            net_liquidation=float(account.equity),
            realized_profit_loss=float(account.realized - account.fees),
            total_cash_balance=float(account.cash),
            unrealized_profit_loss=float(account.unrealized),
        ),
        venue=account.venue,
        currency=account.currency,
        mode=account.mode.value,
        sandbox=account.sandbox,
        balances={coin: text(amount) for coin, amount in account.balances.items()},
    )


@registry.query("ListAccounts", args=NoArgs)
def list_accounts(_: NoArgs, asked: Asked) -> Ask:
    """Every account of the caller, with its money as it is now."""

    def answer(accounts: Sequence[Account]) -> Data:
        return {"accounts": [account_answer(account) for account in accounts], "success": True}

    return Ask(ReadAccounts(asked.refs(accounts_of(asked))), answer)


@registry.query("GetAccount", args=AccountArgs)
def get_account(args: AccountArgs, asked: Asked) -> Ask:
    """One account."""

    def answer(accounts: Sequence[Account]) -> Data:
        return msgspec.structs.replace(account_answer(accounts[0]), success=True)

    return Ask(ReadAccounts(asked.refs((one_account(asked, word(args.account)),))), answer)


# --- positions -----------------------------------------------------------------------------------


class HeldPosition(PositionAnswer, frozen=True, kw_only=True, rename="camel"):
    """A position as a read shows it: CrossTrade's fields, then ours."""

    tag: str | None
    venue: str
    position_id: str | UnsetType = UNSET
    product: str | UnsetType = UNSET
    success: bool | UnsetType = UNSET
    positions: Sequence[HeldPosition] | UnsetType = UNSET  # where one name means several


def held_position(position: Position, instrument: Instrument) -> HeldPosition:
    return HeldPosition(
        **msgspec.structs.asdict(position_answer(position, instrument)),
        tag=position.tags[0].tag if len(position.tags) == 1 else None,
        venue=position.venue,
        position_id=position.position_id,
        product=position.product or UNSET,
    )


def _flat_position(account: AccountRef, instrument: Instrument) -> HeldPosition:
    return HeldPosition(
        account=account.account,
        instrument=instrument.instrument_id,
        instrument_type=instrument.type.value,
        market_position="Flat",
        quantity=0,
        average_price=0.0,
        market_price=None,
        unrealized_profit_loss=0.0,
        tag=None,
        venue=account.venue,
    )


def _positions(
    snapshots: Sequence[AccountSnapshot], *, with_flat: bool = False
) -> list[HeldPosition]:
    rows: list[HeldPosition] = []
    for snapshot in snapshots:
        held = {position.instrument for position in snapshot.positions}
        rows += (
            held_position(position, snapshot.instruments[position.instrument])
            for position in snapshot.positions
        )
        if with_flat:
            waiting = dict.fromkeys(order.instrument for order in snapshot.orders)
            rows += (
                _flat_position(snapshot.account, snapshot.instruments[name])
                for name in waiting
                if name not in held
            )
    return rows


def positions_answer(rows: Sequence[HeldPosition]) -> Data:
    return {"positions": rows, "count": len(rows), "success": True}


@registry.query("ListPositions", args=AccountArgs)
def list_positions(args: AccountArgs, asked: Asked) -> Ask:
    """The positions of one account."""
    return Ask(
        ReadPositions(asked.refs((one_account(asked, word(args.account)),))),
        lambda snapshots: positions_answer(_positions(snapshots)),
    )


@registry.query("GetAllPositions", args=AllPositionsArgs)
def get_all_positions(args: AllPositionsArgs, asked: Asked) -> Ask:
    """The positions of every account of the caller."""
    return Ask(
        ReadPositions(asked.refs(accounts_of(asked))),
        lambda snapshots: positions_answer(_positions(snapshots, with_flat=args.include_flat)),
    )


@registry.query("GetPosition", args=PositionArgs)
def get_position(args: PositionArgs, asked: Asked) -> Ask:
    """One position; a flat one is told as such. Where several match, `positions` holds them all."""
    account = one_account(asked, word(args.account))
    names = words(args.instrument, UNSET, "instrument")
    selectors = selectors_of(asked, (account,), names)
    _, front = one_instrument(asked, (account,), names[0])

    def answer(snapshots: Sequence[AccountSnapshot]) -> Data:
        return _one_position(snapshots[0], selectors, front)

    return Ask(ReadPositions((account.ref,)), answer)


def _one_position(
    snapshot: AccountSnapshot, selectors: Sequence[InstrumentSelector], front: Instrument
) -> HeldPosition:
    rows = [
        held_position(position, instrument)
        for position in snapshot.positions
        if (instrument := snapshot.instruments[position.instrument])
        and any(selector.matches(instrument) for selector in selectors)
    ]
    first = rows[0] if rows else _flat_position(snapshot.account, front)
    return msgspec.structs.replace(first, success=True, positions=rows if len(rows) > 1 else UNSET)


# --- orders and executions -----------------------------------------------------------------------


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


def orders_answer(found: Sequence[FoundOrder]) -> Data:
    return {"orders": [order_answer(order) for order in found], "success": True}


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


@registry.query("ListOrders", args=AccountArgs)
def list_orders(args: AccountArgs, asked: Asked) -> Ask:
    """The orders of one account, working and finished."""
    return Ask(ReadOrders(asked.refs((one_account(asked, word(args.account)),))), orders_answer)


@registry.query("GetAllOrders", args=NoArgs)
def get_all_orders(_: NoArgs, asked: Asked) -> Ask:
    """The orders of every account of the caller."""
    return Ask(ReadOrders(asked.refs(accounts_of(asked))), orders_answer)


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
        return {"executions": [execution_answer(fill) for fill in found], "success": True}

    return Ask(ReadExecutions(asked.refs(accounts), since), answer)


def _epoch_ms(at: datetime) -> int:
    return round(at.timestamp() * 1000)
