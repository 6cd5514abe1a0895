"""
Whether an order is taken: every reason to refuse one, in the order they are looked at.

Nothing here changes anything. A refused order does not exist.
"""

from __future__ import annotations

from decimal import Decimal

import msgspec

from rpcserver.domain.account import PositionMode
from rpcserver.domain.errors import OrderRefused
from rpcserver.domain.ids import ClientOrderId
from rpcserver.domain.market import MarketPhase
from rpcserver.domain.order import (
    ZERO,
    Holding,
    OrderReport,
    OrderRequest,
    OrderSide,
    OrderType,
    RejectReason,
)
from rpcserver.domain.position import Position
from rpcserver.venues.paper.contracts import Contract
from rpcserver.venues.paper.positions import Slot
from rpcserver.venues.paper.prices import Market, has_depth
from rpcserver.venues.paper.state import AccountRecord, State

_LIMITS = (OrderType.LIMIT, OrderType.STOP_LIMIT)
_STOPS = (OrderType.STOP_MARKET, OrderType.STOP_LIMIT)


def admit(state: State, request: OrderRequest, phase: MarketPhase) -> OrderRequest:
    """
    Check *request* against everything, and fill in the account's default product.

    Raises:
        OrderRefused: The order is not taken.
    """
    account = state.accounts[request.account]
    market = state.markets[request.instrument]
    if (request.account, request.client_order_id) in state.names:
        raise OrderRefused(RejectReason.DUPLICATE_ID, "this client order id was used before")
    request = _with_product(request, account)
    _check_phase(request, phase)
    _check_steps(request, market.contract)
    _check_prices(request, market)
    _check_holding(request, account, market.contract)
    _check_reduction(state, request, market.contract)
    _check_liquidity(request, market, phase)
    _check_money(state, request, account, market)
    return request


def check_change(state: State, old: OrderReport, new: OrderReport) -> None:
    """
    Check what a change would make of a working order.

    Raises:
        OrderRefused: It works on as it was.
    """
    market = state.markets[new.instrument]
    request = as_request(new)
    if new.quantity <= old.filled:
        raise OrderRefused(RejectReason.BELOW_MINIMUM, f"{old.filled} have filled already")
    _check_steps(request, market.contract)
    _check_prices(request, market)
    grown = msgspec.structs.replace(request, quantity=new.quantity - old.quantity)
    if grown.quantity > 0:
        _check_money(state, grown, state.accounts[new.account], market)


def as_request(report: OrderReport) -> OrderRequest:
    return OrderRequest(
        client_order_id=report.client_order_id or ClientOrderId(""),
        account=report.account,
        instrument=report.instrument,
        side=report.side,
        quantity=report.quantity,
        type=report.type,
        limit_price=report.limit_price,
        stop_price=report.stop_price,
        time_in_force=report.time_in_force,
        reduce_only=report.reduce_only,
        holding=report.holding,
        product=report.product,
        tag=report.tag,
        oco_id=report.oco_id,
    )


def only_reduces(order: OrderRequest | OrderReport, contract: Contract) -> bool:
    """Whether fills of *order* may only shrink what is held: asked for, or by its nature."""
    match order.holding:
        case Holding.LONG:
            closes = order.side is OrderSide.SELL
        case Holding.SHORT:
            closes = order.side is OrderSide.BUY
        case Holding.NET:
            closes = contract.is_spot and order.side is OrderSide.SELL
    return closes or order.reduce_only


def reducible(position: Position | None, side: OrderSide) -> Decimal:
    """How much of *position* an order of *side* can close."""
    if position is None or position.closing_side is not side:
        return ZERO
    return position.quantity


def check_other(state: State, request: OrderRequest) -> None:
    """
    Check a trade of somebody else's for the one thing no account can do.

    Raises:
        OrderRefused: It would sell coins, or close a side, that are not held.
    """
    contract = state.markets[request.instrument].contract
    if only_reduces(request, contract):
        held = reducible(_position(state, request), request.side)
        if request.quantity > held:
            raise OrderRefused(RejectReason.REDUCE_ONLY, f"only {held} is held")


def held_by_orders(state: State, account: AccountRecord) -> Decimal:
    """What working orders that may open something tie up, in the account's currency."""
    return sum(
        (
            _needed(state.markets[order.report.instrument], order.report, order.report.remaining)
            for order in state.working.of_account(account.account)
            if not only_reduces(order.report, state.markets[order.report.instrument].contract)
        ),
        ZERO,
    )


def _with_product(request: OrderRequest, account: AccountRecord) -> OrderRequest:
    if request.product == "" and account.products:
        return msgspec.structs.replace(request, product=account.products[0])
    if request.product != "" and request.product not in account.products:
        detail = f"the account has no product type {request.product}"
        raise OrderRefused(RejectReason.OTHER, detail)
    return request


