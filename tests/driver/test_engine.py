"""What the server asks of the engine."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta
from decimal import Decimal

import anyio
import msgspec
import pytest

from rpcserver.core.commands import Alert
from rpcserver.core.events import Noticed
from rpcserver.core.records import Noted, OrderEnded, OrderUnknown
from rpcserver.core.report import OperationReport, Outcome
from rpcserver.core.requests import CancelRequest, OrderOutcome, ResolveRequest
from rpcserver.core.state import KEY_LIFE, LEGS_KEPT
from rpcserver.domain.capabilities import Capabilities, IdMemory
from rpcserver.domain.errors import (
    InvalidRequest,
    OrderRefused,
    OutcomeUnknown,
    VenueUnavailable,
)
from rpcserver.domain.ids import AccountRef, ClientOrderId, OperationId, VenueOrderId
from rpcserver.domain.order import OrderSide, OrderStatus, RejectReason
from rpcserver.driver.engine import Engine
from rpcserver.venues.paper.faults import (
    BeUnavailable,
    LoseAnswers,
    LoseEvents,
    LoseRequests,
    Message,
    RefuseOrders,
)
from tests.driver.world import (
    ALICE,
    BOB,
    MES,
    NQ,
    PAPER,
    SIM,
    Call,
    WatchedJournal,
    WatchedVenue,
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


async def close(engine: Engine, **asked: object) -> OperationReport:
    """Close, and wait for the end."""
    admitted = await engine.close(flatten(**asked))  # type: ignore[arg-type]
    return await engine.finished(admitted.operation_id)


def canceling(name: VenueOrderId) -> CancelRequest:
    return CancelRequest(principal=ALICE, account=AccountRef(PAPER, SIM), venue_order_id=name)


# --- closing -------------------------------------------------------------------------------------


async def test_the_report_of_the_end_is_proven_and_sealed() -> None:
    async with open_venue(held(3)) as paper:
        journal = WatchedJournal()
        async with running(journal, paper) as engine:
            report = await close(engine)

            assert report.flat
            assert report.proven_at is not None
            assert (await journal.entries())[report.audit_seq - 1].audit_hash == report.audit_head
            [leg] = report.legs
            assert leg.outcome is Outcome.FLAT
            assert (leg.closed, leg.remaining) == (Decimal(3), Decimal(0))


async def test_law_25_a_key_names_one_operation_now_later_and_after_a_restart() -> None:
    async with open_venue(held(3)) as paper:
        journal, venue = WatchedJournal(), WatchedVenue(paper)
        async with running(journal, venue) as engine:
            first = await engine.close(flatten(key="k"))
            resent = await engine.close(flatten(key="k", request_id="r2"))
            report = await engine.finished(first.operation_id)
            after = await engine.close(flatten(key="k"))
            others = await engine.close(flatten(key="k", principal=BOB))
            with pytest.raises(InvalidRequest, match="idempotency_conflict"):
                await engine.close(flatten(key="k", digest="another call"))
            assert await engine.find(ALICE, "k") == first.operation_id
            assert await engine.find(BOB, "k") == others.operation_id
            assert await engine.find(ALICE, "unheard") is None
        async with running(journal.reopened(), venue) as engine:
            restarted = await engine.close(flatten(key="k"))
            assert await engine.find(ALICE, "k") == first.operation_id
            assert await engine.finished(first.operation_id) == report
            with pytest.raises(InvalidRequest, match="idempotency_conflict"):
                await engine.close(flatten(key="k", digest="another call"))

    assert not first.duplicate
    assert [resent, after, restarted] == [msgspec.structs.replace(first, duplicate=True)] * 3
    assert not others.duplicate
    assert len(venue.called("submit")) == 1


async def test_a_key_older_than_a_day_is_told_to_be_old() -> None:
    async with open_venue() as paper:
        journal = WatchedJournal()
        async with running(journal, paper) as engine:
            first = await close(engine, key="k")

        def tomorrow() -> datetime:
            return wall() + KEY_LIFE + timedelta(minutes=1)

        async with running(journal.reopened(), paper, clock=tomorrow) as engine:
            with pytest.raises(InvalidRequest, match="idempotency_expired"):
                await engine.close(flatten(key="k"))
            with pytest.raises(InvalidRequest, match="idempotency_conflict"):
                await engine.close(flatten(key="k", digest="another call"))
            assert await engine.find(ALICE, "k") == first.operation_id


async def test_law_38_a_partial_close_is_not_repeated_without_a_key_even_after_a_restart() -> None:
    async with open_venue(held(8)) as paper:
        journal = WatchedJournal()
        async with running(journal, paper) as engine:
            await close(engine, quantity=2)
            with pytest.raises(InvalidRequest, match="repeat_partial"):
                await engine.close(flatten(quantity=2, request_id="r2"))
        async with running(journal.reopened(), paper) as engine:
            with pytest.raises(InvalidRequest, match="repeat_partial"):
                await engine.close(flatten(quantity=2, request_id="r2"))
            assert positions(paper) == {(SIM, MES): 6}
            await anyio.sleep(61)
            await close(engine, quantity=2, request_id="r3")

        assert positions(paper) == {(SIM, MES): 4}


async def test_the_same_call_on_the_same_token_joins_the_one_that_runs() -> None:
    async with open_venue(held(3)) as paper, running(WatchedJournal(), paper) as engine:
        first = await engine.close(flatten())
        again = await engine.close(flatten())
        apart = await engine.close(flatten(), join=False)
        await engine.finished(first.operation_id)
        await engine.finished(apart.operation_id)
        anew = await engine.close(flatten())

    assert again == msgspec.structs.replace(first, duplicate=True)
    assert len({first.operation_id, apart.operation_id, anew.operation_id}) == 3


# --- waiting for the end -------------------------------------------------------------------------


async def test_everyone_who_waits_for_an_end_is_told_the_same() -> None:
    async with open_venue(held(3)) as paper:
        journal = WatchedJournal()
        told: list[OperationReport] = []

        async def wait(engine: Engine, name: OperationId) -> None:
            told.append(await engine.finished(name))

        async with running(journal, paper) as engine:
            admitted = await engine.close(flatten())
            async with anyio.create_task_group() as tasks:
                for _ in range(5):
                    tasks.start_soon(wait, engine, admitted.operation_id)
            await wait(engine, admitted.operation_id)
            assert engine.report(admitted.operation_id) == told[0]
            assert await engine.load_report(admitted.operation_id) == told[0]
        async with running(journal.reopened(), paper) as engine:
            await wait(engine, admitted.operation_id)
            assert engine.report(admitted.operation_id) is None

    assert len(told) == 7
    assert all(report == told[0] for report in told)


async def test_nobody_waits_for_an_operation_that_never_was() -> None:
    async with open_venue() as paper, running(WatchedJournal(), paper) as engine:
        with pytest.raises(InvalidRequest, match="unknown_operation"):
            await engine.finished(OperationId("op-unheard"))
        assert await engine.load_report(OperationId("op-unheard")) is None
        assert engine.report(OperationId("op-unheard")) is None
        assert not await engine.cancel(OperationId("op-unheard"), ALICE)


async def test_a_caller_that_stops_waiting_leaves_nothing_behind() -> None:
    async with open_venue(held(3)) as paper:
        venue = WatchedVenue(paper)

        async def hold_up(call: Call) -> None:
            if call.kind in ("submit", "cancel"):
                await anyio.sleep(5)

        async def write_slowly(records: object) -> None:
            del records
            await anyio.sleep(0.1)

        journal = WatchedJournal()
        async with running(journal, venue) as engine:
            resting = await engine.place(placing(order("resting", instrument=NQ, limit="5")))
            venue.before, journal.before = hold_up, write_slowly
            admitted = await engine.close(flatten(instruments=(MES,)))
            waits: list[Callable[[], Awaitable[object]]] = [
                lambda: engine.finished(admitted.operation_id),
                lambda: engine.place(placing(order("own", instrument=NQ))),
                lambda: engine.cancel_order(canceling(resting.venue_order_id)),
                lambda: engine.close(flatten(instruments=(MES,), request_id="r2")),
            ]
            for wait in waits:
                with anyio.move_on_after(0.05) as scope:
                    await wait()
                assert scope.cancelled_caught
            assert not len(engine._own_orders)
            report = await engine.finished(admitted.operation_id)
            await anyio.sleep(30)

            assert report.flat
            assert not engine._ends
            assert not engine.unfinished


async def test_an_operation_that_runs_is_reported_as_far_as_it_is_durable() -> None:
    async with open_venue(held(3)) as paper:
        venue = WatchedVenue(paper)

        async def hold_up(call: Call) -> None:
            if call.kind == "submit":
                await anyio.sleep(2)

        venue.before = hold_up
        async with running(WatchedJournal(), venue) as engine:
            admitted = await engine.close(flatten())
            await anyio.sleep(1)
            report = await engine.load_report(admitted.operation_id)

            assert report is not None
            assert report.finished_at is None
            assert not report.flat
            [leg] = report.legs
            assert leg.outcome is None
            assert [line.status for line in leg.orders] == ["working"]
            assert engine.unfinished == (admitted.operation_id,)


async def test_cancelling_stops_what_was_not_sent_and_ends_with_a_report() -> None:
    async with open_venue(held(3), held(2, NQ)) as paper:
        venue = WatchedVenue(paper)

        async def hold_up(call: Call) -> None:
            if call.kind == "snapshot":
                await anyio.sleep(1)

        venue.before = hold_up
        async with running(WatchedJournal(), venue) as engine:
            admitted = await engine.close(flatten())
            assert await engine.cancel(admitted.operation_id, ALICE)
            report = await engine.finished(admitted.operation_id)
            assert not await engine.cancel(admitted.operation_id, ALICE)

        assert report.cancelled
        assert not report.success
        assert not venue.called("submit")
        assert len(positions(paper)) == 2


# --- law 37: the journal alone tells the same ----------------------------------------------------


async def test_law_37_the_journal_alone_tells_what_was_told() -> None:
    resting = order("resting", OrderSide.SELL, limit="99999")
    async with open_venue(held(150), held(-2, NQ)) as paper:
        journal = WatchedJournal()
        async with running(journal, paper) as engine:
            await engine.place(placing(resting))
            told = await close(engine, everything=True)
        async with running(journal.reopened(), paper) as engine:
            folded = await engine.load_report(told.operation_id)

    assert told.flat
    assert folded == told


async def test_law_37_of_operations_that_joined_one_another() -> None:
    """A leg counts what filled while it was at work, whoever's order that was."""
    async with open_venue(held(9), held(4, NQ)) as paper:
        journal, venue = WatchedJournal(), WatchedVenue(paper)

        async def hold_up(call: Call) -> None:
            if call.kind == "submit":
                await anyio.sleep(3)

        venue.before = hold_up
        told: list[OperationReport] = []
        async with running(journal, venue) as engine, anyio.create_task_group() as tasks:

            async def press(after: float, **asked: object) -> None:
                await anyio.sleep(after)
                told.append(await close(engine, **asked))

            tasks.start_soon(lambda: press(0, quantity=2, request_id="a"))
            tasks.start_soon(lambda: press(1, instruments=(MES,), request_id="b"))
            tasks.start_soon(lambda: press(2, quantity=3, request_id="c", principal=BOB))
            tasks.start_soon(lambda: press(4, everything=True, request_id="d"))
        assert not positions(paper)
        async with running(journal.reopened(), venue) as engine:
            for report in told:
                assert await engine.load_report(report.operation_id) == report

    assert len(told) == 4
    assert any(leg.joined for report in told for leg in report.legs)
    assert all(report.success for report in told)


