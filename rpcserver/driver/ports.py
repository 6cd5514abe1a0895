"""
What the driver needs of the world: a `Venue` and a `Journal`.

The consumer owns the interface; its docstrings are the contract, and `tests/contracts/` holds
every implementation to it.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from datetime import datetime
from decimal import Decimal
from typing import Protocol

import msgspec

from rpcserver.core.entries import AlertFilter as AlertFilter
from rpcserver.core.entries import ChainReport as ChainReport
from rpcserver.core.entries import Entry as Entry
from rpcserver.core.entries import Exit as Exit
from rpcserver.core.entries import ExitFilter as ExitFilter
from rpcserver.core.entries import FoundAlert as FoundAlert
from rpcserver.core.entries import Head as Head
from rpcserver.core.entries import OperationRow as OperationRow
from rpcserver.core.pruning import Pruned
from rpcserver.core.records import Record
from rpcserver.domain.account import Account, AccountSnapshot
from rpcserver.domain.capabilities import Capabilities
from rpcserver.domain.ids import (
    AccountId,
    ClientOrderId,
    InstrumentId,
    OperationId,
    PrincipalId,
    TokenId,
    VenueId,
    VenueOrderId,
)
from rpcserver.domain.instrument import Instrument
from rpcserver.domain.market import Market, Quote, Session
from rpcserver.domain.order import Fill, OrderReport, OrderRequest
from rpcserver.domain.position import Position
from rpcserver.domain.principal import TokenRow as TokenRow

# --- venues ------------------------------------------------------------------------------------


class OrderChanged(msgspec.Struct, frozen=True, tag="order"):
    """An order was accepted, filled, canceled, expired or changed; `report.fills` is new."""

    report: OrderReport


class PositionMoved(msgspec.Struct, frozen=True, tag="position"):
    """A position is now this, zero included."""

    position: Position


class MarketMoved(msgspec.Struct, frozen=True, tag="market"):
    """An instrument's market opened, closed, went into auction, …"""

    market: Market


class Quoted(msgspec.Struct, frozen=True, tag="quote"):
    """A new quote of a watched instrument. May be dropped when nobody keeps up."""

    quote: Quote


class LinkUp(msgspec.Struct, frozen=True, tag="up"):
    """The venue can be reached. What happened while it could not is unknown: ask."""


class LinkDown(msgspec.Struct, frozen=True, tag="down"):
    """The venue cannot be reached."""

    detail: str


VenueEvent = OrderChanged | PositionMoved | MarketMoved | Quoted | LinkUp | LinkDown


class Venue(Protocol):
    """
    One place where orders are sent.

    Every method may raise `VenueUnavailable` (nothing was sent) or `OutcomeUnknown` (it was sent
    and no answer came; for a read that is merely a failed read). Deadlines are the caller's:
    methods are cancelled when the caller gives up, which for submit, cancel and change means that
    the outcome is unknown.
    """

    @property
    def venue_id(self) -> VenueId: ...

    async def capabilities(self) -> Capabilities:
        """What this venue can do."""

    async def instruments(self) -> Sequence[Instrument]:
        """Everything it trades."""

    async def accounts(self) -> Sequence[Account]:
        """Every account its credentials reach, with current money figures."""

    async def snapshot(self, account: AccountId, *, markets: bool = False) -> AccountSnapshot:
        """
        Read positions and working orders, and with *markets* the market state of each instrument.

        A reading is all or nothing: a part that cannot be read fails the whole.
        """

    async def submit_order(self, order: OrderRequest) -> OrderReport:
        """
        Place *order* and tell what became of it so far, fills included.

        A `client_order_id` the venue remembers is refused (`DUPLICATE_ID`), never filled twice.

        Raises:
            OrderRefused: The venue said no. The order does not exist.
        """

    async def cancel_order(self, account: AccountId, venue_order_id: VenueOrderId) -> OrderReport:
        """
        Cancel a working order and tell what became of it: terminal, or with `cancel_pending`.

        Raises:
            OrderRefused: `UNKNOWN_ORDER`, or `ALREADY_TERMINAL` (then ask what it ended as).
        """

    async def change_order(
        self,
        account: AccountId,
        venue_order_id: VenueOrderId,
        *,
        quantity: Decimal | None = None,
        limit_price: Decimal | None = None,
        stop_price: Decimal | None = None,
    ) -> OrderReport:
        """
        Change a working order in place, keeping its id; `quantity` is the new total.

        Raises:
            OrderRefused: As for a cancel, or the new values are not allowed; it works on as it was.
        """

    async def query_order(
        self,
        account: AccountId,
        *,
        client_order_id: ClientOrderId | None = None,
        venue_order_id: VenueOrderId | None = None,
    ) -> OrderReport | None:
        """Tell everything about one order, by either name, all fills included; None: not found."""

    async def orders(self, account: AccountId) -> Sequence[OrderReport]:
        """Working and finished orders the venue still lists, oldest first."""

    async def trades(self, account: AccountId, *, since: datetime | None = None) -> Sequence[Fill]:
        """Every execution of the account, whoever ordered it, oldest first."""

    async def markets(self, instruments: Sequence[InstrumentId]) -> Sequence[Market]:
        """The market state and the touch of each instrument."""

    async def quotes(self, instruments: Sequence[InstrumentId]) -> Sequence[Quote]:
        """Quotes for people, in the order asked."""

    async def session(self, instrument: InstrumentId) -> Session:
        """The trading session around now."""

    def events(self) -> AsyncIterator[VenueEvent]:
        """
        What happens at the venue, from now on: first `LinkUp`, then everything in order.

        Ends never by itself; a lost link is `LinkDown`, then `LinkUp` again. Several readers may
        listen at once.
        """


