"""The tokens: who may speak to the server, for which accounts."""

from __future__ import annotations

from typing import Annotated

import msgspec
import typer
from rich.table import Table
from rich.text import Text

from rpcclient import RpcClient
from rpcserver.cli import options
from rpcserver.cli.answers import Tokens, read
from rpcserver.cli.connection import Connection, talk
from rpcserver.cli.exits import Exit
from rpcserver.cli.output import Output, moment

commands = typer.Typer(help="Create, list and revoke tokens.", no_args_is_help=True)


@commands.command()
def create(
    principal: Annotated[str, typer.Argument(help="Whoever the token speaks for.")],
    role: Annotated[
        list[str], typer.Option(help="`viewer`, `trader`, `risk` or `admin` (repeatable).")
    ],
    account: Annotated[
        list[str] | None,
        typer.Option(help="An account it may touch (repeatable); without any: every account."),
    ] = None,
    as_json: options.AsJson = False,
    url: options.Url = options.URL,
    token_file: options.TokenFile = None,
    data_dir: options.DataDir = None,
) -> None:
    """Make a token. It is shown once, now, and stored nowhere."""
    output = Output(is_json=as_json)

    async def work(client: RpcClient) -> Exit:
        args = {"principal": principal, "roles": role, "accounts": account or ["*"]}
        data = await client.call("CreateToken", args)
        output.line({"data": data})
        if not as_json:
            output.remark("shown once; keep it like a key to the account")
            output.console.file.write(f"{data.get('token')}\n")
        return Exit.OK

    connection = Connection(url=url, token_file=token_file, data_dir=data_dir)
    raise typer.Exit(talk(connection, output, work))


@commands.command("list")
def list_tokens(
    as_json: options.AsJson = False,
    url: options.Url = options.URL,
    token_file: options.TokenFile = None,
    data_dir: options.DataDir = None,
) -> None:
    """Show every token there is or was: never the token itself."""
    output = Output(is_json=as_json)

    async def work(client: RpcClient) -> Exit:
        data = await client.call("ListTokens")
        output.line({"data": data})
        output.show(_table(read(data, Tokens)))
        return Exit.OK

    connection = Connection(url=url, token_file=token_file, data_dir=data_dir)
    raise typer.Exit(talk(connection, output, work))


@commands.command()
def revoke(
    token_id: Annotated[str, typer.Argument(help="The token's public name.")],
    as_json: options.AsJson = False,
    url: options.Url = options.URL,
    token_file: options.TokenFile = None,
    data_dir: options.DataDir = None,
) -> None:
    """Revoke a token at once, and close its connections."""
    output = Output(is_json=as_json)

    async def work(client: RpcClient) -> Exit:
        data = await client.call("RevokeToken", {"tokenId": token_id})
        output.line({"data": data})
        output.show(Text(f"{token_id} is revoked"))
        return Exit.OK

    connection = Connection(url=url, token_file=token_file, data_dir=data_dir)
    raise typer.Exit(talk(connection, output, work))


def _table(tokens: Tokens) -> Table:
    table = Table(box=None, header_style="dim", pad_edge=False)
    for name in ("token", "principal", "roles", "accounts", "created", "revoked"):
        table.add_column(name, no_wrap=name != "accounts")
    for token in tokens.tokens:
        row = msgspec.structs.astuple(token)[:2]
        table.add_row(
            *row,
            ", ".join(token.roles),
            ", ".join(token.accounts),
            moment(token.created_at),
            Text(moment(token.revoked_at), style="red" if token.revoked_at else "dim"),
        )
    return table
