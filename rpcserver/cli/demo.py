"""The demo: a server of its own, a portfolio, one press, and the proof; nothing stays behind."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import IO

import msgspec
import typer
from rich.rule import Rule
from rich.text import Text

from rpcclient import ClientError, RpcClient
from rpcserver.cli import options
from rpcserver.cli.answers import Plan, read
from rpcserver.cli.connection import TOKEN_FILE_NAME, Connection, complain
from rpcserver.cli.exits import Exit
from rpcserver.cli.output import Output
from rpcserver.cli.proof import plan
from rpcserver.cli.reading import orders_table, positions_table
from rpcserver.cli.watching import follow
from rpcserver.settings import ENVIRONMENT_PREFIX

STOP_TIMEOUT = 15.0  # seconds
VENUE_LATENCY = 0.4  # seconds: a paper venue answers faster than eyes can follow
API = "FlattenEverything"


class _Ready(msgspec.Struct, frozen=True):
    url: str


class ServerFailed(Exception):
    """The demo's server ended instead of starting; its log says why."""


def demo(as_json: options.AsJson = False) -> None:
    """
    Start a server with a paper portfolio, flatten it before your eyes, show the proof, stop.

    Everything happens on this machine, in a directory that is gone afterwards.
    """
    output = Output(is_json=as_json)
    with TemporaryDirectory(prefix="rpcserver-demo-") as name:
        directory = Path(name)
        try:
            with running_server(directory) as url:
                raise typer.Exit(asyncio.run(_perform(url, directory, output)))
        except ServerFailed as exc:
            output.complain("server_failed", str(exc))
            raise typer.Exit(Exit.ERROR) from exc


@contextmanager
def running_server(directory: Path) -> Iterator[str]:
    """Run `rpcserver serve` on *directory* for as long as the block, and give its address."""
    log_path = directory / "server.log"
    # The demo is the same on every machine: settings meant for a real server are not for it.
    environ = {k: v for k, v in os.environ.items() if not k.startswith(ENVIRONMENT_PREFIX)}
    environ["RPCSERVER_VENUE_LATENCY"] = str(VENUE_LATENCY)
    command = [sys.executable, "-m", "rpcserver", "serve", "--json", "--port", "0"]
    with (
        log_path.open("wb") as log,
        subprocess.Popen(
            [*command, "--data-dir", str(directory)],
            stdout=subprocess.PIPE,
            stderr=log,
            env=environ,
        ) as process,
    ):
        try:
            assert process.stdout is not None
            yield _address(process.stdout, log_path)
        finally:
            process.terminate()
            try:
                process.wait(STOP_TIMEOUT)
            except subprocess.TimeoutExpired:
                process.kill()


def _address(stdout: IO[bytes], log_path: Path) -> str:
    line = stdout.readline()
    try:
        return msgspec.json.decode(line, type=_Ready).url
    except msgspec.DecodeError as exc:
        said = line.decode(errors="replace").strip()
        log = log_path.read_text(encoding="utf-8", errors="replace").strip()
        raise ServerFailed(f"{said} {log[-500:]}".strip()) from exc


async def _perform(url: str, directory: Path, output: Output) -> Exit:
    connection = Connection(url=url, token_file=directory / TOKEN_FILE_NAME)
    try:
        async with RpcClient(url, connection.token()) as client:
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
    except ClientError as exc:
        return complain(output, exc)
    output.show(Text(f"\nthe server listened at {url}; start your own with: rpcserver serve"))
    return code