# --- clients' own orders -------------------------------------------------------------------------


async def test_a_placed_order_is_told_with_its_fills() -> None:
    async with open_venue() as paper, running(WatchedJournal(), paper) as engine:
        report = await engine.place(placing(order("own", quantity=2)))

        assert report.status is OrderStatus.FILLED
        assert report.filled == sum(fill.quantity for fill in report.fills) == 2
        assert positions(paper) == {(SIM, MES): 2}


async def test_a_limit_that_rests_is_told_as_accepted() -> None:
    async with open_venue() as paper, running(WatchedJournal(), paper) as engine:
        report = await engine.place(placing(order("own", limit="5")))

        assert report.status is OrderStatus.ACCEPTED


@pytest.mark.parametrize(
    ("fault", "expected"),
    [
        (RefuseOrders(reason=RejectReason.INSUFFICIENT_MARGIN, detail="no"), OrderRefused),
        (BeUnavailable(retry_after=2.0), VenueUnavailable),
        (LoseRequests(), OutcomeUnknown),
    ],
)
async def test_why_an_order_has_no_report(
    fault: RefuseOrders | BeUnavailable | LoseRequests, expected: type[Exception]
) -> None:
    async with open_venue() as paper, running(WatchedJournal(), paper) as engine:
        await paper.control(fault)
        with pytest.raises(expected) as raised:
            await engine.place(placing(order("own")))

        if isinstance(raised.value, OrderRefused):
            assert raised.value.reason is RejectReason.INSUFFICIENT_MARGIN
        if isinstance(raised.value, VenueUnavailable):
            assert raised.value.retry_after == 2.0


