"""The Deepcoin dialect: `BatchClose`. An empty `errorList` says that all is closed."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar, Final

import msgspec
from msgspec import UNSET

from rpcserver.apis.arguments import (
    Choices,
    CloseOptions,
    close_terms,
    words,
    words_of,
)
from rpcserver.apis.legs import is_reached, ours, outcome_of, plan_answer, shown_legs
from rpcserver.apis.names import accounts_of, instrument_at, selectors_of
from rpcserver.apis.refusals import refuse_plainly
from rpcserver.apis.registry import Asked, CloseTerms, Registry
from rpcserver.core.report import AccountFailure, LegReport, OperationReport, Outcome
from rpcserver.core.requests import Scope
from rpcserver.domain.errors import InvalidRequest
from rpcserver.domain.instrument import ProductGroup
from rpcserver.domain.order import RejectReason

registry = Registry()

CODE_TAKEN: Final = "0"  # the request was carried out; what failed stands in errorList
CODE_REFUSED: Final = "51"  # Deepcoin's own for a parameter it cannot use

INSUFFICIENT_POSITION: Final = (51020, "Insufficient position")
ORDER_DOES_NOT_EXIST: Final = (51008, "Order does not exist")
BELOW_MINIMUM: Final = (195, "Position less than minimum volume")

# The outcomes Deepcoin has no number for have ours, from 90001 on.
_ERRORS: Final[Mapping[Outcome, tuple[int, str]]] = {
    Outcome.FLAT: (0, ""),
    Outcome.REDUCED: (0, ""),
    Outcome.DUST: BELOW_MINIMUM,
    Outcome.PARTIAL: (90001, "Position remains in part"),
    Outcome.REJECTED: (90002, "Order rejected"),
    Outcome.WAITING_MARKET: (90003, "Market closed"),
    Outcome.UNKNOWN: (90004, "Outcome unknown"),
    Outcome.EXCLUDED: (90005, "Excluded by the request"),
    Outcome.CANCELLED: (90006, "Cancelled by the caller"),
}
assert _ERRORS.keys() == set(Outcome), "an outcome has no number"

REFUSED_BECAUSE: Final[Mapping[str, tuple[int, str]]] = {
    RejectReason.REDUCE_ONLY.value: INSUFFICIENT_POSITION,
    RejectReason.UNKNOWN_ORDER.value: ORDER_DOES_NOT_EXIST,
    RejectReason.ALREADY_TERMINAL.value: ORDER_DOES_NOT_EXIST,
    RejectReason.INSUFFICIENT_MARGIN.value: (36, "Insufficient money"),
    RejectReason.BAD_STEP.value: (44, "Volume not on tick"),
    RejectReason.PRICE_OUT_OF_BAND.value: (49, "Price out of upper limit"),
    RejectReason.BELOW_MINIMUM.value: (194, "Less than minimum volume"),
    RejectReason.MARKET_CLOSED.value: _ERRORS[Outcome.WAITING_MARKET],
}
"""Deepcoin's own numbers for why a venue says no."""


class BatchCloseArgs(CloseOptions, frozen=True, kw_only=True, rename="camel"):
    """Both sides of one product."""

    choices: ClassVar[Choices] = {**CloseOptions.choices, "productGroup": words_of(ProductGroup)}

    product_group: str | None
    inst_id: str | None


class ClosePositionErrorItem(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """A position that is not proven closed."""

    member_id: str
    account_id: str
    trade_unit_id: str
    inst_id: str
    posi_direction: str
    error_code: int
    error_msg: str


def batch_answer(report: OperationReport, full: bool) -> Mapping[str, object]:
    """Deepcoin's `code`, `msg` and `data.errorList`, then ours."""
    if report.request.dry_run:
        return plan_answer(report, full)
    answer = ours(report, full)
    if report.error is not None:
        return {"code": CODE_REFUSED, "msg": report.detail, **answer}
    failed = [
        _error_item(report, leg)
        for leg in shown_legs(report, full)
        if leg.outcome is Outcome.EXCLUDED or not is_reached(report, leg)
    ]
    failed += [_unread_item(report, failure) for failure in report.failures]
    return {"code": CODE_TAKEN, "msg": "", "data": {"errorList": failed}, **answer}


def refuse_at_deepcoin(error: InvalidRequest) -> Mapping[str, object]:
    """No `data`: a refused request must not look like an empty list of errors."""
    return {"code": CODE_REFUSED, "msg": error.detail, **refuse_plainly(error)}


def _error_item(report: OperationReport, leg: LegReport) -> ClosePositionErrorItem:
    outcome = outcome_of(leg)
    code, message = _ERRORS[outcome]
    if outcome is Outcome.REJECTED and leg.reason in REFUSED_BECAUSE:
        code, message = REFUSED_BECAUSE[leg.reason]
    elif leg.detail and outcome in (Outcome.PARTIAL, Outcome.REJECTED):
        message = leg.detail
    position = leg.position
    return ClosePositionErrorItem(
        member_id=report.request.principal,
        account_id=position.account,
        trade_unit_id=position.position_id,
        inst_id=position.instrument,
        posi_direction=position.side.value,
        error_code=code,
        error_msg=message,
    )


def _unread_item(report: OperationReport, failure: AccountFailure) -> ClosePositionErrorItem:
    code, message = _ERRORS[Outcome.UNKNOWN]
    asked = report.request.scope.instruments
    return ClosePositionErrorItem(
        member_id=report.request.principal,
        account_id=failure.account,
        trade_unit_id="",
        inst_id=asked[0].asked if asked else "",
        posi_direction="",
        error_code=code,
        error_msg=message,
    )


@registry.closing("BatchClose", args=BatchCloseArgs, answer=batch_answer, refuse=refuse_at_deepcoin)
def batch_close(args: BatchCloseArgs, asked: Asked) -> CloseTerms:
    """Close both sides of one product; one bad position never stops the others."""
    assert args.product_group is not None, "an empty filter was let through"
    group = ProductGroup(args.product_group)
    accounts = accounts_of(asked)
    selectors = selectors_of(asked, accounts, words(args.inst_id, UNSET, "instId"))
    known = [
        instrument
        for account in accounts
        for selector in selectors
        if selector.exact is not None
        and (instrument := instrument_at(asked, account.venue, selector.exact)) is not None
    ]
    if not any(instrument.product_group is group for instrument in known):
        raise InvalidRequest(
            "invalid_argument", f"instId: {args.inst_id} is not of product group {group.value}"
        )
    scope = Scope(accounts=asked.refs(accounts), instruments=selectors, product_group=group)
    return close_terms(args, asked, scope)
