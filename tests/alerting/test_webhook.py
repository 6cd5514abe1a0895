"""A webhook over the journal: at least once, across restarts, and never a storm. Virtual time."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import anyio
import pytest

from rpcserver.alerting.cursor import Cursor
from rpcserver.alerting.heads import Heads
from rpcserver.alerting.posting import NotTaken
from rpcserver.alerting.webhook import BATCH, PAUSE_MAX, TROUBLE, HeadEvent, Webhook
from rpcserver.core.entries import FoundAlert, Head
from rpcserver.core.events import Noticed
from rpcserver.core.records import Noted
from rpcserver.domain.ids import VenueId
from rpcserver.journal.memory import MemoryJournal

pytestmark = pytest.mark.anyio

DAY = 86_400.0


class Kept(Cursor):
    """A place that outlives the webhook, not the test."""

    def __init__(self) -> None:
        super().__init__(Path("nowhere"), "desk")
        self.place: int | None = None

    async def read(self) -> int | None:
        return self.place

    async def write(self, audit_seq: int) -> None:
        self.place = audit_seq


class Desk:
    """A receiver that takes or refuses, and a journal that goes on."""

    def __init__(self) -> None:
        self.journal = MemoryJournal()
        self.kept = Kept()
        self.bodies: list[dict[str, Any]] = []
        self.attempts = 0
        self.refuses = False
        self.hangs = False
        self.lie = False  # it takes the body, and the answer is lost
        self.told: list[Noticed] = []

    async def post(self, body: bytes) -> None:
        self.attempts += 1
        if self.hangs:
            await anyio.sleep(5.0)
        if self.refuses or self.hangs:
            raise NotTaken("it answered 500")
        self.bodies.append(json.loads(body))
        if self.lie:
            raise NotTaken("no answer within 5 s")

    @property
    def ids(self) -> list[str]:
        return [event["id"] for body in self.bodies for event in body["events"]]

    async def alert(self, *codes: str, at: datetime | None = None) -> list[FoundAlert]:
        at = at or datetime.now(UTC)
        alerts = [Noted(at=at, mono=0.0, alert=True, code=code, detail="look") for code in codes]
        entries = await self.journal.append(alerts)
        return [FoundAlert(e.audit_seq, alert) for e, alert in zip(entries, alerts, strict=True)]

    @asynccontextmanager
    async def webhook(
        self,
        *,
        codes: Sequence[str] = (),
        keep: float = DAY,
        draw: Callable[[float, float], float] = lambda _, longest: longest,
    ) -> AsyncIterator[Webhook]:
        webhook = Webhook(
            "desk",
            self,
            self.journal,
            self.kept,
            codes=codes,
            keep=keep,
            tell=self.told.append,
            sandboxes=lambda: {VenueId("paper"): True},
            draw=draw,
        )
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(webhook.run)
            await anyio.sleep(0.01)
            yield webhook
            tasks.cancel_scope.cancel()


async def test_what_happened_before_its_first_start_is_not_posted() -> None:
    desk = Desk()
    await desk.alert("overfill")
    async with desk.webhook() as webhook:
        await desk.alert("exit_failed")
        await webhook.settled()

    assert desk.ids == ["alert-2"]
    [body] = desk.bodies
    assert body["webhook"] == "desk"
    assert body["events"][0]["alert"]["code"] == "exit_failed"
    assert body["events"][0]["type"] == "alert"


async def test_what_happened_while_the_server_was_away_is_posted() -> None:
    desk = Desk()
    async with desk.webhook():
        pass
    await desk.alert("overfill", "exit_failed")
    async with desk.webhook() as webhook:
        await webhook.settled()
    async with desk.webhook() as webhook:
        await webhook.settled()

    assert desk.ids == ["alert-1", "alert-2"]


async def test_a_lost_answer_is_posted_again_under_the_same_ids() -> None:
    desk = Desk()
    desk.lie = True
    async with desk.webhook() as webhook:
        await desk.alert("overfill")
        webhook.wake()
        await anyio.sleep(0.01)
        desk.lie = False
        await webhook.settled()

    assert desk.ids == ["alert-1", "alert-1"]


async def test_a_storm_is_posted_in_batches() -> None:
    desk = Desk()
    async with desk.webhook() as webhook:
        await desk.alert(*["overfill"] * (2 * BATCH + 1))
        await webhook.settled()

    assert [len(body["events"]) for body in desk.bodies] == [BATCH, BATCH, 1]
    assert len(set(desk.ids)) == 2 * BATCH + 1


async def test_posts_and_what_waits_are_counted() -> None:
    desk = Desk()
    desk.refuses = True
    async with desk.webhook(codes=["overfill"]) as webhook:
        webhook.wake(await desk.alert("overfill", "exit_failed", "overfill"))
        await anyio.sleep(0.01)
        assert (webhook.taken, webhook.not_taken, webhook.waiting) == (0, 1, 2)

    await desk.alert("overfill")  # nobody was there to be told
    async with desk.webhook(codes=["overfill"]) as webhook:
        assert webhook.waiting == 3
        webhook.wake(await desk.alert("overfill"))
        assert webhook.waiting == 4
        desk.refuses = False
        await webhook.settled()
        assert (webhook.taken, webhook.waiting) == (1, 0)

    assert len(desk.ids) == 4


async def test_what_is_given_up_waits_no_more_and_is_counted() -> None:
    desk = Desk()
    desk.refuses = True
    async with desk.webhook(keep=60.0) as webhook:
        webhook.wake(await desk.alert("overfill", at=datetime.now(UTC) - timedelta(seconds=61)))
        webhook.wake(await desk.alert("overfill"))
        await anyio.sleep(PAUSE_MAX)
        assert (webhook.given_up, webhook.waiting) == (1, 1)


async def test_only_what_it_wants_is_posted() -> None:
    desk = Desk()
    async with desk.webhook(codes=["overfill"]) as webhook:
        await desk.alert("exit_failed", "overfill", "unprotected")
        await webhook.settled()

    assert desk.ids == ["alert-2"]
    assert desk.kept.place == 3


@pytest.mark.parametrize("how", ["refuses", "hangs"])
async def test_an_hour_of_failures_is_bounded_told_once_and_loses_nothing(how: str) -> None:
    desk = Desk()
    setattr(desk, how, True)
    async with desk.webhook() as webhook:
        await desk.alert("overfill")
        webhook.wake()
        await anyio.sleep(TROUBLE / 2)
        assert desk.told == []
        await anyio.sleep(3600.0)
        for _ in range(10):
            await desk.alert("exit_failed")
            webhook.wake()
        assert desk.attempts < 30
        [told] = desk.told
        setattr(desk, how, False)
        await anyio.sleep(PAUSE_MAX + 10)

    assert told.code == "webhook_failing"
    assert "it answered 500" in told.detail
    assert desk.ids == [f"alert-{number}" for number in range(1, 12)]


async def test_an_outage_is_told_after_its_minute_however_long_the_pause_would_be() -> None:
    desk = Desk()
    desk.refuses = True
    async with desk.webhook(draw=lambda _, longest: longest) as webhook:
        await desk.alert("overfill")
        webhook.wake()
        await anyio.sleep(TROUBLE + 1)  # the seventh attempt would come 63 s after the first

        assert [told.code for told in desk.told] == ["webhook_failing"]


async def test_an_outage_after_it_worked_again_is_told_again() -> None:
    desk = Desk()
    async with desk.webhook() as webhook:
        for _ in range(2):
            desk.refuses = True
            await desk.alert("overfill")
            webhook.wake()
            await anyio.sleep(2 * TROUBLE)
            desk.refuses = False
            await webhook.settled()

    assert [told.code for told in desk.told] == ["webhook_failing"] * 2


async def test_pauses_are_drawn_from_ever_more_room_and_never_none() -> None:
    room: list[float] = []

    def draw(_: float, longest: float) -> float:
        room.append(longest)
        return 0.0

    desk = Desk()
    desk.refuses = True
    async with desk.webhook(draw=draw) as webhook:
        await desk.alert("overfill")
        webhook.wake()
        await anyio.sleep(10.0)

    assert room[:4] == [1.0, 2.0, 4.0, 8.0]
    assert max(room) == PAUSE_MAX
    assert desk.attempts <= 21


async def test_what_is_refused_for_too_long_is_given_up_and_told() -> None:
    desk = Desk()
    desk.refuses = True
    async with desk.webhook(keep=600.0) as webhook:
        await desk.alert("overfill", "overfill", at=datetime.now(UTC) - timedelta(hours=1))
        await desk.alert("exit_failed")
        webhook.wake()
        await anyio.sleep(30.0)
        desk.refuses = False
        await webhook.settled()

    assert desk.ids == ["alert-3"]
    assert [told.code for told in desk.told] == ["webhook_gave_up"]
    assert "2 alerts up to 2" in desk.told[0].detail


async def test_a_place_that_cannot_be_kept_ends_no_webhook() -> None:
    desk = Desk()

    async def write(audit_seq: int) -> None:
        raise OSError(f"no room for {audit_seq}")

    async with desk.webhook() as webhook:
        desk.kept.write = write  # type: ignore[method-assign]
        await desk.alert("overfill", "exit_failed")
        await webhook.settled()
        await desk.alert("overfill")
        await webhook.settled()
    assert desk.ids == ["alert-1", "alert-2", "alert-3"]

    async with desk.webhook() as webhook:  # the next life knows no better than to repeat
        await webhook.settled()
    assert desk.ids == ["alert-1", "alert-2", "alert-3"] * 2


async def test_a_journal_that_cannot_be_read_ends_no_webhook(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    desk = Desk()

    async def fail(*_: object, **__: object) -> None:
        raise RuntimeError("disk I/O error")

    async with desk.webhook() as webhook:
        with monkeypatch.context() as patch:
            patch.setattr(desk.journal, "alerts_since", fail)
            await desk.alert("overfill")
            webhook.wake()
            await anyio.sleep(5.0)
        await webhook.settled()

    assert desk.ids == ["alert-1"]


# --- signed heads --------------------------------------------------------------------------------


class Notary:
    public_key = "key"

    def sign(self, head: Head) -> str:
        return f"signed {head.audit_seq}"


async def test_a_new_head_is_told_at_an_interval_and_an_old_one_is_not() -> None:
    desk = Desk()
    async with desk.webhook() as webhook, anyio.create_task_group() as tasks:
        heads = Heads(lambda: desk.journal.head, Notary(), [webhook], interval=60.0)
        tasks.start_soon(heads.run)
        await anyio.sleep(30.0)
        assert desk.ids == []  # nothing was journaled yet
        await desk.journal.append([Noted(at=datetime.now(UTC), mono=0.0, code="x", detail="")])
        await anyio.sleep(200.0)
        tasks.cancel_scope.cancel()

    assert desk.ids == ["head-1"]
    [event] = desk.bodies[0]["events"]
    assert event["type"] == "audit_head"
    assert (event["auditSeq"], event["auditHead"]) == (1, desk.journal.head.audit_hash)
    assert (event["auditSignature"], event["publicKey"]) == ("signed 1", "key")


async def test_a_webhook_that_fails_is_told_the_newest_head_alone() -> None:
    desk = Desk()
    desk.refuses = True
    at = datetime.now(UTC)

    def head(seq: int) -> HeadEvent:
        return HeadEvent(
            id=f"head-{seq}", audit_seq=seq, audit_head="", audit_signature="", public_key="", at=at
        )

    async with desk.webhook() as webhook:
        for number in range(1, 100):
            webhook.tell_head(head(number))
            await anyio.sleep(1.0)
        desk.refuses = False
        await webhook.settled()

    assert desk.ids == ["head-99"]


async def test_who_wants_no_heads_gets_none() -> None:
    desk = Desk()
    async with desk.webhook(codes=["overfill"]) as webhook:
        heads = Heads(lambda: Head(audit_seq=1, audit_hash=""), Notary(), [webhook], interval=60.0)
        heads.tell()
        await webhook.settled()

    assert desk.bodies == []
