"""CrossTrade's order calls: `PlaceOrder`, `Cancel` and its relatives."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from typing import ClassVar, Protocol

from msgspec import UNSET

from rpcserver.apis.arguments import (
    Args,
    Choices,
    Number,
    WordFilter,
    WordsFilter,
    given,
    refuse_filters,
    word,
    words,
    words_of,
)
from rpcserver.apis.crosstrade_orders import ORDER_STATES
from rpcserver.apis.names import (
    accounts_named,
    accounts_of,
    one_account,
    one_instrument,
    selectors_of,
)
from rpcserver.apis.queries import Canceled, CancelOrders, Condition, Data, Placed, PlaceOrders
from rpcserver.apis.refusals import refuse_plainly
from rpcserver.apis.registry import Ask, Asked, Registry
from rpcserver.core.requests import PlaceRequest
from rpcserver.domain.account import Account
from rpcserver.domain.errors import InvalidRequest
from rpcserver.domain.ids import ClientOrderId, Product
from rpcserver.domain.instrument import Instrument
from rpcserver.domain.order import (
    Holding,
    OrderRequest,
    OrderSide,
    OrderStatus,
    OrderType,
    TimeInForce,
)
from rpcserver.domain.position import PositionSide
from rpcserver.domain.principal import Permission

registry = Registry()

_TYPES = {
    "MARKET": OrderType.MARKET,
    "LIMIT": OrderType.LIMIT,
    "STOPMARKET": OrderType.STOP_MARKET,
    "STOPLIMIT": OrderType.STOP_LIMIT,
}
assert set(_TYPES.values()) == set(OrderType), "an order type cannot be asked for"

LIMIT_TYPES = (OrderType.LIMIT, OrderType.STOP_LIMIT)
STOP_TYPES = (OrderType.STOP_MARKET, OrderType.STOP_LIMIT)


_MARKET_POSITIONS = {"flat": None, "long": PositionSide.LONG, "short": PositionSide.SHORT}


class OrderTerms(Protocol):
    """What every call says that places one order."""

    @property
    def action(self) -> str: ...
    @property
    def quantity(self) -> Decimal: ...
    @property
    def order_type(self) -> str: ...
    @property
    def time_in_force(self) -> str: ...
    @property
    def limit_price(self) -> Number: ...
    @property
    def stop_price(self) -> Number: ...
    @property
    def oco_id(self) -> WordFilter: ...
    @property
    def tag(self) -> WordFilter: ...
    @property
    def holding(self) -> str: ...
    @property
    def product(self) -> WordFilter: ...


ORDER_CHOICES: Choices = {
    "action": words_of(OrderSide),
    "orderType": tuple(_TYPES),
    "timeInForce": words_of(TimeInForce),
    "holding": words_of(Holding),
}


class PlaceOrderArgs(Args, frozen=True, kw_only=True, rename="camel"):
    """One order. What CrossTrade knows beside this (`strategy`, …) is refused, never ignored."""

    choices: ClassVar[Choices] = ORDER_CHOICES

    account: str | None
    instrument: str | None
    action: str
    quantity: Decimal
    order_type: str
    time_in_force: str = TimeInForce.DAY.value
    limit_price: Number = UNSET
    stop_price: Number = UNSET
    oco_id: WordFilter = UNSET
    tag: WordFilter = UNSET  # the strategy it belongs to: what ExitAll's strategy_tag finds
    reduce_only: bool = False
    holding: str = Holding.NET.value
    product: WordFilter = UNSET
    require_market_position: WordFilter = UNSET  # flat, long, short; several with commas
    max_positions: Number = UNSET


class CancelArgs(Args, frozen=True, kw_only=True, rename="camel"):
    """One order, by the venue's id or ours."""

    account: WordFilter = UNSET
    order_id: str | None


class CancelOrdersArgs(Args, frozen=True, kw_only=True):
    """The working orders of one account, or those of some instruments of it."""

    account: str | None
    instrument: WordFilter = UNSET
    instruments: WordsFilter = UNSET


class CancelAllOrdersArgs(Args, frozen=True, kw_only=True):
    """No args of its own: the filters of `CancelOrders` are known here to be refused by name."""

    account: object = UNSET
    instrument: object = UNSET
    instruments: object = UNSET


# --- placing -------------------------------------------------------------------------------------


def new_order_id(asked: Asked) -> ClientOrderId:
    """A fresh name for a client's own order."""
    assert asked.new_order_id is not None, "an order is being placed and nobody names it"
    return ClientOrderId(asked.new_order_id())


def check_prices(
    kind: OrderType, limit: Decimal | None, stop: Decimal | None, at: str = ""
) -> None:
    """
    Refuse a price that is missing, and one that would be ignored.

    Raises:
        InvalidRequest: `missing_argument` or `invalid_argument`; *at* goes before the key.
    """
    for key, value, kinds in (("limitPrice", limit, LIMIT_TYPES), ("stopPrice", stop, STOP_TYPES)):
        if kind in kinds and value is None:
            raise InvalidRequest("missing_argument", f"{at}{key}: a {kind.value} order needs it")
        if kind not in kinds and value is not None:
            raise InvalidRequest("invalid_argument", f"{at}{key}: a {kind.value} order has none")


