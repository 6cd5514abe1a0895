"""A user's own defaults and the administrators' policy: shown, and changed key by key."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import Annotated

import msgspec
import typer
from rich.table import Table

from rpcclient import Data, RpcClient
from rpcserver.cli import options
from rpcserver.cli.connection import Connection, talk
from rpcserver.cli.exits import Exit
from rpcserver.cli.output import Output, plain, table

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
def show_preferences(
    user: Whose = None,
    as_json: options.AsJson = False,
    url: options.Url = options.URL,
    token_file: options.TokenFile = None,
    data_dir: options.DataDir = None,
) -> None:
    """Show what stands."""
    connection = Connection(url=url, token_file=token_file, data_dir=data_dir)
    raise typer.Exit(_ask(connection, as_json, "GetPreferences", _of(user), "preferences"))


@preferences.command("set")
def set_preferences(
    settings: Settings,
    user: Whose = None,
    reason: Annotated[str, typer.Option(help="Why, for the audit.")] = "",
    as_json: options.AsJson = False,
    url: options.Url = options.URL,
    token_file: options.TokenFile = None,
    data_dir: options.DataDir = None,
) -> None:
    """Let your closing calls mean this, from the next one on."""
    args = options.settings_given(settings, _LISTS) | _of(user) | {"reason": reason}
    connection = Connection(url=url, token_file=token_file, data_dir=data_dir)
    raise typer.Exit(_ask(connection, as_json, "SetPreferences", args, "preferences"))


@policy.command("show")
def show_policy(
    as_json: options.AsJson = False,
    url: options.Url = options.URL,
    token_file: options.TokenFile = None,
    data_dir: options.DataDir = None,
) -> None:
    """Show what is in force, as far as it concerns you, and what the deployment allows."""
    connection = Connection(url=url, token_file=token_file, data_dir=data_dir)
    raise typer.Exit(_ask(connection, as_json, "GetPolicy", {}, "policy"))


@policy.command("set")
def set_policy(
    settings: Settings,
    reason: Annotated[str, typer.Option(help="Why, for everybody who meets it.")],
    as_json: options.AsJson = False,
    url: options.Url = options.URL,
    token_file: options.TokenFile = None,
    data_dir: options.DataDir = None,
) -> None:
    """Let the policy say this, for everybody and at once (admin role)."""
    args = options.settings_given(settings, _LISTS) | {"reason": reason}
    connection = Connection(url=url, token_file=token_file, data_dir=data_dir)
    raise typer.Exit(_ask(connection, as_json, "SetPolicy", args, "policy"))


def _of(user: str | None) -> dict[str, object]:
    return {} if user is None else {"user": user}


def _ask(
    connection: Connection, as_json: bool, api: str, args: Mapping[str, object], key: str
) -> Exit:
    output = Output(is_json=as_json)

    async def work(client: RpcClient) -> Exit:
        data = await client.call(api, args)
        output.line({"data": data})
        output.show(_table(data, key))
        return Exit.OK

    return talk(connection, output, work)


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
