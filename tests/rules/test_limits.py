"""Limits: what they come to, when they act, and what they cannot be fooled by."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rpcserver.domain.account import Account, AccountSnapshot
from rpcserver.domain.directive import Mark
from rpcserver.domain.ids import AccountId, AccountRef, InstrumentId, PositionId, VenueId
from rpcserver.domain.instrument import Instrument, InstrumentType
from rpcserver.domain.naming import InstrumentSelector
from rpcserver.domain.position import Position
from rpcserver.domain.rule import Limit, LimitAction, Measure
from rpcserver.rules.limits import DAY_START_PATIENCE, Figures, Judgement, day_of, judge

NOON = datetime(2026, 3, 3, 12, tzinfo=UTC)
SIM = AccountRef(VenueId("paper"), AccountId("Sim101"))
MARK = Mark(rule_id="r", account=SIM)
NAN = Decimal("NaN")


def limit(measure: Measure, amount: str = "1000", **fields: object) -> Limit:
    return Limit(measure=measure, amount=Decimal(amount), action=LimitAction.HALT, **fields)  # type: ignore[arg-type]


def instrument(name: str, currency: str = "USD", **fields: object) -> Instrument:
    return Instrument(
        instrument_id=InstrumentId(name),
        type=InstrumentType.FUTURE,
        lot=Decimal(1),
        tick=Decimal(1),
        minimum=Decimal(1),
        root=name.split()[0],
        currency=currency,
        **fields,  # type: ignore[arg-type]
    )


ES = instrument("ES 12-25", point_value=Decimal(50))
NQ = instrument("NQ 12-25", point_value=Decimal(20))
INFY = instrument("NSE:INFY", "INR")
COIN = instrument("BTC-USDT", base="BTC")


def position(
    of: Instrument, quantity: str, price: str | None = "100", profit: str | None = "0"
) -> Position:
    return Position(
        position_id=PositionId("pos"),
        venue=SIM.venue,
        account=SIM.account,
        instrument=of.instrument_id,
        signed_quantity=Decimal(quantity),
        average_price=Decimal(100),
        market_price=None if price is None else Decimal(price),
        unrealized=None if profit is None else Decimal(profit),
        opened_at=NOON,
        updated_at=NOON,
    )


def figures(
    cash: str = "100000",
    held: Iterable[Position] = (),
    unrealized: str | None = None,
    *,
    instruments: Iterable[Instrument] = (ES, NQ, INFY, COIN),
    connected: bool = True,
) -> Figures:
    held = tuple(held)
    total = sum((p.unrealized or Decimal(0) for p in held), Decimal(0))
    return Figures(
        account=Account(
            venue=SIM.venue,
            account=SIM.account,
            user_id="ann",
            cash=Decimal(cash),
            unrealized=total if unrealized is None else Decimal(unrealized),
            connected=connected,
        ),
        snapshot=AccountSnapshot(
            account=SIM,
            positions=held,
            orders=(),
            instruments={each.instrument_id: each for each in instruments},
            taken_at=NOON,
        ),
    )


def through(of: Limit, *equities: str, step: timedelta = timedelta(minutes=1)) -> list[Judgement]:
    """What a limit says of one equity after another."""
    mark, told = MARK, []
    for number, equity in enumerate(equities):
        judgement = judge(of, mark, figures(equity), NOON + number * step)
        told.append(judgement)
        mark = judgement.mark
    return told


# --- when it acts --------------------------------------------------------------------------------


def test_a_days_loss_is_counted_from_the_first_equity_of_the_day() -> None:
    told = through(limit(Measure.DAILY_LOSS), "100000", "100500", "99000.01", "99000")

    assert [each.acts for each in told] == [False, False, False, True]
    assert told[-1].value == 1000
    assert told[-1].mark.start == 100_000


def test_a_drawdown_is_counted_from_the_highest_equity() -> None:
    told = through(limit(Measure.DRAWDOWN), "100000", "100500", "99501", "99500")

    assert [each.acts for each in told] == [False, False, False, True]
    assert told[-1].mark.highest == 100_500


def test_it_acts_once_each_time_it_is_passed() -> None:
    told = through(limit(Measure.DRAWDOWN), "100000", "98000", "97000", "99999", "98000")

    assert [each.acts for each in told] == [False, True, False, False, True]
    assert told[-1].mark.passed == 2


def of_days(*readings: tuple[datetime, str]) -> list[Judgement]:
    """What a limit of a day's loss says of equities at their times."""
    mark, told = MARK, []
    for at, equity in readings:
        judgement = judge(limit(Measure.DAILY_LOSS), mark, figures(equity), at)
        told.append(judgement)
        mark = judgement.mark
    return told


