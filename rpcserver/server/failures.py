"""
The border where errors become answers.

What was raised on purpose is told with its code. Anything else is our fault: the caller gets
`internal` and a reference, the log gets everything.
"""

from __future__ import annotations

import secrets

from loguru import logger

from rpcserver.apis.legs import plan_answer
from rpcserver.apis.queries import Approval
from rpcserver.core.report import OperationReport
from rpcserver.domain.errors import (
    InvalidRequest,
    JournalBroken,
    OrderRefused,
    OutcomeUnknown,
    VenueUnavailable,
)


class RateLimited(InvalidRequest):
    """Too much at once; nothing was done. `retry_after` in seconds."""

    def __init__(self, retry_after: float) -> None:
        super().__init__("rate_limited", f"too many calls: wait {retry_after:.3f} s")
        self.retry_after = retry_after


class ApprovalRequired(InvalidRequest):
    """A second person must confirm. Nothing is done, and nothing will be without one."""

    def __init__(self, approval: Approval, plan: OperationReport) -> None:
        super().__init__(
            "approval_required",
            f"{approval.why}: another principal must Confirm {approval.code} "
            f"before {approval.expires_at:%H:%M:%S} UTC",
        )
        self.approval = approval
        self.plan = plan


class InternalFailure(InvalidRequest):
    """Something went wrong that nobody raised on purpose. `reference` finds it in the log."""

    def __init__(self, reference: str) -> None:
        super().__init__("internal", f"an error of the server's own; the log has it as {reference}")
        self.reference = reference


def told(error: Exception) -> InvalidRequest:
    """What a caller is told of *error*. Logs what must not be told."""
    match error:
        case InvalidRequest():
            return error
        case OrderRefused():
            return InvalidRequest("order_refused", str(error))
        case VenueUnavailable(retry_after=float() as seconds):
            return InvalidRequest("venue_unavailable", f"{error}; try again in {seconds:g} s")
        case VenueUnavailable():
            return InvalidRequest("venue_unavailable", str(error))
        case OutcomeUnknown():
            return InvalidRequest("outcome_unknown", str(error))
        case JournalBroken():
            return InvalidRequest(
                "journal_broken",
                "whether this is durable is unknown: resend it with its idempotencyKey",
            )
        case _:
            reference = secrets.token_hex(6)
            logger.opt(exception=error).error("call failed", reference=reference)
            return InternalFailure(reference)


def extras(error: InvalidRequest) -> dict[str, object]:
    """What an answer carries beside the dialect's own words."""
    match error:
        case RateLimited(retry_after=seconds):
            return {"retryAfterMs": max(1, round(seconds * 1000))}
        case InternalFailure(reference=reference):
            return {"reference": reference}
        case ApprovalRequired(approval=approval, plan=plan):
            return {
                "approvalCode": approval.code,
                "approvalExpiresAt": approval.expires_at,
                "plan": plan_answer(plan, False),
            }
        case _:
            return {}
