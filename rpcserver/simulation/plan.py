"""
What one seed stands for, expanded: who holds what, what is asked, what happens when, and how often
things go wrong. A value, so that it can be printed, and made smaller by the shrinker.
"""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal

import msgspec

from rpcserver.domain.capabilities import IdMemory, ReduceOnly
from rpcserver.domain.ids import AccountId, InstrumentId
from rpcserver.domain.order import Holding, OrderSide
from rpcserver.simulation.faults import FaultKind, Strike


class VenueTraits(msgspec.Struct, frozen=True, kw_only=True):
    """What kind of venue it is; it says so itself in its capabilities. Durations in seconds."""

    reduce_only: ReduceOnly
    counts_resting: bool
    id_memory: IdMemory
    id_window: float
    request_expiry: float | None
    position_settle: float
    not_found_settle: float
    change_orders: bool
    buys_first: bool
    message_budget: float | None
    concurrency: int
    latency: float
    minimum_notional: Decimal | None = None  # the least an order must be worth


class Held(msgspec.Struct, frozen=True):
    """A position to begin with."""

    account: AccountId
    instrument: InstrumentId
    quantity: Decimal  # signed
    holding: Holding


class Resting(msgspec.Struct, frozen=True):
    """Somebody's working order to begin with, or from `at` on."""

    at: float
    account: AccountId
    instrument: InstrumentId
    side: OrderSide
    quantity: Decimal
    holding: Holding
    stop: bool
    reduce_only: bool
    oco_id: str | None


class Call(msgspec.Struct, frozen=True):
    """What one client asks, and how it behaves."""

    at: float
    id: str
    api: str
    args: str  # JSON
    key: str | None
    cancel_after: float | None  # seconds after it was accepted


class Happening(msgspec.Struct, frozen=True):
    """What the world does at a moment of its own; `size` and `side` as the kind needs them."""

    at: float
    kind: FaultKind
    account: AccountId
    instrument: InstrumentId
    side: OrderSide
    size: Decimal
    lasts: float


class Quiet(msgspec.Struct, frozen=True, kw_only=True):
    """A second venue, where nothing goes wrong: whatever happens elsewhere must not be felt."""

    held: tuple[Held, ...]
    is_blind: bool  # it tells of no market, quote or session


class Plan(msgspec.Struct, frozen=True, kw_only=True):
    """One history, before it happens."""

    seed: int
    venue: VenueTraits
    hedge_accounts: tuple[AccountId, ...]
    accounts: tuple[AccountId, ...]
    held: tuple[Held, ...]
    resting: tuple[Resting, ...]
    calls: tuple[Call, ...]
    happenings: tuple[Happening, ...]
    rates: Mapping[FaultKind, float]
    heals_at: float  # from then on nothing goes wrong any more
    shuffled: bool = True  # whether ready tasks are stepped in an order drawn from the seed
    without: frozenset[Strike] = frozenset()
    quiet: Quiet | None = None
    crash_steps: tuple[int, ...] = ()  # the process dies at these steps of the loop
