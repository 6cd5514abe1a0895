"""The audit: what became of every position somebody closed, and whether the record is whole."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from decimal import Decimal
from typing import ClassVar, Final

import msgspec
from msgspec import UNSET, UnsetType

from rpcserver.apis.arguments import Args, Choices, NoArgs, WordFilter, words_of
from rpcserver.apis.numbers import text
from rpcserver.apis.queries import Data, FoundExits, ReadExits, VerifyChain
from rpcserver.apis.registry import Ask, Asked, Registry
from rpcserver.core.entries import ChainReport, Exit, ExitFilter
from rpcserver.core.report import Outcome
from rpcserver.domain.errors import InvalidRequest
from rpcserver.domain.ids import AccountId, OperationId, PrincipalId, VenueId

registry = Registry()

PAGE_MAX: Final = 500
SUMMARY_MAX: Final = 1000  # instruments: an answer has an end


# --- the exit log --------------------------------------------------------------------------------


class QueryAuditArgs(Args, frozen=True, kw_only=True, rename="camel"):
    """Legs that ended, the newest first: all that every filter matches. `before` pages on."""

    choices: ClassVar[Choices] = {"outcome": words_of(Outcome)}

    user: WordFilter = UNSET  # who called
    strategy: WordFilter = UNSET  # the tag that was asked for
    instrument: WordFilter = UNSET  # a root is every expiry of it
    venue: WordFilter = UNSET
    account: WordFilter = UNSET
    operation_id: WordFilter = UNSET
    outcome: WordFilter = UNSET
    since: datetime | UnsetType = UNSET  # inclusive
    until: datetime | UnsetType = UNSET  # exclusive
    summary: bool = False  # and what all of them come to, by instrument
    before: int | UnsetType = UNSET
    limit: int = 100


class ExitAnswer(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """One line of the exit log. Quantities and prices are decimal strings."""

    audit_seq: int
    at: datetime
    user: str
    api: str
    operation_id: str
    leg: int
    strategy: str | None
    venue: str
    account: str
    instrument: str
    side: str | None
    quantity: str
    closed: str
    average_price: str | None
    remaining: str
    outcome: str
    why: str
    reason: str
    remote: str
    proven_at: datetime | None
    sandbox: bool | UnsetType = UNSET  # the account; not there where it is not known


class InstrumentSummary(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """What the exits of one instrument come to, over all accounts."""

    instrument: str
    exits: int
    closed: str
    average_price: str | None  # weighted by quantity
    outcomes: dict[str, int]


@registry.query("QueryAudit", args=QueryAuditArgs)
def query_audit(args: QueryAuditArgs, asked: Asked) -> Ask:
    """The exit log: who closed what, when, from where, why, at which price, and what came of it."""
    del asked  # what exists for the caller is decided where the journal is read
    if not 0 < args.limit <= PAGE_MAX:
        raise InvalidRequest("invalid_argument", f"limit: 1 to {PAGE_MAX}")
    before = args.before if isinstance(args.before, int) else None
    if before is not None and before < 1:
        raise InvalidRequest("invalid_argument", "before: the auditSeq of an exit")
    since, until = _moment(args.since, "since"), _moment(args.until, "until")
    if since is not None and until is not None and until <= since:
        raise InvalidRequest("invalid_argument", "until: expected a time after `since`")
    venue, account = _place(args)
    wanted = ExitFilter(
        principal=PrincipalId(args.user) if isinstance(args.user, str) else None,
        strategy=args.strategy if isinstance(args.strategy, str) else None,
        instrument=args.instrument if isinstance(args.instrument, str) else None,
        venue=venue,
        account=account,
        operation_id=OperationId(args.operation_id) if isinstance(args.operation_id, str) else None,
        outcomes=(Outcome(args.outcome),) if isinstance(args.outcome, str) else (),
        since=since,
        until=until,
    )

    def answer(found: FoundExits) -> Data:
        more = {"next": found.page[-1].audit_seq} if len(found.page) == args.limit else {}
        data: dict[str, object] = {
            "exits": [exit_answer(each) for each in found.page],
            "count": len(found.page),
            **more,
            "success": True,
        }
        if args.summary:
            instruments = summarized(found.all)
            data["summary"] = instruments[:SUMMARY_MAX]
            data["summarized"] = len(found.all)
            if (omitted := len(instruments) - SUMMARY_MAX) > 0:
                data["summaryOmitted"] = omitted
        return data

    return Ask(ReadExits(wanted, before, args.limit, whole=args.summary), answer)


def exit_answer(found: Exit) -> ExitAnswer:
    """One line of the exit log, worded."""
    side = None if not found.held else "long" if found.held > 0 else "short"
    return ExitAnswer(
        audit_seq=found.audit_seq,
        at=found.at,
        user=found.principal,
        api=found.api,
        operation_id=found.operation_id,
        leg=found.leg,
        strategy=found.strategy,
        venue=found.venue,
        account=found.account,
        instrument=found.instrument,
        side=side,
        quantity=f"{abs(found.held):f}",
        closed=f"{found.closed:f}",
        average_price=None if found.average_price is None else text(found.average_price),
        remaining=f"{found.remaining:f}",
        outcome=found.outcome.value,
        why=found.why,
        reason=found.reason,
        remote=found.remote,
        proven_at=found.proven_at,
        sandbox=UNSET if found.sandbox is None else found.sandbox,
    )


def summarized(exits: Sequence[Exit]) -> list[InstrumentSummary]:
    """
    By instrument: how much was closed, at which price on the average, with which outcomes.

    Those with the most exits come first.
    """
    by_instrument: dict[str, list[Exit]] = {}
    for each in exits:
        by_instrument.setdefault(each.instrument, []).append(each)
    names = sorted(by_instrument, key=lambda name: (-len(by_instrument[name]), name))
    return [_summary(name, by_instrument[name]) for name in names]


def _summary(instrument: str, exits: Sequence[Exit]) -> InstrumentSummary:
    priced = [(e.closed, e.average_price) for e in exits if e.average_price is not None]
    quantity = sum((closed for closed, _ in priced), Decimal(0))
    value = sum((closed * price for closed, price in priced), Decimal(0))
    outcomes: dict[str, int] = {}
    for each in exits:
        outcomes[each.outcome.value] = outcomes.get(each.outcome.value, 0) + 1
    return InstrumentSummary(
        instrument=instrument,
        exits=len(exits),
        closed=f"{sum((each.closed for each in exits), Decimal(0)):f}",
        average_price=text(value / quantity) if quantity else None,
        outcomes=outcomes,
    )


def _place(args: QueryAuditArgs) -> tuple[VenueId | None, AccountId | None]:
    """The venue and the account asked for; `"paper:Sim101"` names both."""
    account = args.account if isinstance(args.account, str) else None
    venue = args.venue if isinstance(args.venue, str) else None
    if account is not None and ":" in account:
        named, account = account.split(":", 1)
        if venue is not None and venue.casefold() != named.casefold():
            raise InvalidRequest("invalid_argument", f"account: {args.account} is not at {venue}")
        venue = named
    return (
        VenueId(venue) if venue is not None else None,
        AccountId(account) if account is not None else None,
    )


def _moment(value: datetime | UnsetType, key: str) -> datetime | None:
    if not isinstance(value, datetime):
        return None
    if value.tzinfo is None:
        raise InvalidRequest(
            "invalid_argument", f"{key}: expected a time with its zone, such as …T12:00:00Z"
        )
    return value


# --- the chain -----------------------------------------------------------------------------------


@registry.query("VerifyAudit", args=NoArgs)
def verify_audit(_: NoArgs, _asked: Asked) -> Ask:
    """Walk the whole hash chain of the audit."""
    return Ask(VerifyChain(), chain_answer)


def chain_answer(report: ChainReport) -> Data:
    """`success` says that the chain is intact. The head and its signature are worth keeping."""
    return {
        "success": report.intact,
        "intact": report.intact,
        "records": report.records,
        "auditSeq": report.head.audit_seq,
        "auditHead": report.head.audit_hash,
        "auditSignature": report.signature,
        "publicKey": report.public_key,
        "firstBroken": report.first_broken,
        "detail": report.detail,
    }