def _check_phase(request: OrderRequest, phase: MarketPhase) -> None:
    if not phase.takes_orders:
        raise OrderRefused(RejectReason.MARKET_CLOSED, f"the market is {phase.value}")
    if request.type is OrderType.MARKET and not phase.takes_market_orders:
        detail = f"only limit orders are taken while the market is {phase.value}"
        raise OrderRefused(RejectReason.MARKET_ORDERS_BANNED, detail)


def _check_steps(request: OrderRequest, contract: Contract) -> None:
    instrument = contract.instrument
    if request.quantity < instrument.minimum:
        raise OrderRefused(RejectReason.BELOW_MINIMUM, f"at least {instrument.minimum}")
    if instrument.maximum is not None and request.quantity > instrument.maximum:
        raise OrderRefused(RejectReason.ABOVE_MAXIMUM, f"at most {instrument.maximum}")
    if request.quantity % instrument.lot:
        raise OrderRefused(RejectReason.BAD_STEP, f"quantities are multiples of {instrument.lot}")
    for price in (request.limit_price, request.stop_price):
        if price is not None and (price <= 0 or price % instrument.tick):
            raise OrderRefused(RejectReason.BAD_STEP, f"prices are multiples of {instrument.tick}")


def _check_prices(request: OrderRequest, market: Market) -> None:
    if (request.limit_price is not None) is not (request.type in _LIMITS):
        raise OrderRefused(RejectReason.OTHER, "a limit price belongs to a limit order, always")
    if (request.stop_price is not None) is not (request.type in _STOPS):
        raise OrderRefused(RejectReason.OTHER, "a stop price belongs to a stop order, always")
    for price in (request.limit_price, request.stop_price):
        if price is None:
            continue
        if market.lower_band is not None and price < market.lower_band:
            raise OrderRefused(RejectReason.PRICE_OUT_OF_BAND, f"not below {market.lower_band}")
        if market.upper_band is not None and price > market.upper_band:
            raise OrderRefused(RejectReason.PRICE_OUT_OF_BAND, f"not above {market.upper_band}")


def _check_holding(request: OrderRequest, account: AccountRecord, contract: Contract) -> None:
    sided = account.mode is PositionMode.HEDGE and not contract.is_spot
    if sided is not (request.holding is not Holding.NET):
        detail = "say which side it belongs to" if sided else "there is only the net position"
        raise OrderRefused(RejectReason.OTHER, detail)


def _check_reduction(state: State, request: OrderRequest, contract: Contract) -> None:
    if not only_reduces(request, contract) or (contract.is_spot and not request.reduce_only):
        return
    if reducible(_position(state, request), request.side) == 0:
        raise OrderRefused(RejectReason.REDUCE_ONLY, "there is nothing it could reduce")


def _check_liquidity(request: OrderRequest, market: Market, phase: MarketPhase) -> None:
    at_once = request.type is OrderType.MARKET and phase is MarketPhase.OPEN
    if at_once and not has_depth(market):
        raise OrderRefused(RejectReason.NO_LIQUIDITY, "nobody is on the other side")


def _check_money(
    state: State, request: OrderRequest, account: AccountRecord, market: Market
) -> None:
    contract = market.contract
    position = _position(state, request)
    if contract.is_spot and request.side is OrderSide.SELL:
        free = reducible(position, OrderSide.SELL) - _resting_sells(state, request)
        if request.quantity > free:
            detail = f"{free} {contract.instrument.base} is free"
            raise OrderRefused(RejectReason.INSUFFICIENT_MARGIN, detail)
        return
    opened = ZERO
    if not only_reduces(request, contract):
        opened = request.quantity - reducible(position, request.side)
    if opened <= 0:
        return  # what only reduces frees money: an exit never waits for any
    free = account.cash.get(account.currency, ZERO) - account.margin
    free -= held_by_orders(state, account)
    needed = _needed(market, request, opened)
    if needed > free:
        detail = f"{needed:.2f} {account.currency} is needed, {free:.2f} is free"
        raise OrderRefused(RejectReason.INSUFFICIENT_MARGIN, detail)


def _needed(market: Market, order: OrderRequest | OrderReport, quantity: Decimal) -> Decimal:
    price = order.limit_price or order.stop_price or market.last
    return market.contract.margin(quantity, price)


def _resting_sells(state: State, request: OrderRequest) -> Decimal:
    """What a spot market holds back for resting sells; one of a group fills, so it counts once."""
    groups: dict[str, Decimal] = {}
    for order in state.working.of_leg(request.account, request.instrument):
        report = order.report
        if report.side is OrderSide.SELL and (not report.oco_id or report.oco_id != request.oco_id):
            group = report.oco_id or report.venue_order_id
            groups[group] = max(groups.get(group, ZERO), report.remaining)
    return sum(groups.values(), ZERO)


def _position(state: State, request: OrderRequest) -> Position | None:
    slot = Slot(request.instrument, request.holding, request.product)
    return state.positions[request.account].get(slot)
