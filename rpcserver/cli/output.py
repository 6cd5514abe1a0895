"""What the command line says: tables for people, one JSON object a line for programs."""

from __future__ import annotations

import os
import sys
from datetime import datetime
from decimal import Decimal
from typing import Literal

import msgspec
from rich.console import Console, RenderableType
from rich.table import Table
from rich.text import Text

WIDE = 160  # characters a line, in files and pipes

_encoder = msgspec.json.Encoder(decimal_format="number")


class Output:
    """
    Where everything is said. With *is_json* stdout holds JSON lines and nothing else.

    People read results on stdout and complaints on stderr; programs read both on stdout, a
    complaint being `{"type":"error",…}`.
    """

    def __init__(
        self, *, is_json: bool, console: Console | None = None, complaints: Console | None = None
    ) -> None:
        self.is_json = is_json
        self.console = console or Console(width=_width())
        self._complaints = complaints or Console(stderr=True)

    def show(self, *parts: RenderableType) -> None:
        """Say something to people."""
        if not self.is_json:
            for part in parts:
                self.console.print(part)

    def show_whole(self, text: str) -> None:
        """Say something to people on a line that nothing breaks: an address to click on."""
        if not self.is_json:
            self.console.print(Text(text, style="bold"), soft_wrap=True)

    def flush(self) -> None:
        """Let everybody read now what was said, also through a pipe."""
        self.console.file.flush()

    def line(self, value: object) -> None:
        """Say something to programs."""
        if self.is_json:
            self.raw(_encoder.encode(value).decode())

    def raw(self, line: str) -> None:
        """Pass on a line of JSON as it came."""
        if self.is_json:
            self.console.file.write(line + "\n")
            self.console.file.flush()

    def complain(self, code: str, detail: str) -> None:
        """Say what is wrong."""
        self.line({"type": "error", "error": code, "detail": detail})
        if not self.is_json:
            self._complaints.print(Text.assemble((code, "bold red"), f"  {detail}"))

    def remark(self, text: str) -> None:
        """Say something beside the matter, to people alone."""
        if not self.is_json:
            self._complaints.print(Text(text, style="dim"))


def table(*columns: str, title: str | None = None) -> Table:
    """
    A table as every command draws it; a column written `">quantity"` is flush right.

    Nothing is cut off where there is no room: a name that ends in dots may be another's.
    """
    drawn = Table(box=None, header_style="dim", pad_edge=False, title=title, title_justify="left")
    for name in columns:
        justify: Literal["left", "right"] = "right" if name.startswith(">") else "left"
        drawn.add_column(name.removeprefix(">"), justify=justify, overflow="fold")
    return drawn


def is_interactive() -> bool:
    """Whether a person sits at both ends and can be asked."""
    return all(stream is not None and stream.isatty() for stream in (sys.stdin, sys.stderr))


def _width() -> int | None:
    """As wide as the terminal; what is no terminal has room for whole lines."""
    return None if sys.stdout.isatty() or "COLUMNS" in os.environ else WIDE


def plain(value: Decimal | None) -> str:
    """A quantity or a price as people write it; a dash where there is none."""
    if value is None:
        return "–"
    text = f"{value:,f}"
    return text.rstrip("0").rstrip(".") if "." in text else text


def clock(value: datetime | None) -> str:
    """A moment of today as people read it, in UTC like everything the server says."""
    return "–" if value is None else f"{value:%H:%M:%S}.{value.microsecond // 1000:03}"


def moment(value: datetime | None) -> str:
    """A moment of any day."""
    return "–" if value is None else f"{value:%Y-%m-%d %H:%M:%S}Z"