# --- the journal -------------------------------------------------------------------------------


class Journal(Protocol):
    """
    The append-only record of everything, written before anything it speaks of is sent or told.

    `append` is called by one task at a time.
    """

    @property
    def head(self) -> Head: ...

    @property
    def low(self) -> bool:
        """Whether room is so short that only closing calls should be admitted."""

    @property
    def is_in_charge(self) -> bool:
        """Whether nobody took over meanwhile: asked right before every order message (law 26)."""

    async def append(self, records: Sequence[Record]) -> Sequence[Entry]:
        """
        Make *records* durable, all or none, in order, in one transaction.

        Raises:
            JournalBroken: The commit raised; whether it is durable is unknown.
        """

    async def unfinished(self) -> Sequence[Record]:
        """
        Every record of every subject that is still open, from the one that opened it last, each
        once, in the order in which they were journaled: what recovery folds (`opens`, `closes`
        and `subjects` in records.py).
        """

    async def operation(
        self, operation_id: OperationId, *, after: int = 0, limit: int | None = None
    ) -> Sequence[Entry]:
        """The entries of one operation whose `seq` in it is greater than *after*, in order."""

    async def order(self, name: ClientOrderId) -> Sequence[Entry]:
        """The entries of a client's own order, oldest first, but for those of an operation's."""

    async def mentions(self, name: str, *, limit: int) -> Sequence[Entry]:
        """The newest entries that name *name*, of the last of them, oldest first."""

    async def operation_row(self, operation_id: OperationId) -> OperationRow | None: ...

    async def operations(
        self,
        *,
        principal: PrincipalId | None = None,
        before: OperationId | None = None,
        limit: int = 50,
    ) -> Sequence[OperationRow]:
        """The newest operations first; *before* pages on."""

    async def exits(
        self, wanted: ExitFilter, *, before: int | None = None, limit: int = 100
    ) -> Sequence[Exit]:
        """Legs that ended, the newest first; *before*, an `audit_seq`, pages on."""

    async def alerts(
        self, wanted: AlertFilter, *, before: int | None = None, limit: int = 100
    ) -> Sequence[FoundAlert]:
        """What people were told, the newest first; *before*, an `audit_seq`, pages on."""

    async def alerts_since(self, after: int, *, limit: int = 100) -> Sequence[FoundAlert]:
        """The alerts that come after entry *after*, the oldest first; nobody's word about them."""

    async def recent(self, since: datetime) -> Sequence[OperationRow]:
        """Operations opened or finished since, oldest first: what keys and repeats are held to."""

    async def find_key(self, principal: PrincipalId, key: str) -> OperationRow | None:
        """The operation an idempotency key of this principal named, however long ago."""

    async def entries(self, *, after: int = 0, limit: int = 1000) -> Sequence[Entry]:
        """The chain itself, from *after* on: for export."""

    async def verify(self) -> ChainReport:
        """Walk the whole chain, from where it was pruned."""

    async def anchor(self) -> Head:
        """What the oldest entry continues: the last that was pruned, or the very beginning."""

    async def prunable(self, before: datetime) -> int:
        """
        The last entry that may go: it and all before it are older than *before*, none is needed by
        recovery, and no operation has entries beyond it. The anchor's, if there is none.
        """

    async def prune(
        self, record: Pruned, tell: Callable[[Sequence[Entry]], None] = lambda _entries: None
    ) -> None:
        """
        Append *record*, then delete what it speaks of, in small transactions; appends go on.

        What stands is appended anew with it, so that it keeps nothing old. *tell* takes what was
        appended, in its place among what others append.

        Raises:
            NotPrunable: Something of it is needed still, or is not what *record* says.
            JournalBroken: As `append`.
        """

    async def finish_pruning(self) -> None:
        """
        Delete what the newest `Pruned` speaks of and a crash left. Harmless when it left nothing.

        Raises:
            NotPrunable: It is not what was archived.
            JournalBroken: As `append`.
        """

    async def add_token(self, token: TokenRow, token_hash: bytes) -> None: ...

    async def revoke_token(self, token_id: TokenId, at: datetime) -> bool:
        """Whether there was such a token, not yet revoked."""

    async def tokens(self) -> Sequence[TokenRow]: ...

    async def limit_token(self, token_id: TokenId, expires_at: datetime) -> bool:
        """Let a token expire then, or earlier if it would. False: no such token is unrevoked."""

    async def token_of(self, token_hash: bytes) -> TokenRow | None:
        """The token with this SHA-256, good or not, or None if there never was one."""


VenueMap = Mapping[VenueId, Venue]