EVENING = datetime(2026, 3, 3, 23, 59, 30, tzinfo=UTC)


def test_a_new_day_begins_anew() -> None:
    told = of_days(
        (NOON, "100000"),
        (EVENING, "98000"),
        (EVENING + timedelta(seconds=60), "97500"),
        (EVENING + timedelta(hours=9), "96500"),
    )

    assert [each.acts for each in told] == [False, True, False, True]
    assert told[-1].mark.start == 97_500
    assert not any(each.carried for each in told)


@pytest.mark.parametrize("days", [0, 3])
def test_a_day_whose_start_nobody_could_read_begins_with_what_was_last_known(days: int) -> None:
    back = EVENING + timedelta(days=days, seconds=30) + DAY_START_PATIENCE + timedelta(seconds=1)
    told = of_days((NOON, "100000"), (EVENING, "99500"), (back, "98500"), (back, "98499"))

    assert [each.acts for each in told] == [False, False, True, False]
    assert told[-1].mark.start == 99_500
    assert told[-1].mark.day == back.date()
    assert [bool(each.carried) for each in told] == [False, False, True, False]
    assert "99500" in told[2].carried
    assert EVENING.isoformat() in told[2].carried


def test_what_is_last_known_is_kept_now_and_then_and_at_every_leap() -> None:
    """A row a second would be written for nothing; one a minute bounds what a restart forgets."""
    quiet = [(NOON + timedelta(seconds=second), f"{100_000 - second}") for second in range(100)]
    leap = (NOON + timedelta(seconds=100), "99700")
    kept = [each.mark.last for each in of_days(*quiet, leap)]

    assert list(dict.fromkeys(kept)) == [100_000, 99_940, 99_700]


def test_a_restart_forgets_neither_the_days_start_nor_the_highest_nor_that_it_acted() -> None:
    [*_, last] = through(limit(Measure.DAILY_LOSS), "100000", "98000")

    again = judge(limit(Measure.DAILY_LOSS), last.mark, figures("97000"), NOON)

    assert not again.acts
    assert again.value == 3000


@pytest.mark.parametrize(
    ("now", "day"),
    [
        (datetime(2026, 3, 3, 22, 59, tzinfo=UTC), date(2026, 3, 2)),  # 16:59 in Chicago
        (datetime(2026, 3, 3, 23, 0, tzinfo=UTC), date(2026, 3, 3)),
    ],
)
def test_the_day_begins_when_and_where_the_rule_says(now: datetime, day: date) -> None:
    of = limit(Measure.DAILY_LOSS, day_starts_at=time(17), zone="America/Chicago")

    assert day_of(of, now) == day


@given(
    equities=st.lists(st.integers(90_000, 110_000), min_size=1, max_size=30),
    measure=st.sampled_from([Measure.DAILY_LOSS, Measure.DRAWDOWN]),
)
def test_whatever_the_equity_does_no_passing_is_missed(
    equities: list[int], measure: Measure
) -> None:
    """The highest that is kept may lag by a hundredth of the limit, never more."""
    told = through(limit(measure), *map(str, equities))
    before = [max(equities[: n + 1]) for n in range(len(equities))]
    start = [equities[0]] * len(equities) if measure is Measure.DAILY_LOSS else before

    for judgement, equity, reference in zip(told, equities, start, strict=True):
        assert judgement.value is not None
        assert 0 <= (reference - equity) - judgement.value <= 10
        assert judgement.mark.is_beyond == (judgement.value >= 1000)


