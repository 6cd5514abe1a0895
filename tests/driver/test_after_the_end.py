"""Law 39: what waited for its turn at a venue while its operation ended never leaves."""

from __future__ import annotations

import anyio
import msgspec
import pytest

from tests.driver.world import (
    NQ,
    Call,
    WatchedJournal,
    WatchedVenue,
    flatten,
    held,
    open_venue,
    positions,
    running,
)

pytestmark = pytest.mark.anyio


async def test_law_39_an_order_still_in_the_queue_is_not_sent_after_the_end() -> None:
    async with open_venue(held(3), held(-2, NQ)) as paper:
        capabilities = msgspec.structs.replace(await paper.capabilities(), concurrency=1)
        venue = WatchedVenue(paper, capabilities)
        hung: list[str] = []

        async def hang_once(call: Call) -> None:
            if call.kind == "submit" and not hung:
                hung.append(call.name)
                await anyio.sleep_forever()

        venue.before = hang_once
        async with running(WatchedJournal(), venue) as engine:
            admitted = await engine.close(flatten(everything=True, deadline=2.0))
            report = await engine.finished(admitted.operation_id)
            await anyio.sleep(30)

    assert not report.flat
    assert [call.name for call in venue.called("submit")] == hung
    assert len(positions(paper)) == 2
