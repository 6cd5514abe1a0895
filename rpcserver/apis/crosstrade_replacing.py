"""CrossTrade's calls that put one order in the place of another: `Change` and its relatives."""

from __future__ import annotations

from decimal import Decimal
from typing import ClassVar

from msgspec import UNSET

from rpcserver.apis.arguments import Args, Choices, Number, WordFilter, given, word, words, words_of
from rpcserver.apis.crosstrade_orders import ORDER_STATES
from rpcserver.apis.crosstrade_trading import (
    ORDER_CHOICES,
    new_order_id,
    order_of,
    placed_answer,
)
from rpcserver.apis.names import accounts_named, one_account, one_instrument
from rpcserver.apis.numbers import number, price
from rpcserver.apis.queries import (
    Bracket,
    Bracketed,
    Changed,
    ChangeOrder,
    Data,
    Replaced,
    ReplaceOrder,
)
from rpcserver.apis.refusals import refuse_plainly
from rpcserver.apis.registry import Ask, Asked, Registry
from rpcserver.core.requests import PlaceRequest
from rpcserver.domain.errors import InvalidRequest
from rpcserver.domain.order import Holding, TimeInForce
from rpcserver.domain.principal import Permission

registry = Registry()


class ChangeArgs(Args, frozen=True, kw_only=True, rename="camel"):
    """What is left out stays as it is; `quantity` is the new total, what has filled included."""

    account: WordFilter = UNSET
    order_id: str | None
    quantity: Number = UNSET
    limit_price: Number = UNSET
    stop_price: Number = UNSET


class CancelReplaceArgs(Args, frozen=True, kw_only=True, rename="camel"):
    """The order to cancel, and the order of `PlaceOrder` that takes its place."""

    choices: ClassVar[Choices] = ORDER_CHOICES

    account: str | None
    order_id: str | None
    instrument: str | None
    action: str
    quantity: Decimal
    order_type: str
    time_in_force: str = TimeInForce.DAY.value
    limit_price: Number = UNSET
    stop_price: Number = UNSET
    oco_id: WordFilter = UNSET
    tag: WordFilter = UNSET
    reduce_only: bool = False
    holding: str = Holding.NET.value
    product: WordFilter = UNSET


class CancelAndBracketArgs(Args, frozen=True, kw_only=True, rename="camel"):
    """A stop at `stopPrice`, a target at `limitPrice`, or both as an OCO pair."""

    choices: ClassVar[Choices] = {
        "timeInForce": words_of(TimeInForce),
        "holding": words_of(Holding),
    }

    account: str | None
    instrument: str | None
    stop_price: Number = UNSET
    limit_price: Number = UNSET
    time_in_force: str = TimeInForce.GTC.value
    holding: str = Holding.NET.value
    tag: WordFilter = UNSET


# --- answers -------------------------------------------------------------------------------------


def changed_answer(order_id: str, changed: Changed) -> Data:
    """`success` says that the venue has the order as it was asked for."""
    report = changed.report
    if report is None:
        refusal = InvalidRequest(changed.error or "internal", changed.detail)
        return {**refuse_plainly(refusal), "orderId": order_id}
    answer: dict[str, object] = {
        "orderId": report.client_order_id or report.venue_order_id,
        "success": not report.status.is_terminal,
        "orderState": ORDER_STATES[report.status],
        "quantity": number(report.quantity),
        "filled": number(report.filled),
        "limitPrice": price(report.limit_price) or 0.0,
        "stopPrice": price(report.stop_price) or 0.0,
        "venueOrderId": report.venue_order_id,
    }
    if report.status.is_terminal:
        ended = InvalidRequest("order_refused", f"the order is {report.status.value}")
        return {**answer, **refuse_plainly(ended)}
    return answer


