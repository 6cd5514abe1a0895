"""
The channels: what happens at the venues and in the journal, to everyone who may know of it.

An item is encoded once. What piles up between two turns of the loop goes out as one frame; a
listener that does not keep up waits with its items, and with too many of them is cut off: it
subscribes again and gets a snapshot.
"""

from __future__ import annotations

import enum
from collections.abc import Callable, Mapping, Sequence

import anyio
import msgspec
from anyio import move_on_after

from rpcserver.core.entries import Entry
from rpcserver.core.records import OperationFinished, OperationOpened, Record
from rpcserver.core.requests import CloseRequest
from rpcserver.domain.ids import AccountRef, OperationId, VenueId
from rpcserver.domain.principal import Principal
from rpcserver.driver.ports import OrderChanged, PositionMoved, VenueEvent
from rpcserver.driver.sandboxes import known_sandboxes
from rpcserver.server.admission import may_see, may_see_record
from rpcserver.server.items import (
    alert_item,
    audit_item,
    encode_item,
    execution_item,
    finished_item,
    opened_item,
    order_item,
    position_item,
)
from rpcserver.server.listed import ListedInstruments
from rpcserver.server.outbox import Outbox
from rpcserver.server.ports import Engine
from rpcserver.server.wanted_alerts import wants_alert
from rpcserver.wire.codec import encode
from rpcserver.wire.events import AlertItem
from rpcserver.wire.frames import ChannelEvents
from rpcserver.wire.framing import text_frame

PENDING_MAX = 10_000  # items of one listener
RETRY = 0.1  # seconds until a crowded listener is looked at again


class Channel(enum.Enum):
    POSITIONS = "positions"
    ORDERS = "orders"
    EXECUTIONS = "executions"
    OPERATIONS = "operations"
    ALERTS = "alerts"
    AUDIT = "audit"

    @property
    def is_guarded(self) -> bool:
        """Whether only risk and admin may watch it."""
        return self in (Channel.ALERTS, Channel.AUDIT)


class Listener:
    """One connection's share in the channels. `is_waiting` until its snapshot is told."""

    def __init__(
        self, principal: Principal, outbox: Outbox, on_overflow: Callable[[], None]
    ) -> None:
        self.principal = principal
        self.outbox = outbox
        self.on_overflow = on_overflow
        self.channels: set[Channel] = set()
        self.waiting: set[Channel] = set()
        self.pending: dict[Channel, list[msgspec.Raw]] = {}
        self._touchable: dict[AccountRef, bool] = {}

    def may_touch(self, account: AccountRef) -> bool:
        known = self._touchable.get(account)
        if known is None:
            known = self._touchable[account] = self.principal.may_touch(account)
        return known

    def hold(self, channel: Channel, item: msgspec.Raw) -> None:
        """Keep *item* until the next flush."""
        pending = self.pending.setdefault(channel, [])
        pending.append(item)
        if len(pending) > PENDING_MAX:
            self.on_overflow()

    def flush(self) -> bool:
        """Post what is pending; False if something must wait."""
        if not self.pending:
            return True
        if self.outbox.is_crowded:
            return False
        for channel in tuple(self.pending):
            if channel not in self.waiting:
                items = self.pending.pop(channel)
                frame = encode(ChannelEvents(channel=channel.value, items=items))
                self.outbox.post(text_frame(frame))
        return True


