"""
What a restart found, told to people: from the journal alone, whether a server runs or not.

What was unfinished at the last stop, which orders the venue was asked about, what it knew of them,
and what only a person can settle now.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Protocol

import msgspec

from rpcserver.core.entries import Entry
from rpcserver.core.records import (
    AccountFailed,
    FillCounted,
    LegEnded,
    OperationFinished,
    OperationOpened,
    OrderEnded,
    OrderIntended,
    OrderKnown,
    OrderUnknown,
    Record,
    Resolved,
)
from rpcserver.core.report import Outcome
from rpcserver.core.reporting import own_order
from rpcserver.core.state import LedgerOrder, OrderState
from rpcserver.domain.ids import ClientOrderId, OperationId


class Restarts(Protocol):
    """What is read of a journal."""

    async def last_start(self) -> Entry | None:
        """The `Recovered` of the newest life, or None before the first."""

    async def unfinished(self) -> Sequence[Record]: ...

    async def operation(self, operation_id: OperationId) -> Sequence[Entry]: ...


class AskedOrder(msgspec.Struct, frozen=True, kw_only=True):
    """An order that may have been alive at a stop: the venue is asked for it by its name."""

    client_order_id: ClientOrderId
    what: str  # "sell 2 MES 12-25 in Sim101"
    found: str  # "filled 2 of 2", "never existed", "still unknown", …
    is_unknown: bool

    @property
    def sentence(self) -> str:
        return f"{self.client_order_id} ({self.what}): {self.found}"


class Recount(msgspec.Struct, frozen=True, kw_only=True):
    """One operation that a stop left unfinished, and what became of it."""

    operation_id: OperationId
    api: str
    principal: str
    opened_at: datetime
    done: int  # legs that had ended at the stop
    total: int  # legs there were, as far as they were planned
    taken_up_at: datetime | None  # by the life after the stop; None: not yet
    asked: tuple[AskedOrder, ...]
    finished_at: datetime | None
    success: bool | None
    flat: bool | None
    to_do: tuple[str, ...]  # what only a person can settle

    @property
    def sentence(self) -> str:
        """All of it, for somebody who is tired."""
        return " ".join((self._began, *self._asked, self._ended, *self.to_do))

    @property
    def _began(self) -> str:
        when = f"{self.opened_at:%Y-%m-%d %H:%M:%S}Z"
        legs = (
            f"{self.done} of {self.total} legs were done" if self.total else "nothing was planned"
        )
        return f"{self.api} by {self.principal}, since {when}: at the stop {legs}."

    @property
    def _asked(self) -> list[str]:
        if not self.asked:
            return ["No order was on its way."]
        orders = "1 order" if len(self.asked) == 1 else f"{len(self.asked)} orders"
        asked = "will be" if self.taken_up_at is None else "was" if orders == "1 order" else "were"
        told = "; ".join(order.sentence for order in self.asked)
        return [f"{orders} {asked} asked about at the venue: {told}."]

    @property
    def _ended(self) -> str:
        if self.finished_at is not None:
            how = (
                "flat, and proven"
                if self.flat
                else "done, not flat"
                if self.success
                else "NOT done"
            )
            return f"It ended {self.finished_at:%Y-%m-%d %H:%M:%S}Z: {how}."
        if self.taken_up_at is not None:
            return f"It was taken up again {self.taken_up_at:%Y-%m-%d %H:%M:%S}Z and has not ended."
        return "The next start takes it up."


async def recount(journal: Restarts) -> list[Recount]:
    """Every operation that the last stop left unfinished, or that is unfinished now."""
    start = await journal.last_start()
    taken_up = {concern.operation_id for concern in start.record.concerns} if start else set()
    open_now = {
        record.operation_id
        for record in await journal.unfinished()
        if isinstance(record, OperationOpened)
    }
    recounts = []
    for operation_id in sorted(taken_up | open_now):
        entries = await journal.operation(operation_id)
        told = start if operation_id in taken_up else None
        recounts.append(_recount(operation_id, entries, told))
    return sorted(recounts, key=lambda each: each.opened_at)


def _recount(operation_id: OperationId, entries: Sequence[Entry], start: Entry | None) -> Recount:
    before = [
        entry.record for entry in entries if start is None or entry.audit_seq < start.audit_seq
    ]
    records = [entry.record for entry in entries]
    opened = next(record for record in before if isinstance(record, OperationOpened))
    ends = [record for record in records if isinstance(record, OperationFinished)]
    end = next((end for end in ends if end.operation_id == operation_id), None)
    alive = [order for order in _orders(before).values() if order.is_live]
    now = _orders(records)
    asked = tuple(_asked(now[order.key]) for order in alive)
    concern = next(c for c in reversed(before[-1].concerns) if c.operation_id == operation_id)
    return Recount(
        operation_id=operation_id,
        api=opened.request.api,
        principal=opened.request.principal,
        opened_at=opened.at,
        done=concern.done,
        total=concern.total,
        taken_up_at=start.record.at if start is not None else None,
        asked=asked,
        finished_at=end.at if end is not None else None,
        success=end.success if end is not None else None,
        flat=end.flat if end is not None else None,
        to_do=tuple(_to_do(operation_id, records, now.values(), is_over=end is not None)),
    )


def _to_do(
    operation_id: OperationId,
    records: Sequence[Record],
    orders: Iterable[LedgerOrder],
    *,
    is_over: bool,
) -> list[str]:
    """What the server cannot settle by itself, leg by leg and order by order."""
    told = []
    for record in records:
        match record:
            case LegEnded(operation_id=whose, outcome=outcome) if (
                whose == operation_id and not outcome.is_success and outcome is not Outcome.DUST
            ):
                where = f"{record.lane.instrument} in {record.lane.account}"
                why = " ".join(filter(None, (record.reason.replace("_", " "), record.detail)))
                told.append(
                    f"Leg {record.number} ({where}) ended {outcome.value} with {record.remaining} "
                    f"left{f': {why}' if why else ''}. Look at the position at the venue, then "
                    "flatten again."
                )
            case AccountFailed(operation_id=whose) if whose == operation_id and is_over:
                told.append(
                    f"{record.account.account} at {record.account.venue} could not be read: "
                    f"{record.detail}. What it holds is unknown: look there, then flatten again."
                )
            case _:
                pass
    told += [_how_to_resolve(order.key) for order in orders if is_over and _is_unknown(order)]
    return told


def _how_to_resolve(client_order_id: str) -> str:
    """What a person does about an order nobody can ask about."""
    return (
        f"Order {client_order_id} is still unknown, and its position stays closed to new risk. Ask "
        "the broker what became of it, then tell the server (risk role): "
        f"rpcserver resolve {client_order_id} --outcome filled --filled QUANTITY --reason WHY, "
        "or --outcome canceled, or --outcome never_existed."
    )


def _orders(records: Iterable[Record]) -> dict[str, LedgerOrder]:
    """Our orders among *records*, each after everything that is recorded of it."""
    told: dict[ClientOrderId, list[Record]] = {}
    for record in records:
        if (name := _order_of(record)) is not None:
            told.setdefault(name, []).append(record)
    folded = (own_order(of_one) for of_one in told.values())
    return {order.key: order for order in folded if order is not None}


def _order_of(record: Record) -> ClientOrderId | None:
    """The order of ours that *record* is about, by its name."""
    match record:
        case OrderIntended(order=order):
            return order.client_order_id
        case OrderKnown(report=report):
            return report.client_order_id
        case FillCounted() | OrderEnded() | OrderUnknown() | Resolved():
            return record.client_order_id
        case _:
            return None


def _asked(order: LedgerOrder) -> AskedOrder:
    assert order.client_order_id is not None
    what = f"{order.side.value} {order.quantity}"
    if (request := order.request) is not None:
        what = f"{what} {request.instrument} in {request.account}"
    return AskedOrder(
        client_order_id=order.client_order_id,
        what=what,
        found=_found(order),
        is_unknown=_is_unknown(order),
    )


def _is_unknown(order: LedgerOrder) -> bool:
    return order.state in (OrderState.INTENDED, OrderState.UNKNOWN)


def _found(order: LedgerOrder) -> str:
    if _is_unknown(order):
        return "still unknown"
    filled = f"{order.filled} of {order.quantity} filled"
    if order.is_live:
        return f"works at the venue, {filled}"
    if order.end is None or order.filled == order.quantity:
        return filled
    return f"{order.end.value.replace('_', ' ')}, {filled}"
