"""
What every closing answer says in our own words, beside its dialect's.

Numbers of ours are text, exact; `outcome` is the word that progress frames use.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Final

import msgspec

from rpcserver.apis.defaults import defaults_told
from rpcserver.apis.numbers import text
from rpcserver.apis.sandboxes import sandbox_of
from rpcserver.core.report import AccountFailure, LegReport, OperationReport, OrderLine, Outcome
from rpcserver.domain.position import PositionSide
from rpcserver.wire import errors

SHORT_LEGS_MAX: Final = 500  # of the unproven legs that a short answer shows

STATUS_OK: Final = 200
STATUS_MIXED: Final = 207
STATUS_UNKNOWN: Final = 504

_STATUS_CODES: Final[Mapping[Outcome, int]] = {
    Outcome.FLAT: STATUS_OK,
    Outcome.REDUCED: STATUS_OK,
    Outcome.DUST: STATUS_MIXED,
    Outcome.PARTIAL: STATUS_MIXED,
    Outcome.REJECTED: 422,
    Outcome.WAITING_MARKET: 422,
    Outcome.UNKNOWN: STATUS_UNKNOWN,
    Outcome.EXCLUDED: STATUS_OK,
    Outcome.CANCELLED: 409,
}
assert _STATUS_CODES.keys() == set(Outcome), "an outcome has no number"


class LegAnswer(msgspec.Struct, frozen=True, kw_only=True, rename="camel", omit_defaults=True):
    """One leg. Quantities are unsigned; `side` is that of the position as found."""

    leg: int
    position_id: str
    venue: str
    account: str
    instrument: str
    product: str = ""
    side: str
    outcome: str | None
    quantity: str  # as found
    target: str  # what was to be left
    closed: str  # what our fills took off
    remaining: str  # the last known position
    flipped: bool = False  # what remains is on the other side
    average_price: str | None = None  # of our fills
    realized: str = "0"
    fees: str = "0"
    reason: str = ""
    detail: str = ""
    order_ids: tuple[str, ...] = ()
    canceled_order_ids: tuple[str, ...] = ()
    unprotected: bool = False
    joined: bool = False
    proven_at: datetime | None = None


class OrderAnswer(msgspec.Struct, frozen=True, kw_only=True, rename="camel", omit_defaults=True):
    """One order that an operation sent."""

    order_id: str
    venue_order_id: str | None = None
    side: str
    type: str
    status: str
    quantity: str
    filled: str
    average_price: str | None = None
    limit_price: str | None = None
    reason: str = ""
    detail: str = ""


class DetailedLeg(LegAnswer, frozen=True, kw_only=True, rename="camel", omit_defaults=True):
    """One leg with its orders, as `GetOperation` pages them."""

    orders: tuple[OrderAnswer, ...] = ()


class PlannedMarket(msgspec.Struct, frozen=True, kw_only=True, rename="camel", omit_defaults=True):
    """The market of one planned leg as it was found."""

    phase: str
    bid: str | None = None
    ask: str | None = None
    changes_at: datetime | None = None


class PlannedLegAnswer(
    msgspec.Struct, frozen=True, kw_only=True, rename="camel", omit_defaults=True
):
    """One leg of a dry run: what would be sent, and nothing that could be read as done."""

    leg: int
    position_id: str
    venue: str
    account: str
    instrument: str
    product: str = ""
    side: str
    quantity: str  # as found
    target: str  # what would be left
    planned_quantity: str  # what would be sent
    cancels: tuple[str, ...] = ()  # working orders that would be canceled
    excluded: bool = False
    joined: bool = False  # another operation is at work on it
    reason: str = ""
    detail: str = ""
    market: PlannedMarket | None = None


class FailureAnswer(msgspec.Struct, frozen=True, kw_only=True):
    """An account that could not be read."""

    venue: str
    account: str
    detail: str


def is_reached(report: OperationReport, leg: LegReport) -> bool:
    """Whether the leg is proven to have reached its target."""
    if leg.outcome is Outcome.DUST:
        return report.allows_dust
    return leg.outcome is not None and leg.outcome.is_success


def is_open(leg: LegReport) -> bool:
    """Whether something is, or may be, left of the position."""
    return leg.outcome is not Outcome.FLAT


def outcome_of(leg: LegReport) -> Outcome:
    """The outcome to word: a leg still at work is unknown to whoever reads a final answer."""
    return Outcome.UNKNOWN if leg.outcome is None else leg.outcome


def shown_legs(report: OperationReport, full: bool) -> Sequence[LegReport]:
    """The legs an answer shows: all, or in a short answer those that are not proven."""
    if full:
        return report.legs
    return [leg for leg in report.legs if not is_reached(report, leg)][:SHORT_LEGS_MAX]


def status_of(report: OperationReport) -> int:
    """The HTTP-like number of an admitted operation."""
    if report.error is not None:
        return errors.status_of(report.error)
    if report.placement is not None and report.placement.error is not None:
        return errors.status_of(report.placement.error)
    missed = {
        STATUS_OK if is_reached(report, leg) else _STATUS_CODES[outcome_of(leg)]
        for leg in report.legs
        if leg.outcome is not Outcome.EXCLUDED
    }
    if report.failures:
        missed.add(STATUS_UNKNOWN)
    if len(missed) > 1:
        return STATUS_MIXED
    return next(iter(missed), STATUS_OK)


def ours(report: OperationReport, full: bool) -> dict[str, object]:
    """The fields of ours that stand in every closing answer, beside the dialect's own."""
    shown = shown_legs(report, full)
    answer: dict[str, object] = {
        "operationId": report.operation_id,
        "success": report.success,
        "flat": report.flat,
        "statusCode": status_of(report),
        "provenAt": report.proven_at,
        "counts": counts_of(report.legs),
        "legs": [leg_answer(leg) for leg in shown],
        "canceledOrderIds": canceled_ids(shown),
        "durationMs": duration_ms(report),
        "planHash": report.plan_hash,
        **audit_place(report),
    }
    if report.flat and report.request.stay_flat and report.finished_at is not None:
        answer["stayFlatUntil"] = report.finished_at + timedelta(seconds=report.request.stay_flat)
    if report.failures:
        answer["failures"] = [failure_answer(failure) for failure in report.failures]
    if len(shown) < len(report.legs):
        answer["legsOmitted"] = len(report.legs) - len(shown)
        answer["more"] = f"GetOperation pages all {len(report.legs)} legs"
    if report.cancelled:
        answer["cancelled"] = True
    answer |= second_person(report) | sandbox_of(report) | defaults_told(report.request)
    if any(leg.unprotected for leg in report.legs):
        answer["unprotected"] = True
    if report.placement is not None and report.placement.error is not None:
        answer |= {"error": report.placement.error, "detail": report.placement.detail}
    if report.error is not None:
        answer |= {"error": report.error, "detail": report.detail}
    return answer


