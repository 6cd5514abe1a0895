"""
Facts that change the state and are not journaled: timers, reads under way, what markets look like.

A crash forgets them, and recovery asks again. Everything that must outlive a crash is a record.
"""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal

import msgspec

from rpcserver.domain.capabilities import Capabilities
from rpcserver.domain.ids import AccountRef, OperationId, PrincipalId, VenueId
from rpcserver.domain.market import Market
from rpcserver.domain.position import PositionKey


class LaneArmed(msgspec.Struct, frozen=True, gc=False):
    """The lane is looked at again at `wake` (monotonic), or when something happens."""

    lane: PositionKey
    wake: float | None


class OrderAsked(msgspec.Struct, frozen=True, gc=False):
    """The venue was asked about an order; `lane` None: a client's own. `mono`: when."""

    lane: PositionKey | None
    order: str  # its key in the ledger
    mono: float


class OrderNotFound(msgspec.Struct, frozen=True, gc=False):
    """The venue says, after its settle time, that there is no such order."""

    lane: PositionKey | None
    order: str
    asked: float  # when (monotonic)


class CancelLapsed(msgspec.Struct, frozen=True, gc=False):
    """A cancel or change was sent a while ago, and the venue shows no trace of it: send another."""

    lane: PositionKey
    order: str


class AccountArmed(msgspec.Struct, frozen=True, gc=False):
    """The account is to be read at `wake` (monotonic)."""

    account: AccountRef
    wake: float | None


class OperationArmed(msgspec.Struct, frozen=True, gc=False):
    """The operation is looked at again at `wake` (monotonic)."""

    operation_id: OperationId
    wake: float | None


class ReadStarted(msgspec.Struct, frozen=True, gc=False):
    """A reading is under way: an operation's first one, or one that verifies."""

    account: AccountRef
    operation_id: OperationId | None
    mono: float


class ReadEnded(msgspec.Struct, frozen=True, gc=False):
    """It came back, or failed."""

    account: AccountRef
    operation_id: OperationId | None
    failed: bool
    retry_at: float | None = None  # an operation's first reading: when it is tried again
    heard_at: float | None = None  # when it came, if it is to be read again all the same


class PositionRead(msgspec.Struct, frozen=True, gc=False):
    """A fresh read agreed with what was expected."""

    lane: PositionKey
    taken_at: datetime


class PositionDoubted(msgspec.Struct, frozen=True, gc=False):
    """A fresh read did not agree with what was expected."""

    lane: PositionKey
    quantity: Decimal  # signed, as read
    mono: float


class TradesAsked(msgspec.Struct, frozen=True, gc=False):
    """The account's trades were asked for, from `since` on."""

    account: AccountRef
    since: datetime
    mono: float


class TradesSeen(msgspec.Struct, frozen=True, gc=False):
    """The trades of a doubted lane's account were asked for and counted."""

    lane: PositionKey


class CeilingLowered(msgspec.Struct, frozen=True, gc=False):
    """Something says that the position is no larger than this (unsigned)."""

    lane: PositionKey
    ceiling: Decimal
    at: datetime | None = None  # when that was so, as the venue says


class PositionTold(msgspec.Struct, frozen=True, gc=False):
    """The stream told the position (signed): what was read before is older, and may be outdated."""

    lane: PositionKey
    quantity: Decimal
    mono: float


class PositionHeard(msgspec.Struct, frozen=True, gc=False):
    """The stream told a position (signed) while accounts wait to be planned from older readings."""

    position: PositionKey
    quantity: Decimal
    mono: float


class PositionTraded(msgspec.Struct, frozen=True, gc=False):
    """An execution was heard of: readings of the position may lag it for a while."""

    position: PositionKey
    mono: float


class OrderMissed(msgspec.Struct, frozen=True, gc=False):
    """A reading does not list an order that was thought to work: it is asked about."""

    lane: PositionKey
    order: str
    mono: float


class MarketSeen(msgspec.Struct, frozen=True, gc=False):
    """What a market was last known to be."""

    venue: VenueId
    market: Market
    mono: float


class VenueDescribed(msgspec.Struct, frozen=True, gc=False):
    """What a venue can do, and whether it can be reached."""

    venue: VenueId
    capabilities: Capabilities
    up: bool


class WaveStarted(msgspec.Struct, frozen=True, gc=False):
    """The operation's legs up to this number are at work."""

    operation_id: OperationId
    started: int


class KeyRemembered(msgspec.Struct, frozen=True, gc=False):
    """From the journal, after a restart: what a principal's idempotency key names."""

    principal: PrincipalId
    key: str
    operation_id: OperationId
    digest: str
    opened_at: datetime


class PartialRemembered(msgspec.Struct, frozen=True, gc=False):
    """From the journal, after a restart: a partial close that has just ended."""

    principal: PrincipalId
    digest: str
    operation_id: OperationId
    ended_at: datetime


Passing = (
    KeyRemembered
    | PartialRemembered
    | OperationArmed
    | LaneArmed
    | OrderAsked
    | OrderNotFound
    | CancelLapsed
    | AccountArmed
    | ReadStarted
    | ReadEnded
    | PositionRead
    | PositionDoubted
    | TradesAsked
    | TradesSeen
    | CeilingLowered
    | PositionTold
    | PositionHeard
    | PositionTraded
    | OrderMissed
    | MarketSeen
    | VenueDescribed
    | WaveStarted
)
