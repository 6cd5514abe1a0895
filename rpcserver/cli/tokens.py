"""The tokens: who may speak to the server, for which accounts."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Annotated

import msgspec
import typer
from rich.table import Table
from rich.text import Text

from rpcclient import Data, RpcClient
from rpcserver.cli.answers import Tokens, read
from rpcserver.cli.exits import Exit
from rpcserver.cli.output import Output, moment, table
from rpcserver.cli.served import Server, served

commands = typer.Typer(help="Create, list, rotate and revoke tokens.", no_args_is_help=True)

Reason = Annotated[str, typer.Option(help="Why, for the audit.")]


@commands.command()
@served
def create(
    server: Server,
    principal: Annotated[str, typer.Argument(help="Whoever the token speaks for.")],
    role: Annotated[
        list[str],
        typer.Option(
            help="`viewer`, `trader`, `risk`, `admin` or `break_glass` (repeatable): never more "
            "than your own token may do."
        ),
    ],
    account: Annotated[
        list[str] | None,
        typer.Option(help="An account it may touch (repeatable); without any: every account."),
    ] = None,
    lasts: Annotated[
        str | None,
        typer.Option(help="It ends by itself after this: 90m, 12h, 30d. Without it: never."),
    ] = None,
    reason: Reason = "",
) -> None:
    """Make a token. It is shown once, now, and stored nowhere."""
    args: dict[str, object] = {"principal": principal, "roles": role, "accounts": account or ["*"]}
    if lasts is not None:
        args["expiresAt"] = (datetime.now(UTC) + _duration("--lasts", lasts)).isoformat()

    async def work(client: RpcClient) -> Exit:
        data = await client.call("CreateToken", args | _why(reason))
        _show_once(data, server.output)
        return Exit.OK

    server.talk(work)


@commands.command("list")
@served
def list_tokens(server: Server) -> None:
    """Show every token there is or was: never the token itself."""
    server.ask("ListTokens", {}, lambda data: _table(read(data, Tokens)))


@commands.command()
@served
def rotate(
    server: Server,
    token_id: Annotated[
        str | None, typer.Argument(help="The token's public name; without it your own.")
    ] = None,
    grace: Annotated[
        str, typer.Option(help="How long the old one lives on: 0s, 5m, 12h, up to 7d.")
    ] = "5m",
    reason: Reason = "",
) -> None:
    """Make another token with the same rights; the old one ends after a grace."""
    lives_on = _duration("--grace", grace)
    args: dict[str, object] = {"graceMs": round(lives_on.total_seconds() * 1000)}
    if token_id is not None:
        args["tokenId"] = token_id

    async def work(client: RpcClient) -> Exit:
        data = await client.call("RotateToken", args | _why(reason))
        _show_once(data, server.output)
        return Exit.OK

    server.talk(work)


@commands.command()
@served
def revoke(
    server: Server,
    token_id: Annotated[str, typer.Argument(help="The token's public name.")],
    reason: Reason = "",
) -> None:
    """Revoke a token at once, and close its connections."""
    server.ask(
        "RevokeToken",
        {"tokenId": token_id} | _why(reason),
        lambda _: Text(f"{token_id} is revoked"),
    )


def _show_once(data: Data, output: Output) -> None:
    """The new token alone on stdout, so that it can be sent straight into a file."""
    output.line({"data": data})
    if not output.is_json:
        output.remark("shown once; keep it like a key to the account")
        output.console.file.write(f"{data.get('token')}\n")


def _why(reason: str) -> dict[str, object]:
    return {"reason": reason} if reason else {}


def _duration(option: str, text: str) -> timedelta:
    """90m, 12h, 30d."""
    units = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days"}
    number, unit = text[:-1], text[-1:]
    if not (number.isdecimal() and unit in units and len(number) <= 6):
        raise typer.BadParameter(f"{option} {text}: expected a number and s, m, h or d: 12h")
    return timedelta(**{units[unit]: int(number)})


def _table(tokens: Tokens) -> Table:
    drawn = table(
        *("token", "principal", "roles", "accounts", "created", "by", "expires", "revoked")
    )
    for token in tokens.tokens:
        row = msgspec.structs.astuple(token)[:2]
        drawn.add_row(
            *row,
            ", ".join(token.roles),
            ", ".join(token.accounts),
            moment(token.created_at),
            token.created_by or "–",
            moment(token.expires_at),
            Text(moment(token.revoked_at), style="red" if token.revoked_at else "dim"),
        )
    return drawn
