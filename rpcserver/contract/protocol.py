"""The whole protocol gathered into one bundle of JSON Schemas: frames, args, answers."""

from __future__ import annotations

from typing import Final, get_args

import msgspec

from rpcserver.apis.catalogue import registry
from rpcserver.apis.registry import Api, ClosingApi
from rpcserver.contract.answers import ANSWERS
from rpcserver.contract.closing_answers import ClosedAnswer, PlanAnswer
from rpcserver.contract.shapes import Schema, Shapes, Spelling
from rpcserver.contract.words import CHANNEL_ITEMS, WORDS
from rpcserver.wire import frames

GENERATED: Final = "Generated from the server's own types by `make generate`: do not edit."

_NUMBERED = (frames.MarketData, frames.PnlUpdate)  # their Decimals are JSON numbers


class Call(msgspec.Struct, frozen=True, kw_only=True):
    """One api, as a client must know it."""

    name: str
    repeat: str  # what to do where its answer was lost: "read", "closing" or "order"
    args: Schema
    answer: Schema


class Protocol(msgspec.Struct, frozen=True, kw_only=True):
    """Everything that travels: definitions, and references to them."""

    defs: dict[str, Schema]
    from_client: dict[str, Schema]  # by action
    from_server: dict[str, Schema]  # by type; the final answer by "final"
    calls: tuple[Call, ...]


def gather() -> Protocol:
    """The protocol as the code speaks it now."""
    shapes = Shapes(WORDS)
    from_client = {
        _tag(frame): shapes.of(frame, Spelling.EITHER) for frame in get_args(frames.ClientFrame)
    }
    from_server = {_tag(frame): _server_frame(shapes, frame) for frame in _server_frames()}
    _name_channel_items(shapes)
    from_server["final"] = shapes.of(frames.Final, Spelling.NUMBER)
    shapes.of(frames.ErrorData, Spelling.NUMBER)
    shapes.of(PlanAnswer, Spelling.NUMBER)
    shapes.of(ClosedAnswer, Spelling.NUMBER)
    return Protocol(
        defs=shapes.defs,
        from_client=from_client,
        from_server=from_server,
        calls=_calls(shapes),
    )


def _calls(shapes: Shapes) -> tuple[Call, ...]:
    calls: list[Call] = []
    for api in registry:
        calls.append(
            Call(
                name=api.name,
                repeat=_repeat(api),
                args=shapes.of(api.args, Spelling.EITHER),
                answer=shapes.of(ANSWERS[api.name], Spelling.NUMBER),
            )
        )
    return tuple(calls)


def _repeat(api: Api) -> str:
    if isinstance(api, ClosingApi):
        return "closing"
    return "read" if api.read_only else "order"


def _server_frames() -> tuple[type[msgspec.Struct], ...]:
    return get_args(frames.ServerFrame)


def _server_frame(shapes: Shapes, frame: type[msgspec.Struct]) -> Schema:
    return shapes.of(frame, Spelling.NUMBER if frame in _NUMBERED else Spelling.TEXT)


def _name_channel_items(shapes: Shapes) -> None:
    """Say what the raw items of `event` frames and snapshots are, channel by channel."""
    lists: dict[str, Schema] = {
        channel.value: {"type": "array", "items": shapes.of(item, Spelling.TEXT)}
        for channel, item in CHANNEL_ITEMS.items()
    }
    snapshot = shapes.add(
        "Snapshot",
        {
            "type": "object",
            "description": "What there is, of each channel that was just added.",
            "properties": lists,
            "required": [],
            "additionalProperties": False,
        },
    )
    subscribed = shapes.defs[frames.Subscribed.__name__]
    assert isinstance(subscribed["properties"], dict)
    subscribed["properties"]["snapshot"] = snapshot
    name = frames.ChannelEvents.__name__
    description = shapes.defs[name]["description"]
    variants = [
        shapes.add(
            f"{channel.title()}Event",
            {
                "type": "object",
                "description": f"What happened in the channel `{channel}`, oldest first.",
                "properties": {
                    "type": {"const": _tag(frames.ChannelEvents)},
                    "channel": {"const": channel},
                    "items": items,
                },
                "required": ["type", "channel", "items"],
            },
        )
        for channel, items in lists.items()
    ]
    shapes.defs[name] = {"description": description, "anyOf": variants}


def _tag(frame: type[msgspec.Struct]) -> str:
    return str(frame.__struct_config__.tag)
