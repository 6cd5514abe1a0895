"""What the journal tells back: records in their place in the chain, and operations as rows."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal

import msgspec

from rpcserver.core.records import Noted, Record
from rpcserver.core.report import Outcome
from rpcserver.domain.ids import (
    AccountId,
    AccountRef,
    InstrumentId,
    OperationId,
    PrincipalId,
    VenueId,
)


class Entry(msgspec.Struct, frozen=True, kw_only=True):
    """A record as it stands in the journal: `audit_hash` chains it to everything before."""

    audit_seq: int  # global, gapless, from 1
    audit_hash: str  # hexadecimal
    record: Record


class Head(msgspec.Struct, frozen=True, kw_only=True):
    """The newest entry's place in the chain; `audit_seq` 0 before the first."""

    audit_seq: int
    audit_hash: str


class OperationRow(msgspec.Struct, frozen=True, kw_only=True):
    """One operation as `ListOperations` shows it."""

    operation_id: OperationId
    api: str
    principal: PrincipalId
    idempotency_key: str | None
    digest: str  # of api and decoded args
    opened_at: datetime
    finished_at: datetime | None
    success: bool | None  # None while it runs
    flat: bool | None
    partial: bool  # asked to leave something: a repeat without a key is refused for a while
    dry_run: bool
    legs: int
    strategy: str | None = None  # the tag asked for
    reason: str = ""
    remote: str = ""
    venues: tuple[VenueId, ...] = ()  # of the accounts that were asked for
    sandboxes: tuple[VenueId, ...] | None = None  # those of its venues; None: not known


class Exit(msgspec.Struct, frozen=True, kw_only=True):
    """One leg that ended, as the exit log shows it: what became of a position, by whose word."""

    audit_seq: int  # of the record that ended it
    operation_id: OperationId
    leg: int
    at: datetime
    venue: VenueId
    account: AccountId
    instrument: InstrumentId
    held: Decimal  # signed: when it was planned
    closed: Decimal  # unsigned
    average_price: Decimal | None
    remaining: Decimal  # signed
    outcome: Outcome
    why: str
    proven_at: datetime | None
    api: str = ""
    principal: PrincipalId = PrincipalId("")
    strategy: str | None = None
    reason: str = ""  # the caller's
    remote: str = ""
    sandboxes: tuple[VenueId, ...] | None = None  # the operation's

    @property
    def sandbox(self) -> bool | None:
        """Whether it was no live account; None where that is not known."""
        return None if self.sandboxes is None else self.venue in self.sandboxes

    @property
    def account_ref(self) -> AccountRef:
        return AccountRef(self.venue, self.account)


class ExitFilter(msgspec.Struct, frozen=True, kw_only=True):
    """Which exits: all that every filter that is set matches; words without regard to case."""

    principal: PrincipalId | None = None
    strategy: str | None = None
    instrument: str | None = None  # "ES 12-25"; or a root, "ES": every expiry of it
    venue: VenueId | None = None
    account: AccountId | None = None
    operation_id: OperationId | None = None
    outcomes: tuple[Outcome, ...] = ()  # none: any
    since: datetime | None = None  # inclusive
    until: datetime | None = None  # exclusive

    def matches(self, found: Exit) -> bool:
        """The same that the journal on disk finds."""
        return (
            _same(self.principal, found.principal)
            and _same(self.strategy, found.strategy)
            and _same(self.venue, found.venue)
            and _same(self.account, found.account)
            and self.operation_id in (None, found.operation_id)
            and (not self.outcomes or found.outcome in self.outcomes)
            and (self.since is None or found.at >= self.since)
            and (self.until is None or found.at < self.until)
            and (
                self.instrument is None
                or _same(self.instrument, found.instrument)
                or found.instrument.casefold().startswith(f"{self.instrument.casefold()} ")
            )
        )


def _same(wanted: str | None, found: str | None) -> bool:
    return wanted is None or (found is not None and wanted.casefold() == found.casefold())


class AlertFilter(msgspec.Struct, frozen=True, kw_only=True):
    """Which alerts: all that every filter that is set matches; accounts without regard to case."""

    codes: tuple[str, ...] = ()  # none: any
    venue: VenueId | None = None
    account: AccountId | None = None
    since: datetime | None = None  # inclusive
    is_open: bool = False  # nobody has acknowledged it

    def matches(self, alert: Noted, *, is_acknowledged: bool) -> bool:
        """The same that the journal on disk finds."""
        account = alert.account
        venue = account.venue if account is not None else alert.venue
        return (
            (not self.codes or alert.code in self.codes)
            and _same(self.venue, venue)
            and _same(self.account, account.account if account is not None else None)
            and (self.since is None or alert.at >= self.since)
            and not (self.is_open and is_acknowledged)
        )


class FoundAlert(msgspec.Struct, frozen=True):
    """An alert in its place in the chain, and the newest word that somebody looks at it."""

    audit_seq: int
    record: Noted
    acknowledged: Noted | None = None


class ChainReport(msgspec.Struct, frozen=True, kw_only=True):
    """What a walk along the hash chain found."""

    intact: bool
    records: int
    head: Head
    first_broken: int | None = None  # audit_seq
    detail: str = ""
    signature: str = ""  # of the head, by the server
    public_key: str = ""  # that the signature is checked with
