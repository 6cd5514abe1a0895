"""A user's own defaults and the administrators' policy: shown, and changed key by key."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import Annotated

import msgspec
import typer
from rich.table import Table

from rpcclient import Data
from rpcserver.cli import options
from rpcserver.cli.output import plain, table
from rpcserver.cli.served import Server, served

preferences = typer.Typer(
    help="What your closing calls mean where they do not say it.", no_args_is_help=True
)
policy = typer.Typer(help="What administrators lay down for everybody.", no_args_is_help=True)

_LISTS = frozenset({"accounts", "instruments", "alerts", "clear"})

Settings = Annotated[
    list[str],
    typer.Argument(
        metavar="NAME=VALUE…",
        help="Keys of protocol.md: a word, JSON, or words between commas, such as "
        "dust=leave deadlineMs=30000 accounts=Sim101,Sim102 clear=alerts. What is left out stays.",
    ),
]
Whose = Annotated[
    str | None, typer.Option("--user", help="Another user's (admin role); by default your own.")
]


@preferences.command("show")
@served
def show_preferences(
    server: Server,
    user: Whose = None,
) -> None:
    """Show what stands."""
    server.ask("GetPreferences", _of(user), lambda data: _table(data, "preferences"))


@preferences.command("set")
@served
def set_preferences(
    server: Server,
    settings: Settings,
    user: Whose = None,
    reason: Annotated[str, typer.Option(help="Why, for the audit.")] = "",
) -> None:
    """Let your closing calls mean this, from the next one on."""
    args = options.settings_given(settings, _LISTS) | _of(user) | {"reason": reason}
    server.ask("SetPreferences", args, lambda data: _table(data, "preferences"))


@policy.command("show")
@served
def show_policy(server: Server) -> None:
    """Show what is in force, as far as it concerns you, and what the deployment allows."""
    server.ask("GetPolicy", {}, lambda data: _table(data, "policy"))


@policy.command("set")
@served
def set_policy(
    server: Server,
    settings: Settings,
    reason: Annotated[str, typer.Option(help="Why, for everybody who meets it.")],
) -> None:
    """Let the policy say this, for everybody and at once (admin role)."""
    args = options.settings_given(settings, _LISTS) | {"reason": reason}
    server.ask("SetPolicy", args, lambda data: _table(data, "policy"))


def _of(user: str | None) -> dict[str, object]:
    return {} if user is None else {"user": user}


def _table(data: Data, key: str) -> Table:
    """A line a key; lists a line an entry. What is empty is not said."""
    drawn = table("setting", "is")
    told = data.get(key)
    for name, value in told.items() if isinstance(told, Mapping) else ():
        entries = value if isinstance(value, list) else [value]
        for place, entry in enumerate(entries):
            if entry not in (None, ""):
                drawn.add_row(name if place == 0 else "", _text(entry))
    return drawn


def _text(value: object) -> str:
    if isinstance(value, Mapping):
        return "  ".join(f"{key} {_text(inner)}" for key, inner in value.items())
    if isinstance(value, Decimal):
        return plain(value)
    return value if isinstance(value, str) else msgspec.json.encode(value).decode()