async def test_a_lost_answer_is_unknown_to_the_caller_and_found_out_by_the_engine() -> None:
    async with open_venue() as paper:
        journal = WatchedJournal()
        async with running(journal, paper) as engine:
            await paper.control(LoseAnswers(count=1))
            await paper.control(LoseEvents(count=1))
            with pytest.raises(OutcomeUnknown):
                await engine.place(placing(order("own")))
            await anyio.sleep(5)

            assert not await journal.unfinished(), "it was asked for, and found"
            kinds = [type(record) for commit in journal.commits for record in commit]
            assert OrderUnknown in kinds


async def test_what_the_stream_told_stands_for_an_answer_that_is_lost() -> None:
    async with open_venue() as paper:
        venue = WatchedVenue(paper)

        async def hang(call: Call) -> None:
            if call.kind == "submit":
                await anyio.sleep_forever()  # it is carried out, and the stream tells of it

        venue.after = hang
        async with running(WatchedJournal(), venue) as engine:
            report = await engine.place(placing(order("own")))

            assert report.filled == 1


async def test_an_id_the_venue_knows_already_is_unknown_not_refused() -> None:
    """A refused copy says that the first one exists: whoever hears "refused" would send anew."""
    async with open_venue() as paper, running(WatchedJournal(), paper) as engine:
        await engine.place(placing(order("own", limit="5")))
        with pytest.raises(OutcomeUnknown):
            await engine.place(placing(order("own", limit="6")))