def replaced_answer(replaced: Replaced) -> Data:
    """`PlaceOrder`'s answer, and what became of the order before it."""
    before = {"replacedOrderId": replaced.order_id, "canceled": replaced.canceled}
    if replaced.placed is not None:
        placed = placed_answer(replaced.placed)
        assert isinstance(placed, dict)
        return {**placed, **before}
    refusal = InvalidRequest(replaced.error or "internal", replaced.detail)
    return {**refuse_plainly(refusal), **before}


def bracketed_answer(bracketed: Bracketed) -> Data:
    """`success` says that the venue has every order of the bracket."""
    works = [one for one in bracketed.placed if one.report is not None]
    failed = [one for one in bracketed.placed if one.report is None]
    answer: dict[str, object] = {
        "orderIds": [one.request.order.client_order_id for one in works],
        "success": bracketed.error is None and not failed,
        "canceledOrderIds": list(bracketed.canceled),
        "quantity": None if bracketed.left is None else number(abs(bracketed.left)),
        "unprotected": bracketed.unprotected,
    }
    if failed:
        answer["failed"] = [
            {
                "orderId": one.request.order.client_order_id,
                "error": one.error,
                "detail": one.detail,
            }
            for one in failed
        ]
        first = InvalidRequest(failed[0].error or "internal", failed[0].detail)
        return {**answer, **refuse_plainly(first)}
    if bracketed.error is not None:
        return {**answer, **refuse_plainly(InvalidRequest(bracketed.error, bracketed.detail))}
    return answer


# --- calls ---------------------------------------------------------------------------------------


@registry.query("Change", args=ChangeArgs, permission=Permission.TRADE, read_only=False)
def change(args: ChangeArgs, asked: Asked) -> Ask:
    """Change one working order in place."""
    if all(value is UNSET for value in (args.quantity, args.limit_price, args.stop_price)):
        raise InvalidRequest("missing_argument", "quantity, limitPrice or stopPrice: give one")
    accounts = accounts_named(asked, words(args.account, UNSET, "account"))
    order_id = word(args.order_id) or ""
    query = ChangeOrder(
        asked.refs(accounts),
        order_id,
        given(args.quantity),
        given(args.limit_price),
        given(args.stop_price),
    )
    return Ask(query, lambda changed: changed_answer(order_id, changed))


@registry.query(
    "CancelReplace", args=CancelReplaceArgs, permission=Permission.TRADE, read_only=False
)
def cancel_replace(args: CancelReplaceArgs, asked: Asked) -> Ask:
    """Cancel one working order and place another, once the first is proven gone."""
    account = one_account(asked, word(args.account))
    _, instrument = one_instrument(asked, (account,), word(args.instrument) or "")
    order = order_of(args, account, instrument, new_order_id(asked), reduce_only=args.reduce_only)
    request = PlaceRequest(
        principal=asked.principal.principal_id,
        account=account.ref,
        order=order,
        remote=asked.remote,
    )
    return Ask(ReplaceOrder(word(args.order_id) or "", request), replaced_answer)


@registry.query(
    "CancelAndBracket", args=CancelAndBracketArgs, permission=Permission.TRADE, read_only=False
)
def cancel_and_bracket(args: CancelAndBracketArgs, asked: Asked) -> Ask:
    """Guard what is left of a position by a stop and a target of exactly its size."""
    stop, target = given(args.stop_price), given(args.limit_price)
    if stop is None and target is None:
        raise InvalidRequest("missing_argument", "stopPrice or limitPrice: give one, or both")
    account = one_account(asked, word(args.account))
    _, instrument = one_instrument(asked, (account,), word(args.instrument) or "")
    query = Bracket(
        account=account.ref,
        instrument=instrument.instrument_id,
        holding=Holding(args.holding),
        stop_price=stop,
        limit_price=target,
        time_in_force=TimeInForce(args.time_in_force),
        tag=word(args.tag),
        names=(new_order_id(asked), new_order_id(asked), new_order_id(asked)),
    )
    return Ask(query, bracketed_answer)
