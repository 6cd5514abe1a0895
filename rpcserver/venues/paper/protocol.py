"""
What a venue process and its clients say to each other: private, loopback only, msgpack.

A message is a list of frames, so that whatever is ready travels together. Requests are pipelined
and answered by id, in any order; events come unasked, in order.
"""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal

import msgspec

from rpcserver.domain.account import Account, AccountSnapshot
from rpcserver.domain.capabilities import Capabilities
from rpcserver.domain.ids import AccountId, ClientOrderId, InstrumentId, VenueOrderId
from rpcserver.domain.instrument import Instrument
from rpcserver.domain.market import Market, Quote, Session
from rpcserver.domain.order import Fill, OrderReport, OrderRequest, RejectReason
from rpcserver.driver.ports import VenueEvent
from rpcserver.venues.paper.venue import Control

MESSAGE_MAX = 256 * 2**20  # bytes: a snapshot of 100,000 positions is a tenth of that

# --- requests ------------------------------------------------------------------------------------


class GetInstruments(msgspec.Struct, frozen=True, tag=True): ...


class GetAccounts(msgspec.Struct, frozen=True, tag=True): ...


class GetSnapshot(msgspec.Struct, frozen=True, tag=True):
    account: AccountId
    markets: bool


class Submit(msgspec.Struct, frozen=True, tag=True):
    order: OrderRequest
    sent_at: datetime  # by the sender's clock: the same machine's


class Cancel(msgspec.Struct, frozen=True, tag=True):
    account: AccountId
    venue_order_id: VenueOrderId


class Change(msgspec.Struct, frozen=True, tag=True):
    account: AccountId
    venue_order_id: VenueOrderId
    quantity: Decimal | None
    limit_price: Decimal | None
    stop_price: Decimal | None


class Query(msgspec.Struct, frozen=True, tag=True):
    account: AccountId
    client_order_id: ClientOrderId | None
    venue_order_id: VenueOrderId | None


class GetOrders(msgspec.Struct, frozen=True, tag=True):
    account: AccountId


class GetTrades(msgspec.Struct, frozen=True, tag=True):
    account: AccountId
    since: datetime | None


class GetMarkets(msgspec.Struct, frozen=True, tag=True):
    instruments: tuple[InstrumentId, ...]


class GetQuotes(msgspec.Struct, frozen=True, tag=True):
    instruments: tuple[InstrumentId, ...]


class GetSession(msgspec.Struct, frozen=True, tag=True):
    instrument: InstrumentId


class Command(msgspec.Struct, frozen=True, tag=True):
    """Set the scene: exchange commands and faults."""

    control: Control


Call = (
    GetInstruments
    | GetAccounts
    | GetSnapshot
    | Submit
    | Cancel
    | Change
    | Query
    | GetOrders
    | GetTrades
    | GetMarkets
    | GetQuotes
    | GetSession
    | Command
)


class Request(msgspec.Struct, frozen=True, gc=False):
    """A call, and the id its answer will bear."""

    id: int
    call: Call


# --- answers -------------------------------------------------------------------------------------


class Instruments(msgspec.Struct, frozen=True, tag=True):
    instruments: tuple[Instrument, ...]


class Accounts(msgspec.Struct, frozen=True, tag=True):
    accounts: tuple[Account, ...]


class Snapshot(msgspec.Struct, frozen=True, tag=True):
    """Without its instruments: the client knows those."""

    snapshot: AccountSnapshot


class Report(msgspec.Struct, frozen=True, tag=True):
    report: OrderReport | None


class Orders(msgspec.Struct, frozen=True, tag=True):
    orders: tuple[OrderReport, ...]


class Trades(msgspec.Struct, frozen=True, tag=True):
    trades: tuple[Fill, ...]


class Markets(msgspec.Struct, frozen=True, tag=True):
    markets: tuple[Market, ...]


class Quotes(msgspec.Struct, frozen=True, tag=True):
    quotes: tuple[Quote, ...]


class TradingSession(msgspec.Struct, frozen=True, tag=True):
    session: Session


class Done(msgspec.Struct, frozen=True, tag=True):
    """A command is in force."""


class Refused(msgspec.Struct, frozen=True, tag=True):
    reason: RejectReason
    detail: str


class Unavailable(msgspec.Struct, frozen=True, tag=True):
    detail: str
    retry_after: float | None


class Unknown(msgspec.Struct, frozen=True, tag=True):
    detail: str


Answer = (
    Instruments
    | Accounts
    | Snapshot
    | Report
    | Orders
    | Trades
    | Markets
    | Quotes
    | TradingSession
    | Done
    | Refused
    | Unavailable
    | Unknown
)

# --- frames from the venue -----------------------------------------------------------------------


class Welcome(msgspec.Struct, frozen=True, tag=True):
    """The first frame of every connection: what the venue can do."""

    capabilities: Capabilities


class Reply(msgspec.Struct, frozen=True, tag=True, gc=False):
    """The answer to the request of that id."""

    id: int
    answer: Answer


class Happened(msgspec.Struct, frozen=True, tag=True, gc=False):
    """An event of the venue."""

    event: VenueEvent


ServerFrame = Welcome | Reply | Happened

_encoder = msgspec.msgpack.Encoder()
_requests = msgspec.msgpack.Decoder(list[Request])
_server_frames = msgspec.msgpack.Decoder(list[ServerFrame])


def encode_requests(requests: list[Request]) -> bytes:
    return _encoder.encode(requests)


def decode_requests(message: bytes) -> list[Request]:
    """
    Read what a client sent.

    Raises:
        msgspec.DecodeError: It speaks something else.
    """
    return _requests.decode(message)


def encode_frames(frames: list[ServerFrame]) -> bytes:
    return _encoder.encode(frames)


def decode_frames(message: bytes) -> list[ServerFrame]:
    """
    Read what the venue sent.

    Raises:
        msgspec.DecodeError: It speaks something else.
    """
    return _server_frames.decode(message)
