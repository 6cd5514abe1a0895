"""What a venue can do: read by the core before it decides, published to people as a sheet."""

from __future__ import annotations

import enum

import msgspec


class IdMemory(enum.Enum):
    """How long a venue remembers client order ids, and so refuses a second order of that name."""

    FOR_EVER = "for_ever"
    WINDOW = "window"  # for `id_window` seconds
    OPEN_ORDERS = "open_orders"  # only while the order works: a late copy would be a new order
    NEVER = "never"


class ReduceOnly(enum.Enum):
    """Whether a venue keeps an order from growing or flipping a position."""

    NONE = "none"
    ON_ARRIVAL = "on_arrival"  # checked once: a resting order can still flip
    AT_FILL = "at_fill"  # checked at every fill


class Capabilities(msgspec.Struct, frozen=True, kw_only=True):
    """Durations in seconds. The defaults are the cautious ones."""

    sandbox: bool = False
    position_settle: float = 2.0  # how long position reads may lag fills
    not_found_settle: float = 5.0  # how long "not found" may be said of an accepted order
    id_memory: IdMemory = IdMemory.NEVER
    id_window: float = 0.0
    reduce_only: ReduceOnly = ReduceOnly.NONE
    reduce_only_counts_resting: bool = True  # resting reduce-only orders use up the allowance
    request_expiry: float | None = None  # a request older than this is refused by the venue
    change_orders: bool = False  # quantity and prices of a working order can be changed in place
    cancel_all_cap: int | None = None  # None: no cancel-all
    market_orders: bool = True
    buys_first: bool = False  # margin asks for shorts to be bought back before longs are sold
    message_budget: float | None = None  # order messages a second; None: no limit known
    concurrency: int = 64  # requests under way at once
    hedge_mode: bool = False