async def test_law_09_new_risk_is_refused_where_something_closes() -> None:
    async with open_venue(held(3)) as paper:
        venue = WatchedVenue(paper)

        async def hold_up(call: Call) -> None:
            if call.kind == "submit" and call.name != "after":
                await anyio.sleep(1)

        venue.before = hold_up
        async with running(WatchedJournal(), venue) as engine:
            admitted = await engine.close(flatten(instruments=(MES,)))
            with pytest.raises(InvalidRequest, match="closing_in_progress"):
                await engine.place(placing(order("gated")))
            await engine.place(placing(order("elsewhere", instrument=NQ)))
            await engine.finished(admitted.operation_id)
            await engine.place(placing(order("after")))

    assert "gated" not in [call.name for call in venue.called("submit")]


async def test_a_disk_nearly_full_takes_exits_only() -> None:
    async with open_venue(held(3)) as paper:
        journal = WatchedJournal()
        async with running(journal, paper) as engine:
            with journal.filling_disk():
                with pytest.raises(InvalidRequest, match="journal_low"):
                    await engine.place(placing(order("own")))
                assert (await close(engine)).flat


async def test_an_order_is_canceled_once_and_everyone_who_asked_is_told() -> None:
    async with open_venue() as paper:
        journal, venue = WatchedJournal(), WatchedVenue(paper)
        async with running(journal, venue) as engine:
            resting = (await engine.place(placing(order("own", limit="5")))).venue_order_id
            told: list[OrderStatus | RejectReason] = []

            async def cancel() -> None:
                try:
                    told.append((await engine.cancel_order(canceling(resting))).status)
                except OrderRefused as exc:
                    told.append(exc.reason)

            async with anyio.create_task_group() as tasks:
                tasks.start_soon(cancel)
                tasks.start_soon(cancel)
            await cancel()
            ended = [r for commit in journal.commits for r in commit if isinstance(r, OrderEnded)]

    assert told == [OrderStatus.CANCELED, OrderStatus.CANCELED, RejectReason.ALREADY_TERMINAL]
    assert len(ended) == 1


