"""
A webhook: alerts and signed heads, to one receiver, each at least once.

The journal is the outbox. A webhook reads the alerts after its cursor, posts them in batches and
moves the cursor when the receiver has taken them; a crash in between posts them again, so each
bears an `id`. What fails is tried again ever more rarely, at random moments, so that a receiver
that comes back is not stormed. Nobody waits for any of it: no exit, no other webhook.

Trouble is told once an outage. What a failing receiver has not taken for `keep` seconds is given
up, which is told, too: it stands in the journal (`ListAlerts`).
"""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Protocol

import anyio
import msgspec
from loguru import logger

from rpcserver.alerting.cursor import Cursor
from rpcserver.alerting.posting import NotTaken
from rpcserver.apis.alerts import alert_item
from rpcserver.core.entries import FoundAlert, Head
from rpcserver.core.events import Noticed
from rpcserver.domain.ids import VenueId
from rpcserver.wire.events import AlertItem

BATCH = 50  # events of one post
COUNTED = 1000  # alerts of one look, when it is found out what was left over
PAUSE_FIRST = 1.0  # seconds; each further failure twice as long, and any moment of it
PAUSE_MAX = 300.0
TROUBLE = 60.0  # seconds of failures until people are told
HEAD_CODE = "audit_head"


class HeadEvent(msgspec.Struct, frozen=True, kw_only=True, rename="camel", tag=HEAD_CODE):
    """A signed head: keep the newest, and you are a witness."""

    id: str
    audit_seq: int
    audit_head: str
    audit_signature: str
    public_key: str
    at: datetime


class AlertEvent(msgspec.Struct, frozen=True, kw_only=True, tag="alert"):
    """One alert. `id` is the same whenever it is posted again."""

    id: str
    alert: AlertItem


class Post(msgspec.Struct, frozen=True, kw_only=True):
    """A body."""

    webhook: str
    events: tuple[AlertEvent | HeadEvent, ...]


class Outbox(Protocol):
    """The journal, as far as a webhook needs it."""

    @property
    def head(self) -> Head: ...

    async def alerts_since(self, after: int, *, limit: int = 100) -> Sequence[FoundAlert]: ...


class Receiver(Protocol):
    """Whoever takes a body, or raises `NotTaken`."""

    async def post(self, body: bytes) -> None: ...


