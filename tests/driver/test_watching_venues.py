"""Watching venues: links that fall and rise, directories that change, streams that break."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from decimal import Decimal

import anyio
import pytest

from rpcserver.core.report import Outcome
from rpcserver.domain.account import UNREAD
from rpcserver.domain.capabilities import Capabilities
from rpcserver.domain.errors import InvalidRequest, VenueUnavailable
from rpcserver.domain.ids import AccountRef, VenueId
from rpcserver.driver.engine import Engine
from rpcserver.driver.ports import LinkDown, LinkUp, OrderChanged, Venue, VenueEvent
from rpcserver.driver.watching import REFRESH, RELIST
from rpcserver.venues.paper import PaperVenue
from rpcserver.venues.paper.commands import CancelOrder, ListContracts, OpenAccount
from rpcserver.venues.paper.contracts import synthetic_contracts
from rpcserver.venues.paper.faults import ClearFaults, CutLink, FailReads, Message
from tests.driver.world import (
    MES,
    NQ,
    OTHER,
    PAPER,
    SIM,
    SIM2,
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
)

pytestmark = pytest.mark.anyio


def everybody(engine: Engine) -> list[AccountRef]:
    return [account.ref for accounts in engine.accounts.values() for account in accounts]


async def test_accounts_and_instruments_are_known_as_last_read() -> None:
    async with (
        open_venue(accounts=(SIM, SIM2)) as paper,
        running(WatchedJournal(), paper) as engine,
    ):
        assert [account.account for account in engine.accounts[PAPER]] == [SIM, SIM2]
        assert MES in {each.instrument_id for each in engine.instruments[PAPER]}


async def test_an_account_that_is_opened_later_is_soon_in_scope() -> None:
    async with open_venue() as paper, running(WatchedJournal(), paper) as engine:
        await paper.control(OpenAccount(account=SIM2, user_id="alice", cash=Decimal(1)))
        await anyio.sleep(REFRESH + 1)

        assert AccountRef(PAPER, SIM2) in everybody(engine)


async def test_what_stays_as_it_was_stays_the_very_same() -> None:
    """Whoever builds an index of a list builds it anew only when the list is another."""
    async with open_venue() as paper, running(WatchedJournal(), paper) as engine:
        accounts, instruments = engine.accounts[PAPER], engine.instruments[PAPER]
        await anyio.sleep(RELIST * 2)

        assert engine.accounts[PAPER] is accounts
        assert engine.instruments[PAPER] is instruments


async def test_what_is_listed_while_the_link_is_down_is_known_after() -> None:
    async with open_venue() as paper, running(WatchedJournal(), paper) as engine:
        await paper.control(CutLink())
        [fresh] = synthetic_contracts(1)
        await paper.control(ListContracts((fresh,)))
        await anyio.sleep(1)
        await paper.control(ClearFaults())
        await anyio.sleep(1)

        assert fresh.instrument in engine.instruments[PAPER]


async def test_what_is_listed_meanwhile_is_known_after_a_while() -> None:
    async with open_venue() as paper, running(WatchedJournal(), paper) as engine:
        await anyio.sleep(1)
        [fresh] = synthetic_contracts(1)
        await paper.control(ListContracts((fresh,)))
        await anyio.sleep(RELIST + REFRESH)

        assert fresh.instrument in engine.instruments[PAPER]


# --- venues that cannot be reached ---------------------------------------------------------------


async def test_a_venue_never_read_has_one_unknown_account_and_is_never_flat() -> None:
    """Law 18: not to know what is held is not to hold nothing. The other venue closes at once."""
    async with (
        open_venue(held(3)) as near,
        open_venue(held(5), venue=OTHER) as far,
    ):
        await far.control(CutLink())
        async with running(WatchedJournal(), near, far, known=False) as engine:
            await anyio.sleep(1)
            assert everybody(engine) == [AccountRef(PAPER, SIM), AccountRef(OTHER, UNREAD)]
            began = anyio.current_time()
            admitted = await engine.close(flatten(*everybody(engine), everything=True))
            while positions(near):
                await anyio.sleep(0.01)
            assert anyio.current_time() - began < 1
            with pytest.raises(InvalidRequest, match="closing_in_progress"):
                await engine.place(placing(order(), OTHER))  # whichever account it is (law 9)
            report = await engine.finished(admitted.operation_id)

    assert [leg.outcome for leg in report.legs] == [Outcome.FLAT]
    assert [(each.venue, each.account) for each in report.failures] == [(OTHER, UNREAD)]
    assert not report.success
    assert not report.flat
    assert report.proven_at is None


async def test_a_venue_that_is_reached_later_is_known_then() -> None:
    async with open_venue() as paper:
        await paper.control(CutLink(seconds=30))
        async with running(WatchedJournal(), paper, known=False) as engine:
            with anyio.fail_after(31):
                await engine.accounts_read()

            assert everybody(engine) == [AccountRef(PAPER, SIM)]


async def test_accounts_that_cannot_be_read_keep_nobody_from_hearing_the_stream() -> None:
    async with open_venue(held(3)) as paper:
        venue = WatchedVenue(paper)
        async with running(WatchedJournal(), venue) as engine:
            heard: list[VenueEvent] = []
            engine.watch(lambda _, event: heard.append(event))
            await paper.control(FailReads(messages=frozenset({Message.ACCOUNTS})))
            await paper.control(CutLink(seconds=1))
            await anyio.sleep(2)
            report = await engine.finished((await engine.close(flatten())).operation_id)

    kinds = [type(event) for event in heard]
    assert kinds[:2] == [LinkDown, LinkUp]
    assert OrderChanged in kinds
    assert report.flat


async def test_a_link_that_falls_while_positions_close_is_waited_for() -> None:
    async with open_venue(held(3)) as paper:
        venue = WatchedVenue(paper)

        async def cut(call: Call) -> None:
            if call.kind == "submit" and len(venue.called("submit")) == 1:
                await paper.control(CutLink(seconds=5))

        venue.after = cut
        async with running(WatchedJournal(), venue) as engine:
            report = await engine.finished((await engine.close(flatten())).operation_id)

        assert report.flat
        assert len(venue.called("submit")) == 1
        assert not positions(paper)


async def test_a_clients_order_that_ended_behind_our_back_is_asked_about() -> None:
    """While the link was down, or while we were: else it would be remembered as alive for ever."""
    async with open_venue() as paper:
        journal = WatchedJournal()
        async with running(journal, paper) as engine:
            for name in ("first", "second"):
                await engine.place(placing(order(name, limit="5000")))
            await paper.control(CutLink())
            await _cancel_behind_our_back(paper, "first")
            assert len(await journal.unfinished()) == 4  # both are intended, and known
            await paper.control(ClearFaults())
            await anyio.sleep(1)
            assert len(await journal.unfinished()) == 2
        await _cancel_behind_our_back(paper, "second")
        journal = journal.reopened()
        async with running(journal, paper):
            await anyio.sleep(1)
            assert not await journal.unfinished()


async def _cancel_behind_our_back(paper: PaperVenue, name: str) -> None:
    [found] = [each for each in paper.exchange.state.orders.values()
               if each.report.client_order_id == name]  # fmt: skip
    await paper.control(CancelOrder(account=SIM, venue_order_id=found.venue_order_id))


# --- adapters that break -------------------------------------------------------------------------


class BrokenStream(WatchedVenue):
    """An adapter whose stream raises what it should not, or ends, a few times."""

    def __init__(self, venue: Venue, breaks: Sequence[BaseException | None]) -> None:
        super().__init__(venue)
        self.breaks = list(breaks)

    async def _events(self) -> AsyncIterator[VenueEvent]:
        async for event in self.venue.events():
            yield event
            if self.breaks:
                broken = self.breaks.pop()
                if broken is None:
                    return
                raise broken

    def events(self) -> AsyncIterator[VenueEvent]:
        return self._events()


async def test_law_30_a_stream_that_breaks_is_a_link_that_is_down() -> None:
    breaks = [KeyError("qty"), None, VenueUnavailable("gone"), asyncio.CancelledError()]
    async with open_venue(held(3)) as paper, open_venue(held(2), venue=OTHER) as other:
        venue = BrokenStream(paper, breaks)
        heard: list[tuple[VenueId, VenueEvent]] = []
        async with running(WatchedJournal(), venue, other, known=False) as engine:
            engine.watch(lambda name, event: heard.append((name, event)))
            await engine.accounts_read()
            admitted = await engine.close(flatten(*everybody(engine)))
            report = await engine.finished(admitted.operation_id)
            await anyio.sleep(5)

    assert report.flat
    links = [type(event) for name, event in heard if name == PAPER]
    assert [kind for kind in links if kind in (LinkUp, LinkDown)][-1] is LinkUp
    assert LinkDown in links
    assert LinkDown not in [type(event) for name, event in heard if name == OTHER]


async def test_law_30_a_directory_that_breaks_ends_nothing() -> None:
    async with open_venue() as paper, open_venue(held(2), venue=OTHER) as other:
        venue = WatchedVenue(paper)

        async def break_down(call: Call) -> None:
            if call.kind in ("accounts", "instruments", "capabilities"):
                raise ZeroDivisionError

        venue.before = break_down
        async with running(WatchedJournal(), venue, other, known=False) as engine:
            await anyio.sleep(1)
            assert engine.accounts[PAPER][0].account == UNREAD
            report = await engine.finished(
                (await engine.close(flatten(AccountRef(OTHER, SIM)))).operation_id
            )
            assert report.flat
            venue.before = _nothing
            with anyio.fail_after(REFRESH):
                await engine.accounts_read()


async def test_law_30_a_directory_that_hangs_ends_nothing() -> None:
    async with open_venue() as paper:
        venue = WatchedVenue(paper)

        async def hang(call: Call) -> None:
            if call.kind == "accounts" and len(venue.called("accounts")) == 1:
                await anyio.sleep_forever()

        venue.before = hang
        async with running(WatchedJournal(), venue, known=False) as engine:
            with anyio.fail_after(15):
                await engine.accounts_read()


async def _nothing(call: Call) -> None:
    del call


async def test_what_a_venue_can_do_is_learned_anew_when_it_comes_back() -> None:
    async with open_venue(held(3)) as paper:
        venue = WatchedVenue(paper, Capabilities(concurrency=1))
        async with running(WatchedJournal(), venue) as engine:
            venue.told_capabilities = Capabilities(concurrency=7)
            await paper.control(CutLink(seconds=1))
            await anyio.sleep(2)

            assert engine._performers[PAPER]._concurrency == 7


async def test_an_operation_of_a_venue_that_was_taken_away_ends_without_it() -> None:
    """Settings change between two lives; what was under way there is unknown, and says so."""
    async with open_venue(held(3)) as paper, open_venue(held(2), venue=OTHER) as other:
        journal, venue = WatchedJournal(), WatchedVenue(paper)

        async def hang(call: Call) -> None:
            if call.kind == "submit":
                sent.set()
                await anyio.sleep_forever()

        sent, venue.before = anyio.Event(), hang
        async with running(journal, venue) as engine:
            admitted = await engine.close(flatten(deadline=20))
            await sent.wait()
        journal = journal.reopened()
        async with running(journal, other) as engine:
            report = await engine.finished(admitted.operation_id)
            fresh = await engine.finished(
                (await engine.close(flatten(AccountRef(OTHER, SIM)))).operation_id
            )
            with pytest.raises(VenueUnavailable):
                await engine.place(placing(order(instrument=NQ), PAPER))

    assert [leg.outcome for leg in report.legs] == [Outcome.UNKNOWN]
    assert fresh.flat
