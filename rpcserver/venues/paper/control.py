"""
What the author of a rehearsal says to a venue process, and what it answers: JSON, loopback only.

```json
{"action":"arm","id":1,"name":"a lost answer","fault":{"kind":"lose_answers","count":1}}
{"id":1,"ok":true}
```

protocol.md, “Rehearsing against faults”, is the manual.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from decimal import Decimal
from typing import Annotated, Any, get_args

import msgspec
from msgspec import UNSET, Meta, UnsetType

from rpcserver.domain.account import PositionMode
from rpcserver.domain.errors import InvalidRequest
from rpcserver.domain.market import MarketPhase
from rpcserver.domain.order import Holding, OrderSide
from rpcserver.venues.paper.faults import Seconds
from rpcserver.venues.paper.forecast import Rate, Seed

CONTROL_PATH = "/control"
EVERY = "*"  # every market
_MAGNITUDE_MAX = Decimal(10) ** 12
_DIGITS_MAX = 18

_Name = Annotated[str, Meta(min_length=1, max_length=64)]
_Id = Annotated[str, Meta(max_length=64)] | int | None


class Frame(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What every control frame may bear."""

    id: _Id = None


class Arm(Frame, frozen=True, kw_only=True, tag_field="action", tag="arm"):
    name: _Name
    fault: dict[str, Any]  # a table of a script: `fault_of` reads it


class List(Frame, frozen=True, kw_only=True, tag_field="action", tag="list"): ...


class Clear(Frame, frozen=True, kw_only=True, tag_field="action", tag="clear"):
    name: _Name | None = None


class Weather(Frame, frozen=True, kw_only=True, tag_field="action", tag="weather"):
    seed: Seed = 1
    rate: Rate = 0.05
    kinds: tuple[str, ...] = ()


class Cut(Frame, frozen=True, kw_only=True, tag_field="action", tag="cut"):
    seconds: Seconds | None = None


class Phase(Frame, frozen=True, kw_only=True, tag_field="action", tag="phase"):
    instrument: _Name
    phase: MarketPhase | None


class Depth(Frame, frozen=True, kw_only=True, tag_field="action", tag="depth"):
    instrument: _Name
    touch: Decimal | None


class Price(Frame, frozen=True, kw_only=True, tag_field="action", tag="price"):
    instrument: _Name
    price: Decimal


class Bands(Frame, frozen=True, kw_only=True, tag_field="action", tag="bands"):
    instrument: _Name
    lower: Decimal | None = None
    upper: Decimal | None = None


class OpenAccount(Frame, frozen=True, kw_only=True, tag_field="action", tag="account"):
    account: _Name
    user_id: _Name
    mode: PositionMode = PositionMode.NETTING
    currency: _Name = "USD"
    cash: Decimal = Decimal(0)


class OpenPosition(Frame, frozen=True, kw_only=True, tag_field="action", tag="position"):
    account: _Name
    instrument: _Name
    quantity: Decimal
    average_price: Decimal
    product: str = ""
    tag: _Name | None = None
    carried: bool = False


class Trade(Frame, frozen=True, kw_only=True, tag_field="action", tag="trade"):
    account: _Name
    instrument: _Name
    side: OrderSide
    quantity: Decimal
    price: Decimal | None = None
    holding: Holding = Holding.NET
    product: str = ""


class Fill(Frame, frozen=True, kw_only=True, tag_field="action", tag="fill"):
    account: _Name
    order_id: _Name
    quantity: Decimal | None = None
    price: Decimal | None = None


class Show(Frame, frozen=True, kw_only=True, tag_field="action", tag="show"):
    account: _Name


ControlFrame = (
    Arm
    | List
    | Clear
    | Weather
    | Cut
    | Phase
    | Depth
    | Price
    | Bands
    | OpenAccount
    | OpenPosition
    | Trade
    | Fill
    | Show
)

# --- answers -------------------------------------------------------------------------------------


