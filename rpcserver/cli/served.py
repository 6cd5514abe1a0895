"""Commands that talk to a server: where it is, as whom, and for whom they say what it answers."""

from __future__ import annotations

import inspect
from collections.abc import Awaitable, Callable, Mapping
from functools import wraps
from typing import Any, Concatenate, NamedTuple, NoReturn, get_type_hints

import typer
from rich.console import RenderableType

from rpcclient import RpcClient
from rpcclient.frames import Data
from rpcserver.cli import options
from rpcserver.cli.connection import Connection, talk
from rpcserver.cli.exits import Exit
from rpcserver.cli.output import Output


class Server(NamedTuple):
    """The server that a command talks to, and where the command says what it hears."""

    connection: Connection
    output: Output

    def talk(self, work: Callable[[RpcClient], Awaitable[Exit]]) -> NoReturn:
        """Connect, do *work*, and end with its exit code."""
        raise typer.Exit(talk(self.connection, self.output, work))

    def ask(
        self, api: str, args: Mapping[str, object], shown: Callable[[Data], RenderableType]
    ) -> NoReturn:
        """Make one call, say its answer, to people as *shown*, and end."""

        async def work(client: RpcClient) -> Exit:
            data = await client.call(api, args)
            self.output.line({"data": data})
            self.output.show(shown(data))
            return Exit.OK

        self.talk(work)


def _server(
    as_json: options.AsJson = False,
    url: options.Url = options.URL,
    token_file: options.TokenFile = None,
    data_dir: options.DataDir = None,
) -> Server:
    """The server that these options name: every such command has them."""
    connection = Connection(url=url, token_file=token_file, data_dir=data_dir)
    return Server(connection, Output(is_json=as_json))


def served(command: Callable[Concatenate[Server, ...], None]) -> Callable[..., None]:
    """Give *command* its `Server`, and the command line the options that name it instead."""
    _, *own = _parameters(command)
    of_server = _parameters(_server)

    @wraps(command)
    def told(**given: Any) -> None:  # what typer read, by the parameters' names
        named = {each.name: given.pop(each.name) for each in of_server}
        command(_server(**named), **given)

    taken = [*own, *of_server]
    told.__annotations__ = {each.name: each.annotation for each in taken}
    told.__signature__ = inspect.Signature(taken)  # type: ignore[attr-defined]  # typer reads it
    return told


def _parameters(function: Callable[..., object]) -> list[inspect.Parameter]:
    """What *function* takes, with what its annotations mean where it was written."""
    meant = get_type_hints(function, include_extras=True)
    found = inspect.signature(function).parameters.values()
    return [each.replace(annotation=meant[each.name]) for each in found]
