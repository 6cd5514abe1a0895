"""What people are told, or may look up: the record that no decision rests on."""

from __future__ import annotations

from rpcserver.core.recording import RecordBase
from rpcserver.domain.ids import AccountRef, InstrumentId, OperationId, PrincipalId, VenueId
from rpcserver.domain.position import PositionKey


class Noted(RecordBase, frozen=True, kw_only=True, tag="noted"):
    """Something a person should know: an overfill, an unprotected leg, a late change, a start."""

    alert: bool = False
    code: str
    detail: str
    lane: PositionKey | None = None
    account: AccountRef | None = None
    operation_ids: tuple[OperationId, ...] = ()  # no `concerns`: it is no step of their progress
    venue: VenueId | None = None  # where there is no account
    instrument: InstrumentId | None = None  # where there is no lane
    principal: PrincipalId | None = None
    remote: str = ""
    acknowledges: int | None = None  # an alert, by its audit_seq: somebody looks at it
