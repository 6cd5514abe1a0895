"""An order's life: what the journal holds of it, and what the venue says of it now."""

from __future__ import annotations

from collections.abc import Sequence

from rpcserver.apis.queries import Lifecycle
from rpcserver.core.entries import Entry
from rpcserver.core.records import (
    CancelIntended,
    ChangeIntended,
    ChangeWithdrawn,
    FillCounted,
    OrderEnded,
    OrderIntended,
    OrderKnown,
    OrderUnknown,
    Record,
    Resolved,
)
from rpcserver.domain.ids import AccountRef, ClientOrderId
from rpcserver.server.ports import Engine
from rpcserver.server.reading import Reader

STEPS_MAX = 5000  # of one order


async def lifecycle_of(
    engine: Engine, read: Reader, accounts: tuple[AccountRef, ...], order_id: str
) -> Lifecycle | None:
    """
    Everything known of one order of *accounts*; None: nothing is.

    An order that the venue does not know (it was never sent, or was forgotten) is found by our
    own name for it alone. Nothing of another's account is told, whatever the name.
    """
    found = await read.order(accounts, order_id)
    names = {order_id}
    if found is not None:
        report = found.report
        names = {name for name in (report.client_order_id, report.venue_order_id) if name}
    entries: dict[int, Entry] = {}
    for name in names:
        told = [
            *await engine.journal.order(ClientOrderId(name)),
            *(await engine.journal.mentions(f'"{name}"', limit=STEPS_MAX)),
        ]
        entries.update((entry.audit_seq, entry) for entry in told)
    own = [
        entries[seq]
        for seq in sorted(entries)
        if _account_of(entries[seq].record) in accounts and _names(entries[seq].record) & names
    ]
    if found is None and not own:
        return None
    account = found.account if found is not None else _account_of(own[0].record)
    assert account is not None, "an order is of an account"
    return Lifecycle(
        account,
        _of(own, account),
        None if found is None else found.report,
        None if found is None else found.instrument,
    )


def _of(entries: Sequence[Entry], account: AccountRef) -> tuple[Entry, ...]:
    return tuple(entry for entry in entries if _account_of(entry.record) == account)


def _account_of(record: Record) -> AccountRef | None:
    match record:
        case (
            OrderIntended(account=account)
            | OrderKnown(account=account)
            | OrderEnded(account=account)
            | OrderUnknown(account=account)
            | FillCounted(account=account)
            | CancelIntended(account=account)
            | ChangeIntended(account=account)
            | ChangeWithdrawn(account=account)
        ):
            return account
        case Resolved(lane=lane) if lane is not None:
            return lane.account_ref
        case _:
            return None


def _names(record: Record) -> set[str | None]:
    match record:
        case OrderIntended(order=order):
            return {order.client_order_id}
        case OrderKnown(report=report):
            return {report.client_order_id, report.venue_order_id}
        case FillCounted() | OrderEnded() | ChangeIntended() | ChangeWithdrawn():
            return {record.client_order_id, record.venue_order_id}
        case CancelIntended(venue_order_id=name):
            return {name}
        case OrderUnknown(client_order_id=name) | Resolved(client_order_id=name):
            return {name}
        case _:
            return set()
