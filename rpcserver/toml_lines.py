"""Where each key of a TOML text stands, which the standard library's reader does not tell."""

from __future__ import annotations

import re
from collections.abc import Mapping

_PART = r"""(?:[A-Za-z0-9_-]+|"(?:[^"\\]|\\.)*"|'[^']*')"""
_DOTTED = rf"{_PART}(?:\s*\.\s*{_PART})*"
_HEADER = re.compile(rf"\s*\[\s*({_DOTTED})\s*\]")
_KEY = re.compile(rf"\s*({_DOTTED})\s*=")
_PARTS = re.compile(_PART)

# What a value may be made of, so that no bracket, quote or mark inside a text is taken for one.
_TOKEN = re.compile(
    r'''"""|\'\'\'|"(?:[^"\\]|\\.)*"|'[^']*'|[\[\]{}#]''',
)
_LONG = {'"""': re.compile(r'(?<!\\)(?:\\\\)*"""'), "'''": re.compile("'''")}


def key_lines(text: str) -> Mapping[str, int]:
    """The line, from 1, of each dotted key and each table of *text*, which must be TOML."""
    lines: dict[str, int] = {}
    table = ""
    inside = _Inside()
    for number, line in enumerate(text.splitlines(), start=1):
        if inside.is_outside:
            if header := _HEADER.match(line):
                table = _dotted(header[1])
                lines.setdefault(table, number)
                continue
            if (key := _KEY.match(line)) is not None:
                name = _dotted(key[1])
                lines.setdefault(f"{table}.{name}" if table else name, number)
                line = line[key.end() :]
        inside.pass_over(line)
    return lines


def _dotted(written: str) -> str:
    return ".".join(part.strip("\"'") for part in _PARTS.findall(written))


class _Inside:
    """Whether a line begins inside a value that an earlier line began."""

    def __init__(self) -> None:
        self._depth = 0  # of brackets
        self._quotes: str | None = None  # of a text of several lines

    @property
    def is_outside(self) -> bool:
        return not self._depth and self._quotes is None

    def pass_over(self, line: str) -> None:
        at = 0
        while True:
            if self._quotes is not None:
                if (end := _LONG[self._quotes].search(line, at)) is None:
                    return
                self._quotes, at = None, end.end()
            if (token := _TOKEN.search(line, at)) is None or token[0] == "#":
                return
            at = token.end()
            match token[0]:
                case '"""' | "'''":
                    self._quotes = token[0]
                case "[" | "{":
                    self._depth += 1
                case "]" | "}":
                    self._depth -= 1
                case _:
                    pass  # a text of one line
