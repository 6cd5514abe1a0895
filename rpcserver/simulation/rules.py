"""What one kind of venue refuses and forgets, beyond what the pure exchange does by itself."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from decimal import Decimal

from rpcserver.domain.capabilities import Capabilities, IdMemory, ReduceOnly
from rpcserver.domain.errors import OrderRefused
from rpcserver.domain.ids import AccountId, InstrumentId
from rpcserver.domain.order import ZERO, OrderReport, OrderRequest, RejectReason
from rpcserver.simulation.faults import FaultKind
from rpcserver.simulation.plan import VenueTraits
from rpcserver.venues.paper.exchange import Exchange


class Rules:
    """The traits of a venue, held against each order that reaches it."""

    def __init__(
        self, traits: VenueTraits, exchange: Exchange, felt: Callable[[FaultKind], None]
    ) -> None:
        self.traits = traits
        self.locked: tuple[AccountId, InstrumentId, InstrumentId] | None = (
            None  # margin, until the last one is 0
        )
        self._exchange = exchange
        self._felt = felt

    def capabilities(self) -> Capabilities:
        """What the venue says of itself."""
        traits = self.traits
        return Capabilities(
            sandbox=True,
            position_settle=traits.position_settle,
            not_found_settle=traits.not_found_settle,
            id_memory=traits.id_memory,
            id_window=traits.id_window,
            reduce_only=traits.reduce_only,
            reduce_only_counts_resting=traits.counts_resting,
            request_expiry=traits.request_expiry,
            change_orders=traits.change_orders,
            buys_first=traits.buys_first,
            message_budget=traits.message_budget,
            concurrency=traits.concurrency,
            hedge_mode=True,
        )

    def forget(self, order: OrderRequest, now: datetime) -> None:
        """Let go of a client order id that this kind of venue would not remember."""
        names = self._exchange.state.names
        known = self._exchange.find_order(order.account, client_order_id=order.client_order_id)
        if known is None:
            return
        age = (now - known.report.created_at).total_seconds()
        match self.traits.id_memory:
            case IdMemory.FOR_EVER:
                is_known = True
            case IdMemory.WINDOW:
                is_known = age < self.traits.id_window
            case IdMemory.OPEN_ORDERS:
                is_known = not known.report.status.is_terminal
            case IdMemory.NEVER:
                is_known = False
        if is_known:
            self._felt(FaultKind.REFUSED_ID)
        else:
            del names[order.account, order.client_order_id]

    def check(self, order: OrderRequest, held: Decimal, working: list[OrderReport]) -> None:
        """
        Hold *order* against the position it is about, and the orders working there.

        Raises:
            OrderRefused: Too little, too much, or no margin yet.
        """
        self._check_worth(order)
        self._check_margin(order)
        self._check_reduction(order, held, working)

    def _check_worth(self, order: OrderRequest) -> None:
        least = self.traits.minimum_notional
        price = self._exchange.markets.named(order.instrument).last
        if least is not None and order.quantity * price < least:
            self._felt(FaultKind.MINIMUM_NOTIONAL)
            raise OrderRefused(RejectReason.BELOW_MINIMUM, f"worth less than {least}")

    def _check_margin(self, order: OrderRequest) -> None:
        if self.locked is None:
            return
        account, waiting, first = self.locked
        if (order.account, order.instrument) == (account, waiting) and any(
            slot.instrument == first for slot in self._exchange.state.positions[account]
        ):
            raise OrderRefused(RejectReason.INSUFFICIENT_MARGIN, f"close {first} first")

    def _check_reduction(
        self, order: OrderRequest, held: Decimal, working: list[OrderReport]
    ) -> None:
        if not order.reduce_only or self.traits.reduce_only is ReduceOnly.NONE:
            return
        free = reducible = max(-held * order.side.sign, ZERO)
        if self.traits.counts_resting:
            free -= sum(
                (o.remaining for o in working if o.reduce_only and o.side is order.side), ZERO
            )
        if free < reducible:
            self._felt(FaultKind.COUNTS_RESTING)
        if free <= 0 or (
            order.quantity > free
            and (self.traits.counts_resting or self.traits.reduce_only is ReduceOnly.ON_ARRIVAL)
        ):
            raise OrderRefused(RejectReason.REDUCE_ONLY, f"only {free} can be reduced")
