"""Scope is resolved here and nowhere else (law 13): what a closing request speaks of."""

from __future__ import annotations

from rpcserver.core.requests import Pnl, Scope
from rpcserver.domain.account import UNREAD
from rpcserver.domain.ids import AccountRef
from rpcserver.domain.instrument import Instrument
from rpcserver.domain.position import Position


def covers(scope: Scope, account: AccountRef, instrument: Instrument | None) -> bool:
    """Whether new risk in *instrument* would be new risk in *scope* (law 9)."""
    if {account, AccountRef(account.venue, UNREAD)}.isdisjoint(scope.accounts):
        return False
    if not scope.instruments or instrument is None:
        return True
    return any(selector.matches(instrument) for selector in scope.instruments)


def takes(scope: Scope, position: Position, instrument: Instrument) -> bool:
    """Whether *position*, in an account of *scope*, is one that it closes."""
    return selects(scope, position, instrument) and not is_excluded(scope, instrument)


def takes_orders(scope: Scope, instrument: Instrument) -> bool:
    """Whether it cancels orders in *instrument*, in an account of *scope*, where none is held."""
    is_of_a_position = scope.side or scope.pnl or scope.position_id or scope.oldest_only
    return (
        not (is_of_a_position or scope.positions or is_excluded(scope, instrument))
        and (not scope.instruments or any(s.matches(instrument) for s in scope.instruments))
        and scope.product_group in (None, instrument.product_group)
    )


def selects(scope: Scope, position: Position, instrument: Instrument) -> bool:
    """Whether every filter that is set matches."""
    return (
        not position.is_flat
        and (
            not scope.instruments
            or any(selector.matches(instrument) for selector in scope.instruments)
        )
        and (scope.side is None or position.side is scope.side)
        and (scope.product_group is None or instrument.product_group is scope.product_group)
        and (not scope.positions or _is_named(scope, position))
        and (scope.position_id is None or position.position_id == scope.position_id)
        and (
            scope.strategy_tag is None
            or any(tagged.tag == scope.strategy_tag for tagged in position.tags)
        )
        and _wins_as_asked(scope.pnl, position)
    )


def _is_named(scope: Scope, position: Position) -> bool:
    if not scope.sides:  # as operations have it that older versions opened
        return position.key in scope.positions
    return (position.key, position.side) in zip(scope.positions, scope.sides, strict=True)


def _wins_as_asked(pnl: Pnl | None, position: Position) -> bool:
    if pnl is None:
        return True
    if position.unrealized is None:
        return False
    return position.unrealized > 0 if pnl is Pnl.WINNERS else position.unrealized < 0


def is_excluded(scope: Scope, instrument: Instrument) -> bool:
    return any(selector.matches(instrument) for selector in scope.exclude)
