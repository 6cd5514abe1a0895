"""CrossTrade's closing calls: `Flatten`, `FlattenEverything` and `ClosePosition`."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import ClassVar

import msgspec
from msgspec import UNSET

from rpcserver.apis.arguments import (
    Choices,
    CloseOptions,
    Number,
    WordFilter,
    WordsFilter,
    close_amount,
    close_terms,
    refuse_filters,
    word,
    words,
    words_of,
)
from rpcserver.apis.defaults import PREFERRED
from rpcserver.apis.legs import (
    closing_ids,
    is_open,
    ours,
    plan_answer,
    remaining_side,
    shown_legs,
)
from rpcserver.apis.names import accounts_at, accounts_named, accounts_of, one_account, selectors_of
from rpcserver.apis.numbers import number, price
from rpcserver.apis.registry import Asked, CloseTerms, Registry
from rpcserver.core.report import LegReport, OperationReport, Outcome
from rpcserver.core.requests import Pnl, Scope
from rpcserver.domain.errors import InvalidRequest
from rpcserver.domain.instrument import Instrument
from rpcserver.domain.position import Position, PositionSide

registry = Registry()

POSITION_TYPE = "NinjaTrader.Cbi.Position"


class PositionAnswer(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """One position as NinjaTrader names its parts: `quantity` is unsigned."""

    type: str = POSITION_TYPE
    account: str
    instrument: str
    instrument_type: str
    market_position: str
    quantity: int | float
    average_price: float | None
    market_price: float | None
    unrealized_profit_loss: float | None


def position_answer(position: Position, instrument: Instrument) -> PositionAnswer:
    """A position as the venue told of it."""
    return PositionAnswer(
        account=position.account,
        instrument=position.instrument,
        instrument_type=instrument.type.value,
        market_position=position.side.value.capitalize(),
        quantity=number(position.quantity),
        average_price=price(position.average_price),
        market_price=price(position.market_price),
        unrealized_profit_loss=price(position.unrealized),
    )


# --- args ----------------------------------------------------------------------------------------


class FlattenArgs(CloseOptions, frozen=True, kw_only=True, rename="camel"):
    """At least one filter; all that are set must match."""

    choices: ClassVar[Choices] = {
        **CloseOptions.choices,
        "marketPosition": (PositionSide.LONG.value, PositionSide.SHORT.value),
        "pnl": words_of(Pnl),
        "scope": (PREFERRED,),
    }

    account: WordFilter = UNSET
    accounts: WordsFilter = UNSET
    instrument: WordFilter = UNSET
    instruments: WordsFilter = UNSET
    market_position: WordFilter = UNSET
    venue: WordFilter = UNSET
    strategy_tag: WordFilter = UNSET
    pnl: WordFilter = UNSET
    exclude: WordsFilter = UNSET
    scope: WordFilter = UNSET
    quantity: Number = UNSET


class FlattenEverythingArgs(CloseOptions, frozen=True, kw_only=True, rename="camel"):
    """No args of its own: every filter of `Flatten` is known here to be refused by its name."""

    account: object = UNSET
    accounts: object = UNSET
    instrument: object = UNSET
    instruments: object = UNSET
    market_position: object = UNSET
    venue: object = UNSET
    strategy_tag: object = UNSET
    pnl: object = UNSET
    exclude: object = UNSET
    scope: object = UNSET
    quantity: object = UNSET


class ClosePositionArgs(CloseOptions, frozen=True, kw_only=True, rename="camel"):
    """One position of one account; `quantity` is capped at it and wins over `percent`."""

    account: str | None
    instrument: str | None
    quantity: Number = UNSET
    percent: Number = UNSET


_FILTERS = (
    "account",
    "accounts",
    "instrument",
    "instruments",
    "market_position",
    "venue",
    "strategy_tag",
    "pnl",
)

# --- report -> answer ----------------------------------------------------------------------------


def crosstrade_answer(report: OperationReport, full: bool) -> Mapping[str, object]:
    """CrossTrade's fields, then ours. `closedPositions` holds proven legs only."""
    if report.request.dry_run:
        return plan_answer(report, full)
    shown = shown_legs(report, full)
    held = [leg for leg in shown if not leg.position.is_flat]
    answer: dict[str, object] = {
        "orderIds": closing_ids(shown),
        "closedPositions": [closed_position(leg) for leg in held if _is_closed(leg)],
        "remainingPositions": [remaining_position(leg) for leg in held if is_open(leg)],
        **ours(report, full),
    }
    if report.success and all(leg.position.is_flat for leg in report.legs):
        answer["warning"] = "nothing_to_flatten"
    return answer


