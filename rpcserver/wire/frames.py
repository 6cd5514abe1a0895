"""
Every frame, one Struct each.

*Client to server* by `action`, *server to client* by `type`, except the final answer: exactly
`{"id": …, "data": …}`, without `type`. Every other frame bears `requestId`, never `id`: existing
clients resolve on the first frame with their id.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from decimal import Decimal
from typing import Literal, TypeAlias

import msgspec
from msgspec import UNSET, Struct, UnsetType

ID_LENGTH_MAX = 64
KEY_LENGTH_MAX = 128  # of an idempotencyKey

# --- client to server --------------------------------------------------------------------------


class ClientFrameBase(Struct, frozen=True, kw_only=True, tag_field="action", rename="camel"):
    """What every client frame has: its `action`."""


class Auth(ClientFrameBase, frozen=True, kw_only=True, tag="auth"):
    """The first frame of a client that could not send an Authorization header."""

    token: str


class Rpc(ClientFrameBase, frozen=True, kw_only=True, tag="rpc"):
    """One call. `args` stay raw until the api's own Struct decodes them."""

    id: str
    api: str
    args: msgspec.Raw = msgspec.Raw(b"{}")
    idempotency_key: str | None = None
    progress: bool = True


class Attach(ClientFrameBase, frozen=True, kw_only=True, tag="attach"):
    """Follow an operation: every progress frame with a seq greater than `after`, then the end."""

    id: str
    operation_id: str | None = None
    idempotency_key: str | None = None
    after: int = 0


class Cancel(ClientFrameBase, frozen=True, kw_only=True, tag="cancel"):
    """Stop what was not yet sent. Names the operation, never a call's `id`: ids are reused."""

    operation_id: str | None = None
    idempotency_key: str | None = None


class Subscribe(ClientFrameBase, frozen=True, kw_only=True, tag="subscribe"):
    """Market data of `instruments`, each `interval` milliseconds; events of `channels`; or both."""

    id: str | None = None
    instruments: tuple[str, ...] = ()
    channels: tuple[str, ...] = ()
    interval: int | None = None


class Unsubscribe(ClientFrameBase, frozen=True, kw_only=True, tag="unsubscribe"):
    """The opposite of `Subscribe`."""

    instruments: tuple[str, ...] = ()
    channels: tuple[str, ...] = ()


class StreamPnl(ClientFrameBase, frozen=True, kw_only=True, tag="streamPnl"):
    """Profit of every account, each `interval` milliseconds."""

    enabled: bool
    interval: int | None = None


class Ping(ClientFrameBase, frozen=True, kw_only=True, tag="ping"):
    """Is anyone there? For browsers, which cannot send WebSocket pings."""


ClientFrame: TypeAlias = Auth | Rpc | Attach | Cancel | Subscribe | Unsubscribe | StreamPnl | Ping

# --- server to client --------------------------------------------------------------------------


class ServerFrameBase(
    Struct, frozen=True, kw_only=True, tag_field="type", rename="camel", gc=False
):
    """What every server frame but the final one has: its `type`."""


class RateLimit(Struct, frozen=True, kw_only=True, rename="camel", gc=False):
    """What the token has left: told once less than half of it is there."""

    remaining: int  # calls at once
    reset_ms: int  # until all of it is there again


class Accepted(ServerFrameBase, frozen=True, kw_only=True, tag="accepted", gc=False):
    """The closing call is durable and will be carried out. Nothing is closed yet (law 20)."""

    request_id: str
    operation_id: str
    duplicate: bool
    rate_limit: RateLimit | UnsetType = UNSET


class ProgressFrame(
    ServerFrameBase, frozen=True, kw_only=True, tag="progress", omit_defaults=True, gc=False
):
    """One step of an operation: the same bytes for every follower, live or replayed."""

    request_id: str  # of the call that created the operation
    operation_id: str
    seq: int
    event: str
    leg: int | None = None
    venue: str | None = None
    account: str | None = None
    instrument: str | None = None
    side: str | None = None
    quantity: Decimal | None = None
    filled: Decimal | None = None
    remaining: Decimal | None = None
    average_price: Decimal | None = None
    price: Decimal | None = None
    order_id: str | None = None
    outcome: str | None = None
    reason: str | None = None
    detail: str | None = None
    done: int
    total: int
    at: datetime


