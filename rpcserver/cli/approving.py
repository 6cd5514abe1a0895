"""The second person: see what waits, and confirm it."""

from __future__ import annotations

from typing import Annotated

import typer
from rich.console import RenderableType
from rich.table import Table
from rich.text import Text

from rpcclient import RpcClient
from rpcserver.cli import options
from rpcserver.cli.answers import Approval, Approvals, read
from rpcserver.cli.exits import Exit
from rpcserver.cli.output import is_interactive, moment, table
from rpcserver.cli.served import Server, served
from rpcserver.cli.voices import acting
from rpcserver.cli.watching import follow

ACCOUNTS_SHOWN = 4


@served
def approvals(server: Server) -> None:
    """Show the closing calls that wait for a second person: your own, and those you may confirm."""
    server.ask("ListApprovals", {}, lambda data: _listed(read(data, Approvals).approvals))


@served
@acting()
def confirm(
    server: Server,
    code: Annotated[str, typer.Argument(help="The code that the first call was answered with.")],
    yes: options.Yes = False,
    reason: options.Reason = None,
) -> None:
    """Be the second person: let somebody else's closing call be carried out, and follow it."""
    output = server.output
    if not yes and (output.is_json or not is_interactive()):
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

    server.talk(work)


def _listed(waiting: tuple[Approval, ...]) -> RenderableType:
    return _table(waiting) if waiting else Text("nothing waits for a second person")


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
