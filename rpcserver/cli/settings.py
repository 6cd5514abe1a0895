"""The settings, as a table: what there is, what is expected, and what it is for."""

from __future__ import annotations

from rich.table import Table
from rich.text import Text

from rpcserver.cli import options
from rpcserver.cli.output import Output
from rpcserver.settings_reference import reference


def settings(as_json: options.AsJson = False) -> None:
    """Print every setting of `serve`, with its type, its default and what it is for."""
    output = Output(is_json=as_json)
    drawn = Table(box=None, pad_edge=False)
    for heading in ("setting", "type", "default", "what for"):
        drawn.add_column(heading, overflow="fold")
    for row in reference():
        output.line(row._asdict())
        drawn.add_row(
            Text(row.key, style="bold"), row.type, Text(row.default, style="cyan"), row.meaning
        )
    output.show(drawn)
