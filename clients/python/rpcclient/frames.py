"""The frames of protocol.md, as this client sends and reads them."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from decimal import Decimal

import msgspec

Data = dict[str, object]
"""
What a final frame carries. Its numbers with a point are `Decimal`s, never floats.

The few apis that answer with a bare list are given as `{"items": [...]}`.
"""

# --- to the server -----------------------------------------------------------------------------


class Rpc(
    msgspec.Struct,
    frozen=True,
    kw_only=True,
    rename="camel",
    omit_defaults=True,
    tag_field="action",
    tag="rpc",
):
    """A call."""

    id: str
    api: str
    args: Mapping[str, object] = msgspec.field(default_factory=dict)
    idempotency_key: str | None = None
    progress: bool = True


class Attach(
    msgspec.Struct,
    frozen=True,
    kw_only=True,
    rename="camel",
    omit_defaults=True,
    tag_field="action",
    tag="attach",
):
    """Follow an operation from a sequence number on. It can start nothing."""

    id: str
    operation_id: str | None = None
    idempotency_key: str | None = None
    after: int = 0


class Cancel(
    msgspec.Struct,
    frozen=True,
    kw_only=True,
    rename="camel",
    omit_defaults=True,
    tag_field="action",
    tag="cancel",
):
    """Stop what an operation has not sent yet."""

    operation_id: str | None = None
    idempotency_key: str | None = None


class Subscribe(
    msgspec.Struct,
    frozen=True,
    kw_only=True,
    omit_defaults=True,
    tag_field="action",
    tag="subscribe",
):
    """Hear of what happens in *channels*, and of the quotes of *instruments* each *interval* ms."""

    id: str | None = None
    channels: tuple[str, ...] = ()
    instruments: tuple[str, ...] = ()
    interval: int | None = None


class Unsubscribe(
    msgspec.Struct,
    frozen=True,
    kw_only=True,
    omit_defaults=True,
    tag_field="action",
    tag="unsubscribe",
):
    """Hear no more of them."""

    channels: tuple[str, ...] = ()
    instruments: tuple[str, ...] = ()


class Ping(msgspec.Struct, frozen=True, kw_only=True, tag_field="action", tag="ping"):
    """Ask for the server's time."""


Outgoing = Rpc | Attach | Cancel | Subscribe | Unsubscribe | Ping

_encoder = msgspec.json.Encoder(decimal_format="number")


def encode(frame: Outgoing) -> str:
    """One line of JSON. A `Decimal` becomes a number with exactly its digits."""
    return _encoder.encode(frame).decode()


# --- from the server ---------------------------------------------------------------------------


class Progress(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """
    One step of one operation. `done` of `total` legs have ended.

    Quantities are unsigned; `side` is the position's, "long" or "short". `line` is the frame as it
    came, with whatever a newer server tells beyond these fields.
    """

    operation_id: str
    request_id: str
    seq: int
    event: str
    at: datetime | None = None
    done: int = 0
    total: int = 0
    leg: int | None = None
    venue: str | None = None
    account: str | None = None
    instrument: str | None = None
    side: str | None = None
    quantity: Decimal | None = None
    filled: Decimal | None = None
    remaining: Decimal | None = None
    average_price: Decimal | None = None
    price: Decimal | None = None
    order_id: str | None = None
    outcome: str | None = None
    reason: str | None = None
    detail: str | None = None
    line: str = ""


class Accepted(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """The request is durable: from here on it ends with a final frame, whatever happens to us."""

    request_id: str
    operation_id: str
    duplicate: bool = False


class Final(msgspec.Struct, frozen=True, kw_only=True):
    """The one answer to a call."""

    id: str
    data: Data


class Notice(msgspec.Struct, frozen=True, kw_only=True):
    """Any other frame: an event of a channel, a notice, an error that answers no call."""

    type: str
    data: Data  # the whole frame


class Unreadable(msgspec.Struct, frozen=True, kw_only=True):
    """What came is no frame of this protocol, though it may bear the `id` of a call."""

    id: str | None
    detail: str


Incoming = Final | Accepted | Progress | Notice | Unreadable


class _Envelope(msgspec.Struct, frozen=True):
    type: str | None = None
    id: str | None = None


class _Answer(msgspec.Struct, frozen=True):
    id: str
    data: Data | list[object]


_envelope = msgspec.json.Decoder(_Envelope)
_accepted = msgspec.json.Decoder(Accepted)
_progress = msgspec.json.Decoder(Progress)
_answer = msgspec.json.Decoder(_Answer, float_hook=Decimal)
_anything = msgspec.json.Decoder(Data, float_hook=Decimal)


def decode(line: str | bytes) -> Incoming:
    """Read one frame; whatever cannot be read is `Unreadable`."""
    try:
        envelope = _envelope.decode(line)
    except (msgspec.DecodeError, UnicodeDecodeError) as exc:
        return Unreadable(id=None, detail=f"{exc}: {line[:200]!r}")
    try:
        match envelope.type:
            case None:
                answer = _answer.decode(line)
                if isinstance(answer.data, list):
                    return Final(id=answer.id, data={"items": answer.data})
                return Final(id=answer.id, data=answer.data)
            case "accepted":
                return _accepted.decode(line)
            case "progress":
                text = line if isinstance(line, str) else line.decode()
                return msgspec.structs.replace(_progress.decode(line), line=text)
            case other:
                return Notice(type=other, data=_anything.decode(line))
    except (msgspec.DecodeError, UnicodeDecodeError) as exc:
        return Unreadable(id=envelope.id, detail=f"{exc}: {line[:200]!r}")