class Channels:
    """One subscription each to the venues' events and the journal's commits."""

    def __init__(self, engine: Engine, listed: ListedInstruments) -> None:
        self._engine = engine
        self._listed = listed
        self._listeners: set[Listener] = set()
        self._requests: dict[OperationId, CloseRequest] = {}
        self._pending = anyio.Event()
        self._stops = (engine.subscribe(self._on_entries), engine.watch(self._on_venue_event))

    def close(self) -> None:
        """Listen no longer."""
        for stop in self._stops:
            stop()

    def join(self, listener: Listener) -> None:
        self._listeners.add(listener)

    def leave(self, listener: Listener) -> None:
        self._listeners.discard(listener)

    async def run(self) -> None:
        """Flush for ever, once for everything that came in between."""
        is_done = True
        while True:
            with move_on_after(None if is_done else RETRY):
                await self._pending.wait()
            self._pending = anyio.Event()
            crowded = [listener for listener in self._listeners if not listener.flush()]
            is_done = not crowded

    # --- what happens -------------------------------------------------------------------------

    def _on_venue_event(self, venue: VenueId, event: VenueEvent) -> None:
        if not self._listeners:
            return
        sandbox = self._engine.capabilities(venue).sandbox
        match event:
            case PositionMoved(position):
                instrument = self._listed.get(venue, position.instrument)
                item = position_item(position, instrument, sandbox=sandbox)
                self._tell(Channel.POSITIONS, position.account_ref, item)
            case OrderChanged(report):
                account = AccountRef(venue, report.account)
                self._tell(Channel.ORDERS, account, order_item(venue, report, sandbox=sandbox))
                for fill in report.fills:
                    told = execution_item(venue, fill, sandbox=sandbox)
                    self._tell(Channel.EXECUTIONS, account, told)
            case _:
                pass

    def _on_entries(self, entries: Sequence[Entry]) -> None:
        sandboxes = known_sandboxes(self._engine)
        for entry in entries:
            record = entry.record
            if isinstance(record, OperationOpened):
                self._requests[record.operation_id] = record.request
            if self._listeners:
                self._on_entry(entry, sandboxes)
            if isinstance(record, OperationFinished):
                self._requests.pop(record.operation_id, None)

    def _on_entry(self, entry: Entry, sandboxes: Mapping[VenueId, bool]) -> None:
        record = entry.record
        match record:
            case OperationOpened(request=request):
                self._tell_operation(request, opened_item(record))
            case OperationFinished():
                if (known := self._request_of(record.operation_id)) is not None:
                    self._tell_operation(known, finished_item(record, known))
            case _:
                pass
        if (alert := alert_item(entry, sandboxes)) is not None:
            self._tell_alert(record, alert)
        if any(Channel.AUDIT in listener.channels for listener in self._listeners):
            self._tell_record(Channel.AUDIT, record, audit_item(entry, sandboxes))

    def _request_of(self, operation_id: OperationId) -> CloseRequest | None:
        if (known := self._requests.get(operation_id)) is not None:
            return known
        report = self._engine.report(operation_id)
        return report.request if report is not None else None

    def _tell(self, channel: Channel, account: AccountRef, item: msgspec.Struct) -> None:
        self._tell_those(channel, item, lambda listener: listener.may_touch(account))

    def _tell_operation(self, request: CloseRequest, item: msgspec.Struct) -> None:
        self._tell_those(
            Channel.OPERATIONS, item, lambda listener: may_see(listener.principal, request)
        )

    def _tell_record(self, channel: Channel, record: Record, item: msgspec.Struct) -> None:
        self._tell_those(
            channel,
            item,
            lambda listener: may_see_record(listener.principal, record, self._request_of),
        )

    def _tell_alert(self, record: Record, alert: AlertItem) -> None:
        directives = self._engine.directives
        self._tell_those(
            Channel.ALERTS,
            alert,
            lambda listener: (
                wants_alert(directives, listener.principal, alert.code)
                and may_see_record(listener.principal, record, self._request_of)
            ),
        )

    def _tell_those(
        self, channel: Channel, item: msgspec.Struct, may_know: Callable[[Listener], bool]
    ) -> None:
        raw: msgspec.Raw | None = None
        for listener in self._listeners:
            if channel in listener.channels and may_know(listener):
                raw = raw or encode_item(item)
                listener.hold(channel, raw)
        if raw is not None:
            self._pending.set()
