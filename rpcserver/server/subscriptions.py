"""One connection's subscriptions: market data, channels, and the stream of profit."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta

import msgspec
from anyio import CancelScope
from anyio.abc import TaskGroup

from rpcserver.apis.alerts import found_item
from rpcserver.apis.queries import FoundFill
from rpcserver.core.entries import AlertFilter
from rpcserver.domain.account import AccountSnapshot
from rpcserver.domain.errors import InvalidRequest, VenueError
from rpcserver.domain.ids import AccountRef
from rpcserver.domain.principal import Principal
from rpcserver.server.admission import may_watch, oversees
from rpcserver.server.backend import Backend
from rpcserver.server.channels import Channel, Listener
from rpcserver.server.intervals import INTERVAL_DEFAULT, checked
from rpcserver.server.items import (
    audit_item,
    encode_item,
    execution_item,
    order_item,
    position_item,
    row_item,
)
from rpcserver.server.outbox import Outbox
from rpcserver.server.parallel import for_each
from rpcserver.server.sight import Sight
from rpcserver.server.wanted_alerts import wants_alert
from rpcserver.wire.codec import encode, nearest
from rpcserver.wire.frames import (
    PnlStreaming,
    StreamPnl,
    Subscribe,
    Subscribed,
    Unsubscribe,
    Unsubscribed,
)
from rpcserver.wire.framing import text_frame

OPERATIONS_SHOWN = 50
EXECUTIONS_SHOWN = 200
EXECUTIONS_SINCE = timedelta(hours=24)
ALERTS_SHOWN = 50
RECORDS_SEARCHED = 1000  # for those of the audit that exist for the subscriber
RECORDS_SHOWN = 50


class Subscriptions:
    """What one connection is subscribed to. Everything is told to its outbox."""

    def __init__(
        self,
        backend: Backend,
        principal: Principal,
        outbox: Outbox,
        on_overflow: Callable[[], None],
    ) -> None:
        self._backend = backend
        self._principal = principal
        self._sight = Sight(backend.engine.journal)
        self._outbox = outbox
        self._watcher = backend.quotes.watcher(outbox)
        self._listener = Listener(principal, outbox, on_overflow)
        self._pnl: CancelScope | None = None

    def close(self) -> None:
        """The connection has ended."""
        self._backend.quotes.leave(self._watcher)
        self._backend.channels.leave(self._listener)

    async def subscribe(self, frame: Subscribe) -> None:
        """
        Add instruments and channels, and answer with a snapshot of each channel that is named.

        Raises:
            InvalidRequest: `unknown_instrument`, `unknown_channel`, `forbidden`,
                `too_many_subscriptions`, `invalid_argument`; then nothing was added.
        """
        interval = None if frame.interval is None else checked(frame.interval)
        keys = [self._backend.directory.quotable(name) for name in frame.instruments]
        channels = self._channels(frame.channels)
        limit = self._backend.limits.subscriptions_max
        if len(self._watcher.wanted.keys() | set(keys)) > limit:
            raise InvalidRequest("too_many_subscriptions", f"at most {limit} instruments")
        if interval is not None:
            self._watcher.interval = interval / 1000
        self._watcher.wanted.update(dict.fromkeys(keys))
        if self._watcher.wanted and (keys or interval is not None):
            self._backend.quotes.watch(self._watcher)
        await self._open(channels, frame.id)

    def unsubscribe(self, frame: Unsubscribe) -> None:
        """
        Take instruments and channels away; what was not subscribed to is passed over.

        Raises:
            InvalidRequest: `unknown_instrument`, `unknown_channel`; then nothing was taken away.
        """
        keys = [self._backend.directory.quotable(name) for name in frame.instruments]
        channels = self._channels(frame.channels)
        for key in keys:
            self._watcher.wanted.pop(key, None)
            self._watcher.told.pop(key, None)
        if not self._watcher.wanted:
            self._backend.quotes.leave(self._watcher)
        for channel in channels:
            self._listener.channels.discard(channel)
            self._listener.pending.pop(channel, None)
        if not self._listener.channels:
            self._backend.channels.leave(self._listener)
        answer = Unsubscribed(instruments=self._instruments, channels=self._channel_names)
        self._outbox.post(text_frame(encode(answer)))

    def stream_pnl(self, frame: StreamPnl, tasks: TaskGroup) -> None:
        """
        Begin, change or end the stream of profit.

        Raises:
            InvalidRequest: `invalid_argument`: the interval is too short, or too long.
        """
        interval = checked(INTERVAL_DEFAULT if frame.interval is None else frame.interval)
        if self._pnl is not None:
            self._pnl.cancel()
            self._pnl = None
        answer = PnlStreaming(enabled=frame.enabled, interval=interval)
        self._outbox.post(text_frame(encode(answer)))
        if frame.enabled:
            self._pnl = CancelScope()
            tasks.start_soon(self._stream_pnl, self._pnl, interval / 1000)

    async def _stream_pnl(self, scope: CancelScope, interval: float) -> None:
        with scope:
            await self._backend.pnl.stream(self._accounts(), interval, self._outbox)

    # --- channels -----------------------------------------------------------------------------

    def _channels(self, names: Sequence[str]) -> list[Channel]:
        known = [channel.value for channel in Channel]
        channels = []
        for name in names:
            if name not in known:
                raise InvalidRequest(
                    "unknown_channel",
                    f"{name[:64]!r} is none of {', '.join(known)}{nearest(name, known)}",
                )
            channel = Channel(name)
            if channel.is_guarded and not may_watch(self._principal):
                raise InvalidRequest("forbidden", f"{name} needs the risk or the admin role")
            channels.append(channel)
        return channels

    async def _open(self, channels: Sequence[Channel], request_id: str | None) -> None:
        """Listen first, then read: what happens meanwhile waits until the snapshot is told."""
        listener = self._listener
        listener.channels.update(channels)
        listener.waiting.update(channels)
        if channels:
            self._backend.channels.join(listener)
        try:
            snapshot, unread = await self._snapshot(channels)
            answer = Subscribed(
                request_id=msgspec.UNSET if request_id is None else request_id,
                instruments=self._instruments,
                channels=self._channel_names,
                snapshot=snapshot,
                unread=unread,
            )
            self._outbox.post(text_frame(encode(answer)))
        finally:
            listener.waiting.difference_update(channels)
        listener.flush()

    async def _snapshot(
        self, channels: Sequence[Channel]
    ) -> tuple[dict[str, list[msgspec.Raw]], list[str]]:
        """What each channel holds now, and the accounts that could not be read."""
        items: dict[str, list[msgspec.Raw]] = {channel.value: [] for channel in channels}
        unread: dict[str, None] = {}
        if Channel.POSITIONS in channels or Channel.ORDERS in channels:
            listed = self._backend.desk.reader.listed
            for ref, snapshot in await self._read_accounts():
                if snapshot is None:
                    unread[str(ref)] = None
                    continue
                sandbox = self._is_sandbox(ref)
                if Channel.POSITIONS in channels:
                    items["positions"] += [
                        encode_item(
                            position_item(
                                each, listed.get(ref.venue, each.instrument), sandbox=sandbox
                            )
                        )
                        for each in snapshot.positions
                    ]
                if Channel.ORDERS in channels:
                    items["orders"] += [
                        encode_item(order_item(ref.venue, each, sandbox=sandbox))
                        for each in snapshot.orders
                    ]
        if Channel.EXECUTIONS in channels:
            await self._read_executions(items["executions"], unread)
        if Channel.OPERATIONS in channels:
            whose = None if oversees(self._principal) else self._principal.principal_id
            rows = await self._sight.operations(
                self._principal, whose=whose, limit=OPERATIONS_SHOWN
            )
            items["operations"] = [encode_item(row_item(row)) for row in reversed(rows)]
        if Channel.ALERTS in channels or Channel.AUDIT in channels:
            await self._read_journal(channels, items)
        return items, list(unread)

    async def _read_accounts(self) -> list[tuple[AccountRef, AccountSnapshot | None]]:
        async def read(ref: AccountRef) -> tuple[AccountRef, AccountSnapshot | None]:
            try:
                [snapshot] = await self._backend.desk.reader.snapshots([ref])
            except VenueError:
                return ref, None
            return ref, snapshot

        return await for_each(self._accounts(), read)

    async def _read_executions(self, items: list[msgspec.Raw], unread: dict[str, None]) -> None:
        since = datetime.now(UTC) - EXECUTIONS_SINCE
        found: list[FoundFill] = []
        for ref in self._accounts():
            try:
                found += await self._backend.desk.reader.executions([ref], since)
            except VenueError:
                unread[str(ref)] = None
        found.sort(key=lambda each: each.fill.at)
        items += [
            encode_item(
                execution_item(
                    each.account.venue, each.fill, sandbox=self._is_sandbox(each.account)
                )
            )
            for each in found[-EXECUTIONS_SHOWN:]
        ]

    async def _read_journal(
        self, channels: Sequence[Channel], items: dict[str, list[msgspec.Raw]]
    ) -> None:
        sandboxes = self._backend.directory.current().sandboxes
        if Channel.ALERTS in channels:
            alerts = await self._sight.alerts(
                self._principal, AlertFilter(), before=None, limit=ALERTS_SHOWN
            )
            items["alerts"] = [
                encode_item(found_item(each, sandboxes))
                for each in reversed(alerts)
                if wants_alert(self._backend.engine.directives, self._principal, each.record.code)
            ]
        if Channel.AUDIT in channels:
            journal = self._backend.engine.journal
            after = max(0, journal.head.audit_seq - RECORDS_SEARCHED)
            newest = await journal.entries(after=after, limit=RECORDS_SEARCHED)
            entries = await self._sight.entries(self._principal, newest)
            items["audit"] = [
                encode_item(audit_item(entry, sandboxes)) for entry in entries[-RECORDS_SHOWN:]
            ]

    def _is_sandbox(self, account: AccountRef) -> bool:
        return self._backend.engine.capabilities(account.venue).sandbox

    def _accounts(self) -> list[AccountRef]:
        accounts = self._backend.directory.current().accounts
        return [each.ref for each in accounts if self._principal.may_touch(each.ref)]

    @property
    def _instruments(self) -> list[str]:
        return [instrument for _, instrument in self._watcher.wanted]

    @property
    def _channel_names(self) -> list[str]:
        return [channel.value for channel in Channel if channel in self._listener.channels]