async def test_a_caller_who_leaves_takes_nobody_elses_answer_along() -> None:
    async with open_venue() as paper:
        venue = WatchedVenue(paper)

        async def hold_up(call: Call) -> None:
            if call.kind == "cancel":
                await anyio.sleep(2)

        async with running(WatchedJournal(), venue) as engine:
            resting = (await engine.place(placing(order("own", limit="5")))).venue_order_id
            venue.after = hold_up
            told: list[OrderStatus] = []

            async def cancel(after: float, patience: float) -> None:
                await anyio.sleep(after)
                with anyio.move_on_after(patience):
                    told.append((await engine.cancel_order(canceling(resting))).status)

            async with anyio.create_task_group() as tasks:
                tasks.start_soon(cancel, 0.0, 0.5)
                tasks.start_soon(cancel, 0.1, 60)
                tasks.start_soon(cancel, 0.2, 1.0)
                tasks.start_soon(cancel, 0.3, 60)

    assert told == [OrderStatus.CANCELED] * 2


async def test_a_cancel_without_an_answer_is_unknown() -> None:
    async with open_venue() as paper, running(WatchedJournal(), paper) as engine:
        resting = await engine.place(placing(order("own", limit="5")))
        await paper.control(LoseAnswers(messages=frozenset({Message.CANCEL})))
        with pytest.raises(OutcomeUnknown):
            await engine.cancel_order(canceling(resting.venue_order_id))


async def test_an_order_the_venue_does_not_know_cannot_be_canceled() -> None:
    async with open_venue() as paper, running(WatchedJournal(), paper) as engine:
        with pytest.raises(OrderRefused) as raised:
            await engine.cancel_order(canceling(VenueOrderId("unheard")))

        assert raised.value.reason is RejectReason.UNKNOWN_ORDER


async def test_what_became_of_an_order_is_told_when_it_is_durable() -> None:
    async with open_venue() as paper:
        journal = WatchedJournal()
        durable: list[float] = []

        async def hold_up(records: object) -> None:
            del records
            await anyio.sleep(1)
            durable.append(anyio.current_time())

        async with running(journal, paper) as engine:
            await anyio.sleep(1)
            journal.before = hold_up
            placed = await engine.place(placing(order("own", limit="5")))
            assert len(durable) == 2, "its intent, then that it works"
            await engine.cancel_order(canceling(placed.venue_order_id))
            assert len(durable) == 4


# --- a person's word -----------------------------------------------------------------------------


def word(name: ClientOrderId, outcome: OrderOutcome, filled: int = 0) -> ResolveRequest:
    return ResolveRequest(
        principal=BOB,
        client_order_id=name,
        outcome=outcome,
        filled=Decimal(filled),
        reason="the venue's desk says so",
    )