def order_of(
    args: OrderTerms,
    account: Account,
    instrument: Instrument,
    name: ClientOrderId,
    *,
    reduce_only: bool = False,
) -> OrderRequest:
    """
    The order that *args* describe.

    Raises:
        InvalidRequest: A price is missing, or one is given that would be ignored.
    """
    kind, limit, stop = _TYPES[args.order_type], given(args.limit_price), given(args.stop_price)
    check_prices(kind, limit, stop)
    return OrderRequest(
        client_order_id=name,
        account=account.account,
        instrument=instrument.instrument_id,
        side=OrderSide(args.action),
        quantity=args.quantity,
        type=kind,
        limit_price=limit,
        stop_price=stop,
        time_in_force=TimeInForce(args.time_in_force),
        reduce_only=reduce_only,
        holding=Holding(args.holding),
        product=Product(word(args.product) or ""),
        tag=word(args.tag),
        oco_id=word(args.oco_id),
    )


@registry.query("PlaceOrder", args=PlaceOrderArgs, permission=Permission.TRADE, read_only=False)
def place_order(args: PlaceOrderArgs, asked: Asked) -> Ask:
    """Place one order."""
    account = one_account(asked, word(args.account))
    _, instrument = one_instrument(asked, (account,), word(args.instrument) or "")
    order = order_of(args, account, instrument, new_order_id(asked), reduce_only=args.reduce_only)
    request = PlaceRequest(
        principal=asked.principal.principal_id,
        account=account.ref,
        order=order,
        remote=asked.remote,
    )
    query = PlaceOrders((request,), _condition(args))
    return Ask(query, lambda placed: placed_answer(placed[0]))


def _condition(args: PlaceOrderArgs) -> Condition | None:
    required = word(args.require_market_position)
    if required is None and args.max_positions is UNSET:
        return None
    names = [] if required is None else [each.strip().casefold() for each in required.split(",")]
    for name in names:
        if name not in _MARKET_POSITIONS:
            raise InvalidRequest(
                "invalid_argument",
                f"requireMarketPosition: {name!r} is none of {', '.join(_MARKET_POSITIONS)}",
            )
    return Condition(tuple(_MARKET_POSITIONS[name] for name in names), given(args.max_positions))


def placed_answer(placed: Placed) -> Data:
    """`success` says that the venue has the order, not that it filled."""
    order_id = placed.request.order.client_order_id
    report = placed.report
    if placed.error is not None or report is None:
        code = placed.error or "internal"
        return {**refuse_plainly(InvalidRequest(code, placed.detail)), "orderId": order_id}
    answer: dict[str, object] = {
        "orderId": order_id,
        "success": report.status is not OrderStatus.REJECTED,
        "venueOrderId": report.venue_order_id,
        "orderState": ORDER_STATES[report.status],
    }
    if report.status is OrderStatus.REJECTED:
        answer |= refuse_plainly(InvalidRequest("order_refused", report.detail))
    return answer


# --- canceling -----------------------------------------------------------------------------------


def canceled_answer(canceled: Sequence[Canceled]) -> Data:
    """`orderIds` are proven canceled; what is not yet, and what cannot be, stands apart."""
    pending = [one.order_id for one in canceled if one.pending]
    failed = [
        {"orderId": one.order_id, "error": one.error, "detail": one.detail}
        for one in canceled
        if one.error is not None
    ]
    answer: dict[str, object] = {
        "orderIds": [one.order_id for one in canceled if one.canceled],
        "success": not pending and not failed,
    }
    if pending:
        answer["pendingOrderIds"] = pending
    if failed:
        answer["failed"] = failed
    return answer


def _one_canceled(canceled: Sequence[Canceled]) -> Data:
    one = canceled[0]
    if one.canceled:
        return {"orderId": one.order_id, "success": True}
    if one.pending:
        refusal = InvalidRequest("cancel_pending", one.detail or "the venue has not confirmed it")
    else:
        refusal = InvalidRequest(one.error or "internal", one.detail)
    return {**refuse_plainly(refusal), "orderId": one.order_id}


@registry.query(
    "Cancel", "CancelOrder", args=CancelArgs, permission=Permission.CLOSE, read_only=False
)
def cancel(args: CancelArgs, asked: Asked) -> Ask:
    """Cancel one working order."""
    accounts = accounts_named(asked, words(args.account, UNSET, "account"))
    order_ids = words(args.order_id, UNSET, "orderId")
    return Ask(CancelOrders(asked.refs(accounts), order_ids=order_ids), _one_canceled)


@registry.query("CancelOrders", args=CancelOrdersArgs, permission=Permission.CLOSE, read_only=False)
def cancel_orders(args: CancelOrdersArgs, asked: Asked) -> Ask:
    """Cancel the working orders of one account, or of some of its instruments."""
    accounts = (one_account(asked, word(args.account)),)
    names = words(args.instrument, args.instruments, "instrument")
    selectors = selectors_of(asked, accounts, names)
    return Ask(CancelOrders(asked.refs(accounts), instruments=selectors), canceled_answer)


@registry.query(
    "CancelAllOrders", args=CancelAllOrdersArgs, permission=Permission.CLOSE, read_only=False
)
def cancel_all_orders(args: CancelAllOrdersArgs, asked: Asked) -> Ask:
    """Cancel every working order of every account of the caller."""
    refuse_filters(args, "CancelAllOrders", "CancelOrders")
    return Ask(CancelOrders(asked.refs(accounts_of(asked))), canceled_answer)
