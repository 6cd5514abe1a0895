"""Errors carry data; what they say is for people."""

from __future__ import annotations

from math import inf, nan

import pytest

from rpcserver.domain.errors import (
    PATIENCE_MAX,
    InvalidRequest,
    JournalBroken,
    OrderRefused,
    OutcomeUnknown,
    RpcServerError,
    VenueError,
    VenueUnavailable,
)
from rpcserver.domain.order import RejectReason


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (InvalidRequest("filter_required", "needs a filter"), "filter_required: needs a filter"),
        (JournalBroken("the disk is gone"), "the disk is gone"),
        (OrderRefused(RejectReason.BAD_STEP, "tick"), "bad_step: tick"),
        (VenueUnavailable("no link", 2.0), "no link"),
        (OutcomeUnknown("no answer"), "no answer"),
    ],
)
def test_an_error_says_what_happened(error: RpcServerError, said: str) -> None:
    assert str(error) == said


def test_errors_keep_what_the_caller_needs() -> None:
    refused = OrderRefused(RejectReason.INSUFFICIENT_MARGIN, "no money")
    invalid = InvalidRequest("unknown_account", "Sim9")

    assert (refused.reason, refused.detail) == (RejectReason.INSUFFICIENT_MARGIN, "no money")
    assert (invalid.code, invalid.detail) == ("unknown_account", "Sim9")
    assert VenueUnavailable("busy").retry_after is None
    assert VenueUnavailable("busy", 1.5).retry_after == 1.5


@pytest.mark.parametrize(
    ("named", "kept"),
    [(inf, None), (nan, None), (-1.0, None), (0.0, 0.0), (1e9, PATIENCE_MAX)],
)
def test_no_word_of_a_venue_shuts_the_way_out_for_ever(named: float, kept: float | None) -> None:
    assert VenueUnavailable("busy", named).retry_after == kept


def test_the_three_errors_of_a_venue_are_told_apart() -> None:
    """What may be done next is all they say, so one must never be taken for another."""
    kinds = (OrderRefused, VenueUnavailable, OutcomeUnknown)

    for kind in kinds:
        assert issubclass(kind, VenueError)
        assert not any(issubclass(kind, other) for other in kinds if other is not kind)
    assert not issubclass(JournalBroken, VenueError)
    assert not issubclass(InvalidRequest, VenueError)
