"""Alerts: what people were told, from the journal, and who looks at what."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Final

from msgspec import UNSET, UnsetType

from rpcserver.apis.alert_queries import AcknowledgeAlert, ReadAlerts
from rpcserver.apis.arguments import Args, WordFilter, word
from rpcserver.apis.halts import reason_given
from rpcserver.apis.queries import Data
from rpcserver.apis.registry import Ask, Asked, Registry
from rpcserver.core.entries import AlertFilter, FoundAlert
from rpcserver.core.records import Noted
from rpcserver.domain.errors import InvalidRequest
from rpcserver.domain.ids import AccountId, VenueId
from rpcserver.domain.principal import Permission, Principal
from rpcserver.wire.events import AlertItem

registry = Registry()

PAGE_MAX: Final = 500


class ListAlertsArgs(Args, frozen=True, kw_only=True, rename="camel"):
    """The newest first: all that every filter matches. `before` pages on."""

    code: WordFilter = UNSET
    venue: WordFilter = UNSET
    account: WordFilter = UNSET
    since: datetime | UnsetType = UNSET  # inclusive
    open: bool = False  # only those nobody has acknowledged
    before: int | UnsetType = UNSET
    limit: int = 100


class AcknowledgeAlertArgs(Args, frozen=True, kw_only=True, rename="camel"):
    """One alert by its place in the audit, and what is done about it."""

    audit_seq: int
    reason: str | None


def alert_item(
    audit_seq: int, alert: Noted, word: Noted | None = None, *, sandboxes: Mapping[VenueId, bool]
) -> AlertItem:
    """An alert as it is told everywhere, and who looks at it; *sandboxes*, as far as is known."""
    lane = alert.lane
    account = lane.account_ref if alert.account is None and lane is not None else alert.account
    venue = account.venue if account is not None else alert.venue
    return AlertItem(
        code=alert.code,
        detail=alert.detail,
        venue=venue,
        account=account.account if account is not None else None,
        sandbox=UNSET if venue is None else sandboxes.get(venue, UNSET),
        instrument=lane.instrument if lane is not None else alert.instrument,
        operation_ids=alert.operation_ids,
        principal=alert.principal,
        acknowledges=alert.acknowledges,
        acknowledged_by=word.principal if word is not None else None,
        acknowledged_at=word.at if word is not None else None,
        acknowledge_reason=word.detail if word is not None else "",
        audit_seq=audit_seq,
        at=alert.at,
    )


def found_item(found: FoundAlert, sandboxes: Mapping[VenueId, bool]) -> AlertItem:
    """An alert of the journal's, with the last word about it."""
    return alert_item(found.audit_seq, found.record, found.acknowledged, sandboxes=sandboxes)


@registry.query("ListAlerts", args=ListAlertsArgs)
def list_alerts(args: ListAlertsArgs, asked: Asked) -> Ask:
    """What people were told: whoever was not there can look later."""
    _check_watches(asked.principal)
    if not 0 < args.limit <= PAGE_MAX:
        raise InvalidRequest("invalid_argument", f"limit: 1 to {PAGE_MAX}")
    before = args.before if isinstance(args.before, int) else None
    if before is not None and before < 1:
        raise InvalidRequest("invalid_argument", "before: the auditSeq of an alert")
    since = args.since if isinstance(args.since, datetime) else None
    if since is not None and since.tzinfo is None:
        raise InvalidRequest(
            "invalid_argument", "since: expected a time with its zone, such as …T12:00:00Z"
        )
    code, venue, account = word(args.code), word(args.venue), word(args.account)
    if account is not None and ":" in account:
        venue, account = account.split(":", 1)
    wanted = AlertFilter(
        codes=() if code is None else (code,),
        venue=None if venue is None else VenueId(venue),
        account=None if account is None else AccountId(account),
        since=since,
        is_open=args.open,
    )

    def answer(found: Sequence[FoundAlert]) -> Data:
        more = {"next": found[-1].audit_seq} if len(found) == args.limit else {}
        return {
            "alerts": [found_item(each, asked.directory.sandboxes) for each in found],
            "count": len(found),
            **more,
            "success": True,
        }

    return Ask(ReadAlerts(wanted, before, args.limit), answer)


@registry.query("AcknowledgeAlert", args=AcknowledgeAlertArgs, read_only=False)
def acknowledge_alert(args: AcknowledgeAlertArgs, asked: Asked) -> Ask:
    """Say that somebody looks at an alert: journaled, and told to everybody who watches."""
    _check_watches(asked.principal)
    if args.audit_seq < 1:
        raise InvalidRequest("invalid_argument", "auditSeq: as the alert bears it")

    def answer(found: FoundAlert) -> Data:
        item = found_item(found, asked.directory.sandboxes)
        return {"alert": item, "success": True}

    return Ask(AcknowledgeAlert(args.audit_seq, reason_given(args.reason)), answer)


def _check_watches(principal: Principal) -> None:
    if not (principal.may(Permission.OVERRIDE) or principal.may(Permission.ADMINISTER)):
        raise InvalidRequest("forbidden", "alerts need the risk or the admin role")