async def test_a_word_about_an_order_opens_the_gate_and_the_alerts_say_so() -> None:
    forgetful = Capabilities(position_settle=0.2, not_found_settle=0.5, id_memory=IdMemory.NEVER)
    async with open_venue(held(3)) as paper:
        venue, alerts = WatchedVenue(paper, forgetful), list[Alert]()
        async with running(WatchedJournal(), venue) as engine:
            stop = engine.alerts(alerts.append)
            await paper.control(LoseRequests(count=1))
            report = await close(engine, deadline=10)
            [leg] = report.legs
            assert leg.outcome is Outcome.UNKNOWN
            [line] = leg.orders
            assert "order_unknown" in {alert.code for alert in alerts}
            with pytest.raises(InvalidRequest, match="closing_in_progress"):
                await engine.place(placing(order("own")))
            with pytest.raises(InvalidRequest, match="invalid_argument"):
                await engine.resolve(word(line.client_order_id, OrderOutcome.FILLED, 4))
            gone = word(line.client_order_id, OrderOutcome.NEVER_EXISTED)
            with pytest.raises(InvalidRequest, match="unknown_order"):
                await engine.resolve(msgspec.structs.replace(gone, grants=("another account",)))
            await engine.resolve(word(line.client_order_id, OrderOutcome.NEVER_EXISTED))
            await anyio.sleep(1)
            assert "order_settled" in {alert.code for alert in alerts}
            with pytest.raises(InvalidRequest, match="unknown_order"):
                await engine.resolve(word(line.client_order_id, OrderOutcome.NEVER_EXISTED))
            stop()
            heard = len(alerts)
            assert (await close(engine, request_id="r2")).flat
            assert len(alerts) == heard


async def test_a_word_about_what_is_known_is_refused() -> None:
    async with open_venue() as paper, running(WatchedJournal(), paper) as engine:
        await engine.place(placing(order("own", limit="5")))
        with pytest.raises(InvalidRequest, match="order_not_unknown"):
            await engine.resolve(word(ClientOrderId("own"), OrderOutcome.CANCELED))


# --- what is kept --------------------------------------------------------------------------------


async def test_nothing_is_kept_of_what_is_over() -> None:
    async with open_venue() as paper, running(WatchedJournal(), paper) as engine:
        for number in range(300):
            await paper.control(held(2))
            report = await close(engine, request_id=f"r{number}", key=f"k{number}")
            assert report.flat
            await engine.place(placing(order(f"o{number}", limit="5")))
            await close(engine, request_id=f"c{number}", everything=True, digest=f"d{number}")
        await anyio.sleep(120)
        state = engine._state

        assert not await engine.journal.unfinished()
        assert not state.operations
        assert not state.legs
        assert not state.parts
        assert not state.lanes
        assert not state.loose
        assert not state.loose_accounts
        assert not state._lane_of_order
        assert state.next_wake() is None
        assert not state._timers
        assert sum(len(known.legs) for known in state.reports.values()) <= LEGS_KEPT
        assert not engine._ends
        assert not engine._turns
        assert not len(engine._own_orders)


async def test_timers_of_operations_that_ended_early_do_not_pile_up() -> None:
    async with open_venue(held(1000)) as paper, running(WatchedJournal(), paper) as engine:
        for number in range(200):
            await close(engine, request_id=f"r{number}", digest=f"d{number}", quantity=1)

        assert len(engine._state._timers) < 200 * 10


async def test_keys_partials_and_plans_are_forgotten_when_they_no_longer_count() -> None:
    async with open_venue(held(100)) as paper:
        journal = WatchedJournal()
        async with running(journal, paper) as engine:
            for number in range(50):
                await close(engine, key=f"k{number}", quantity=1, digest=f"d{number}")
                await close(engine, request_id=f"r{number}", dry_run=True, digest=f"p{number}")
            state = engine._state
            assert len(state.keys) == 50
            shift = KEY_LIFE + timedelta(minutes=1)
            engine._clock = lambda: wall() + shift
            await anyio.sleep(61)
            await close(engine, key="new", digest="new")

            assert len(state.keys) == 1
            assert len(state.partials) == 0
            assert len(state.plans) == 0


async def test_what_the_server_noticed_is_in_the_audit_and_told_if_it_is_an_alert() -> None:
    async with open_venue() as paper:
        journal = WatchedJournal()
        async with running(journal, paper) as engine:
            told: list[Alert] = []
            engine.alerts(told.append)

            await engine.note(Noticed(code="signed_in", detail="from the desk", principal=ALICE))
            await engine.note(Noticed(code="clock_jumped", detail="by 3 s", alert=True))

            noted = [e.record for e in await journal.entries() if isinstance(e.record, Noted)]
            assert [(n.code, n.alert, n.principal) for n in noted] == [
                ("signed_in", False, ALICE),
                ("clock_jumped", True, None),
            ]
            assert [alert.code for alert in told] == ["clock_jumped"]
