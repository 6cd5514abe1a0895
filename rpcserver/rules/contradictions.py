"""Two rules that cannot both be meant: found before the second of them stands. Pure."""

from __future__ import annotations

from collections.abc import Iterable

from rpcserver.domain.directive import Rule
from rpcserver.domain.ids import AccountRef
from rpcserver.domain.naming import InstrumentSelector
from rpcserver.domain.rule import FlattenAt, Limit, Retry


def contradiction(
    new: Rule, standing: Iterable[Rule], accounts: Iterable[AccountRef]
) -> str | None:
    """
    Which rule that stands contradicts *new*, and how; None: none does.

    *accounts*: those known now; rules that share none of them have nothing to do with each other.
    """
    known = tuple(accounts)
    for old in standing:
        shared = [a for a in known if old.covers(a) and new.covers(a)]
        if old.name != new.name and shared and (how := _how(new, old)) is not None:
            return f"{how} rule {old.rule_id!r} (both speak of {shared[0].account})"
    return None


def _how(new: Rule, old: Rule) -> str | None:
    match new.terms, old.terms:
        case Retry(), Retry():
            return "how often and how wide to try again is already said by"
        case FlattenAt() as mine, FlattenAt() as theirs if mine.zone == theirs.zone:
            if (
                mine.calendar == theirs.calendar
                and mine.at < theirs.until
                and (theirs.at < mine.until)
            ):
                return f"{mine.at} to {mine.until} overlaps {theirs.at} to {theirs.until} of"
        case Limit() as mine, Limit() as theirs if _is_of_the_same(mine, theirs):
            return _limits(mine, theirs)
    return None


def _limits(mine: Limit, theirs: Limit) -> str | None:
    name = mine.measure.value
    if mine == theirs:
        return f"{name}: {mine.action.value} at {mine.amount:f} is said already by"
    if mine.action is theirs.action:
        return f"{name}: {mine.action.value} at {mine.amount:f}, but at {theirs.amount:f} by"
    # What is milder must come first, or it never comes: the graver has acted already.
    milder, graver = sorted((mine, theirs), key=lambda limit: limit.action.weight)
    if milder.amount >= graver.amount:
        return (
            f"{name}: {milder.action.value} at {milder.amount:f} would never come before "
            f"{graver.action.value} at {graver.amount:f}; see"
        )
    return None


def _is_of_the_same(mine: Limit, theirs: Limit) -> bool:
    return mine.measure is theirs.measure and _named(mine.instrument) == _named(theirs.instrument)


def _named(selector: InstrumentSelector | None) -> tuple[str | None, str | None] | None:
    return None if selector is None else (selector.exact, selector.root)
