"""How the driver is at one moment, as values: for the metrics, for `/readyz`, for people."""

from __future__ import annotations

import enum

import msgspec

from rpcserver.domain.ids import VenueId


class Link(enum.Enum):
    """What the server has of a venue."""

    UP = "up"
    DOWN = "down"
    NEVER_READ = "never_read"  # its accounts are unknown, not none


class Load(msgspec.Struct, frozen=True, kw_only=True):
    """What waits before one venue."""

    orders_waiting: int  # orders, cancels and changes: what counts against the message budget
    reads_waiting: int
    under_way: int  # calls that the venue has not answered yet
    budget_waits: int  # since the start
    budget_waited: float  # seconds, since the start


class VenueStatistics(msgspec.Struct, frozen=True, kw_only=True):
    """One venue as the engine sees it."""

    venue: VenueId
    link: Link
    queue: Load


class EngineStatistics(msgspec.Struct, frozen=True, kw_only=True):
    """The engine itself."""

    is_broken: bool  # the journal cannot commit: nothing more is sent or told
    is_stopping: bool  # no new operation is admitted
    has_settled_in: bool  # exits are admitted: the accounts are known, or were waited for in vain
    running: int  # operations
    recovering: int  # those among them that an earlier life left
    turns_waiting: int  # decisions that are not durable yet
    venues: tuple[VenueStatistics, ...]