def audit_place(report: OperationReport) -> dict[str, object]:
    """The end's place in the audit's chain, as the server signs it: its reader is a witness."""
    signed = {"auditSignature": report.audit_signature} if report.audit_signature else {}
    return {"auditSeq": report.audit_seq, "auditHead": report.audit_head, **signed}


def second_person(report: OperationReport) -> dict[str, object]:
    """Who confirmed it, or that its caller went alone; nothing where nobody was needed."""
    request = report.request
    if request.approver is not None:
        return {"approvedBy": request.approver}
    return {"alone": True} if request.alone else {}


def plan_answer(report: OperationReport, full: bool) -> dict[str, object]:
    """
    A dry run's answer, the same in every dialect.

    It bears none of the words by which a dialect says that something was done: no `success`, no
    `status`, no list that could be read as the list of what is closed.
    """
    shown = report.legs if full else report.legs[:SHORT_LEGS_MAX]
    answer: dict[str, object] = {
        "dryRun": True,
        "planned": report.error is None and not report.failures,
        "operationId": report.operation_id,
        "statusCode": _plan_status(report),
        "planHash": report.plan_hash,
        "estimateMs": None if report.estimate is None else round(report.estimate * 1000),
        "legs": [planned_leg_answer(leg) for leg in shown],
        "durationMs": duration_ms(report),
        **audit_place(report),
    }
    answer |= sandbox_of(report) | defaults_told(report.request)
    if report.more_matches:
        answer["moreMatches"] = report.more_matches
    if report.failures:
        answer["failures"] = [failure_answer(failure) for failure in report.failures]
    if len(shown) < len(report.legs):
        answer["legsOmitted"] = len(report.legs) - len(shown)
        answer["more"] = f"GetOperation pages all {len(report.legs)} legs"
    if report.error is not None:
        answer |= {"success": False, "error": report.error, "detail": report.detail}
    return answer


