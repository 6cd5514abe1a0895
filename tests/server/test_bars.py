"""Bars are what quotes made of them: no price is invented, none is lost, memory has an end."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal

import msgspec
from hypothesis import given
from hypothesis import strategies as st

from rpcserver.apis.queries import Bar, ReadBars
from rpcserver.domain.ids import InstrumentId
from rpcserver.domain.market import Quote
from rpcserver.driver.ports import Quoted
from rpcserver.server.bars import MINUTES_MAX, BarKeeper
from tests.apis import hand, samples

START = datetime(2026, 3, 3, 12, 0, tzinfo=UTC)
ES = InstrumentId("ES 12-25")


def quote(price: int, seconds: float, volume: int = 0) -> Quote:
    plain = samples.quote(ES).quote
    return msgspec.structs.replace(
        plain, last=Decimal(price), at=START + timedelta(seconds=seconds), volume=volume
    )


def bars(keeper: BarKeeper, minutes: int = 1, limit: int = 5000) -> tuple[Bar, ...]:
    query = ReadBars(hand.PAPER, ES, minutes, START - timedelta(days=9), None, limit)
    return keeper.bars(query, hand.INSTRUMENTS[ES]).bars


def keeper_of(*quotes: Quote) -> BarKeeper:
    keeper = BarKeeper()
    for each in quotes:
        keeper.heard(hand.PAPER, Quoted(each))
    return keeper


def test_a_minute_is_its_first_highest_lowest_and_last_price() -> None:
    keeper = keeper_of(quote(10, 1, 5), quote(14, 2, 7), quote(8, 30, 8), quote(9, 59, 12))

    [bar] = bars(keeper)

    assert [int(price) for price in (bar.open, bar.high, bar.low, bar.close)] == [10, 14, 8, 9]
    assert bar.volume == 7, "of the session's volume, what was added while it was heard"
    assert bar.starts_at == START


def test_a_minute_without_a_quote_has_no_bar() -> None:
    found = bars(keeper_of(quote(10, 0), quote(11, 180)))

    assert [bar.starts_at for bar in found] == [START, START + timedelta(minutes=3)]


def test_what_comes_late_changes_nothing() -> None:
    keeper = keeper_of(quote(10, 60), quote(99, 0))

    assert [bar.high for bar in bars(keeper)] == [10]


def test_a_new_session_counts_its_volume_anew() -> None:
    found = bars(keeper_of(quote(10, 0, 900), quote(10, 60, 3), quote(10, 61, 5)))

    assert [bar.volume for bar in found] == [0, 2]


def test_memory_has_an_end() -> None:
    keeper = keeper_of(*(quote(10, 60 * minute) for minute in range(MINUTES_MAX + 10)))

    found = bars(keeper)
    assert len(found) == MINUTES_MAX
    assert found[0].starts_at == START + timedelta(minutes=10)
    assert len(bars(keeper, limit=3)) == 3


def test_of_what_was_never_heard_nothing_is_known() -> None:
    query = ReadBars(hand.PAPER, ES, 1, START, None, 10)

    told = BarKeeper().bars(query, hand.INSTRUMENTS[ES])

    assert (told.bars, told.since) == ((), None)


@given(
    prices=st.lists(st.tuples(st.integers(1, 1000), st.integers(0, 90)), min_size=1, max_size=60),
    minutes=st.sampled_from([1, 2, 5, 60, 1440]),
)
def test_longer_bars_hold_the_same_prices(prices: list[tuple[int, int]], minutes: int) -> None:
    at, quotes = 0, []
    for price, pause in prices:
        at += pause
        quotes.append(quote(price, at))
    keeper = keeper_of(*quotes)

    short, long = bars(keeper), bars(keeper, minutes)

    assert long[0].open == short[0].open == prices[0][0]
    assert long[-1].close == short[-1].close == prices[-1][0]
    assert max(bar.high for bar in long) == max(price for price, _ in prices)
    assert min(bar.low for bar in long) == min(price for price, _ in prices)
    starts = [bar.starts_at for bar in long]
    assert starts == sorted(set(starts))