class Webhook:
    """
    One receiver. `run` until the server ends.

    Args:
        codes: What it wants; empty: everything.
        keep: Seconds until what it does not take is given up.
        tell: Takes what people should know of the webhook itself.
        sandboxes: Whether each venue is one, as far as is known.
    """

    def __init__(
        self,
        name: str,
        receiver: Receiver,
        outbox: Outbox,
        cursor: Cursor,
        *,
        codes: Sequence[str] = (),
        keep: float,
        tell: Callable[[Noticed], None],
        sandboxes: Callable[[], Mapping[VenueId, bool]],
        draw: Callable[[float, float], float] = random.uniform,
    ) -> None:
        self.name = name
        self._receiver = receiver
        self._outbox = outbox
        self._cursor = cursor
        self._codes = frozenset(codes)
        self._keep = timedelta(seconds=keep)
        self._tell = tell
        self._sandboxes = sandboxes
        self._draw = draw
        self._place = 0  # audit_seq
        self._head: HeadEvent | None = None  # not handed over yet; a newer one takes its place
        self._something = anyio.Event()
        self._idle = anyio.Event()
        self._waiting = 0  # alerts that it wants and has not taken
        self._counted: int | None = None  # audit_seq up to which they are counted; None: not yet
        self.taken = 0  # posts
        self.not_taken = 0
        self.given_up = 0  # alerts
        self._failures = 0  # in a row
        self._failing_since = 0.0
        self._is_told = False

    @property
    def waiting(self) -> int:
        """How many alerts and heads it has not taken yet."""
        return max(0, self._waiting) + (self._head is not None)

    def wake(self, alerts: Sequence[FoundAlert] = ()) -> None:
        """There are new *alerts*, or something else to do."""
        for each in alerts:
            if self._counted is not None and each.audit_seq > self._counted:
                self._counted = each.audit_seq
                self._waiting += self._wants(each.record.code)
        self._something.set()

    def tell_head(self, head: HeadEvent) -> None:
        """Hand *head* over, soon."""
        if self._wants(HEAD_CODE):
            self._head = head
            self.wake()

    async def settled(self) -> None:
        """Wait until everything up to now has been handed over. May be never."""
        self._idle = anyio.Event()
        self.wake()
        await self._idle.wait()

    async def run(self) -> None:
        """Hand over what comes, for ever."""
        await self._find_place()
        while True:
            self._something = anyio.Event()
            try:
                worked = await self._hand_over()
            except NotTaken as error:
                await self._fail(error.why)
                continue
            # The border of one webhook: whatever is wrong with it must not end the exits that work.
            except Exception as error:  # noqa: BLE001
                await self._fail(f"{type(error).__name__}: {error}")
                continue
            if not worked and not self._something.is_set():
                self._idle.set()
                await self._something.wait()

    async def _find_place(self) -> None:
        self._counted = newest = self._outbox.head.audit_seq
        kept = await self._cursor.read()
        if kept is None or kept > newest:  # new here; or the journal is another one
            await self._move(newest)
        else:
            self._place = kept
            await self._count(kept, newest)

    async def _count(self, after: int, newest: int) -> None:
        """Count what was left over from before, up to entry *newest*: what comes is told of."""
        while after < newest and (found := await self._outbox.alerts_since(after, limit=COUNTED)):
            old = [each for each in found if each.audit_seq <= newest]
            self._waiting += sum(self._wants(each.record.code) for each in old)
            after = found[-1].audit_seq

    async def _hand_over(self) -> bool:
        """Post one batch. False: there is nothing to post."""
        found = await self._outbox.alerts_since(self._place, limit=BATCH)
        if self._failures:
            found = await self._without_the_stale(found)
        wanted = [each for each in found if self._wants(each.record.code)]
        events: list[AlertEvent | HeadEvent] = [self._event(each) for each in wanted]
        if (head := self._head) is not None:
            events.append(head)
        if events:
            post = Post(webhook=self.name, events=tuple(events))
            try:
                await self._receiver.post(msgspec.json.encode(post))
            except NotTaken:
                self.not_taken += 1
                raise
            self.taken += 1
            self._waiting -= len(wanted)
            self._recover()
        if self._head is head:
            self._head = None
        if found:
            await self._move(found[-1].audit_seq)
        return bool(found or events)

    async def _without_the_stale(self, found: Sequence[FoundAlert]) -> Sequence[FoundAlert]:
        """Give up what was refused for too long: it comes first, being older."""
        oldest = datetime.now(UTC) - self._keep
        kept = [each for each in found if each.record.at >= oldest]
        stale = found[: len(found) - len(kept)]
        if stale:
            await self._move(stale[-1].audit_seq)
        if missed := sum(self._wants(each.record.code) for each in stale):
            self._waiting -= missed
            self.given_up += missed
            logger.warning("a webhook's alerts are given up", webhook=self.name, alerts=missed)
            detail = f"{self.name}: {missed} alerts up to {stale[-1].audit_seq}"
            self._tell(Noticed(code="webhook_gave_up", detail=detail, alert=True))
        return kept

    async def _move(self, audit_seq: int) -> None:
        self._place = audit_seq
        try:
            await self._cursor.write(audit_seq)
        except OSError as error:  # after a restart what was handed over is handed over again
            logger.warning("a webhook's place is not kept", webhook=self.name, error=str(error))

    def _wants(self, code: str) -> bool:
        return not self._codes or code in self._codes

    def _event(self, found: FoundAlert) -> AlertEvent:
        return AlertEvent(
            id=f"alert-{found.audit_seq}",
            alert=alert_item(found.audit_seq, found.record, sandboxes=self._sandboxes()),
        )

    async def _fail(self, why: str) -> None:
        now = anyio.current_time()
        if not self._failures:
            self._failing_since = now
            logger.warning("a webhook failed", webhook=self.name, why=why)
        self._failures += 1
        if not self._is_told and now - self._failing_since >= TROUBLE:
            self._is_told = True
            detail = f"{self.name}: {why}, {self._failures} times"
            self._tell(Noticed(code="webhook_failing", detail=detail, alert=True))
        longest = min(PAUSE_FIRST * 2 ** min(self._failures - 1, 20), PAUSE_MAX)
        pause = self._draw(0.0, longest)
        if not self._is_told:  # people wait for no pause
            pause = min(pause, self._failing_since + TROUBLE - now)
        await anyio.sleep(max(PAUSE_FIRST / 2, pause))

    def _recover(self) -> None:
        if self._failures:
            logger.info("a webhook works again", webhook=self.name, failures=self._failures)
        self._failures = 0
        self._is_told = False
