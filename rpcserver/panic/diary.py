"""
The diary of a panic run: one JSON line for everything it did, written before it was done.

The file lies beside the journal that may not be trusted, `panic-….jsonl`. A server that starts
there later takes it into its audit and puts `.told` behind its name.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from datetime import datetime
from decimal import Decimal
from pathlib import Path
from typing import IO

import msgspec

from rpcserver.domain.ids import AccountRef, ClientOrderId, VenueId, VenueOrderId
from rpcserver.domain.order import OrderRequest, OrderStatus
from rpcserver.domain.position import PositionKey

PATTERN = "panic-*.jsonl"
TOLD = ".told"


class EntryBase(msgspec.Struct, frozen=True, kw_only=True, tag_field="kind", omit_defaults=True):
    """What every line has."""

    at: datetime  # UTC


class Began(EntryBase, frozen=True, kw_only=True, tag="began"):
    """Somebody pressed. `deposed` is the process that held the data directory, if any did."""

    run: str
    who: str  # the user of this machine
    reason: str
    deposed: int | None = None


class Remarked(EntryBase, frozen=True, kw_only=True, tag="remarked"):
    """Something that went wrong and is tried again, or that a person should know."""

    venue: VenueId
    account: AccountRef | None = None
    detail: str


class Held(msgspec.Struct, frozen=True, kw_only=True):
    """One position as read."""

    key: PositionKey
    signed_quantity: Decimal
    why: str = ""  # it is left: why


class WasRead(EntryBase, frozen=True, kw_only=True, tag="was_read"):
    """An account was read."""

    account: AccountRef
    positions: tuple[Held, ...]
    orders: tuple[VenueOrderId, ...]


class Canceling(EntryBase, frozen=True, kw_only=True, tag="canceling"):
    """A working order is about to be canceled."""

    account: AccountRef
    venue_order_id: VenueOrderId


class Sending(EntryBase, frozen=True, kw_only=True, tag="sending"):
    """A closing order is about to be sent."""

    account: AccountRef
    order: OrderRequest


class Answered(EntryBase, frozen=True, kw_only=True, tag="answered"):
    """What the venue says of a closing order; `status` None: it was refused, or nobody knows."""

    account: AccountRef
    client_order_id: ClientOrderId
    status: OrderStatus | None = None
    filled: Decimal = Decimal(0)
    average_price: Decimal | None = None
    detail: str = ""


class AccountEnded(EntryBase, frozen=True, kw_only=True, tag="account_ended"):
    """
    One account's end. `proven_at`: when the last of the readings was taken that show it flat.

    `left` is what the last reading showed; where there was none, `detail` says why.
    """

    account: AccountRef
    flat: bool
    proven_at: datetime | None = None
    left: tuple[Held, ...] = ()
    orders: tuple[VenueOrderId, ...] = ()  # that still work
    doubtful: tuple[ClientOrderId, ...] = ()  # sent, and nobody knows what became of them
    detail: str = ""


class Ended(EntryBase, frozen=True, kw_only=True, tag="ended"):
    """The end of the run."""

    flat: bool


Entry = Began | Remarked | WasRead | Canceling | Sending | Answered | AccountEnded | Ended

_encoder = msgspec.json.Encoder(decimal_format="string")
_decoder: msgspec.json.Decoder[Entry] = msgspec.json.Decoder(Entry)


class Diary:
    """
    Where a run writes down what it does.

    A disk that takes no more holds up nothing: closing goes on, and *tell* is told everything
    all the same.
    """

    def __init__(self, file: IO[bytes] | None, tell: Callable[[Entry], None]) -> None:
        self._file = file
        self._tell = tell
        self.is_broken = file is None

    def write(self, *entries: Entry, durable: bool = False) -> None:
        """Write *entries* down; *durable* before this returns, if the disk lets us."""
        if self._file is not None and not self.is_broken:
            try:
                self._file.write(b"".join(_encoder.encode(entry) + b"\n" for entry in entries))
                self._file.flush()
                if durable:
                    os.fsync(self._file.fileno())
            except OSError:
                self.is_broken = True
        for entry in entries:
            self._tell(entry)


def untold(directory: Path) -> Sequence[Path]:
    """The diaries in *directory* that no server has taken into its audit yet, oldest first."""
    return sorted(directory.glob(PATTERN))


def read(path: Path) -> Iterator[Entry]:
    """What *path* says, up to where a crash tore its last line."""
    for line in path.read_bytes().splitlines():
        try:
            yield _decoder.decode(line)
        except msgspec.MsgspecError:
            return


def mark_told(path: Path) -> None:
    """A server's audit holds it now."""
    path.rename(path.with_name(path.name + TOLD))
