"""Following an operation on a terminal, in a file, and until somebody presses Ctrl-C."""

from __future__ import annotations

import asyncio
import io

import pytest
from rich.console import Console

from rpcclient import RpcClient
from rpcserver.cli.exits import Exit
from rpcserver.cli.output import Output
from rpcserver.cli.watching import follow, told_in_a_line
from tests.cli.driving import FLAT, STEPS, answer, closing, leg, step, told
from tests.clients.scripted import Peer, scripted

pytestmark = pytest.mark.anyio


def output_to(text: io.StringIO, *, is_terminal: bool) -> Output:
    console = Console(file=text, force_terminal=is_terminal, width=160, height=30)
    return Output(is_json=False, console=console, complaints=console)


async def test_on_a_terminal_the_board_gives_way_to_the_proof() -> None:
    text = io.StringIO()

    async with scripted(closing(FLAT)) as server, RpcClient(server.url) as client:
        operation = await client.start("Flatten", {})
        code = await follow(operation, "Flatten", output_to(text, is_terminal=True))

    assert code is Exit.OK
    assert "legs" in text.getvalue()  # the board was drawn
    assert "proven at" in text.getvalue()


async def test_in_a_file_every_end_is_a_line() -> None:
    text = io.StringIO()
    steps = (*STEPS, step(4, "unknown", instrument="NQ 12-25", detail="no answer"))
    data = answer(leg(1, "flat"), leg(2, "unknown"))

    async with scripted(closing(data, steps=steps)) as server, RpcClient(server.url) as client:
        operation = await client.start("Flatten", {})
        code = await follow(operation, "Flatten", output_to(text, is_terminal=False))

    assert code is Exit.UNKNOWN
    lines = text.getvalue().splitlines()
    assert lines[0].startswith("1/1  MES 12-25  Sim101   FLAT   0 left")
    assert lines[1].startswith("UNKNOWN  NQ 12-25")


def test_an_unread_account_is_a_line_and_a_working_order_is_none() -> None:
    failed = told_in_a_line(told(step(1, "account_failed", detail="timed out")))

    assert failed is not None
    assert "account not read: paper:Sim101  timed out" in failed.plain
    assert told_in_a_line(told(step(2, "working"))) is None


async def test_an_interruption_says_how_to_return_and_cancels_nothing() -> None:
    text = io.StringIO()
    frames: list[str] = []
    accepted = asyncio.Event()

    async def scene(peer: Peer) -> None:
        call = await peer.receives("rpc")
        await peer.accepts(call)
        accepted.set()
        frames.append(str((await peer.receives())["action"]))

    async with scripted(scene) as server, RpcClient(server.url) as client:
        operation = await client.start("Flatten", {})
        await accepted.wait()
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.05):
                await follow(operation, "Flatten", output_to(text, is_terminal=False))

    assert "rpcserver attach op-1" in text.getvalue()
    assert frames == []


async def test_a_key_that_was_used_before_is_said() -> None:
    text = io.StringIO()

    async def scene(peer: Peer) -> None:
        call = await peer.receives("rpc")
        await peer.sends(
            {
                "type": "accepted",
                "requestId": call["id"],
                "operationId": "op-1",
                "duplicate": True,
            }
        )
        await peer.answers(call, FLAT)
        await peer.stays()

    async with scripted(scene) as server, RpcClient(server.url) as client:
        operation = await client.start("Flatten", {}, key="mine")
        await follow(operation, "Flatten", output_to(text, is_terminal=False))

    assert "this key was used before" in text.getvalue()
