"""Two rules that cannot both be meant, and those that can."""

from __future__ import annotations

from datetime import time
from decimal import Decimal

import pytest

from rpcserver.domain.ids import AccountId, AccountRef, VenueId
from rpcserver.domain.naming import InstrumentSelector
from rpcserver.domain.rule import FlattenAt, Limit, LimitAction, Measure, Retry, RuleTerms
from rpcserver.rules.contradictions import contradiction
from tests.rules.world import rule

A, B = (AccountRef(VenueId("paper"), AccountId(name)) for name in ("A", "B"))


def at(start: str, end: str, zone: str = "UTC", calendar: str | None = None) -> FlattenAt:
    return FlattenAt(
        at=time.fromisoformat(start), until=time.fromisoformat(end), zone=zone, calendar=calendar
    )


def limit(
    action: LimitAction, amount: int, measure: Measure = Measure.DAILY_LOSS, of: str | None = None
) -> Limit:
    instrument = InstrumentSelector(asked=of, root=of) if of is not None else None
    return Limit(measure=measure, amount=Decimal(amount), action=action, instrument=instrument)


ALERT, HALT, LOCK = LimitAction
AGAIN = Retry(times=3, every=10, lasting=60)


@pytest.mark.parametrize(
    ("new", "old", "word"),
    [
        (AGAIN, Retry(times=5, every=1, lasting=9), "how often"),
        (at("15:50", "16:05"), at("16:00", "16:30"), "overlaps"),
        (limit(LOCK, 500), limit(LOCK, 1000), "500, but at 1000"),
        (limit(LOCK, 500), limit(LOCK, 500), "is said already"),
        (limit(ALERT, 1000), limit(LOCK, 500), "would never come before"),
        (limit(LOCK, 500), limit(HALT, 500), "would never come before"),
    ],
)
def test_a_contradiction_names_the_rule_that_stands(
    new: RuleTerms, old: RuleTerms, word: str
) -> None:
    why = contradiction(rule(new, "new"), [rule(old, "old")], (A, B))

    assert why is not None
    assert word in why
    assert "'old'" in why
    assert "A" in why


def test_amounts_are_told_as_people_write_them() -> None:
    new, old = (
        Limit(measure=Measure.DAILY_LOSS, amount=Decimal(amount), action=HALT)
        for amount in ("6E+4", "5E+4")
    )

    why = contradiction(rule(new, "new"), [rule(old, "old")], (A, B))

    assert why is not None
    assert "halt at 60000, but at 50000 by" in why


@pytest.mark.parametrize(
    ("new", "old"),
    [
        (limit(ALERT, 400), limit(LOCK, 500)),
        (limit(LOCK, 500), limit(ALERT, 400)),
        (limit(LOCK, 500), limit(LOCK, 900, Measure.DRAWDOWN)),
        (limit(LOCK, 5, Measure.POSITION, "ES"), limit(LOCK, 9, Measure.POSITION, "NQ")),
        (at("15:50", "16:05"), at("16:05", "16:30")),
        (at("15:50", "16:05"), at("15:50", "16:05", "America/Chicago")),
        (at("15:50", "16:05"), at("15:50", "16:05", calendar="XNYS")),
        (AGAIN, at("15:50", "16:05")),
    ],
)
def test_what_may_both_be_meant_may_both_stand(new: RuleTerms, old: RuleTerms) -> None:
    assert contradiction(rule(new, "new"), [rule(old, "old")], (A, B)) is None


def test_rules_of_different_accounts_have_nothing_to_do_with_each_other() -> None:
    mine, theirs = rule(AGAIN, "new", accounts=(A,)), rule(AGAIN, "old", accounts=(B,))

    assert contradiction(mine, [theirs], (A, B)) is None


def test_a_rule_does_not_contradict_the_one_whose_place_it_takes() -> None:
    assert contradiction(rule(AGAIN, "r"), [rule(AGAIN, "r")], (A, B)) is None
