"""The second person: see what waits, and confirm it."""

from __future__ import annotations

from typing import Annotated

import typer
from rich.table import Table
from rich.text import Text

from rpcclient import RpcClient
from rpcserver.cli import options
from rpcserver.cli.answers import Approval, Approvals, read
from rpcserver.cli.connection import Connection, talk
from rpcserver.cli.exits import Exit
from rpcserver.cli.output import Output, is_interactive, moment, table
from rpcserver.cli.voices import acting
from rpcserver.cli.watching import follow

ACCOUNTS_SHOWN = 4


def approvals(
    as_json: options.AsJson = False,
    url: options.Url = options.URL,
    token_file: options.TokenFile = None,
    data_dir: options.DataDir = None,
) -> None:
    """Show the closing calls that wait for a second person: your own, and those you may confirm."""
    output = Output(is_json=as_json)

    async def work(client: RpcClient) -> Exit:
        data = await client.call("ListApprovals")
        output.line({"data": data})
        waiting = read(data, Approvals).approvals
        output.show(_table(waiting) if waiting else Text("nothing waits for a second person"))
        return Exit.OK

    connection = Connection(url=url, token_file=token_file, data_dir=data_dir)
    raise typer.Exit(talk(connection, output, work))


@acting()
def confirm(
    code: Annotated[str, typer.Argument(help="The code that the first call was answered with.")],
    yes: options.Yes = False,
    reason: options.Reason = None,
    as_json: options.AsJson = False,
    url: options.Url = options.URL,
    token_file: options.TokenFile = None,
    data_dir: options.DataDir = None,
) -> None:
    """Be the second person: let somebody else's closing call be carried out, and follow it."""
    output = Output(is_json=as_json)
    if not yes and (as_json or not is_interactive()):
        output.complain("confirmation_needed", "nobody can be asked here: add --yes to confirm")
        raise typer.Exit(Exit.DECLINED)

    async def work(client: RpcClient) -> Exit:
        waiting = read(await client.call("ListApprovals"), Approvals).approvals
        asked = [each for each in waiting if each.code == code]
        if not yes and asked:
            output.show(_table(asked))
            if not typer.confirm("Confirm it?", err=True):
                output.complain("declined", "nothing was done")
                return Exit.DECLINED
        args = {"code": code} | ({"reason": reason} if reason else {})
        data = await client.call("Confirm", args)
        output.line({"data": data})
        operation_id = str(data.get("operationId"))
        operation = await client.attach(operation_id)
        api = asked[0].api if asked else "Flatten"
        return await follow(operation, api, output)

    connection = Connection(url=url, token_file=token_file, data_dir=data_dir)
    raise typer.Exit(talk(connection, output, work))


def _table(waiting: tuple[Approval, ...] | list[Approval]) -> Table:
    drawn = table("code", "call", "of", "positions", "accounts", "until", "why", "reason")
    for each in waiting:
        more = len(each.accounts) - ACCOUNTS_SHOWN
        accounts = ", ".join(each.accounts[:ACCOUNTS_SHOWN])
        drawn.add_row(
            each.code,
            each.api,
            each.principal,
            str(each.positions),
            f"{accounts} and {more} more" if more > 0 else accounts,
            moment(each.expires_at),
            each.why,
            each.reason,
        )
    return drawn
