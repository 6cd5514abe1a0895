"""Rules at work: over restarts, dead venues, jumping clocks; and nothing done twice."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import AsyncExitStack
from datetime import UTC, date, time, timedelta
from decimal import Decimal

import anyio
import msgspec
import pytest

from rpcserver.core.entries import Entry
from rpcserver.core.records import OperationOpened
from rpcserver.core.report import Outcome
from rpcserver.core.requests import CloseRequest
from rpcserver.domain.account import Account
from rpcserver.domain.directive import Halt, HaltLevel, HaltScope, Mark, Switch
from rpcserver.domain.errors import InvalidRequest
from rpcserver.domain.ids import AccountId, AccountRef, PrincipalId
from rpcserver.domain.market import MarketPhase
from rpcserver.domain.naming import InstrumentSelector
from rpcserver.domain.rule import FlattenAt, Limit, LimitAction, Measure, Retry, StoredCall
from rpcserver.driver.engine import Engine
from rpcserver.driver.halting import lay_halt
from rpcserver.driver.ports import OperationRow
from rpcserver.venues.paper import PaperVenue
from rpcserver.venues.paper.commands import SetPhase, SetPrice
from rpcserver.venues.paper.faults import ClearFaults, CutLink
from tests.driver.world import (
    EPOCH,
    MES,
    NQ,
    PAPER,
    SIM,
    SIM2,
    WatchedJournal,
    flatten,
    held,
    open_venue,
    order,
    placing,
    positions,
)
from tests.rules.world import BY, WORD, Clock, alerts, lay, operations, rule, ruled

pytestmark = pytest.mark.anyio

REF, REF2 = AccountRef(PAPER, SIM), AccountRef(PAPER, SIM2)
CLOSE = FlattenAt(at=time(12, 10), until=time(12, 20), zone="UTC")  # the world begins at 12:00
assert EPOCH.astimezone(UTC).time() == time(12)


async def price(venue: PaperVenue, last: str) -> None:
    await venue.control(SetPrice(instrument=MES, price=Decimal(last)))


async def market(venue: PaperVenue, phase: MarketPhase | None) -> None:
    await venue.control(SetPhase(instrument=MES, phase=phase))


async def until(hour: int, minute: int, second: int = 0) -> None:
    """Sleep until the clock on the wall, while nobody has set it, says so."""
    at = timedelta(hours=hour - 12, minutes=minute, seconds=second).total_seconds()
    await anyio.sleep(at - anyio.current_time())


# --- by time of day ------------------------------------------------------------------------------


async def test_at_its_time_everything_is_flattened_once() -> None:
    async with open_venue(held(3), held(-2, NQ)) as venue, ruled(WatchedJournal(), venue) as engine:
        await engine.place(placing(order("resting", limit="1")))
        await lay(engine, rule(CLOSE))
        await until(12, 9, 59)
        assert len(positions(venue)) == 2

        await until(12, 10, 30)
        assert not positions(venue)
        assert not (await venue.snapshot(SIM)).orders
        await until(12, 22)
        assert await operations(engine) == 1
        assert not await alerts(engine)


async def test_what_is_opened_after_it_stands_until_the_next_day() -> None:
    clock = Clock()
    async with (
        open_venue(held(3)) as venue,
        ruled(WatchedJournal(), venue, clock=clock) as engine,
    ):
        await lay(engine, rule(CLOSE))
        await until(12, 12)
        await venue.control(held(2))
        await until(12, 16)
        assert positions(venue), "this day is done"

        clock.ahead = timedelta(days=1, minutes=-5)
        await anyio.sleep(60)
        assert not positions(venue)


async def test_it_is_tried_again_until_it_is_flat() -> None:
    async with open_venue(held(3)) as venue, ruled(WatchedJournal(), venue) as engine:
        await lay(engine, rule(CLOSE))
        await market(venue, MarketPhase.CLOSED)
        await until(12, 14)
        assert positions(venue)
        await market(venue, None)
        await until(12, 16)

        assert not positions(venue)
        assert "schedule_failed" not in await alerts(engine)


async def test_what_is_not_flat_by_the_second_deadline_is_told() -> None:
    async with open_venue(held(3)) as venue, ruled(WatchedJournal(), venue) as engine:
        await lay(engine, rule(CLOSE))
        await market(venue, MarketPhase.CLOSED)
        await until(12, 21)
        await market(venue, None)
        await until(12, 24)

        assert (await alerts(engine)).count("schedule_failed") == 1
        assert positions(venue), "after its second deadline it sends nothing"


async def test_an_owed_flatten_is_resumed_at_start_and_nothing_is_done_twice() -> None:
    journal = WatchedJournal()
    async with open_venue(held(3)) as venue:
        async with ruled(journal, venue) as engine:
            await lay(engine, rule(CLOSE))
            await market(venue, MarketPhase.CLOSED)
            await until(12, 11)
            before = await operations(engine)
        await market(venue, None)
        async with ruled(journal.reopened(), venue) as engine:
            await until(12, 15)
            assert not positions(venue)
            keys = [row.idempotency_key for row in await engine.journal.operations()]
            assert len(keys) == len(set(keys))
            assert before <= len(keys) <= before + 2


@pytest.mark.parametrize(
    ("back_at", "flat", "told"), [((12, 15), True, 0), ((12, 21), False, 1), ((12, 40), False, 1)]
)
async def test_missed_while_down_it_runs_only_before_its_second_deadline(
    back_at: tuple[int, int], flat: bool, told: int
) -> None:
    journal = WatchedJournal()
    async with open_venue(held(3)) as venue:
        async with ruled(journal, venue) as engine:
            await lay(engine, rule(CLOSE))
        await until(*back_at)
        async with ruled(journal.reopened(), venue) as engine:
            await anyio.sleep(30)
            assert (not positions(venue)) is flat
        async with ruled(journal.reopened(), venue) as engine:
            await anyio.sleep(30)
            assert (await alerts(engine)).count("schedule_missed") == told, "once, for ever"


async def test_a_clock_that_jumps_over_both_deadlines_has_missed_them() -> None:
    clock = Clock()
    async with open_venue(held(3)) as venue, ruled(WatchedJournal(), venue, clock=clock) as engine:
        await lay(engine, rule(CLOSE))
        await anyio.sleep(60)
        clock.ahead = timedelta(hours=2)
        await anyio.sleep(60)
        assert await alerts(engine) == ["schedule_missed"]
        clock.ahead = timedelta()
        await until(12, 15)

        assert positions(venue), "the day is settled, wherever the clock jumps to"


async def test_a_rule_taken_back_does_nothing() -> None:
    async with open_venue(held(3)) as venue, ruled(WatchedJournal(), venue) as engine:
        await lay(engine, rule(CLOSE))
        await until(12, 9)
        await engine.lift(rule(CLOSE).name, WORD)
        await until(12, 12)

        assert positions(venue)


# --- locks ---------------------------------------------------------------------------------------

LOCK = Halt(halt_id="halt-1", scope=HaltScope(account=REF), level=HaltLevel.FLATTEN_AND_LOCK)


async def test_a_lock_owes_its_close_until_it_is_flat() -> None:
    async with open_venue(held(2)) as venue, ruled(WatchedJournal(), venue) as engine:
        await market(venue, MarketPhase.CLOSED)
        await lay_halt(engine, LOCK, WORD)
        await anyio.sleep(1800)
        assert positions(venue)
        assert await operations(engine) == 2, "the second waits for the market to open"
        await market(venue, None)
        await anyio.sleep(30)
        assert not positions(venue)

        await venue.control(held(1))
        await anyio.sleep(300)
        assert positions(venue), "what somebody opens by hand is no debt of the lock's"


async def test_what_owed_a_close_and_is_taken_back_owes_nothing() -> None:
    async with open_venue(held(2)) as venue, ruled(WatchedJournal(), venue) as engine:
        await market(venue, MarketPhase.CLOSED)
        halted = await lay_halt(engine, LOCK, WORD)
        assert halted.closing is not None
        await engine.finished(halted.closing.operation_id)
        await engine.lift(LOCK.name, WORD)
        await market(venue, None)
        await anyio.sleep(120)

        assert positions(venue)
        assert await operations(engine) == 1


async def test_a_release_ends_the_attempt_that_waits_for_its_market() -> None:
    journal = WatchedJournal()
    async with open_venue(held(2)) as venue:
        async with ruled(journal, venue) as engine:
            await market(venue, MarketPhase.CLOSED)
            halted = await lay_halt(engine, LOCK, WORD)
            await anyio.sleep(60)
            [waiting] = engine.unfinished
        async with ruled(journal.reopened(), venue) as engine:
            assert engine.unfinished == (waiting,)
            await engine.lift(LOCK.name, WORD)
            report = await engine.finished(waiting)
            await market(venue, None)
            await anyio.sleep(300)

            assert (report.cancelled, report.success, report.flat) == (True, False, False)
            assert [leg.outcome for leg in report.legs] == [Outcome.CANCELLED]
            assert positions(venue) == {(SIM, MES): 2}
            assert halted.closing is not None
            assert await operations(engine) == 2


async def test_a_release_ends_neither_the_first_close_nor_anybody_elses() -> None:
    async with (
        open_venue(held(2), held(3, NQ, SIM2), accounts=(SIM, SIM2)) as venue,
        ruled(WatchedJournal(), venue) as engine,
    ):
        await market(venue, MarketPhase.CLOSED)
        patient = msgspec.structs.replace(flatten(SIM), wait_for_open=True, deadline=3600.0)
        asked = await engine.close(patient)
        halted = await lay_halt(engine, LOCK, WORD)
        await engine.lift(LOCK.name, WORD)
        await anyio.sleep(30)
        assert engine.unfinished == (asked.operation_id,)
        await market(venue, None)

        assert (await engine.finished(asked.operation_id)).flat
        assert halted.closing is not None
        assert not (await engine.finished(halted.closing.operation_id)).cancelled


# --- limits --------------------------------------------------------------------------------------


def loss(amount: str = "100", action: LimitAction = LimitAction.FLATTEN_AND_LOCK) -> Limit:
    return Limit(measure=Measure.DAILY_LOSS, amount=Decimal(amount), action=action)


def halts(engine: Engine) -> list[Halt]:
    standing = (record.directive for record in engine.directives.values())
    return [each for each in standing if isinstance(each, Halt)]


async def test_a_days_loss_flattens_and_locks_the_account_that_lost() -> None:
    async with (
        open_venue(held(2), held(2, NQ, SIM2), accounts=(SIM, SIM2)) as venue,
        ruled(WatchedJournal(), venue) as engine,
    ):
        await price(venue, "100")
        await lay(engine, rule(loss()))
        await anyio.sleep(10)
        await price(venue, "89")  # two contracts, five dollars a point: 110 lost
        await anyio.sleep(10)

        assert list(positions(venue)) == [(SIM2, NQ)]
        [halt] = halts(engine)
        assert (halt.scope.account, halt.level) == (REF, HaltLevel.FLATTEN_AND_LOCK)
        with pytest.raises(InvalidRequest, match="halted"):
            await engine.place(placing(order("more")))
        assert (await alerts(engine)).count("limit_passed") == 1


async def test_a_released_lock_stays_released_until_the_limit_is_passed_anew() -> None:
    async with open_venue(held(2)) as venue, ruled(WatchedJournal(), venue) as engine:
        await price(venue, "100")
        await lay(engine, rule(loss(action=LimitAction.HALT)))
        await anyio.sleep(5)
        await price(venue, "89")
        await anyio.sleep(5)
        [halt] = halts(engine)
        assert halt.level is HaltLevel.CANCEL
        await engine.lift(halt.name, WORD)
        await anyio.sleep(60)
        assert not halts(engine), "a person's word stands"

        await price(venue, "100")
        await anyio.sleep(5)
        await price(venue, "89")
        await anyio.sleep(5)
        assert len(halts(engine)) == 1


async def test_what_the_day_began_with_survives_a_restart() -> None:
    journal = WatchedJournal()
    async with open_venue(held(2)) as venue:
        await price(venue, "100")
        async with ruled(journal, venue) as engine:
            await lay(engine, rule(loss()))
            await anyio.sleep(5)
        await price(venue, "89")
        async with ruled(journal.reopened(), venue) as engine:
            await anyio.sleep(10)

            assert not positions(venue)
            assert len(halts(engine)) == 1
        async with ruled(journal.reopened(), venue) as engine:
            await anyio.sleep(10)
            assert (await alerts(engine)).count("limit_passed") == 1
            assert await operations(engine) == 1


@pytest.mark.parametrize("is_restarted", [False, True])
async def test_what_is_lost_over_the_days_roll_while_the_venue_is_away_counts(
    is_restarted: bool,
) -> None:
    limit = msgspec.structs.replace(loss(), day_starts_at=time(12, 10))
    journal = WatchedJournal()
    async with open_venue(held(2)) as venue:
        await price(venue, "100")
        async with AsyncExitStack() as lives:
            engine = await lives.enter_async_context(ruled(journal, venue))
            await lay(engine, rule(limit))
            await until(12, 5)
            await venue.control(CutLink())
            if is_restarted:
                await lives.aclose()
                journal = journal.reopened()
                engine = await lives.enter_async_context(ruled(journal, venue, known=False))
            await price(venue, "89")
            await until(12, 20)
            assert positions(venue), "nobody knows of a loss yet"
            await venue.control(ClearFaults())
            await anyio.sleep(60)

            assert not positions(venue)
            assert len(halts(engine)) == 1
            told = await alerts(engine)
            assert told.count("day_start_carried") == 1
            assert told.count("limit_passed") == 1
            [mark] = [
                record.directive
                for record in engine.directives.values()
                if isinstance(record.directive, Mark)
            ]
            assert (mark.day, mark.passed) == (EPOCH.date(), 1)


async def test_an_alert_only_tells() -> None:
    async with open_venue(held(2)) as venue, ruled(WatchedJournal(), venue) as engine:
        of = InstrumentSelector(asked="MES", root="MES")
        await lay(
            engine,
            rule(
                Limit(
                    measure=Measure.POSITION,
                    amount=Decimal(2),
                    action=LimitAction.ALERT,
                    instrument=of,
                )
            ),
        )
        await anyio.sleep(30)

        assert await alerts(engine) == ["limit_passed"]
        assert positions(venue)
        assert not halts(engine)


async def test_no_figures_are_told_and_are_no_loss_and_no_day() -> None:
    async with open_venue(held(2)) as venue, ruled(WatchedJournal(), venue) as engine:
        await price(venue, "100")
        await lay(engine, rule(loss()))
        await anyio.sleep(5)
        await venue.control(CutLink())
        await anyio.sleep(120)
        assert await alerts(engine) == ["limit_unmeasured"]
        await venue.control(ClearFaults())
        await price(venue, "89")
        await anyio.sleep(30)

        assert not positions(venue)


async def test_an_account_that_nobody_knows_is_told() -> None:
    async with open_venue() as venue, ruled(WatchedJournal(), venue) as engine:
        nobody = AccountRef(PAPER, AccountId("Gone"))
        await lay(engine, rule(loss(), accounts=(nobody,)))
        await anyio.sleep(30)

        assert await alerts(engine) == ["limit_unmeasured"]


# --- dead-man's switches -------------------------------------------------------------------------

SWITCH = Switch(
    switch_id="bot",
    by=BY,
    timeout=20.0,
    call=StoredCall(api="Flatten", args='{"account":"Sim101","reason":"my bot died"}'),
)


def is_fired(engine: Engine) -> bool:
    switch = engine.directives[SWITCH.name].directive
    assert isinstance(switch, Switch)
    return switch.fired_at is not None


async def test_a_client_that_falls_silent_is_closed_once() -> None:
    async with open_venue(held(2)) as venue, ruled(WatchedJournal(), venue) as engine:
        engine.renewals.renew(SWITCH.name)
        await lay(engine, SWITCH)
        for _ in range(10):
            await anyio.sleep(15)
            engine.renewals.renew(SWITCH.name)
        assert positions(venue)
        assert not is_fired(engine)

        await anyio.sleep(25)
        assert not positions(venue)
        assert is_fired(engine)
        await anyio.sleep(300)
        assert await operations(engine) == 1
        assert (await alerts(engine)).count("deadman_fired") == 1


async def test_what_a_switch_closed_is_kept_flat_for_as_long_as_its_call_says() -> None:
    args = '{"account":"Sim101","stayFlatMs":60000,"onRefill":"close"}'
    switch = msgspec.structs.replace(SWITCH, call=StoredCall(api="Flatten", args=args))
    async with open_venue(held(2)) as venue, ruled(WatchedJournal(), venue) as engine:
        await lay(engine, switch)
        await anyio.sleep(25)
        assert not positions(venue)

        await venue.control(held(1))
        await anyio.sleep(30)
        assert not positions(venue)
        assert "refilled" in await alerts(engine)


async def test_law_32_a_restart_gives_one_full_period_and_what_fired_has_fired() -> None:
    journal = WatchedJournal()
    async with open_venue(held(2)) as venue:
        async with ruled(journal, venue) as engine:
            await lay(engine, SWITCH)
            await anyio.sleep(15)
        await anyio.sleep(600)
        async with ruled(journal.reopened(), venue) as engine:
            await anyio.sleep(19)
            assert positions(venue)
            await anyio.sleep(5)
            assert not positions(venue)
        await venue.control(held(1))
        async with ruled(journal.reopened(), venue) as engine:
            await anyio.sleep(100)
            assert is_fired(engine)
            assert positions(venue), "it fires once"


async def test_law_33_a_clock_that_jumps_fires_nothing() -> None:
    clock = Clock()
    async with open_venue(held(2)) as venue, ruled(WatchedJournal(), venue, clock=clock) as engine:
        await lay(engine, SWITCH)
        engine.renewals.renew(SWITCH.name)
        await anyio.sleep(5)
        clock.ahead = timedelta(days=3)
        await anyio.sleep(5)

        assert positions(venue)


async def test_a_close_that_is_not_admitted_is_told_once_and_tried_again() -> None:
    async with open_venue(held(2)) as venue, ruled(WatchedJournal(), venue) as engine:
        gone = Switch(
            switch_id="bot",
            by=BY,
            timeout=20.0,
            call=StoredCall(api="Flatten", args='{"account":"Gone"}'),
        )
        await lay(engine, gone)
        await anyio.sleep(120)

        assert await alerts(engine) == ["deadman_failed"]
        assert not is_fired(engine)


# --- trying again --------------------------------------------------------------------------------

AGAIN = Retry(times=3, every=30.0, lasting=600.0)


def whole(**fields: object) -> CloseRequest:
    return flatten(key="press", deadline=5.0, **fields)  # type: ignore[arg-type]


async def test_what_a_close_left_open_is_tried_again_as_often_as_the_policy_says() -> None:
    async with open_venue(held(2)) as venue, ruled(WatchedJournal(), venue) as engine:
        await market(venue, MarketPhase.CLOSED)
        await lay(engine, rule(AGAIN))
        await engine.close(whole())
        await anyio.sleep(600)

        assert await operations(engine) == 4
        assert positions(venue)
        keys = [row.idempotency_key for row in await engine.journal.operations()]
        assert len(set(keys)) == 4


async def test_it_ends_as_soon_as_it_is_flat_and_touches_nothing_else() -> None:
    async with open_venue(held(2), held(1, NQ)) as venue, ruled(WatchedJournal(), venue) as engine:
        await market(venue, MarketPhase.CLOSED)
        await lay(engine, rule(AGAIN))
        await engine.close(whole())
        await anyio.sleep(20)
        assert (SIM, NQ) not in positions(venue)
        await venue.control(held(5, NQ))  # opened since, and meant
        await market(venue, None)
        await anyio.sleep(600)

        assert positions(venue) == {(SIM, NQ): 5}
        assert await operations(engine) == 2


async def test_a_crash_between_attempts_loses_none_and_repeats_none() -> None:
    journal = WatchedJournal()
    async with open_venue(held(2)) as venue:
        await market(venue, MarketPhase.CLOSED)
        async with ruled(journal, venue) as engine:
            await lay(engine, rule(AGAIN))
            admitted = await engine.close(whole())
            await engine.finished(admitted.operation_id)
            await anyio.sleep(1)
        async with ruled(journal.reopened(), venue) as engine:
            await anyio.sleep(600)
            keys = [row.idempotency_key for row in await engine.journal.operations()]

    assert len(keys) == len(set(keys)) == 4


async def test_a_part_is_never_tried_again() -> None:
    async with open_venue(held(4)) as venue, ruled(WatchedJournal(), venue) as engine:
        await market(venue, MarketPhase.CLOSED)
        await lay(engine, rule(AGAIN))
        await engine.close(whole(quantity=2))
        await anyio.sleep(600)

        assert await operations(engine) == 1


async def test_marks_are_kept_for_each_account_and_rule() -> None:
    async with (
        open_venue(accounts=(SIM, SIM2)) as venue,
        ruled(WatchedJournal(), venue) as engine,
    ):
        await lay(engine, rule(loss(), "a"), rule(loss("200"), "b", accounts=(REF2,)))
        await anyio.sleep(5)
        marks = [r.directive for r in engine.directives.values() if isinstance(r.directive, Mark)]

        assert {(mark.rule_id, mark.account) for mark in marks} == {
            ("a", REF),
            ("a", REF2),
            ("b", REF2),
        }
        assert {mark.day for mark in marks} == {date(2026, 3, 3)}


# --- what is laid down anew ----------------------------------------------------------------------


async def test_a_rule_of_a_time_set_anew_flattens_again_the_same_day() -> None:
    async with open_venue(held(3)) as venue, ruled(WatchedJournal(), venue) as engine:
        await lay(engine, rule(CLOSE))
        await until(12, 12)
        assert not positions(venue)
        await venue.control(held(2))
        await forget(engine)
        await lay(engine, rule(FlattenAt(at=time(12, 30), until=time(12, 40), zone="UTC")))
        await until(12, 31)

        assert not positions(venue)


async def test_a_limit_set_anew_locks_again_what_was_released() -> None:
    async with open_venue(held(2)) as venue, ruled(WatchedJournal(), venue) as engine:
        await price(venue, "100")
        await lay(engine, rule(loss()))
        await anyio.sleep(5)
        await price(venue, "89")
        await anyio.sleep(5)
        [halt] = halts(engine)
        await engine.lift(halt.name, WORD)
        await forget(engine)
        await venue.control(held(2))
        await lay(engine, rule(loss("90")))
        await anyio.sleep(5)
        await price(venue, "70")
        await anyio.sleep(5)

        assert not positions(venue)
        assert len(halts(engine)) == 1


async def forget(engine: Engine) -> None:
    """Take back what rules remember, as whoever changes a rule does."""
    for record in tuple(engine.directives.values()):
        if isinstance(record.directive, Mark):
            await engine.lift(record.directive.name, WORD)


async def test_a_switch_renewed_while_another_one_fires_does_not_fire() -> None:
    async with (
        open_venue(held(2), held(2, NQ, SIM2), accounts=(SIM, SIM2)) as venue,
        ruled(WatchedJournal(), venue) as engine,
    ):
        other = Switch(
            switch_id="later",
            by=BY,
            timeout=20.0,
            call=StoredCall(api="Flatten", args='{"account":"Sim102"}'),
        )
        await lay(engine, SWITCH, other)
        engine.renewals.renew(SWITCH.name)
        engine.renewals.renew(other.name)

        def hear(entries: Sequence[Entry]) -> None:
            if any(isinstance(entry.record, OperationOpened) for entry in entries):
                engine.renewals.renew(other.name)  # its client is there, just now

        engine.subscribe(hear)
        await anyio.sleep(25)

        assert is_fired(engine)
        assert list(positions(venue)) == [(SIM2, NQ)]


class SlowToFind(WatchedJournal):
    """A journal in which somebody does something while a key is looked up."""

    async def find_key(self, principal: PrincipalId, key: str) -> OperationRow | None:
        await self.meanwhile()
        return await super().find_key(principal, key)

    async def meanwhile(self) -> None:
        """Nothing, until it is set."""


async def test_a_switch_disarmed_while_it_is_about_to_fire_does_not_fire(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    journal = SlowToFind()
    async with open_venue(held(2)) as venue, ruled(journal, venue) as engine:
        await lay(engine, SWITCH)
        engine.renewals.renew(SWITCH.name)
        await anyio.sleep(15)

        async def disarm() -> None:
            if SWITCH.name in engine.directives:
                await engine.lift(SWITCH.name, WORD)

        monkeypatch.setattr(journal, "meanwhile", disarm)
        await anyio.sleep(15)

        assert SWITCH.name not in engine.directives
        assert positions(venue)


async def test_a_retry_closes_no_position_that_was_not_left() -> None:
    async with (
        open_venue(held(2), held(1, NQ, SIM2), accounts=(SIM, SIM2)) as venue,
        ruled(WatchedJournal(), venue) as engine,
    ):
        for instrument in (MES, NQ):
            await venue.control(SetPhase(instrument=instrument, phase=MarketPhase.CLOSED))
        await lay(engine, rule(AGAIN))
        await engine.close(flatten(SIM, SIM2, key="press", deadline=5.0))
        await anyio.sleep(20)
        await venue.control(held(5, NQ))  # opened since, and meant
        for instrument in (MES, NQ):
            await venue.control(SetPhase(instrument=instrument, phase=None))
        await anyio.sleep(600)

        assert positions(venue) == {(SIM, NQ): 5}


async def test_a_retry_closes_no_position_that_stands_on_the_other_side_now() -> None:
    async with open_venue(held(2), held(-2, NQ)) as venue, ruled(WatchedJournal(), venue) as engine:
        for instrument in (MES, NQ):
            await venue.control(SetPhase(instrument=instrument, phase=MarketPhase.CLOSED))
        await lay(engine, rule(AGAIN))
        await engine.close(whole())
        await anyio.sleep(20)
        await venue.control(held(-5))  # out of the two by hand, and short: that is meant
        for instrument in (MES, NQ):
            await venue.control(SetPhase(instrument=instrument, phase=None))
        await anyio.sleep(600)

        assert positions(venue) == {(SIM, MES): -3}


async def test_a_limit_taken_back_while_its_account_is_read_does_nothing(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async with open_venue(held(2)) as venue, ruled(WatchedJournal(), venue) as engine:
        await price(venue, "100")
        await lay(engine, rule(loss()))
        await anyio.sleep(5)
        read = venue.accounts

        async def taken_back_meanwhile() -> Sequence[Account]:
            figures = await read()
            if rule(loss()).name in engine.directives:
                await engine.lift(rule(loss()).name, WORD)
            return figures

        monkeypatch.setattr(venue, "accounts", taken_back_meanwhile)
        await price(venue, "80")
        await anyio.sleep(30)

        assert positions(venue)
        assert not halts(engine)
