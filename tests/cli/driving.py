"""What the tests of the command line share: frames of a server, and a way to press."""

from __future__ import annotations

import io
import json
from typing import Any

import msgspec
from rich.console import Console, RenderableType

from rpcclient import Progress
from rpcserver.cli.main import main
from tests.clients.scripted import Frame, Peer, Scene, playing

TOKEN = "secret"
HEAD = "9b" * 32


def leg(number: int, outcome: str | None, **more: Any) -> Frame:
    return {
        "leg": number,
        "venue": "paper",
        "account": "Sim101",
        "instrument": "MES 12-25",
        "side": "short",
        "outcome": outcome,
        "quantity": "3",
        "target": "0",
        "closed": "3" if outcome == "flat" else "0",
        "remaining": "0" if outcome == "flat" else "3",
        "averagePrice": "5774.25",
        **more,
    }


def answer(*legs: Frame, **more: Any) -> Frame:
    """The data of a closing call's final frame."""
    counts: dict[str, int] = {}
    for each in legs:
        counts[str(each["outcome"])] = counts.get(str(each["outcome"]), 0) + 1
    is_flat = all(each["outcome"] == "flat" for each in legs)
    return {
        "operationId": "op-1",
        "success": is_flat,
        "flat": is_flat,
        "statusCode": 200,
        "provenAt": "2025-11-20T15:00:00Z",
        "counts": counts,
        "legs": list(legs),
        "durationMs": 21,
        "auditSeq": 88,
        "auditHead": HEAD,
        **more,
    }


FLAT = answer(leg(1, "flat"))

PLAN: Frame = {
    "dryRun": True,
    "planned": True,
    "operationId": "op-0",
    "planHash": "5f0c",
    "legs": [
        {
            "leg": 1,
            "venue": "paper",
            "account": "Sim101",
            "instrument": "MES 12-25",
            "side": "short",
            "quantity": "3",
            "target": "0",
            "plannedQuantity": "3",
            "cancels": ["stop-1"],
            "market": {"phase": "open"},
        }
    ],
}


def step(seq: int, event: str, **more: Any) -> Frame:
    """A progress frame of leg 1."""
    return {
        "type": "progress",
        "requestId": "r",
        "operationId": "op-1",
        "seq": seq,
        "event": event,
        "leg": 1,
        "venue": "paper",
        "account": "Sim101",
        "instrument": "MES 12-25",
        "done": 0,
        "total": 1,
        **more,
    }


STEPS = (
    step(1, "sending", quantity="3", side="short"),
    step(2, "filled", quantity="3", filled="2", remaining="1", averagePrice="5774.25"),
    step(3, "leg_ended", done=1, outcome="flat", filled="3", remaining="0"),
)


def told(frame: Frame) -> Progress:
    """A step as the client hands it on."""
    return msgspec.convert({k: v for k, v in frame.items() if k != "type"}, Progress)


def closing(
    data: Frame, asked: list[Frame] | None = None, steps: tuple[Frame, ...] = STEPS
) -> Scene:
    """A server that accepts one closing call, tells its steps, and answers *data*."""

    async def scene(peer: Peer) -> None:
        call = await peer.receives("rpc")
        if asked is not None:
            asked.append(call)
        await peer.accepts(call)
        await peer.sends(*steps)
        await peer.answers(call, data)
        await peer.stays()

    return scene


def answering(data: object, asked: list[Frame] | None = None) -> Scene:
    """A server that answers one call with *data*."""

    async def scene(peer: Peer) -> None:
        call = await peer.receives("rpc")
        if asked is not None:
            asked.append(call)
        await peer.answers(call, data)
        await peer.stays()

    return scene


def press(*arguments: str, scenes: tuple[Scene, ...]) -> int:
    """Run the command line against a scripted server; the exit code."""
    with playing(*scenes) as url:
        return main([*arguments, "--url", url])


def lines_of(text: str) -> list[Frame]:
    return [json.loads(line) for line in text.splitlines()]


def drawn(renderable: RenderableType, *, width: int = 200) -> str:
    """What a person would see."""
    console = Console(width=width, file=io.StringIO(), record=True, color_system=None)
    console.print(renderable)
    return console.export_text()
