"""What a fuzzer throws bytes at: everything between a message and what is asked of the core."""

from __future__ import annotations

from collections.abc import Iterator

import msgspec

from rpcserver.apis.catalogue import registry
from rpcserver.apis.decoding import decode_args
from rpcserver.apis.registry import ClosingApi
from rpcserver.domain.errors import InvalidRequest
from rpcserver.venues.paper.control import Arm, decode_control
from rpcserver.venues.paper.forecast import KINDS
from rpcserver.venues.paper.script import ScriptError, fault_of
from rpcserver.wire.codec import check_strictly, decode_frame, encode_final
from rpcserver.wire.errors import ERRORS
from rpcserver.wire.frames import Rpc
from tests.apis import hand, samples

BY = hand.asked()
CONTROL_CODES = {"malformed_frame", "invalid_argument"}


def hear(message: bytes) -> None:
    """
    Take one message as the server would, up to what it asks for.

    Raises:
        AssertionError: It was refused with a code that protocol.md does not know.
    """
    text = message.decode(errors="replace")
    try:
        frame = decode_frame(text)
    except InvalidRequest as refusal:
        _check(refusal)
        return
    if isinstance(frame, Rpc) and (api := registry.find(frame.api)) is not None:
        try:
            check_strictly(text, envelope=isinstance(api, ClosingApi))
            args = decode_args(api.args, frame.args)
            _ = api.terms(args, BY) if isinstance(api, ClosingApi) else api.ask(args, BY)
        except InvalidRequest as refusal:
            _check(refusal)
            encode_final(frame.id, api.refuse(refusal))


def hear_author(message: bytes) -> None:
    """
    Take one control frame as a venue would.

    Raises:
        AssertionError: It was refused with an unknown code.
    """
    try:
        frame = decode_control(message.decode(errors="replace"))
        if isinstance(frame, Arm):
            fault_of(frame.name, frame.fault)
    except InvalidRequest as refusal:
        if refusal.code not in CONTROL_CODES:
            raise AssertionError(f"unknown code: {refusal}") from refusal
    except ScriptError:
        return


def corpus() -> Iterator[bytes]:
    """Messages to begin with: a call of every api."""
    for name, sample in samples.ALL.items():
        yield f'{{"action":"rpc","id":"1","api":"{name}","args":{sample.args}}}'.encode()


def author_corpus() -> Iterator[bytes]:
    """Control frames to begin with: a fault of every kind, and what sets a scene."""
    for kind in KINDS:
        fault = {"kind": kind, "seconds": 1, "count": 1, "messages": ["submit"]}
        yield msgspec.json.encode({"action": "arm", "id": 1, "name": "x", "fault": fault})
    yield b'{"action":"phase","instrument":"CL","phase":"closed"}'
    yield b'{"action":"weather","seed":7,"rate":0.05,"kinds":["lose_answers"]}'
    yield b'{"action":"trade","account":"A","instrument":"ES","side":"buy","quantity":"1"}'


def _check(refusal: InvalidRequest) -> None:
    if refusal.code not in ERRORS:
        raise AssertionError(f"undocumented code: {refusal}") from refusal
