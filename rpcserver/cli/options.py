"""The options that many commands share, each described once."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Annotated

import msgspec
import typer

from rpcserver.cli.connection import DEFAULT_URL, TOKEN_FILE_NAME

_SERVER = "Server"
_CLOSING = "Closing"

Url = Annotated[
    str,
    typer.Option(
        "--url", envvar="RPCSERVER_URL", help="Where the server listens.", rich_help_panel=_SERVER
    ),
]
URL = DEFAULT_URL

TokenFile = Annotated[
    Path | None,
    typer.Option(
        "--token-file",
        envvar="RPCSERVER_TOKEN_FILE",
        help="A file with the token. Without it: RPCSERVER_TOKEN, else the data directory's "
        f"{TOKEN_FILE_NAME}.",
        rich_help_panel=_SERVER,
    ),
]
DataDir = Annotated[
    Path | None,
    typer.Option(
        "--data-dir",
        envvar="RPCSERVER_DATA_DIR",
        help="The server's data directory; by default ~/.local/share/rpcserver.",
        rich_help_panel=_SERVER,
    ),
]
AsJson = Annotated[
    bool, typer.Option("--json", help="One JSON object a line, for programs. Asks nothing.")
]

Yes = Annotated[
    bool,
    typer.Option("--yes", "-y", help="Do not ask, close at once.", rich_help_panel=_CLOSING),
]
DryRun = Annotated[
    bool,
    typer.Option(
        "--dry-run", help="Show what would be closed, send nothing.", rich_help_panel=_CLOSING
    ),
]
Key = Annotated[
    str | None,
    typer.Option(
        "--key",
        help="The idempotency key: the same key is the same operation, for 24 hours. "
        "Without it every press has a fresh one.",
        rich_help_panel=_CLOSING,
    ),
]
Reason = Annotated[
    str | None,
    typer.Option("--reason", help="Why, for the audit.", rich_help_panel=_CLOSING),
]
Fraction = Annotated[
    str | None,
    typer.Option(
        "--fraction",
        help="Close only this part of each position: 0.5 is half, rounded down to the lot.",
        rich_help_panel=_CLOSING,
    ),
]
Deadline = Annotated[
    float | None,
    typer.Option(
        "--deadline",
        help="Seconds after which nothing new is sent. The server's default is 60.",
        rich_help_panel=_CLOSING,
    ),
]
Further = Annotated[
    list[str] | None,
    typer.Option(
        "--option",
        metavar="NAME=JSON",
        help="Any other option of protocol.md, such as --option waitForOpen=true.",
        rich_help_panel=_CLOSING,
    ),
]


def settings_given(
    settings: Iterable[str], lists: frozenset[str] = frozenset({"accounts"})
) -> dict[str, object]:
    """
    NAME=VALUE pairs as args: JSON as typed, all else a word; of *lists* words between commas.

    Raises:
        typer.BadParameter: A pair is none.
    """
    args: dict[str, object] = {}
    for setting in settings:
        name, separator, text = setting.partition("=")
        if not (separator and name and text):
            raise typer.BadParameter(f"{setting}: expected NAME=VALUE")
        try:
            args[name] = msgspec.json.decode(text)
        except msgspec.DecodeError:
            args[name] = text.split(",") if name in lists else text
            continue
        if name in lists and not isinstance(args[name], list):
            args[name] = text.split(",")
    return args
