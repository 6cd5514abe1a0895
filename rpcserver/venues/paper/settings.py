"""How a paper venue behaves."""

from __future__ import annotations

from pathlib import Path

import msgspec

from rpcserver.domain.ids import InstrumentId, VenueId

PAPER = VenueId("paper")


class PaperSettings(msgspec.Struct, frozen=True, kw_only=True):
    """How a paper venue behaves. Durations in seconds."""

    venue_id: VenueId = PAPER
    path: Path | None = None  # None: in memory
    seed: int = 1
    tick_interval: float | None = 1.0  # None: prices stand still
    sessions: bool = False  # keep real trading hours
    latency: float = 0.0  # of every message, there and back
    position_settle: float = 0.2
    not_found_settle: float = 0.5
    request_expiry: float = 10.0  # an order that was longer on its way is refused
    with_portfolio: bool = True
    synthetic_positions: int = 0
    synthetic_accounts: int = 1
    watched: tuple[InstrumentId, ...] | None = None  # quotes told as events; None: all but SYN…
