"""The exit codes: 0 is flat and nothing less."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rpcclient import (
    CannotConnect,
    ClientError,
    ConnectionLost,
    ConnectionRefused,
    Forbidden,
    OutcomeUnknown,
    ProtocolViolation,
    RpcError,
    Unauthenticated,
)
from rpcserver.cli.answers import Answer, Failure, Plan
from rpcserver.cli.exits import Exit, explain, of_answer, of_error, of_plan
from rpcserver.core.report import Outcome


def ended(*, flat: bool = False, success: bool = False, **more: Any) -> Answer:
    return Answer(operation_id="op-1", flat=flat, success=success, **more)


UNREAD = (Failure(venue="paper", account="Sim102"),)


@pytest.mark.parametrize(
    ("answer", "code"),
    [
        (ended(flat=True, success=True, counts={"flat": 3}), Exit.OK),
        (ended(flat=True, success=True), Exit.OK),
        (ended(flat=True, success=False, error="no_open_positions"), Exit.OK),
        (ended(flat=True, success=False, error="open position not found"), Exit.REFUSED),
        (ended(success=True, counts={"reduced": 1}), Exit.TARGET_REACHED),
        (ended(success=True, counts={"flat": 1, "excluded": 1}), Exit.TARGET_REACHED),
        (ended(counts={"flat": 2, "partial": 1}), Exit.NOT_FLAT),
        (ended(counts={"rejected": 1, "waiting_market": 1}), Exit.NOT_FLAT),
        (ended(counts={"dust": 1}), Exit.NOT_FLAT),
        (ended(counts={"flat": 2, "unknown": 1, "rejected": 1}), Exit.UNKNOWN),
        (ended(counts={"flat": 2}, failures=UNREAD), Exit.UNKNOWN),
        (ended(counts={"running": 1}), Exit.UNKNOWN),
        (ended(counts={"waiting_market": 1, "flat": 1}), Exit.MARKET_CLOSED),
        (ended(counts={"cancelled": 1, "flat": 1}, cancelled=True), Exit.CANCELLED),
        (ended(counts={"running": 2}, error="plan_changed"), Exit.REFUSED),
        (ended(error="plan_expired"), Exit.REFUSED),
        (ended(error="something new"), Exit.REFUSED),
        (ended(), Exit.NOT_FLAT),
    ],
)
def test_answers(answer: Answer, code: Exit) -> None:
    assert of_answer(answer) is code


@given(
    counts=st.dictionaries(st.sampled_from([o.value for o in Outcome]), st.integers(1, 9)),
    success=st.booleans(),
    cancelled=st.booleans(),
    error=st.sampled_from([None, "no_open_positions", "plan_changed", "internal"]),
)
def test_what_is_not_flat_never_exits_with_0(
    counts: dict[str, int], success: bool, cancelled: bool, error: str | None
) -> None:
    answer = ended(success=success, counts=counts, cancelled=cancelled, error=error)

    assert of_answer(answer) is not Exit.OK


@given(counts=st.dictionaries(st.sampled_from([o.value for o in Outcome]), st.integers(1, 9)))
def test_the_unknown_outweighs_everything(counts: dict[str, int]) -> None:
    assert of_answer(ended(counts={**counts, "unknown": 1})) is Exit.UNKNOWN


@pytest.mark.parametrize(
    ("plan", "code"),
    [
        (Plan(planned=True), Exit.OK),
        (Plan(planned=False, failures=UNREAD), Exit.UNKNOWN),
        (Plan(planned=False, error="below_minimum"), Exit.REFUSED),
    ],
)
def test_plans(plan: Plan, code: Exit) -> None:
    assert of_plan(plan) is code


@pytest.mark.parametrize(
    ("error", "before", "after"),
    [
        (RpcError("filter_required", ""), Exit.REFUSED, Exit.REFUSED),
        (RpcError("forbidden", ""), Exit.FORBIDDEN, Exit.FORBIDDEN),
        (RpcError("internal", ""), Exit.UNKNOWN, Exit.UNKNOWN),
        (RpcError("journal_broken", ""), Exit.UNKNOWN, Exit.UNKNOWN),
        (OutcomeUnknown(""), Exit.UNKNOWN, Exit.UNKNOWN),
        (CannotConnect(""), Exit.NO_CONNECTION, Exit.UNKNOWN),
        (ConnectionLost(""), Exit.NO_CONNECTION, Exit.UNKNOWN),
        (ConnectionRefused(1008, ""), Exit.NO_CONNECTION, Exit.UNKNOWN),
        (Unauthenticated(4401, ""), Exit.FORBIDDEN, Exit.UNKNOWN),
        (Forbidden(4403, ""), Exit.FORBIDDEN, Exit.UNKNOWN),
        (ProtocolViolation(""), Exit.ERROR, Exit.UNKNOWN),
    ],
)
def test_a_lost_connection_says_nothing_about_an_operation_under_way(
    error: ClientError, before: Exit, after: Exit
) -> None:
    assert of_error(error) is before
    assert of_error(error, accepted=True) is after


def test_every_code_is_explained() -> None:
    text = explain()

    assert all(f"{code.value:>4}  {code.meaning}" in text for code in Exit)