def closed_position(leg: LegReport) -> PositionAnswer:
    """A proven leg as it was found; of a reduced one, the part that was closed."""
    found = position_answer(leg.position, leg.instrument)
    if leg.outcome is not Outcome.REDUCED:
        return found
    share = leg.closed / leg.position.quantity
    return msgspec.structs.replace(
        found,
        quantity=number(leg.closed),
        unrealized_profit_loss=price(_part(leg.position.unrealized, share)),
    )


def remaining_position(leg: LegReport) -> PositionAnswer:
    """What is left of a leg, as last known. An unknown leg's is its last confirmed position."""
    share = abs(leg.remaining) / leg.position.quantity
    unrealized = leg.position.unrealized
    return msgspec.structs.replace(
        position_answer(leg.position, leg.instrument),
        market_position=remaining_side(leg).value.capitalize(),
        quantity=number(abs(leg.remaining)),
        unrealized_profit_loss=None if _has_flipped(leg) else price(_part(unrealized, share)),
    )


def _is_closed(leg: LegReport) -> bool:
    return leg.outcome is Outcome.FLAT or (leg.outcome is Outcome.REDUCED and leg.closed > 0)


def _has_flipped(leg: LegReport) -> bool:
    return leg.remaining * leg.position.signed_quantity < 0


def _part(value: Decimal | None, share: Decimal) -> Decimal | None:
    return None if value is None else value * share


# --- args -> request -----------------------------------------------------------------------------


@registry.closing("Flatten", args=FlattenArgs, answer=crosstrade_answer)
def flatten(args: FlattenArgs, asked: Asked) -> CloseTerms:
    """Close what matches every filter, and cancel the working orders of what is closed."""
    if args.scope is not UNSET:  # where it could be known, it was taken from the preferences
        raise InvalidRequest("invalid_argument", "scope: not in a call that is made later")
    if all(getattr(args, name) is UNSET for name in _FILTERS):
        raise InvalidRequest(
            "filter_required", "Flatten needs a filter; FlattenEverything closes all"
        )
    accounts = accounts_named(asked, words(args.account, args.accounts, "account"))
    if (venue := word(args.venue)) is not None:
        accounts = accounts_at(accounts, venue)
    side, pnl = word(args.market_position), word(args.pnl)
    scope = Scope(
        accounts=asked.refs(accounts),
        instruments=selectors_of(
            asked, accounts, words(args.instrument, args.instruments, "instrument")
        ),
        exclude=selectors_of(asked, accounts, words(UNSET, args.exclude, "exclude")),
        side=PositionSide(side) if side is not None else None,
        strategy_tag=word(args.strategy_tag),
        pnl=Pnl(pnl) if pnl is not None else None,
    )
    return close_terms(args, asked, scope, amount=close_amount(args, quantity=args.quantity))


@registry.closing("FlattenEverything", args=FlattenEverythingArgs, answer=crosstrade_answer)
def flatten_everything(args: FlattenEverythingArgs, asked: Asked) -> CloseTerms:
    """Close every position and cancel every working order of every account of the caller."""
    refuse_filters(args, "FlattenEverything", "Flatten")
    scope = Scope(accounts=asked.refs(accounts_of(asked)), everything=True)
    return close_terms(args, asked, scope)


@registry.closing("ClosePosition", args=ClosePositionArgs, answer=crosstrade_answer)
def close_position(args: ClosePositionArgs, asked: Asked) -> CloseTerms:
    """Close one position, or so much of it."""
    accounts = (one_account(asked, word(args.account)),)
    scope = Scope(
        accounts=asked.refs(accounts),
        instruments=selectors_of(asked, accounts, words(args.instrument, UNSET, "instrument")),
    )
    amount = close_amount(args, quantity=args.quantity, percent=args.percent)
    return close_terms(args, asked, scope, amount=amount)
