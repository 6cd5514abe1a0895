"""The turn: decide, journal, and only then tell and send (laws 22 and 27)."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from contextlib import ExitStack
from datetime import datetime, timedelta

import anyio
import msgspec
import pytest

from rpcserver.apis.legs import duration_ms
from rpcserver.core.entries import Entry
from rpcserver.core.records import (
    OperationFinished,
    OperationOpened,
    OrderIntended,
    Record,
    RecordBase,
)
from rpcserver.core.requests import CancelRequest, Execution
from rpcserver.domain.closing import LadderStep
from rpcserver.domain.errors import Deposed, InvalidRequest, JournalBroken
from rpcserver.domain.ids import AccountRef, VenueOrderId
from rpcserver.domain.order import OrderType
from rpcserver.driver.engine import Engine
from tests.driver.world import (
    ALICE,
    MES,
    NQ,
    PAPER,
    SIM,
    SIM2,
    Call,
    WatchedJournal,
    WatchedVenue,
    dying,
    flatten,
    held,
    open_venue,
    order,
    placing,
    positions,
    running,
    wall,
)

pytestmark = pytest.mark.anyio


def _intended(records: Sequence[Record]) -> set[str]:
    return {record.order.client_order_id for record in records if isinstance(record, OrderIntended)}


async def test_an_order_leaves_after_the_commit_of_its_intent_returned() -> None:
    async with open_venue(held(3), held(-2, NQ)) as paper:
        venue, journal = WatchedVenue(paper), WatchedJournal()
        durable: set[str] = set()
        sent: list[tuple[str, bool]] = []

        async def hold_up(records: Sequence[Record]) -> None:
            await anyio.sleep(0.5)  # it is written, and nobody knows yet
            durable.update(_intended(records))

        async def note(call: Call) -> None:
            if call.kind == "submit":
                sent.append((call.name, call.name in durable))

        journal.after, venue.before = hold_up, note
        async with running(journal, venue) as engine:
            admitted = await engine.close(flatten(everything=True))
            report = await engine.finished(admitted.operation_id)

    assert report.flat
    assert [was_durable for _, was_durable in sent] == [True, True]


async def test_an_operation_is_durable_when_it_is_admitted() -> None:
    async with open_venue() as venue:
        journal = WatchedJournal()

        async def hold_up(records: Sequence[Record]) -> None:
            del records
            await anyio.sleep(2)

        async with running(journal, venue) as engine:
            journal.before = hold_up
            began = anyio.current_time()
            admitted = await engine.close(flatten())
            took = anyio.current_time() - began

            assert took >= 2
            [row] = await journal.operations()
            assert row.operation_id == admitted.operation_id


async def test_followers_hear_of_each_commit_in_order_and_after_it() -> None:
    async with open_venue(held(3), held(-2, NQ)) as paper:
        journal = WatchedJournal()
        heard: list[Entry] = []

        def listen(entries: Sequence[Entry]) -> None:
            heard.extend(entries)
            assert journal.head.audit_seq >= entries[-1].audit_seq, "it is told, so it is durable"

        async with running(journal, paper) as engine:
            engine.subscribe(listen)
            admitted = await engine.close(flatten(everything=True))
            await engine.finished(admitted.operation_id)
            kept = await journal.entries()

    first = heard[0].audit_seq
    assert heard == [entry for entry in kept if entry.audit_seq >= first]
    assert [entry.audit_seq for entry in heard] == list(range(first, first + len(heard)))


async def test_a_listener_that_leaves_is_told_nothing_more() -> None:
    async with open_venue() as venue, running(WatchedJournal(), venue) as engine:
        heard: list[Entry] = []
        leave = engine.subscribe(heard.extend)
        await engine.finished((await engine.close(flatten())).operation_id)
        before = len(heard)
        leave()
        await engine.finished((await engine.close(flatten(request_id="r2"))).operation_id)

        assert before > 0
        assert len(heard) == before


async def test_what_is_decided_while_a_commit_runs_shares_the_next_one() -> None:
    async with open_venue() as venue:
        journal = WatchedJournal()

        async def take_a_while(records: Sequence[Record]) -> None:
            del records
            await anyio.sleep(0.1)

        async with running(journal, venue) as engine, anyio.create_task_group() as tasks:
            await anyio.sleep(1)  # the record of the start is written
            journal.before = take_a_while
            commits = journal.begun
            for number in range(50):
                request = flatten(request_id=f"r{number}", digest=f"d{number}", dry_run=True)
                tasks.start_soon(engine.close, request)
            await anyio.sleep(0.25)

            opened = [
                sum(isinstance(record, OperationOpened) for record in commit)
                for commit in journal.commits[commits:]
            ]

    assert sum(opened) == 50
    assert len(opened) <= 2, "one for whoever came first, one for all the others"


async def test_commands_are_performed_in_commit_order() -> None:
    async with open_venue() as paper:
        venue = WatchedVenue(paper)
        async with running(WatchedJournal(), venue) as engine, anyio.create_task_group() as tasks:
            names = [f"own-{number}" for number in range(20)]
            for name in names:
                tasks.start_soon(engine.place, placing(order(name)))
                await anyio.lowlevel.checkpoint()

    assert [call.name for call in venue.called("submit")] == names


@pytest.mark.parametrize("lies", [False, True])
async def test_law_27_nothing_of_a_commit_that_raised_is_sent_or_told(lies: bool) -> None:
    async with open_venue(held(3)) as paper:
        venue, journal = WatchedVenue(paper), WatchedJournal()
        told: list[RecordBase] = []
        with dying():
            async with running(journal, venue) as engine:
                engine.subscribe(lambda entries: told.extend(e.record for e in entries))
                await anyio.sleep(1)
                with journal.lying_commits() if lies else journal.failing_commits():
                    with pytest.raises(JournalBroken):
                        await engine.close(flatten(key="k"))
                    await anyio.sleep_forever()

        assert not told
        assert not venue.called("snapshot", "submit")
        assert positions(paper) == {(SIM, MES): 3}

        # The next life finds out what became of it.
        journal = journal.reopened()
        async with running(journal, venue) as engine:
            again = await engine.close(flatten(key="k"))
            report = await engine.finished(again.operation_id)

    assert again.duplicate is lies
    assert report.flat
    assert not positions(paper)


async def test_law_27_whatever_a_commit_raises_its_outcome_is_unknown() -> None:
    """A bug in the journal is no refusal: nobody is told that nothing happened."""
    async with open_venue(held(3)) as paper:
        venue, journal = WatchedVenue(paper), WatchedJournal()

        async def fail(_: Sequence[Record]) -> None:
            raise RuntimeError("a bug")

        with dying():
            async with running(journal, venue) as engine:
                await anyio.sleep(1)
                journal.before = fail
                with pytest.raises(JournalBroken):
                    await engine.close(flatten(key="k"))
                await anyio.sleep_forever()

    assert not venue.called("snapshot", "submit")


async def test_law_22_a_key_names_nothing_that_is_not_durable() -> None:
    async with open_venue(held(3)) as venue:
        journal = WatchedJournal()
        committing = anyio.Event()

        async def hold_up(_: Sequence[Record]) -> None:
            committing.set()
            await anyio.sleep(5)
            raise JournalBroken("the disk is gone")

        async def close() -> None:
            with pytest.raises(JournalBroken):
                await engine.close(flatten(key="k"))

        with dying():
            async with running(journal, venue) as engine, anyio.create_task_group() as callers:
                await anyio.sleep(1)
                journal.before = hold_up
                callers.start_soon(close)
                await committing.wait()
                with pytest.raises(JournalBroken):
                    await engine.find(ALICE, "k")
                with pytest.raises(JournalBroken):
                    await engine.find(ALICE, "k")  # now that it is known not to be
                await anyio.sleep_forever()


@pytest.mark.parametrize("lies", [False, True])
async def test_law_27_an_intent_whose_commit_raised_is_not_sent(lies: bool) -> None:
    async with open_venue(held(3)) as paper:
        venue, journal = WatchedVenue(paper), WatchedJournal()

        async def fail(records: Sequence[Record]) -> None:
            if _intended(records):
                stack.enter_context(journal.lying_commits() if lies else journal.failing_commits())

        journal.before = fail
        with ExitStack() as stack, dying():
            async with running(journal, venue) as engine:
                admitted = await engine.close(flatten(everything=True))
                await engine.finished(admitted.operation_id)

        assert not venue.called("submit")
        async with running(journal.reopened(), venue) as engine:
            report = await engine.finished(admitted.operation_id)

    assert report.flat
    assert len(venue.called("submit")) == 1
    assert not positions(paper)


async def test_whoever_waits_for_a_broken_journal_is_let_go() -> None:
    """A server that waits for its callers before it exits would otherwise never exit."""
    async with open_venue(held(3), accounts=(SIM, SIM2)) as paper:
        venue, journal = WatchedVenue(paper), WatchedJournal()
        errors: dict[str, BaseException] = {}

        async def hang(call: Call) -> None:
            if call.kind in ("submit", "cancel"):
                await anyio.sleep_forever()

        async def wait(name: str, waiting: Callable[[], Awaitable[object]]) -> None:
            try:
                await waiting()
            except JournalBroken as exc:
                errors[name] = exc

        venue.before = hang
        async with anyio.create_task_group() as callers:
            with dying():
                async with running(journal, venue) as engine:
                    admitted = await engine.close(flatten(deadline=600))
                    name = admitted.operation_id
                    cancel = CancelRequest(
                        principal=ALICE,
                        account=AccountRef(PAPER, SIM),
                        venue_order_id=VenueOrderId("v1"),
                    )
                    own = placing(order("own", account=SIM2))
                    callers.start_soon(wait, "finished", lambda: engine.finished(name))
                    callers.start_soon(wait, "cancel order", lambda: engine.cancel_order(cancel))
                    callers.start_soon(wait, "place", lambda: engine.place(own))
                    await anyio.sleep(1)
                    with journal.failing_commits():
                        callers.start_soon(wait, "close", lambda: engine.close(flatten(key="k")))
                        await anyio.sleep_forever()
            with anyio.fail_after(1):
                while len(errors) < 4:
                    await anyio.sleep(0.01)
        with pytest.raises(JournalBroken):
            await engine.close(flatten(key="later"))
        with pytest.raises(JournalBroken):
            await engine.load_report(name)


async def test_the_end_is_told_when_it_is_durable_and_not_before() -> None:
    """Law 22. Whoever asks while the commit of the end runs waits for it."""
    async with open_venue(held(3)) as venue:
        journal = WatchedJournal()
        ending = anyio.Event()

        async def hold_up(records: Sequence[Record]) -> None:
            if any(isinstance(record, OperationFinished) for record in records):
                ending.set()
                await anyio.sleep(5)

        journal.before = hold_up
        async with running(journal, venue) as engine:
            admitted = await engine.close(flatten(everything=True))
            await ending.wait()
            assert engine.unfinished == (admitted.operation_id,), "a stop still waits for it"
            began = anyio.current_time()
            loaded = await engine.load_report(admitted.operation_id)
            assert anyio.current_time() - began >= 5
            finished = await engine.finished(admitted.operation_id)

    assert loaded == finished
    assert finished.audit_head


async def test_an_end_asked_for_while_its_commit_runs_is_waited_for() -> None:
    async with open_venue(held(3)) as venue:
        journal = WatchedJournal()
        ending = anyio.Event()

        async def fail(records: Sequence[Record]) -> None:
            if any(isinstance(record, OperationFinished) for record in records):
                ending.set()
                await anyio.sleep(1)
                raise JournalBroken("the disk is gone")

        journal.before = fail
        with dying():
            async with running(journal, venue) as engine:
                admitted = await engine.close(flatten(everything=True))
                await ending.wait()
                with pytest.raises(JournalBroken):
                    await engine.finished(admitted.operation_id)
                await anyio.sleep_forever()


async def test_nothing_new_is_admitted_after_the_stop_and_what_runs_goes_on() -> None:
    async with open_venue(held(3)) as venue, running(WatchedJournal(), venue) as engine:
        admitted = await engine.close(flatten(everything=True))
        engine.stop_admitting()

        with pytest.raises(InvalidRequest, match="shutting_down"):
            await engine.close(flatten(request_id="r2"))
        with pytest.raises(InvalidRequest, match="shutting_down"):
            await engine.place(placing(order()))
        assert (await engine.finished(admitted.operation_id)).flat
        assert not engine.unfinished


@pytest.mark.parametrize("days", [3, -3])
async def test_how_long_it_took_is_no_matter_of_the_clock_on_the_wall(days: int) -> None:
    """Somebody sets the clock while a limit rests, which the market takes two seconds later."""
    ahead = timedelta()
    journal = WatchedJournal()

    def set_clock() -> datetime:
        return wall() + ahead

    async with open_venue(held(3)) as venue:
        async with running(journal, venue, clock=set_clock) as engine:
            market = LadderStep(type=OrderType.MARKET, after=2.0)
            patient = Execution(ladder=(LadderStep(offset_ticks=-40), market))
            call = msgspec.structs.replace(flatten(everything=True), execution=patient)
            admitted = await engine.close(call)
            ahead = timedelta(days=days)
            ended = await engine.finished(admitted.operation_id)
        async with running(journal.reopened(), venue) as engine:
            loaded = await engine.load_report(admitted.operation_id)

    assert ended.flat
    assert 2000 <= (duration_ms(ended) or 0) < 60_000
    assert loaded is not None
    assert duration_ms(loaded) == duration_ms(ended)


class _Deposed(WatchedJournal):
    """A journal whose directory another process took over, from the first order on."""

    @property
    def is_in_charge(self) -> bool:
        return not any(_intended(records) for records in self.commits)


async def test_law_26_whoever_waits_while_it_is_taken_over_hears_no_refusal() -> None:
    """Orders may have left by then: "shutting down" would sound as if nothing had been done."""
    told: list[str] = []

    async def wait(engine: Engine) -> None:
        admitted = await engine.close(flatten(everything=True))
        with pytest.raises(InvalidRequest) as waited:
            await engine.finished(admitted.operation_id)
        with pytest.raises(InvalidRequest) as late:
            await engine.close(flatten(request_id="r2"))
        told.extend((waited.value.code, late.value.code))

    async with open_venue(held(3)) as venue, anyio.create_task_group() as callers:

        async def close() -> None:
            async with running(_Deposed(), venue) as engine:
                callers.start_soon(wait, engine)
                await anyio.sleep_forever()

        with pytest.raises(ExceptionGroup):
            await close()

    assert told == ["outcome_unknown", "shutting_down"]


async def test_law_26_a_process_that_was_taken_over_sends_nothing_more_and_ends() -> None:
    """The race: frozen between the commit of an order and its first byte, while panic was run."""
    async with open_venue(held(3)) as paper:
        venue = WatchedVenue(paper)

        async def close() -> None:
            async with running(_Deposed(), venue) as engine:
                await engine.close(flatten(everything=True))
                await anyio.sleep_forever()

        with pytest.raises(ExceptionGroup) as ended:
            await close()

        assert ended.group_contains(Deposed)
        assert not venue.called("submit", "cancel", "change")
        assert positions(paper) == {(SIM, MES): 3}
