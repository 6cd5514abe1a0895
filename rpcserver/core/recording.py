"""What every record has: when it was, what it concerns, and which subjects it opens or closes."""

from __future__ import annotations

import enum
from datetime import datetime

import msgspec

from rpcserver.domain.ids import ClientOrderId, OperationId


class Concern(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """A record's place in one operation: `seq` from 1, gapless; `done` of `total` legs ended."""

    operation_id: OperationId
    request_id: str
    seq: int
    leg: int  # 0 where the record is about the whole operation
    done: int
    total: int


def own_order_subject(name: ClientOrderId | None) -> str:
    """The subject of a client's own order, which no operation owns."""
    return f"order:{name}"


class Removal(enum.Enum):
    """What we took away when an order of somebody's ended because we asked for its cancel."""

    ORDER = "order"
    GUARD = "guard"  # a stop: who leaves the position as it is says that it is unprotected


class RecordBase(msgspec.Struct, frozen=True, kw_only=True, tag_field="kind", omit_defaults=True):
    """What every record has."""

    at: datetime  # wall time, UTC
    mono: float  # monotonic seconds of the life that wrote it: worthless after a restart
    concerns: tuple[Concern, ...] = ()

    @property
    def opens(self) -> str | None:
        """The subject that recovery must fold from here on, and from nowhere earlier."""
        return None

    @property
    def closes(self) -> str | None:
        """The subject that recovery need not fold any more."""
        return None

    @property
    def subjects(self) -> tuple[tuple[str, int], ...]:
        """Every (subject, seq) this record belongs to; seq 0 where the subject counts none."""
        return tuple((concern.operation_id, concern.seq) for concern in self.concerns)
