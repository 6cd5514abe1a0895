"""How a refusal is worded: the code is the same everywhere, the words are each dialect's own."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from rpcserver.domain.errors import InvalidRequest

BAD_REQUEST: Final = 400

STATUS_CODES: Final[Mapping[str, int]] = {
    "unauthenticated": 401,
    "forbidden": 403,
    "position_not_found": 404,
    "unknown_account": 404,
    "unknown_api": 404,
    "unknown_instrument": 404,
    "unknown_operation": 404,
    "unknown_order": 404,
    "unknown_token": 404,
    "cancel_pending": 409,
    "closing_in_progress": 409,
    "idempotency_conflict": 409,
    "plan_changed": 409,
    "repeat_partial": 409,
    "idempotency_expired": 410,
    "rate_limited": 429,
    "internal": 500,
    "shutting_down": 503,
    "venue_unavailable": 503,
    "outcome_unknown": 504,
}
"""The HTTP-like number of a code; every other code is a 400."""


def status_code(code: str) -> int:
    """The `statusCode` that goes with an error code."""
    return STATUS_CODES.get(code, BAD_REQUEST)


def refuse_plainly(error: InvalidRequest) -> Mapping[str, object]:
    """CrossTrade's words, and ours: `success`, `error`, `detail`."""
    return {
        "success": False,
        "error": error.code,
        "detail": error.detail,
        "statusCode": status_code(error.code),
    }
