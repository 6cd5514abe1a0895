"""Upstox's `PlaceMultiOrder` and `CancelMultiOrder`: all buys first, then all sells."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import ClassVar, Final

import msgspec
from msgspec import UNSET

from rpcserver.apis.arguments import (
    Args,
    Choices,
    Number,
    WordFilter,
    WordsFilter,
    given,
    word,
    words,
)
from rpcserver.apis.crosstrade_trading import check_prices, new_order_id
from rpcserver.apis.names import (
    accounts_of,
    accounts_of_user,
    one_account,
    one_instrument,
    selectors_of,
)
from rpcserver.apis.queries import Canceled, CancelOrders, Data, Placed, PlaceOrders
from rpcserver.apis.registry import Ask, Asked, Registry
from rpcserver.apis.upstox import (
    ERROR,
    PARTIAL_SUCCESS,
    STATUS_CODES,
    STATUS_ERROR,
    SUCCESS,
    refuse_at_upstox,
)
from rpcserver.core.requests import PlaceRequest
from rpcserver.domain.errors import InvalidRequest
from rpcserver.domain.ids import Product
from rpcserver.domain.order import OrderRequest, OrderSide, OrderStatus, OrderType, TimeInForce
from rpcserver.domain.principal import Permission

registry = Registry()

ORDERS_MAX: Final = 25
CORRELATION_ID_MAX: Final = 20

_TYPES = {
    "MARKET": OrderType.MARKET,
    "LIMIT": OrderType.LIMIT,
    "SL-M": OrderType.STOP_MARKET,
    "SL": OrderType.STOP_LIMIT,
}
assert set(_TYPES.values()) == set(OrderType), "an order type cannot be asked for"


class MultiOrder(Args, frozen=True, kw_only=True):
    """One order of the list, in Upstox's names."""

    choices: ClassVar[Choices] = {
        "transaction_type": ("BUY", "SELL"),
        "order_type": tuple(_TYPES),
        "validity": ("DAY", "IOC"),
    }
    may_be_zero: ClassVar[frozenset[str]] = frozenset({"price", "trigger_price"})

    correlation_id: str
    instrument_token: str
    transaction_type: str
    quantity: Decimal
    order_type: str
    price: Number = UNSET
    trigger_price: Number = UNSET
    validity: str = "DAY"
    product: str = ""
    tag: WordFilter = UNSET
    account: WordFilter = UNSET


class PlaceMultiOrderArgs(Args, frozen=True, kw_only=True):
    """One to 25 orders, all checked before the first is sent."""

    orders: tuple[MultiOrder, ...]


class CancelMultiOrderArgs(Args, frozen=True, kw_only=True):
    """At least one filter; all that are given must match."""

    tag: WordFilter = UNSET
    user_id: WordFilter = UNSET
    instruments: WordsFilter = UNSET
    order_ids: WordsFilter = UNSET


class PlacedRow(msgspec.Struct, frozen=True, kw_only=True):
    """An order the venue has."""

    correlation_id: str
    order_id: str


class ErrorRow(msgspec.Struct, frozen=True, kw_only=True):
    """An order that was refused, or whose outcome is unknown: then ask for `order_id`."""

    correlation_id: str | None
    order_id: str
    instrument_key: str | None
    error_code: str
    message: str


@registry.query(
    "PlaceMultiOrder",
    args=PlaceMultiOrderArgs,
    permission=Permission.TRADE,
    read_only=False,
    refuse=refuse_at_upstox,
)
def place_multi_order(args: PlaceMultiOrderArgs, asked: Asked) -> Ask:
    """Place several orders, buys first; one that is refused does not stop the others."""
    if not 0 < len(args.orders) <= ORDERS_MAX:
        raise InvalidRequest("invalid_argument", f"orders: 1 to {ORDERS_MAX}")
    names = Counter(order.correlation_id for order in args.orders)
    for name, count in names.items():
        if count > 1 or not 0 < len(name) <= CORRELATION_ID_MAX:
            raise InvalidRequest("invalid_argument", f"correlation_id: {name!r} is long or double")
    in_order = sorted(args.orders, key=lambda order: order.transaction_type)  # BUY, SELL
    requests = tuple(_request(order, asked) for order in in_order)
    correlation_ids = [order.correlation_id for order in in_order]
    return Ask(PlaceOrders(requests), lambda placed: placed_rows(placed, correlation_ids))


