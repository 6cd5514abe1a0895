"""
Bytes become types here and nowhere else; types become bytes.

Whatever arrives is answered: bytes that are no JSON, sixty thousand brackets, NaN, lone
surrogates, twice the same key. `RefusedFrame` says what is wrong, and to which call to say it.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from difflib import get_close_matches
from typing import get_args

import msgspec

from rpcserver.domain.errors import InvalidRequest
from rpcserver.wire.frames import (
    ID_LENGTH_MAX,
    KEY_LENGTH_MAX,
    Attach,
    Cancel,
    ClientFrame,
    Final,
    Rpc,
    ServerFrame,
    Subscribe,
)


class RefusedFrame(InvalidRequest):
    """
    A frame that cannot be carried out; nothing was done.

    `request_id` is the frame's id, or None where it bears no usable one; `is_call`: it is answered
    by a final answer. `is_malformed` frames are not even a JSON object: ten of them in a row end
    the connection.
    """

    def __init__(
        self,
        code: str,
        detail: str,
        *,
        request_id: str | None = None,
        is_call: bool = True,
        is_malformed: bool = False,
    ) -> None:
        super().__init__(code, detail)
        self.request_id = request_id
        self.is_call = is_call
        self.is_malformed = is_malformed


# --- decoding frames ---------------------------------------------------------------------------


class _Shell(msgspec.Struct):
    """As much of a refused frame as is needed to say what is wrong with it."""

    action: msgspec.Raw = msgspec.Raw(b"null")
    id: msgspec.Raw = msgspec.Raw(b"null")


_frame_decoder: msgspec.json.Decoder[ClientFrame] = msgspec.json.Decoder(ClientFrame)
_shell_decoder = msgspec.json.Decoder(_Shell)
ACTIONS = tuple(str(frame.__struct_config__.tag) for frame in get_args(ClientFrame))

_MISSING_FIELD = re.compile(r"Object missing required field `(?P<key>.*?)`", re.DOTALL)
_PATH = re.compile(r" - at `\$(?P<path>.*)`$", re.DOTALL)


def decode_frame(data: bytes | str) -> ClientFrame:
    """
    Turn the text of one WebSocket message into one frame.

    Raises:
        RefusedFrame: It is none of protocol.md. Nothing was done; answer and go on.
    """
    try:
        frame = _frame_decoder.decode(data)
    except msgspec.ValidationError as exc:
        raise _refused(data, str(exc)) from exc
    except (msgspec.DecodeError, UnicodeError) as exc:
        raise RefusedFrame("malformed_frame", _one_line(str(exc)), is_malformed=True) from exc
    except RecursionError as exc:
        raise RefusedFrame("malformed_frame", "nested too deeply", is_malformed=True) from exc
    if isinstance(frame, Rpc | Attach | Subscribe) and frame.id is not None:
        _check_id(frame.id)
    if isinstance(frame, Rpc | Attach | Cancel):
        _check_key(frame)
    return frame


def _refused(data: bytes | str, complaint: str) -> RefusedFrame:
    """Find out what is wrong with a frame that is JSON."""
    try:
        shell = _shell_decoder.decode(data)
    except (msgspec.DecodeError, RecursionError, UnicodeError):
        return RefusedFrame("malformed_frame", "expected one JSON object", is_malformed=True)
    action, frame_id = _text(shell.action), _text(shell.id)
    if action not in ACTIONS:
        near = nearest(action, ACTIONS) if action else ""
        known = ", ".join(ACTIONS)
        return RefusedFrame(
            "unknown_action",
            f"`action` must be one of {known}{near}",
            request_id=frame_id if _is_id(frame_id) else None,
        )
    is_call = action in ("rpc", "attach")
    if is_call and not _is_id(frame_id):
        if frame_id is not None and len(frame_id) > ID_LENGTH_MAX:
            return RefusedFrame("id_too_long", f"`id` has more than {ID_LENGTH_MAX} characters")
        return RefusedFrame(
            "invalid_id", f"`id` must be a string of 1 to {ID_LENGTH_MAX} characters"
        )
    code, detail = _explain(complaint)
    return RefusedFrame(
        code, detail, request_id=frame_id if _is_id(frame_id) else None, is_call=is_call
    )


def _text(raw: msgspec.Raw) -> str | None:
    try:
        return msgspec.json.decode(raw, type=str)
    except (msgspec.DecodeError, UnicodeError):
        return None


def _is_id(value: str | None) -> bool:
    return value is not None and 1 <= len(value) <= ID_LENGTH_MAX


def _check_id(value: str) -> None:
    if len(value) > ID_LENGTH_MAX:
        raise RefusedFrame("id_too_long", f"`id` has more than {ID_LENGTH_MAX} characters")
    if not value:
        raise RefusedFrame(
            "invalid_id", f"`id` must be a string of 1 to {ID_LENGTH_MAX} characters"
        )


def _check_key(frame: Rpc | Attach | Cancel) -> None:
    key = frame.idempotency_key
    if key is not None and not 1 <= len(key) <= KEY_LENGTH_MAX:
        raise RefusedFrame(
            "invalid_argument",
            f"`idempotencyKey` must be a string of 1 to {KEY_LENGTH_MAX} characters",
            request_id=None if isinstance(frame, Cancel) else frame.id,
        )


# --- what may hurt is read twice ---------------------------------------------------------------

_ENVELOPE = frozenset({"action", "id", "api", "args", "idempotencyKey", "progress"})


def check_strictly(data: bytes | str, *, envelope: bool) -> None:
    """
    Refuse what a lenient reader passes over: keys that stand twice, and, with *envelope*, keys
    beside `args` that are not the envelope's (a `dryRun` in the wrong place must not flatten).

    Raises:
        InvalidRequest: `duplicate_key` or `unknown_argument`.
    """
    try:
        # Numbers stay text: this reading is about keys, and int() of a million digits is slow.
        frame = json.loads(data, object_pairs_hook=_unique, parse_int=str, parse_float=str)
    except (RecursionError, ValueError) as exc:
        raise InvalidRequest("malformed_frame", _one_line(str(exc))) from exc
    if envelope and (strangers := frame.keys() - _ENVELOPE):
        named = ", ".join(f"`{key}`" for key in sorted(strangers))
        raise InvalidRequest(
            "unknown_argument",
            f"{named} beside `args`: options belong in `args`; nothing was done",
        )


def _unique(pairs: list[tuple[str, object]]) -> dict[str, object]:
    found = dict(pairs)
    if len(found) != len(pairs):
        names = [key for key, _ in pairs]
        twice = next(key for key in names if names.count(key) > 1)
        raise InvalidRequest("duplicate_key", f"`{twice}` stands twice in one object")
    return found


# --- words ---------------------------------------------------------------------------------------


def _explain(complaint: str) -> tuple[str, str]:
    """Turn the decoder's complaint into a code and words that name the key and what is expected."""
    found = _PATH.search(complaint)
    path = found.group("path").lstrip(".") if found else ""
    if missing := _MISSING_FIELD.match(complaint):
        return "missing_argument", f"`{missing.group('key')}` is missing"
    reason = _one_line(complaint[: found.start()] if found else complaint).replace("`", "")
    return "invalid_argument", f"`{path}`: {reason[:1].lower()}{reason[1:]}"


