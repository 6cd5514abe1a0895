"""A venue process dies and comes back: what its clients are told, and what it still knows."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import suppress
from pathlib import Path

import anyio
import pytest
from websockets.asyncio.client import connect
from websockets.exceptions import InvalidStatus

from rpcserver.domain.errors import OutcomeUnknown, VenueUnavailable
from rpcserver.domain.ids import AccountId, ClientOrderId, InstrumentId
from rpcserver.domain.order import OrderReport, OrderRequest, OrderSide
from rpcserver.driver.ports import LinkDown, LinkUp, OrderChanged, PositionMoved, Quoted, VenueEvent
from rpcserver.venues.paper import protocol, remote
from rpcserver.venues.paper.faults import DelayAnswers
from rpcserver.venues.paper.remote import open_remote_paper_venue
from tests.contracts.stages import order
from tests.venues.paper.processes import venue_process

pytestmark = pytest.mark.anyio

SIM101, MES = AccountId("Sim101"), InstrumentId("MES 03-26")


async def test_law_07_an_order_under_way_when_the_process_dies_is_unknown(tmp_path: Path) -> None:
    async with (
        venue_process(tmp_path / "paper.db") as process,
        open_remote_paper_venue(process.port) as venue,
    ):
        events = venue.events()
        assert await _news(events) == LinkUp()
        await venue.control(DelayAnswers(seconds=60))
        caught: list[str] = []

        async def submit() -> None:
            try:
                await venue.submit_order(_buy("under way"))
            except OutcomeUnknown:
                caught.append("unknown")

        async with anyio.create_task_group() as tasks:
            tasks.start_soon(submit)
            # Its answer is held back; its execution is not.
            assert isinstance(await _news(events), OrderChanged)
            assert isinstance(await _news(events), PositionMoved)
            await process.kill()
        assert caught == ["unknown"]
        assert isinstance(await _news(events), LinkDown)
        with pytest.raises(VenueUnavailable):
            await venue.submit_order(_buy("unsent"))

        await process.start()

        await _link_up(events)
        survivor = await venue.query_order(SIM101, client_order_id=ClientOrderId("under way"))
        assert survivor is not None
        assert survivor.filled == 1
        assert await venue.query_order(SIM101, client_order_id=ClientOrderId("unsent")) is None


async def test_nothing_that_was_acknowledged_is_lost_by_a_kill(tmp_path: Path) -> None:
    acknowledged: dict[str, OrderReport] = {}
    async with venue_process(tmp_path / "paper.db") as process:
        async with open_remote_paper_venue(process.port) as venue:

            async def submit(name: str) -> None:
                with suppress(OutcomeUnknown, VenueUnavailable):
                    acknowledged[name] = await venue.submit_order(_buy(name))

            async with anyio.create_task_group() as tasks:
                for number in range(120):
                    tasks.start_soon(submit, f"n{number}")
                while len(acknowledged) < 50:
                    await anyio.sleep(0)
                await process.kill()
        await process.start()
        async with open_remote_paper_venue(process.port) as venue:
            known = {report.client_order_id: report for report in await venue.orders(SIM101)}
            [position] = [
                each for each in (await venue.snapshot(SIM101)).positions if each.instrument == MES
            ]

    assert len(acknowledged) >= 50
    for name, report in acknowledged.items():
        assert known[ClientOrderId(name)] == report
    assert position.signed_quantity == sum(
        report.filled for report in known.values() if report.instrument == MES
    )


async def test_a_venue_that_is_down_at_the_start_comes_up_later(tmp_path: Path) -> None:
    async with venue_process(tmp_path / "paper.db") as process:
        await process.kill()
        async with open_remote_paper_venue(process.port, patience=0.05) as venue:
            events = venue.events()
            assert isinstance(await _news(events), LinkDown)
            with pytest.raises(VenueUnavailable):
                await venue.capabilities()

            await process.start()

            await _link_up(events)
            assert (await venue.capabilities()).sandbox


async def test_law_30_a_bug_that_breaks_a_link_is_a_link_that_broke(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with (
        venue_process(tmp_path / "paper.db") as process,
        open_remote_paper_venue(process.port) as venue,
    ):
        events = venue.events()
        await _link_up(events)
        with monkeypatch.context() as patched:

            def fail(_: bytes) -> list[protocol.ServerFrame]:
                patched.undo()
                raise RuntimeError("a bug")

            patched.setattr(protocol, "decode_frames", fail)
            with pytest.raises(OutcomeUnknown):
                await venue.submit_order(_buy("answered in vain"))
        await _link_up(events)

        found = await venue.query_order(SIM101, client_order_id=ClientOrderId("answered in vain"))

    assert found is not None


async def test_a_process_that_hangs_is_a_link_that_broke(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its socket stays open, and says nothing."""
    for name in ("_PING_INTERVAL", "_PING_TIMEOUT", "_GOODBYE"):
        monkeypatch.setattr(remote, name, getattr(remote, name) / 50)
    async with (
        venue_process(tmp_path / "paper.db") as process,
        open_remote_paper_venue(process.port) as venue,
    ):
        events = venue.events()
        await _link_up(events)

        process.freeze()

        assert isinstance(await _news(events), LinkDown)
        with pytest.raises(VenueUnavailable):
            await venue.submit_order(_buy("unsent"))


async def test_one_database_has_one_venue(tmp_path: Path) -> None:
    async with venue_process(tmp_path / "paper.db"):
        async with venue_process(tmp_path / "other.db"):
            pass  # another file is no trouble
        with pytest.raises(anyio.EndOfStream):  # it ended without a word on its port
            async with venue_process(tmp_path / "paper.db"):
                pass


async def test_a_page_in_a_browser_cannot_reach_the_venue(tmp_path: Path) -> None:
    async with venue_process(tmp_path / "paper.db") as process:
        url = f"ws://127.0.0.1:{process.port}"
        with pytest.raises(InvalidStatus):
            async with connect(url, origin="https://example.com", proxy=None):  # type: ignore[arg-type]
                pass


async def _news(events: AsyncIterator[VenueEvent]) -> VenueEvent:
    """The next event that is no quote: prices move all the while."""
    with anyio.fail_after(10):
        while isinstance(event := await anext(events), Quoted):
            pass
    return event


async def _link_up(events: AsyncIterator[VenueEvent]) -> None:
    with anyio.fail_after(20):
        while await anext(events) != LinkUp():
            pass


def _buy(name: str) -> OrderRequest:
    return order(name, OrderSide.BUY, "1", account=SIM101, instrument=MES)