def placed_rows(placed: Sequence[Placed], correlation_ids: Sequence[str]) -> Data:
    """Upstox's `data`, `errors` and `summary`."""
    data: list[PlacedRow] = []
    errors: list[ErrorRow] = []
    for one, correlation_id in zip(placed, correlation_ids, strict=True):
        order = one.request.order
        refused = one.report is None or one.report.status is OrderStatus.REJECTED
        if one.error is None and not refused:
            data.append(PlacedRow(correlation_id=correlation_id, order_id=order.client_order_id))
            continue
        words = one.detail or (one.report.detail if one.report is not None else "")
        errors.append(
            ErrorRow(
                correlation_id=correlation_id,
                order_id=order.client_order_id,
                instrument_key=order.instrument,
                error_code=(one.error or "order_refused").upper(),
                message=words,
            )
        )
    return _summed(len(data), errors, {"data": data}, payload_error=0)


def _request(order: MultiOrder, asked: Asked) -> PlaceRequest:
    account = one_account(asked, word(order.account))
    _, instrument = one_instrument(asked, (account,), order.instrument_token)
    kind = _TYPES[order.order_type]
    limit, stop = given(order.price) or None, given(order.trigger_price) or None  # 0 is none here
    check_prices(kind, limit, stop, at=f"{order.correlation_id}: ")
    return PlaceRequest(
        principal=asked.principal.principal_id,
        account=account.ref,
        order=OrderRequest(
            client_order_id=new_order_id(asked),
            account=account.account,
            instrument=instrument.instrument_id,
            side=OrderSide(order.transaction_type.lower()),
            quantity=order.quantity,
            type=kind,
            limit_price=limit,
            stop_price=stop,
            time_in_force=TimeInForce(order.validity.lower()),
            product=Product(order.product),
            tag=word(order.tag),
        ),
        remote=asked.remote,
    )


@registry.query(
    "CancelMultiOrder",
    args=CancelMultiOrderArgs,
    permission=Permission.CLOSE,
    read_only=False,
    refuse=refuse_at_upstox,
)
def cancel_multi_order(args: CancelMultiOrderArgs, asked: Asked) -> Ask:
    """Cancel every working order that matches."""
    user_id, tag = word(args.user_id), word(args.tag)
    names = words(UNSET, args.instruments, "instrument")
    order_ids = words(UNSET, args.order_ids, "order_id")
    if user_id is None and tag is None and not names and not order_ids:
        raise InvalidRequest(
            "filter_required", "CancelMultiOrder needs a filter; CancelAllOrders cancels all"
        )
    accounts = accounts_of(asked) if user_id is None else accounts_of_user(asked, user_id)
    selectors = selectors_of(asked, accounts, names)
    query = CancelOrders(asked.refs(accounts), order_ids=order_ids, instruments=selectors, tag=tag)
    return Ask(query, canceled_rows)


def canceled_rows(canceled: Sequence[Canceled]) -> Data:
    """Upstox's `data.order_ids`, `errors` and `summary`."""
    if not canceled:
        return {
            "status": ERROR,
            "error_code": "NO_OPEN_ORDERS",
            "message": "No working orders match.",
            "success": False,
            "error": "no_open_orders",
            "detail": "No working orders match.",
            "statusCode": STATUS_ERROR,
        }
    done = [one.order_id for one in canceled if one.canceled]
    errors = [
        ErrorRow(
            correlation_id=None,
            order_id=one.order_id,
            instrument_key=None,
            error_code=("cancel_pending" if one.pending else one.error or "internal").upper(),
            message=one.detail,
        )
        for one in canceled
        if not one.canceled
    ]
    return _summed(len(done), errors, {"data": {"order_ids": done}})


def _summed(done: int, errors: Sequence[ErrorRow], data: Mapping[str, object], **more: int) -> Data:
    status = SUCCESS if not errors else PARTIAL_SUCCESS if done else ERROR
    return {
        "status": status,
        **data,
        "errors": errors or None,
        "summary": {"total": done + len(errors), "success": done, "error": len(errors), **more},
        "success": status == SUCCESS,
        "statusCode": STATUS_CODES[status],
    }