def nearest(name: str, known: Iterable[str]) -> str:
    """`; did you mean …?` with the known name nearest to *name*, or nothing."""
    by_folded = {each.casefold(): each for each in known}
    near = get_close_matches(name.casefold()[:100], by_folded, n=1)
    return f"; did you mean `{by_folded[near[0]]}`?" if near else ""


def _one_line(text: str) -> str:
    return " ".join(text.split())[:200]


# --- encoding ----------------------------------------------------------------------------------

_strings = msgspec.json.Encoder(decimal_format="string")
_numbers = msgspec.json.Encoder(decimal_format="number")


def encode(frame: ServerFrame) -> bytes:
    """One line of JSON; quantities and prices as strings, lossless."""
    return _strings.encode(frame)


def encode_numbers(frame: ServerFrame) -> bytes:
    """One line of JSON; quantities and prices as numbers, for CrossTrade's own frames."""
    return _numbers.encode(frame)


def encode_final(request_id: str, data: object) -> bytes:
    """
    The final answer of a call: `{"id":…,"data":…}`.

    A `Decimal` in *data* becomes a number; a dialect that speaks in strings made them already.
    """
    return _numbers.encode(Final(request_id, data))


def one_line(raw: msgspec.Raw) -> str:
    """Args as they came, without line breaks between them: for the audit."""
    return msgspec.json.format(bytes(raw), indent=-1).decode()
