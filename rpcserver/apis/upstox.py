"""
The Upstox dialect: `ExitAll`, and `PlaceMultiOrder` and `CancelMultiOrder` beside it.

Its users are told to retry what is `FAILED`, so that word stands only where nothing was traded
and nothing can trade any more.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import ClassVar

import msgspec
from msgspec import UNSET, UnsetType

from rpcserver.apis.arguments import (
    Choices,
    CloseOptions,
    WordFilter,
    WordsFilter,
    close_amount,
    close_terms,
    word,
    words,
)
from rpcserver.apis.legs import STATUS_MIXED, STATUS_OK, ours, outcome_of, plan_answer, shown_legs
from rpcserver.apis.names import (
    accounts_of,
    accounts_of_user,
    by_instrument,
    is_selected,
    selectors_of,
)
from rpcserver.apis.numbers import number, price
from rpcserver.apis.refusals import refuse_plainly
from rpcserver.apis.registry import Asked, CloseTerms, Registry
from rpcserver.core.report import AccountFailure, LegReport, OperationReport, Outcome
from rpcserver.core.requests import Scope
from rpcserver.domain.account import Account
from rpcserver.domain.errors import InvalidRequest
from rpcserver.domain.ids import InstrumentId
from rpcserver.domain.naming import InstrumentSelector
from rpcserver.domain.order import RejectReason

registry = Registry()

SUCCESS, PARTIAL_SUCCESS, ERROR = "success", "partial_success", "error"
STATUS_ERROR = 400

_WORDS: Mapping[Outcome, str] = {
    Outcome.FLAT: "CLOSED",
    Outcome.REDUCED: "REDUCED",
    Outcome.DUST: "DUST",
    Outcome.PARTIAL: "PARTIAL",
    Outcome.REJECTED: "FAILED",
    Outcome.WAITING_MARKET: "FAILED",
    Outcome.UNKNOWN: "UNKNOWN",
    Outcome.EXCLUDED: "EXCLUDED",
    Outcome.CANCELLED: "CANCELLED",
}
assert _WORDS.keys() == set(Outcome), "an outcome has no word"

_ERRORS: Mapping[Outcome, str] = {
    Outcome.DUST: "Less than the smallest order is left",
    Outcome.PARTIAL: "Only a part was exited",
    Outcome.REJECTED: "Order rejected",
    Outcome.WAITING_MARKET: "Market closed",
    Outcome.UNKNOWN: "Outcome unknown",
    Outcome.CANCELLED: "Cancelled by the caller",
}


class ExitRow(msgspec.Struct, frozen=True, kw_only=True):
    """One row of `data`: what became of one position."""

    instrument: str | None
    exit_quantity: int | float
    exit_price: float | UnsetType = UNSET  # the average fill
    status: str
    error: str | UnsetType = UNSET
    remaining_quantity: int | float | UnsetType = UNSET
    account: str
    position_id: str | UnsetType = UNSET


def refuse_at_upstox(error: InvalidRequest) -> Mapping[str, object]:
    """Upstox's `status`, `error_code` and `message` beside the plain words."""
    return {
        "status": ERROR,
        "error_code": error.code.upper(),
        "message": error.detail,
        **refuse_plainly(error),
    }


# --- ExitAll -------------------------------------------------------------------------------------


class ExitAllArgs(CloseOptions, frozen=True, kw_only=True, rename={}):
    """`user_id`, `strategy_tag` or `instruments` at least; all that are given must match."""

    choices: ClassVar[Choices] = {**CloseOptions.choices, "execution_type": ("MARKET", "LIMIT")}

    user_id: WordFilter = UNSET
    strategy_tag: WordFilter = UNSET
    instruments: WordsFilter = UNSET
    execution_type: str = "MARKET"
    limit_prices: dict[str, Decimal] | UnsetType = UNSET
    quantities: dict[str, Decimal] | UnsetType = UNSET


def exit_answer(report: OperationReport, full: bool) -> Mapping[str, object]:
    """Upstox's `status` and `data`, then ours."""
    if report.request.dry_run:
        return plan_answer(report, full)
    answer = ours(report, full)
    if report.error is not None:
        return {
            "status": ERROR,
            "error_code": report.error.upper(),
            "message": report.detail,
            **answer,
        }
    if not report.failures and all(leg.position.is_flat for leg in report.legs):
        detail = "No open positions found for user."
        return {
            "status": ERROR,
            "error_code": "NO_OPEN_POSITIONS",
            "message": detail,
            **answer,
            "success": False,
            "error": "no_open_positions",
            "detail": detail,
            "statusCode": STATUS_ERROR,
        }
    rows = [_exit_row(leg) for leg in shown_legs(report, full) if not leg.position.is_flat]
    rows += [_unread_row(failure) for failure in report.failures]
    status = _status(report)
    return {
        "status": status,
        "data": rows,
        **answer,
        "statusCode": STATUS_CODES[status],
    }


STATUS_CODES = {SUCCESS: STATUS_OK, PARTIAL_SUCCESS: STATUS_MIXED, ERROR: STATUS_ERROR}
_NOTHING_HAPPENED = (Outcome.REJECTED, Outcome.WAITING_MARKET, Outcome.CANCELLED)


