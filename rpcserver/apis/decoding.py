"""From the bytes of `args` to one api's args Struct: strict, and naming the key that is wrong."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable
from functools import cache
from typing import Any, TypeVar

import msgspec

from rpcserver.domain.errors import InvalidRequest

Args = TypeVar("Args", bound=msgspec.Struct)

_UNKNOWN = re.compile(
    r"Object contains unknown field `(?P<key>.*?)`(?: - at `\$(?P<path>[^`]*)`)?$", re.DOTALL
)
_MISSING = re.compile(
    r"Object missing required field `(?P<key>.*?)`(?: - at `\$(?P<path>[^`]*)`)?$"
)
_AT = re.compile(r"(?P<what>.*) - at `\$\.(?P<path>.*)`$")
_COMPARED_AT_MOST = 2000  # known names a suggestion is looked for among: never hold up the loop
_LETTERS_AT_MOST = 100


def decode_args(args_type: type[Args], data: bytes | msgspec.Raw) -> Args:
    """
    Read *data*, one JSON object, as the args of one api.

    Raises:
        InvalidRequest: `unknown_argument` with the nearest known key, `missing_argument`,
            `invalid_argument` or `empty_filter`, its detail naming the key.
    """
    try:
        args: Args = _decoder(args_type).decode(data)
    except msgspec.ValidationError as exc:
        raise _refusal(args_type, str(exc)) from exc
    except (msgspec.DecodeError, UnicodeError, RecursionError) as exc:
        raise InvalidRequest("malformed_frame", f"args: {exc}") from exc
    return args


def nearest(word: str, known: Iterable[str]) -> str:
    """A half sentence with the known name most like *word*, or an empty one."""
    word = word[:_LETTERS_AT_MOST].casefold()
    likely: dict[str, str] = {}
    for name in known:
        if name[:1].casefold() == word[:1] or len(likely) < _COMPARED_AT_MOST // 2:
            likely.setdefault(name.casefold(), name)
        if len(likely) == _COMPARED_AT_MOST:
            break
    found = difflib.get_close_matches(word, likely, n=1, cutoff=0.5)
    return f"; did you mean {likely[found[0]]!r}?" if found else ""


@cache
def _decoder(args_type: type[msgspec.Struct]) -> msgspec.json.Decoder[Any]:
    return msgspec.json.Decoder(args_type)


def _refusal(args_type: type[msgspec.Struct], said: str) -> InvalidRequest:
    if found := _UNKNOWN.match(said):
        key, path = found["key"][:_LETTERS_AT_MOST], found["path"] or ""
        known = () if path else args_type.__struct_encode_fields__
        where = f" in {path.lstrip('.')}" if path else ""
        return InvalidRequest("unknown_argument", f"{key!r}{where}{nearest(key, known)}")
    if found := _MISSING.match(said):
        where = f" in {found['path'].lstrip('.')}" if found["path"] else ""
        return InvalidRequest("missing_argument", f"{found['key']}{where}")
    if found := _AT.match(said):
        return InvalidRequest("invalid_argument", f"{found['path']}: {found['what']}")
    return InvalidRequest("invalid_argument", f"args: {said}")