# --- what is measured ----------------------------------------------------------------------------


def test_exposure_is_what_is_held_at_market_long_and_short() -> None:
    held = [position(ES, "2", "5000"), position(NQ, "-1", "20000")]
    of = limit(Measure.EXPOSURE, "900000")

    assert judge(of, MARK, figures(held=held), NOON).value == 2 * 5000 * 50 + 20000 * 20


def test_exposure_and_position_may_speak_of_one_instrument() -> None:
    held = [position(ES, "2", "5000"), position(NQ, "-3", "20000")]
    family = InstrumentSelector(asked="NQ", root="NQ")

    exposure = limit(Measure.EXPOSURE, instrument=family)
    size = limit(Measure.POSITION, "3", instrument=family)

    assert judge(exposure, MARK, figures(held=held), NOON).value == 3 * 20000 * 20
    judgement = judge(size, MARK, figures(held=held), NOON)
    assert judgement.value == 3
    assert judgement.acts


def test_coins_are_worth_what_they_are_worth_and_no_loss() -> None:
    """Bought with cash, which is gone; the coins are there."""
    before = judge(limit(Measure.DAILY_LOSS), MARK, figures("100000"), NOON)
    bought = figures("50000", [position(COIN, "500", "101", "500")])

    after = judge(limit(Measure.DAILY_LOSS), before.mark, bought, NOON)

    assert after.value == -500


# --- what is not "no loss" -----------------------------------------------------------------------

MISSING = {
    "no quote": figures(held=[position(ES, "1", None)]),
    "a quote that is no number": figures(held=[position(ES, "1", "NaN")]),
    "no profit": figures(held=[position(ES, "1", profit=None)], unrealized="0"),
    "a profit that is no number": figures(held=[position(ES, "1", profit="NaN")], unrealized="0"),
    "cash that is no number": figures("NaN"),
    "infinite cash": figures("Infinity"),
    "an account's profit that is no number": figures(unrealized="sNaN"),
    "an instrument nobody lists": figures(held=[position(ES, "1")], instruments=()),
    "no connection": figures(connected=False),
}


@pytest.mark.parametrize("what", MISSING)
@pytest.mark.parametrize("measure", [Measure.DAILY_LOSS, Measure.DRAWDOWN])
def test_what_cannot_be_measured_is_said_and_changes_nothing(what: str, measure: Measure) -> None:
    [before] = through(limit(measure), "100000")

    judgement = judge(limit(measure), before.mark, MISSING[what], NOON)

    assert judgement.missing
    assert judgement.value is None
    assert (judgement.acts, judgement.mark) == (False, before.mark)


def test_exposure_in_a_currency_nobody_converts_is_not_known() -> None:
    judgement = judge(limit(Measure.EXPOSURE), MARK, figures(held=[position(INFY, "10")]), NOON)

    assert "INR" in judgement.missing


def test_a_position_without_a_quote_is_still_a_position() -> None:
    of = limit(Measure.POSITION, "2", instrument=InstrumentSelector(asked="ES", root="ES"))

    assert judge(of, MARK, figures(held=[position(ES, "2", None, None)]), NOON).acts


def test_a_venue_that_leaves_its_own_figure_out_hides_no_loss() -> None:
    losing = figures(held=[position(ES, "1", "60", "-2000")], unrealized="0")
    [before] = through(limit(Measure.DAILY_LOSS), "100000")

    assert judge(limit(Measure.DAILY_LOSS), before.mark, losing, NOON).acts