class ListedFault(msgspec.Struct, frozen=True, kw_only=True):
    """A fault as it stands; `fault` is the table it was read from, with every default."""

    name: str
    fault: Mapping[str, Any]
    met: int
    over: bool


class ShownPosition(msgspec.Struct, frozen=True, kw_only=True):
    instrument: str
    quantity: Decimal
    average_price: Decimal
    holding: str
    product: str


class ShownOrder(msgspec.Struct, frozen=True, kw_only=True):
    order_id: str
    client_order_id: str | None
    instrument: str
    side: str
    type: str
    quantity: Decimal
    filled: Decimal
    reduce_only: bool
    cancel_pending: bool


class Answer(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """The answer to one frame; what it has to say besides `ok` depends on the action."""

    id: str | int | None = None
    ok: bool
    faults: tuple[ListedFault, ...] | UnsetType = UNSET
    positions: tuple[ShownPosition, ...] | UnsetType = UNSET
    orders: tuple[ShownOrder, ...] | UnsetType = UNSET
    error: str | UnsetType = UNSET
    detail: str | UnsetType = UNSET


ACTIONS = tuple(str(frame.__struct_config__.tag) for frame in get_args(ControlFrame))
_PATH = re.compile(r" - at `\$\.(?P<key>[^.`\[]*).*`$", re.DOTALL)
_WORDS: Mapping[str, tuple[str, ...]] = {
    "action": ACTIONS,
    "phase": tuple(phase.value for phase in MarketPhase),
    "mode": tuple(mode.value for mode in PositionMode),
    "side": tuple(side.value for side in OrderSide),
    "holding": tuple(holding.value for holding in Holding),
}
_decoder: msgspec.json.Decoder[ControlFrame] = msgspec.json.Decoder(ControlFrame)
_encoder = msgspec.json.Encoder(decimal_format="string")


class _Shell(msgspec.Struct):
    """As much of a refused frame as is needed to answer it."""

    id: _Id = None


_shell_decoder = msgspec.json.Decoder(_Shell)


def decode_control(text: str) -> ControlFrame:
    """
    Read one control frame.

    Raises:
        InvalidRequest: `malformed_frame` or `invalid_argument`; nothing was done.
    """
    try:
        frame = _decoder.decode(text)
    except msgspec.ValidationError as exc:
        raise InvalidRequest("invalid_argument", _explain(str(exc))) from exc
    except (msgspec.DecodeError, UnicodeError, RecursionError) as exc:
        raise InvalidRequest("malformed_frame", " ".join(str(exc).split())[:300]) from exc
    _check_numbers(frame)
    return frame


def id_of(text: str) -> str | int | None:
    """The id of a frame that may be wrong in every other way."""
    try:
        return _shell_decoder.decode(text).id
    except (msgspec.DecodeError, UnicodeError, RecursionError):
        return None


def encode_answer(answer: Answer) -> str:
    return _encoder.encode(answer).decode()


def _explain(complaint: str) -> str:
    """Turn the decoder's complaint into words that name the key and what was expected."""
    found = _PATH.search(complaint)
    key = found.group("key") if found else "frame"
    reason = " ".join((complaint[: found.start()] if found else complaint).split())[:200]
    if (words := _WORDS.get(key)) is not None:
        return f"{key}: expected one of {', '.join(words)}; {reason[:1].lower()}{reason[1:]}"
    return f"{key}: {reason[:1].lower()}{reason[1:]}"


def _check_numbers(frame: ControlFrame) -> None:
    """Let no NaN nor anything astronomical into the exchange."""
    for field in msgspec.structs.fields(frame):
        value = getattr(frame, field.name)
        if not isinstance(value, Decimal):
            continue
        digits = value.as_tuple().digits
        if not value.is_finite() or abs(value) > _MAGNITUDE_MAX or len(digits) > _DIGITS_MAX:
            raise InvalidRequest(
                "invalid_argument",
                f"{field.name}: expected a number of at most {_DIGITS_MAX} digits and 10^12",
            )