def _plan_status(report: OperationReport) -> int:
    if report.error is not None:
        return errors.status_of(report.error)
    return STATUS_UNKNOWN if report.failures else STATUS_OK


def counts_of(legs: Iterable[LegReport]) -> dict[str, int]:
    """How many legs ended in each outcome; `running` are those that have not."""
    return dict(Counter("running" if leg.outcome is None else leg.outcome.value for leg in legs))


def closing_ids(legs: Iterable[LegReport]) -> list[str]:
    """The closing orders that were sent."""
    return [line.client_order_id for leg in legs for line in leg.orders if line.status != "unsent"]


def canceled_ids(legs: Iterable[LegReport]) -> list[str]:
    return [order_id for leg in legs for order_id in leg.canceled]


def duration_ms(report: OperationReport) -> int | None:
    """How long the operation took, or None while it runs; over a restart the wall clock says it."""
    if report.finished_at is None:
        return None
    took = report.took
    if took is None:
        took = max((report.finished_at - report.opened_at).total_seconds(), 0.0)
    return round(took * 1000)


def failure_answer(failure: AccountFailure) -> FailureAnswer:
    return FailureAnswer(venue=failure.venue, account=failure.account, detail=failure.detail)


def leg_answer(leg: LegReport) -> LegAnswer:
    position = leg.position
    return LegAnswer(
        leg=leg.leg,
        position_id=position.position_id,
        venue=position.venue,
        account=position.account,
        instrument=position.instrument,
        product=position.product,
        side=position.side.value,
        outcome=None if leg.outcome is None else leg.outcome.value,
        quantity=text(position.quantity),
        target=text(abs(leg.target)),
        closed=text(leg.closed),
        remaining=text(abs(leg.remaining)),
        flipped=leg.remaining * position.signed_quantity < 0,
        average_price=_price_text(leg, leg.average_price),
        realized=text(leg.realized),
        fees=text(leg.fees),
        reason=leg.reason,
        detail=leg.detail,
        order_ids=tuple(closing_ids((leg,))),
        canceled_order_ids=leg.canceled,
        unprotected=leg.unprotected,
        joined=leg.joined,
        proven_at=leg.proven_at,
    )


def detailed_leg(leg: LegReport) -> DetailedLeg:
    short = leg_answer(leg)
    return DetailedLeg(
        **msgspec.structs.asdict(short),
        orders=tuple(_order_answer(leg, line) for line in leg.orders),
    )


def planned_leg_answer(leg: LegReport) -> PlannedLegAnswer:
    position, market = leg.position, leg.market
    return PlannedLegAnswer(
        leg=leg.leg,
        position_id=position.position_id,
        venue=position.venue,
        account=position.account,
        instrument=position.instrument,
        product=position.product,
        side=position.side.value,
        quantity=text(position.quantity),
        target=text(abs(leg.target)),
        planned_quantity=text(leg.planned_quantity),
        cancels=leg.planned_cancels,
        excluded=leg.outcome is Outcome.EXCLUDED,
        joined=leg.joined,
        reason=leg.reason,
        detail=leg.detail,
        market=None
        if market is None
        else PlannedMarket(
            phase=market.phase.value,
            bid=_price_text(leg, market.bid),
            ask=_price_text(leg, market.ask),
            changes_at=market.changes_at,
        ),
    )


def remaining_side(leg: LegReport) -> PositionSide:
    """The side of what is left, which after an overfill is not the side that was found."""
    signed = leg.remaining if leg.remaining else leg.position.signed_quantity
    return PositionSide.LONG if signed > 0 else PositionSide.SHORT


def _order_answer(leg: LegReport, line: OrderLine) -> OrderAnswer:
    return OrderAnswer(
        order_id=line.client_order_id,
        venue_order_id=line.venue_order_id,
        side=line.side.value,
        type=line.type.value,
        status=line.status,
        quantity=text(line.quantity),
        filled=text(line.filled),
        average_price=_price_text(leg, line.average_price),
        limit_price=_price_text(leg, line.limit_price),
        reason="" if line.reject_reason is None else line.reject_reason.value,
        detail=line.detail,
    )


def _price_text(leg: LegReport, value: Decimal | None) -> str | None:
    return None if value is None else text(value, like=leg.instrument.tick)
