"""
Secrets, blotted out in one place: whatever is logged passes here as its last step.

Three nets, each for what slips through the others: values that are known to be secret, names that
secrets go by, and the shapes they have.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping

import msgspec

BLOT = "***"
SECRET_MIN = 4  # characters: to blot out a shorter one would blot out half the log

_WORDS = "token|secret|password|passphrase|authorization|cookie|api_?key|private_?key"
_SECRET_NAME = re.compile(rf"(?:^|[_.-])(?:{_WORDS})$", re.IGNORECASE)

_SHAPES = (
    # A header, or what stands for one: the scheme may stay.
    (re.compile(r"(?i)\b(bearer|basic)\s+[^\s\"',;}\]]+"), rf"\1 {BLOT}"),
    (
        re.compile(r"(?i)\b(authorization|cookie)(\s*[:=]\s*[\"']?)(?!bearer|basic)[^\r\n\"']+"),
        rf"\1\2{BLOT}",
    ),
    # `"token": "…"` in a frame, also in one that was quoted once more or cut off.
    (
        re.compile(rf"(?i)((?:{_WORDS})\\*[\"']\s*:\s*\\*[\"'])[^\"'\\]*"),
        rf"\1{BLOT}",
    ),
    # `token=…` in a query or in a line of ours.
    (re.compile(rf"(?i)\b((?:\w+_)?(?:{_WORDS})=)[^\s&\"',;}}\]]+"), rf"\1{BLOT}"),
    # `scheme://user:password@host`
    (re.compile(r"(://[^/\s:@\"']*:)[^/\s@\"']+@"), rf"\1{BLOT}@"),
    # 256 random bits, as our tokens are written.
    (re.compile(r"(?<![\w-])(?:rpc_)?[A-Za-z0-9_-]{43}(?![\w-])"), BLOT),
)


def is_secret(name: str) -> bool:
    """Whether what goes by this name is nobody's business: `token`, `webhook.secret`, …"""
    return _SECRET_NAME.search(name) is not None


def secrets_of(settings: msgspec.Struct) -> Iterator[str]:
    """Every value in *settings* whose name says that it is secret."""
    for name in settings.__struct_fields__:
        value = getattr(settings, name)
        if isinstance(value, msgspec.Struct):
            yield from secrets_of(value)
        elif isinstance(value, Mapping):
            for each in value.values():
                yield from secrets_of(each)
        elif isinstance(value, str) and is_secret(name):
            yield value


class Redactor:
    """Blots out secrets: *known* ones wherever they stand, others by their name or their shape."""

    def __init__(self, known: Iterable[str] = ()) -> None:
        values = sorted({value for value in known if len(value) >= SECRET_MIN}, key=len)
        self._known = (
            re.compile("|".join(re.escape(value) for value in reversed(values))) if values else None
        )

    def text(self, text: str) -> str:
        """*text* without its secrets."""
        if self._known is not None:
            text = self._known.sub(BLOT, text)
        for shape, blot in _SHAPES:
            text = shape.sub(blot, text)
        return text

    def fields(self, fields: dict[str, object]) -> dict[str, object]:
        """*fields* without their secrets, nor the values whose names say that they are some."""
        return {
            name: BLOT if is_secret(name) else self.text(value) if isinstance(value, str) else value
            for name, value in fields.items()
        }
