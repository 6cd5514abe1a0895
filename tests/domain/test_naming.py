"""One instrument and its many names."""

from __future__ import annotations

from datetime import date
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rpcserver.domain.ids import InstrumentId
from rpcserver.domain.instrument import Instrument, InstrumentType
from rpcserver.domain.naming import InstrumentNames, InstrumentSelector, futures_aliases

TODAY = date(2025, 11, 21)


def future(root: str, month: int, year: int) -> Instrument:
    expiry = date(year, month, 19)
    return Instrument(
        instrument_id=InstrumentId(f"{root} {month:02}-{year % 100}"),
        type=InstrumentType.FUTURE,
        lot=Decimal(1),
        tick=Decimal("0.25"),
        minimum=Decimal(1),
        root=root,
        expiry=expiry,
        aliases=futures_aliases(root, expiry),
    )


def coin(name: str, *aliases: str) -> Instrument:
    return Instrument(
        instrument_id=InstrumentId(name),
        type=InstrumentType.CRYPTO,
        lot=Decimal("0.001"),
        tick=Decimal("0.1"),
        minimum=Decimal("0.001"),
        aliases=aliases,
    )


ES_DECEMBER, ES_MARCH, MES_DECEMBER = (
    future("ES", 12, 2025),
    future("ES", 3, 2026),
    future("MES", 12, 2025),
)
BITCOIN = coin("BTC-USDT", "BTCUSDT")
LISTED = (ES_MARCH, MES_DECEMBER, BITCOIN, ES_DECEMBER)
NAMES = InstrumentNames(LISTED)


@pytest.mark.parametrize(
    "spelling",
    ["ES 12-25", "es 12-25", " ES  12-25 ", "ESZ25", "ESZ5", "esz5", "ES DEC25", "ES 12-2025"],
)
def test_every_spelling_names_the_same_contract(spelling: str) -> None:
    selector = NAMES.selector(spelling)

    assert selector is not None
    assert selector.asked == spelling
    assert [each for each in LISTED if selector.matches(each)] == [ES_DECEMBER]
    assert NAMES.one(spelling, TODAY) == ES_DECEMBER


@pytest.mark.parametrize("root", ["ES", "es", "ES1!", "es1!"])
def test_a_root_closes_every_expiry_and_trades_the_front_month(root: str) -> None:
    selector = NAMES.selector(root)

    assert selector is not None
    assert [each for each in LISTED if selector.matches(each)] == [ES_MARCH, ES_DECEMBER]
    assert NAMES.one(root, TODAY) == ES_DECEMBER


@pytest.mark.parametrize(
    ("today", "front"),
    [
        (date(2025, 12, 19), ES_DECEMBER),  # it trades on its last day
        (date(2025, 12, 20), ES_MARCH),
        (date(2026, 3, 19), ES_MARCH),
        (date(2026, 3, 20), None),
    ],
)
def test_the_front_month_is_the_first_that_still_trades(
    today: date, front: Instrument | None
) -> None:
    assert NAMES.one("ES", today) == front


def test_an_expired_month_is_still_closed_by_its_root_and_by_its_name() -> None:
    """What is held is closed, whatever the calendar says of it."""
    for name in ("ES", "ESZ25"):
        selector = NAMES.selector(name)
        assert selector is not None
        assert selector.matches(ES_DECEMBER)
    assert NAMES.one("ESZ25", date(2027, 1, 1)) == ES_DECEMBER


@pytest.mark.parametrize(
    "unknown", ["", " ", "E", "ESX", "ES 12-26", "ES2!", "1!", "ESZ", "*", "ES,MES"]
)
def test_what_names_nothing_known_selects_nothing(unknown: str) -> None:
    assert NAMES.selector(unknown) is None
    assert NAMES.one(unknown, TODAY) is None


def test_what_belongs_to_no_family_is_named_exactly() -> None:
    for name in ("BTC-USDT", "btcusdt"):
        selector = NAMES.selector(name)
        assert selector is not None
        assert [each for each in LISTED if selector.matches(each)] == [BITCOIN]
        assert NAMES.one(name, TODAY) == BITCOIN


def test_one_root_is_no_other() -> None:
    selector = NAMES.selector("MES")

    assert selector is not None
    assert not selector.matches(ES_DECEMBER)


def test_a_selector_that_says_nothing_takes_nothing() -> None:
    """A lost filter must not become "everything", nor "whatever has no root"."""
    empty = InstrumentSelector(asked="")

    assert not any(empty.matches(each) for each in LISTED)


def test_a_family_without_expiries_trades_what_it_has() -> None:
    perpetual = Instrument(
        instrument_id=InstrumentId("BTC-PERP"),
        type=InstrumentType.CRYPTO,
        lot=Decimal(1),
        tick=Decimal(1),
        minimum=Decimal(1),
        root="BTC",
    )
    dated = future("BTC", 12, 2025)

    assert InstrumentNames((perpetual, dated)).one("BTC", TODAY) == dated
    assert InstrumentNames((perpetual,)).one("BTC", TODAY) == perpetual


def test_the_first_to_claim_a_name_keeps_it() -> None:
    names = InstrumentNames((coin("A", "SAME"), coin("B", "SAME")))
    selector = names.selector("same")

    assert selector is not None
    assert selector.exact == "A"


@given(
    root=st.text("ABCDEFGHJKMNQRSTUVXZ6", min_size=1, max_size=4),
    month=st.integers(1, 12),
    year=st.integers(2020, 2039),
)
def test_no_spelling_of_a_contract_names_another_month_of_the_decade(
    root: str, month: int, year: int
) -> None:
    aliases = set(futures_aliases(root, date(year, month, 19)))

    assert len(aliases) == 4
    assert all(alias == alias.upper() for alias in aliases)
    for other in range(1, 13):
        if other != month:
            assert aliases.isdisjoint(futures_aliases(root, date(year, other, 19)))
    assert f"{root} {month:02}-{year % 100:02}" not in aliases
