"""
The one table of error codes: what each means, its HTTP-like number, what the caller may do.

A code, once published, keeps its meaning. `detail` beside it is for people and may change.
"""

from __future__ import annotations

import enum
from collections.abc import Mapping
from types import MappingProxyType

import msgspec


class Remedy(enum.Enum):
    """What the caller may do about an error."""

    REPAIR = "repair"  # the request is wrong: change it, then send it
    RETRY = "retry"  # nothing happened: send the same again, later
    ASK = "ask"  # it may have happened: find out before doing anything else
    STOP = "stop"  # this caller cannot: another person or another right is needed


class ErrorCode(msgspec.Struct, frozen=True):
    """One row of the table."""

    status: int  # as HTTP would number it
    remedy: Remedy
    meaning: str


_REPAIR, _RETRY, _ASK, _STOP = Remedy.REPAIR, Remedy.RETRY, Remedy.ASK, Remedy.STOP

ERRORS: Mapping[str, ErrorCode] = MappingProxyType(
    {
        # --- frames
        "malformed_frame": ErrorCode(400, _REPAIR, "Not one JSON object in UTF-8, nested sanely."),
        "binary_frame": ErrorCode(400, _REPAIR, "Frames are text; binary ones are not read."),
        "frame_too_large": ErrorCode(413, _REPAIR, "The frame is larger than the limit."),
        "unknown_action": ErrorCode(400, _REPAIR, "`action` names none of the actions."),
        "invalid_id": ErrorCode(400, _REPAIR, "`id` must be a string of 1 to 64 characters."),
        "id_too_long": ErrorCode(400, _REPAIR, "`id` is longer than 64 characters."),
        "duplicate_key": ErrorCode(400, _REPAIR, "A key stands twice in one object."),
        "unknown_channel": ErrorCode(400, _REPAIR, "`channels` names none of the channels."),
        # --- who
        "unauthenticated": ErrorCode(401, _STOP, "The token is wrong, or none was sent."),
        "already_authenticated": ErrorCode(400, _REPAIR, "The connection has a principal already."),
        "forbidden": ErrorCode(403, _STOP, "The principal lacks the right."),
        "approval_required": ErrorCode(428, _STOP, "A second person must confirm `approvalCode`."),
        "approval_expired": ErrorCode(410, _REPAIR, "It waited too long for one; call again."),
        "reason_required": ErrorCode(428, _REPAIR, "It passes a threshold: say why in `reason`."),
        "unknown_approval": ErrorCode(404, _REPAIR, "Nothing waits under this code; call again."),
        # --- args
        "unknown_api": ErrorCode(404, _REPAIR, "`api` names none of the apis."),
        "unknown_argument": ErrorCode(400, _REPAIR, "A key that is not known; nothing was done."),
        "invalid_argument": ErrorCode(400, _REPAIR, "A value that is not what was expected."),
        "missing_argument": ErrorCode(400, _REPAIR, "A value that is needed is missing."),
        "empty_filter": ErrorCode(400, _REPAIR, 'null, "" and [] say nothing, and never "all".'),
        "filter_required": ErrorCode(400, _REPAIR, "The call needs at least one filter."),
        "unexpected_filter": ErrorCode(400, _REPAIR, "The call closes everything; no filters."),
        "unknown_account": ErrorCode(404, _REPAIR, "No such account, or no grant for it."),
        "unknown_venue": ErrorCode(404, _REPAIR, "No such venue."),
        "unknown_instrument": ErrorCode(404, _REPAIR, "No such instrument."),
        "position_not_found": ErrorCode(404, _REPAIR, "No open position matches."),
        "unknown_order": ErrorCode(404, _REPAIR, "No such order."),
        "unknown_operation": ErrorCode(404, _REPAIR, "No such operation, or not yours to see."),
        "contradiction": ErrorCode(409, _REPAIR, "A rule that stands says otherwise."),
        "deadman_fired": ErrorCode(410, _ASK, "The switch fired; see what it closed."),
        "unknown_alert": ErrorCode(404, _REPAIR, "No such alert, or not yours to see."),
        "unknown_directive": ErrorCode(404, _REPAIR, "Nothing of this name stands."),
        "unknown_token": ErrorCode(404, _REPAIR, "No such token."),
        "token_exists": ErrorCode(409, _REPAIR, "A token of this name exists."),
        "last_admin": ErrorCode(409, _REPAIR, "The last lasting admin stays; make another first."),
        "unknown_execution": ErrorCode(404, _REPAIR, "No such execution."),
        "unknown_user": ErrorCode(404, _REPAIR, "No account belongs to this user."),
        "ambiguous_account": ErrorCode(409, _REPAIR, "Several venues have the account: name one."),
        "ambiguous_instrument": ErrorCode(409, _REPAIR, "Several instruments answer to the name."),
        "ambiguous_venue": ErrorCode(409, _REPAIR, "Several venues qualify: name one."),
        "below_minimum": ErrorCode(422, _REPAIR, "The part asked for is less than one lot."),
        "limit_price_missing": ErrorCode(400, _REPAIR, "LIMIT needs a price for each instrument."),
        # --- limits
        "rate_limited": ErrorCode(429, _RETRY, "Too many calls; wait `retryAfterMs`."),
        "answer_too_large": ErrorCode(413, _REPAIR, "More than one frame holds: ask for a page."),
        "too_many_in_flight": ErrorCode(429, _RETRY, "Await an answer before asking more."),
        "too_many_subscriptions": ErrorCode(429, _REPAIR, "Unsubscribe from something first."),
        # --- closing
        "idempotency_conflict": ErrorCode(409, _REPAIR, "The key was used for another call."),
        "idempotency_expired": ErrorCode(410, _REPAIR, "The key is over 24 h old: use another."),
        "repeat_partial": ErrorCode(409, _REPAIR, "The same just ended; a key says it is meant."),
        "closing_in_progress": ErrorCode(409, _RETRY, "An operation closes this position."),
        "halted": ErrorCode(423, _STOP, "New risk is halted there; exits pass. See `ListHalts`."),
        "plan_changed": ErrorCode(409, _REPAIR, "The plan is not the one of `planHash` any more."),
        "plan_expired": ErrorCode(409, _REPAIR, "The plan is over 60 s old: ask for a new one."),
        "not_flat": ErrorCode(409, _ASK, "Not proven flat: the order to follow was not placed."),
        "not_placed": ErrorCode(409, _REPAIR, "Flat, but the order to follow was not placed."),
        "position_mismatch": ErrorCode(400, _REPAIR, "The position is not as the order requires."),
        "size_exceeded": ErrorCode(422, _STOP, "Larger than the policy allows; see `GetPolicy`."),
        "max_positions": ErrorCode(400, _REPAIR, "As many are held as `maxPositions` says."),
        "cancel_pending": ErrorCode(409, _ASK, "The order is being canceled; not proven yet."),
        "order_not_unknown": ErrorCode(409, _REPAIR, "The order's outcome is known."),
        "order_pending": ErrorCode(409, _ASK, "An order of unknown outcome stands in the way."),
        # --- venues
        "order_refused": ErrorCode(422, _REPAIR, "The venue said no; there is no such order."),
        "venue_unavailable": ErrorCode(503, _RETRY, "The venue was not reached; nothing was sent."),
        "outcome_unknown": ErrorCode(504, _ASK, "Sent, and no answer came. Ask; never resend."),
        # --- us
        "journal_low": ErrorCode(503, _RETRY, "The disk is nearly full; only exits are admitted."),
        "shutting_down": ErrorCode(503, _RETRY, "The server stops; come back after the restart."),
        "journal_broken": ErrorCode(503, _ASK, "The journal failed: it may or may not hold this. "
                                    "Resend with the same idempotencyKey after the restart."),
        "internal": ErrorCode(500, _ASK, "Our fault; `reference` finds it in the server's log."),
    }
)  # fmt: skip


def status_of(code: str) -> int:
    """The HTTP-like number of *code*; a caller's fault unless the table says otherwise."""
    row = ERRORS.get(code)
    return row.status if row is not None else 400
