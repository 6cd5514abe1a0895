"""What `decide` answers, and the pen it is written with."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from rpcserver.core.apply import Change, apply
from rpcserver.core.commands import Alert, Command
from rpcserver.core.draft import Draft
from rpcserver.core.events import Noticed, Now
from rpcserver.core.records import (
    Concern,
    FillCounted,
    GateOpened,
    LegEnded,
    Noted,
    OrderEnded,
    OrderIntended,
    Resolved,
)
from rpcserver.core.state import Lane, Operation, State
from rpcserver.domain.capabilities import Capabilities
from rpcserver.domain.ids import AccountRef, ClientOrderId, OperationId, VenueId
from rpcserver.domain.position import PositionKey

# Of a venue that has not told of itself yet: to buy shorts back first does no harm anywhere.
_CAUTIOUS = Capabilities(buys_first=True)


class Admitted(msgspec.Struct, frozen=True):
    """The request is an operation: a new one, or the one it repeats or joins."""

    operation_id: OperationId
    duplicate: bool


class Refused(msgspec.Struct, frozen=True):
    """The request is none: a code of protocol.md, and a sentence."""

    code: str
    detail: str


class Decision(msgspec.Struct, frozen=True):
    """
    What is so from now on, and what to do about it.

    `changes` are applied at once, the records among them journaled; when they are durable, the
    `commands` are performed and the frames of the records told, in this order.
    """

    changes: Sequence[Change]
    commands: Sequence[Command]
    reply: Admitted | Refused | None = None


class Pen:
    """Writes one decision: each change is applied to a draft at once, so that thought goes on."""

    def __init__(self, state: State, now: Now) -> None:
        self.draft = Draft(state)
        self.now = now
        self.concerned: set[OperationId] = set()  # whose legs or orders ended: perhaps their last
        self._changes: list[Change] = []
        self._commands: list[Command] = []

    def write(self, change: Change) -> None:
        """Let *change* be part of the decision."""
        self._changes.append(change)
        match change:
            case LegEnded(operation_id=operation_id, lane=lane):
                self.concerned.add(operation_id)
                self._write_end(change, lane)
                return
            case GateOpened(lane=lane):
                self._write_end(change, lane)
                return
            case FillCounted() | OrderEnded() | Resolved() if change.lane is not None:
                self._note_owner(change.lane, change.client_order_id)
            case OrderIntended(resend=True, lane=lane) if lane is not None:
                self._note_owner(lane, change.order.client_order_id)  # it may change hands
        apply(self.draft, change)

    def _write_end(self, change: LegEnded | GateOpened, lane: PositionKey) -> None:
        """By this its lane may be let go: then that is something to all who worked there."""
        owners = self._owners(lane)
        apply(self.draft, change)
        if self.draft.find_lane(lane) is None:
            self.concerned.update(owners)

    def order(self, command: Command) -> None:
        """Let *command* be performed when everything written is durable."""
        self._commands.append(command)

    def alert(
        self,
        code: str,
        detail: str,
        *,
        lane: Lane | None = None,
        account: AccountRef | None = None,
        operation_id: OperationId | None = None,
    ) -> None:
        """
        Tell people: whoever watches now, and by the journal whoever looks later.

        *lane* or *account* says what it is about, and so who may know of it.
        """
        self.write(
            Noted(
                at=self.now.wall,
                mono=self.now.mono,
                alert=True,
                code=code,
                detail=detail,
                lane=lane.key if lane is not None else None,
                account=lane.key.account_ref if lane is not None else account,
                operation_ids=(operation_id,) if operation_id is not None else (),
            )
        )
        self.order(Alert(code=code, detail=detail, operation_id=operation_id))

    def note(self, seen: Noticed) -> None:
        """Put into the audit what the server saw by itself, and tell people if it says so."""
        self.write(
            Noted(
                at=self.now.wall,
                mono=self.now.mono,
                alert=seen.alert,
                code=seen.code,
                detail=seen.detail,
                account=seen.account,
                operation_ids=seen.operation_ids,
                venue=seen.venue,
                instrument=seen.instrument,
                principal=seen.principal,
                remote=seen.remote,
                acknowledges=seen.acknowledges,
            )
        )
        if seen.alert:
            self.order(Alert(code=seen.code, detail=seen.detail))

    def decision(self, reply: Admitted | Refused | None = None) -> Decision:
        return Decision(self._changes, self._commands, reply)

    def concern(self, operation: Operation, leg: int = 0, *, ended: bool = False) -> Concern:
        """The next place in one operation's sequence; *ended*: the record ends this leg."""
        return Concern(
            operation.operation_id,
            operation.request.request_id,
            operation.seq + 1,
            leg,
            operation.done + ended,
            operation.total,
        )

    def concerns(self, lane: Lane) -> tuple[Concern, ...]:
        """The next place in the sequence of every operation at work on *lane*."""
        owed = lane.legs or self._owed(lane)
        return tuple(
            self.concern(operation, number)
            for operation_id, number in owed
            if (operation := self.draft.find_operation(operation_id)) is not None
        )

    def capabilities(self, venue: VenueId) -> Capabilities:
        """What the venue can do: the cautious defaults until it has said so itself."""
        told = self.draft.venues.get(venue)
        return told.capabilities if told is not None else _CAUTIOUS

    def _owners(self, key: PositionKey) -> tuple[OperationId, ...]:
        lane = self.draft.find_lane(key)
        return lane.owners if lane is not None else ()

    def _note_owner(self, key: PositionKey, name: ClientOrderId | None) -> None:
        lane = self.draft.find_lane(key)
        order = lane.orders.get(name) if lane is not None and name is not None else None
        if order is not None and order.operation_id is not None:
            self.concerned.add(order.operation_id)

    def _owed(self, lane: Lane) -> tuple[tuple[OperationId, int], ...]:
        """Operations that ended while an order of theirs was unknown."""
        owners = dict.fromkeys(
            order.operation_id for order in lane.orders.values() if order.operation_id is not None
        )
        return tuple((owner, 0) for owner in owners)