def _status(report: OperationReport) -> str:
    """`error` says that nothing happened: it stands only where that is known of every leg."""
    if report.success:
        return SUCCESS
    tried = [leg for leg in report.legs if leg.outcome is not Outcome.EXCLUDED]
    idle = all(leg.outcome in _NOTHING_HAPPENED and leg.closed == 0 for leg in tried)
    return ERROR if idle and not report.failures else PARTIAL_SUCCESS


def _exit_row(leg: LegReport) -> ExitRow:
    outcome = outcome_of(leg)
    status = _WORDS[outcome]
    if leg.closed > 0 and status == "FAILED":
        status = _WORDS[Outcome.PARTIAL]  # retrying all of it would be wrong
    tried = leg.planned_quantity or abs(leg.position.signed_quantity - leg.target)
    exited = tried if status == "FAILED" else leg.closed
    average = price(leg.average_price)
    error = _error(leg, outcome)
    return ExitRow(
        instrument=leg.position.instrument,
        exit_quantity=number(exited),
        exit_price=UNSET if average is None else average,
        status=status,
        error=UNSET if error is None else error,
        remaining_quantity=UNSET if outcome is Outcome.FLAT else number(abs(leg.remaining)),
        account=leg.position.account,
        position_id=leg.position.position_id,
    )


def _error(leg: LegReport, outcome: Outcome) -> str | None:
    """The venue's words where it had any; a closed market is always told in the same words."""
    if outcome is Outcome.REJECTED and leg.reason == RejectReason.MARKET_CLOSED.value:
        return _ERRORS[Outcome.WAITING_MARKET]
    if outcome is Outcome.WAITING_MARKET or outcome not in _ERRORS:
        return _ERRORS.get(outcome)
    return leg.detail or _ERRORS[outcome]


def _unread_row(failure: AccountFailure) -> ExitRow:
    return ExitRow(
        instrument=None,
        exit_quantity=0,
        status=_WORDS[Outcome.UNKNOWN],
        error=f"The account could not be read: {failure.detail}",
        account=failure.account,
    )


@registry.closing("ExitAll", args=ExitAllArgs, answer=exit_answer, refuse=refuse_at_upstox)
def exit_all(args: ExitAllArgs, asked: Asked) -> CloseTerms:
    """Exit all positions of a user, a strategy or some instruments, at market or at limits."""
    user_id, tag = word(args.user_id), word(args.strategy_tag)
    names = words(UNSET, args.instruments, "instrument")
    if user_id is None and tag is None and not names:
        raise InvalidRequest(
            "filter_required", "ExitAll needs user_id, strategy_tag or instruments"
        )
    accounts = accounts_of(asked) if user_id is None else accounts_of_user(asked, user_id)
    selectors = selectors_of(asked, accounts, names)
    scope = Scope(accounts=asked.refs(accounts), instruments=selectors, strategy_tag=tag)
    return close_terms(
        args,
        asked,
        scope,
        amount=close_amount(args, quantities=_quantities(args, asked, accounts, selectors)),
        limit_prices=_limit_prices(args, asked, accounts, selectors),
        check_hours=True,
    )


def _quantities(
    args: ExitAllArgs,
    asked: Asked,
    accounts: Sequence[Account],
    selectors: Sequence[InstrumentSelector],
) -> dict[InstrumentId, Decimal]:
    if isinstance(args.quantities, UnsetType):
        return {}
    if not args.quantities:
        raise InvalidRequest("invalid_argument", "quantities: empty")
    if not selectors:
        # Would the others be exited whole, or not at all? Either reading can hurt.
        raise InvalidRequest("missing_argument", "instruments: quantities need them")
    found = by_instrument(asked, accounts, args.quantities, "quantities")
    _refuse_strangers(asked, accounts, found, selectors, "quantities")
    return found


def _limit_prices(
    args: ExitAllArgs,
    asked: Asked,
    accounts: Sequence[Account],
    selectors: Sequence[InstrumentSelector],
) -> dict[InstrumentId, Decimal]:
    prices = {} if isinstance(args.limit_prices, UnsetType) else args.limit_prices
    if args.execution_type == "MARKET":
        if not isinstance(args.limit_prices, UnsetType):
            raise InvalidRequest("invalid_argument", "limit_prices: execution_type is not LIMIT")
        return {}
    if not prices:
        raise InvalidRequest("missing_argument", "limit_prices: LIMIT needs them")
    found = by_instrument(asked, accounts, prices, "limit_prices")
    _refuse_strangers(asked, accounts, found, selectors, "limit_prices")
    for selector in selectors:
        if not any(is_selected(asked, accounts, (selector,), name) for name in found):
            raise InvalidRequest("missing_argument", f"limit_prices[{selector.asked!r}]")
    return found


def _refuse_strangers(
    asked: Asked,
    accounts: Sequence[Account],
    found: Mapping[InstrumentId, Decimal],
    selectors: Sequence[InstrumentSelector],
    key: str,
) -> None:
    """A price or a size for what the call does not name is a slip of the hand."""
    for name in found:
        if selectors and not is_selected(asked, accounts, selectors, name):
            raise InvalidRequest("invalid_argument", f"{key}[{name!r}]: not among instruments")
