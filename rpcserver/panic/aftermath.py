"""What a server that starts after a panic must know: what was done without it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime
from pathlib import Path

import msgspec

from rpcserver.domain.ids import AccountRef, ClientOrderId
from rpcserver.panic.diary import AccountEnded, Answered, Began, Ended, Sending, read, untold

ORDERS_TOLD = 50  # of an account; the diary has them all


class AccountStory(msgspec.Struct, frozen=True, kw_only=True):
    """What was done in one account: a sentence."""

    account: AccountRef
    detail: str


class Aftermath(msgspec.Struct, frozen=True, kw_only=True):
    """One run, as its diary tells it."""

    path: Path
    run: str
    at: datetime
    detail: str  # a sentence
    accounts: tuple[AccountStory, ...]


def aftermaths(directory: Path) -> Iterator[Aftermath]:
    """What panic runs did in *directory* that no server's audit holds yet, oldest first."""
    for path in untold(directory):
        entries = tuple(read(path))
        if entries and isinstance(entries[0], Began):
            yield _aftermath(path, entries[0], entries[1:])


def _aftermath(path: Path, began: Began, entries: Sequence[object]) -> Aftermath:
    sent: dict[AccountRef, list[Sending]] = {}
    answers: dict[ClientOrderId, Answered] = {}
    ends: dict[AccountRef, AccountEnded] = {}
    verdict = "it did not come to its end"
    for entry in entries:
        match entry:
            case Sending():
                sent.setdefault(entry.account, []).append(entry)
            case Answered():
                answers[entry.client_order_id] = entry
            case AccountEnded():
                ends[entry.account] = entry
            case Ended():
                verdict = "everything was proven flat" if entry.flat else "not everything was flat"
    return Aftermath(
        path=path,
        run=began.run,
        at=began.at,
        detail=(
            f"{began.who} pressed panic ({began.run}) at {began.at:%Y-%m-%d %H:%M:%S}Z, "
            f"reason: {began.reason}; {sum(map(len, sent.values()))} orders in "
            f"{len(sent)} accounts; {verdict}; {path.name} has it all"
        ),
        accounts=tuple(
            AccountStory(
                account=account,
                detail=f"{began.run}: {_end(ends.get(account))}"
                + "".join(f"; {text}" for text in _orders(sent.get(account, []), answers)),
            )
            for account in sorted({*sent, *ends})
        ),
    )


def _end(end: AccountEnded | None) -> str:
    if end is None:
        return "not ended"
    if end.flat and end.proven_at is not None:
        return f"flat, proven at {end.proven_at:%Y-%m-%d %H:%M:%S}Z"
    left = ", ".join(
        f"{held.signed_quantity:f} {held.key.instrument} ({held.why})" for held in end.left
    )
    return f"not flat: {left or end.detail or 'orders are in doubt'}"


def _orders(sent: Sequence[Sending], answers: dict[ClientOrderId, Answered]) -> Iterator[str]:
    for entry in sent[:ORDERS_TOLD]:
        order, answer = entry.order, answers.get(entry.order.client_order_id)
        told = (
            f"{order.side.value} {order.quantity:f} {order.instrument} as {order.client_order_id}"
        )
        if answer is None:
            yield f"{told}: no answer"
        elif answer.status is None:
            yield f"{told}: {answer.detail}"
        else:
            price = f" at {answer.average_price:f}" if answer.average_price is not None else ""
            yield f"{told}: {answer.status.value}, {answer.filled:f} filled{price}"
    if len(sent) > ORDERS_TOLD:
        yield f"and {len(sent) - ORDERS_TOLD} more orders"