class Final(Struct, frozen=True):
    """The one final answer of a call."""

    id: str
    data: object


class ErrorData(Struct, frozen=True, kw_only=True, rename="camel"):
    """`data` of a call that failed."""

    success: Literal[False] = False
    error: str
    detail: str
    status_code: int
    retry_after_ms: int | UnsetType = UNSET
    reference: str | UnsetType = UNSET


class ErrorFrame(ServerFrameBase, frozen=True, kw_only=True, tag="error"):
    """What is wrong with a frame that is no call, or has no usable `id`: else it is told, too."""

    request_id: str | UnsetType = UNSET
    error: str
    detail: str
    retry_after_ms: int | UnsetType = UNSET
    reference: str | UnsetType = UNSET


class Notice(ServerFrameBase, frozen=True, kw_only=True, tag="notice"):
    """
    Something about the server itself: `restarting`, `journal_broken`.

    `operation_ids`: whose end this connection still waits for.
    """

    notice: str
    detail: str
    operation_ids: Sequence[str] = ()


class Authenticated(ServerFrameBase, frozen=True, kw_only=True, tag="authenticated"):
    """The token was right."""

    principal: str
    roles: Sequence[str]
    accounts: Sequence[str]


class Pong(ServerFrameBase, frozen=True, kw_only=True, tag="pong"):
    """The answer to a ping."""

    time: datetime
    epoch: int  # milliseconds


class CancelRequested(ServerFrameBase, frozen=True, kw_only=True, tag="cancelRequested"):
    """The operation was told to stop; `ended`: it had ended before. Its final frame tells all."""

    operation_id: str
    ended: bool


class Subscribed(ServerFrameBase, frozen=True, kw_only=True, tag="subscribed"):
    """What the connection is subscribed to now, with a snapshot of each channel just named."""

    request_id: str | UnsetType = UNSET
    instruments: Sequence[str]
    channels: Sequence[str]
    snapshot: Mapping[str, Sequence[msgspec.Raw]] = {}
    unread: Sequence[str] = ()  # accounts that could not be read: not in the snapshot, not flat


class Unsubscribed(ServerFrameBase, frozen=True, kw_only=True, tag="unsubscribed"):
    """What the connection is still subscribed to."""

    instruments: Sequence[str]
    channels: Sequence[str]


class PnlStreaming(ServerFrameBase, frozen=True, kw_only=True, tag="pnlStreaming"):
    """The answer to `streamPnl`: what now holds."""

    enabled: bool
    interval: int


class QuoteLine(Struct, frozen=True, kw_only=True, rename="camel", gc=False):
    """One instrument of a `marketData` frame. Prices and sizes are numbers, as at CrossTrade."""

    instrument: str
    venue: str
    last: Decimal
    bid: Decimal
    ask: Decimal
    open: Decimal
    high: Decimal
    low: Decimal
    close: Decimal
    volume: int
    is_open: bool
    at: datetime


class MarketData(ServerFrameBase, frozen=True, kw_only=True, tag="marketData"):
    """The subscribed quotes that changed."""

    quotes: Sequence[QuoteLine]


class PnlLine(Struct, frozen=True, kw_only=True, rename="camel", gc=False):
    """One account of a `pnlUpdate` frame, in numbers of its currency."""

    account: str
    venue: str
    currency: str
    unrealized_pnl: Decimal
    realized_pnl: Decimal
    total_pnl: Decimal
    fees: Decimal
    equity: Decimal
    connected: bool
    sandbox: bool


class PnlUpdate(ServerFrameBase, frozen=True, kw_only=True, tag="pnlUpdate"):
    """Profit of every account the principal may see, at `epoch` milliseconds."""

    epoch: int
    accounts: Sequence[PnlLine]


class ChannelEvents(ServerFrameBase, frozen=True, kw_only=True, tag="event"):
    """What happened in a channel, oldest first; each item is one of `events.py`."""

    channel: str
    items: Sequence[msgspec.Raw]


ServerFrame: TypeAlias = (
    Accepted
    | ProgressFrame
    | ErrorFrame
    | Notice
    | Authenticated
    | Pong
    | CancelRequested
    | Subscribed
    | Unsubscribed
    | PnlStreaming
    | MarketData
    | PnlUpdate
    | ChannelEvents
)
