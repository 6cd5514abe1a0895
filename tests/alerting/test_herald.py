"""Troubles that come again and again are told a few times, and counted."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import anyio
import pytest

from rpcserver.alerting import herald as module
from rpcserver.alerting.herald import Herald
from rpcserver.core.events import Event, Noticed
from rpcserver.domain.ids import VenueId

pytestmark = pytest.mark.anyio

OKX, PAPER = VenueId("okx"), VenueId("paper")


def down(venue: VenueId = PAPER, detail: str = "gone") -> Noticed:
    return Noticed(code="venue_down", detail=detail, alert=True, venue=venue)


@asynccontextmanager
async def a_herald() -> AsyncIterator[tuple[Herald, list[str]]]:
    told: list[str] = []

    def feed(event: Event) -> None:
        assert isinstance(event, Noticed)
        told.append(f"{event.venue}: {event.detail}")

    herald = Herald(feed, repeats=2, window=60.0)
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(herald.run)
        yield herald, told
        tasks.cancel_scope.cancel()


async def test_a_storm_is_told_twice_and_counted_once() -> None:
    async with a_herald() as (herald, told):
        for number in range(1000):
            herald.tell(down(detail=str(number)))
        assert told == ["paper: 0", "paper: 1"]
        await anyio.sleep(59.0)
        assert len(told) == 2
        await anyio.sleep(2.0)

        assert told[2:] == ["paper: 998 times more in 60 s, last: 999"]
        await anyio.sleep(600.0)
        assert len(told) == 3


async def test_subjects_do_not_silence_each_other() -> None:
    async with a_herald() as (herald, told):
        for _ in range(5):
            herald.tell(down())
        herald.tell(down(OKX))
        herald.tell(down(), about="another reason")

        assert told == ["paper: gone", "paper: gone", "okx: gone", "paper: gone"]


async def test_a_new_window_tells_again() -> None:
    async with a_herald() as (herald, told):
        herald.tell(down())
        await anyio.sleep(61.0)
        for _ in range(3):
            herald.tell(down())
        assert len(told) == 3
        await anyio.sleep(61.0)
        assert told[-1].startswith("paper: 1 times more")


async def test_what_is_held_back_is_counted_when_a_new_occasion_comes_first() -> None:
    told: list[str] = []
    herald = Herald(
        lambda e: told.append(e.detail if isinstance(e, Noticed) else ""), repeats=1, window=60.0
    )
    herald.tell(down(detail="a"))
    herald.tell(down(detail="b"))
    await anyio.sleep(61.0)  # nobody runs it
    herald.tell(down(detail="c"))

    assert told == ["a", "1 times more in 60 s, last: b", "c"]


async def test_what_is_remembered_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "SUBJECTS_MAX", 3)
    async with a_herald() as (herald, told):
        for number in range(10):
            herald.tell(down(VenueId(str(number))))
        assert len(told) == 10
        assert len(herald._windows) == 3
