"""The demo: a server of its own, a portfolio, one press, the proof; then the dashboard."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
from collections.abc import Awaitable, Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import IO, Annotated, NamedTuple

import msgspec
import typer
from rich.rule import Rule
from rich.text import Text

from rpcclient import ClientError, RpcClient
from rpcserver.cli import options
from rpcserver.cli.answers import Plan, read
from rpcserver.cli.connection import TOKEN_FILE_NAME, Connection, complain
from rpcserver.cli.demo_positions import open_positions
from rpcserver.cli.exits import Exit
from rpcserver.cli.interrupts import Interrupts
from rpcserver.cli.output import Output, is_interactive
from rpcserver.cli.proof import plan
from rpcserver.cli.reading import orders_table, positions_table
from rpcserver.cli.watching import follow
from rpcserver.settings import ENVIRONMENT_PREFIX

STOP_TIMEOUT = 15.0  # seconds
UNATTENDED_STAY = 120.0  # seconds, where nobody sits at a terminal to press Ctrl-C
VENUE_LATENCY = 0.4  # seconds: a paper venue answers faster than eyes can follow
TICK_INTERVAL = 0.25  # seconds
API = "FlattenEverything"


class _Ready(msgspec.Struct, frozen=True):
    url: str
    dashboard: str


class Running(NamedTuple):
    """The demo's server, once clients can connect."""

    url: str
    dashboard: str
    process: subprocess.Popen[bytes]


class ServerFailed(Exception):
    """The demo's server ended instead of starting or staying; its log says why."""


def demo(
    stay: Annotated[
        float | None,
        typer.Option(
            "--stay",
            min=0.0,
            metavar="SECONDS",
            help="Keep the server and its dashboard up for so long after the proof; 0: not at "
            "all. By default until Ctrl-C, or two minutes where there is no terminal.",
        ),
    ] = None,
    as_json: options.AsJson = False,
) -> None:
    """
    Start a server with a paper portfolio, flatten it before your eyes, and show the proof.

    Then open a few positions and name the address of the dashboard, signed in. Everything happens
    on this machine, in a directory that is gone afterwards.
    """
    output = Output(is_json=as_json)
    interrupts = Interrupts()
    seconds = UNATTENDED_STAY if stay is None and not is_interactive() else stay
    code = Exit.INTERRUPTED
    try:
        with interrupts.heard(), TemporaryDirectory(prefix="rpcserver-demo-") as name:
            directory = Path(name)
            with running_server(directory, interrupts) as server:
                token = Connection(token_file=directory / TOKEN_FILE_NAME).token()
                code = _with_client(server, token, output, _perform)
                if code is Exit.OK and seconds != 0:
                    _with_client(server, token, output, _furnish)
                    _stay(server, token, seconds, output)
    except KeyboardInterrupt:
        pass  # whoever has seen the proof may leave; before that, it was interrupted
    except ServerFailed as exc:
        output.complain("server_failed", str(exc))
        code = Exit.ERROR
    raise typer.Exit(code)


@contextmanager
def running_server(directory: Path, interrupts: Interrupts | None = None) -> Iterator[Running]:
    """Run `rpcserver serve` on *directory* for as long as the block."""
    log_path = directory / "server.log"
    # The demo is the same on every machine: settings meant for a real server are not for it.
    environ = {k: v for k, v in os.environ.items() if not k.startswith(ENVIRONMENT_PREFIX)}
    environ["RPCSERVER_VENUE_LATENCY"] = str(VENUE_LATENCY)
    environ["RPCSERVER_VENUE_TICK_INTERVAL"] = str(TICK_INTERVAL)
    command = [sys.executable, "-m", "rpcserver", "serve", "--json", "--port", "0"]
    with ExitStack() as stack:
        log = stack.enter_context(log_path.open("wb"))
        with (interrupts or Interrupts()).held():  # never a server that nobody will stop
            process = subprocess.Popen(
                [*command, "--data-dir", str(directory)],
                stdout=subprocess.PIPE,
                stderr=log,
                env=environ,
            )
            stack.enter_context(process)
            stack.callback(_end, process)
        assert process.stdout is not None
        ready = _ready(process.stdout, log_path)
        yield Running(ready.url, ready.dashboard, process)


def _end(process: subprocess.Popen[bytes]) -> None:
    process.terminate()
    try:
        process.wait(STOP_TIMEOUT)
    except subprocess.TimeoutExpired:
        process.kill()


def _ready(stdout: IO[bytes], log_path: Path) -> _Ready:
    line = stdout.readline()
    try:
        return msgspec.json.decode(line, type=_Ready)
    except msgspec.DecodeError as exc:
        said = line.decode(errors="replace").strip()
        log = log_path.read_text(encoding="utf-8", errors="replace").strip()
        raise ServerFailed(f"{said} {log[-500:]}".strip()) from exc


async def _perform(client: RpcClient, output: Output) -> Exit:
    output.show(Rule("what is held", align="left"))
    output.show(positions_table(await client.call("GetAllPositions")))
    output.show(Rule("what works", align="left"))
    output.show(orders_table(await client.call("GetAllOrders"), everything=False))
    proposed = read(await client.call(API, {"dryRun": True}), Plan)
    output.show(Rule(f"{API}, as a dry run", align="left"), plan(proposed))
    output.show(Rule(f"{API}, in earnest", align="left"))
    args = {"planHash": proposed.plan_hash, "reason": "demo"}
    operation = await client.start(API, args)
    code = await follow(operation, API, output)
    output.show(Rule("what is held now", align="left"))
    output.show(positions_table(await client.call("GetAllPositions")))
    return code


async def _furnish(client: RpcClient, output: Output) -> Exit:
    await open_positions(client)
    output.show(Rule("opened anew, for you to press on", align="left"))
    output.show(positions_table(await client.call("GetAllPositions")))
    output.show(orders_table(await client.call("GetAllOrders"), everything=False))
    return Exit.OK


def _with_client(
    server: Running,
    token: str,
    output: Output,
    work: Callable[[RpcClient, Output], Awaitable[Exit]],
) -> Exit:
    async def connected() -> Exit:
        async with RpcClient(server.url, token) as client:
            return await work(client, output)

    try:
        return asyncio.run(connected())
    except ClientError as exc:
        return complain(output, exc)


def _stay(server: Running, token: str, seconds: float | None, output: Output) -> None:
    """
    Name the dashboard's address, and keep it there for *seconds*; None: for ever.

    The token stands behind the `#`, which no browser sends to any server.

    Raises:
        ServerFailed: It ended before.
    """
    address = f"{server.dashboard}#token={token}"
    until = "until Ctrl-C" if seconds is None else f"for {seconds:g} s"
    output.show(Text("\nstart a server of your own with: rpcserver serve"))
    output.show(Text(f"the dashboard of this one is there {until}, and you are signed in:"))
    output.show_whole(address)
    output.line({"type": "dashboard", "url": address, "seconds": seconds})
    output.flush()
    try:
        server.process.wait(seconds)
    except subprocess.TimeoutExpired:
        return
    raise ServerFailed("the server ended by itself")
