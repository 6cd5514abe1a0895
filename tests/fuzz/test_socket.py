"""
Any messages, and any bytes, to a server that listens.

Connection and server live; every call has one answer; every frame that comes back is one of
protocol.md's, and none of them says `internal`.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from itertools import count, pairwise
from socket import SHUT_WR
from typing import Any, get_args

import msgspec
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from websockets.sync.client import ClientConnection, connect

from rpcserver.apis.catalogue import registry
from rpcserver.apis.registry import ClosingApi
from rpcserver.wire.close_codes import CloseCode
from rpcserver.wire.errors import ERRORS
from rpcserver.wire.frames import ServerFrame
from tests.acceptance.processes import ServerProgram, running
from tests.fuzz.hostile import Json, calls, raw, written
from tests.fuzz.wire import (
    CLOSE,
    HANDSHAKE,
    PATIENCE,
    all_received,
    connected,
    frame,
    head_received,
    parsed,
    requests,
    streams,
)

FRAME_BYTES_MAX = 65_536
TYPES = {str(kind.__struct_config__.tag) for kind in get_args(ServerFrame)}
NORMAL = 1000  # the goodbye that the other end said first

UNHURRIED = {
    "limits.calls_per_second": 1_000_000,
    "limits.calls_burst": 1_000_000,
    "limits.closing_calls_per_second": 1_000_000,
    "limits.closing_calls_burst": 1_000_000,
    "limits.dialect_limits": False,
    "limits.connections_per_token_max": 1_000,
    "limits.malformed_frames_max": 1_000_000,
    "limits.subscriptions_max": 1_000_000,
    "log_level": "error",
}
"""A server that refuses for what is wrong, never for how much of it there is."""

DEADLINE_MS = 500
CLOSING = {api.name for api in registry if isinstance(api, ClosingApi)}

Frame = dict[str, Any]


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServerProgram]:
    program = ServerProgram(tmp_path_factory.mktemp("fuzz"), UNHURRIED)
    with running(program):
        yield program


class Talk:
    """One connection, kept for as long as it lives: which is for ever."""

    def __init__(self, socket: ClientConnection) -> None:
        self._socket = socket
        self._numbers = count(1)
        self._answered: set[str] = set()

    def press(self, messages: list[Json | str | bytes]) -> None:
        """Say all of *messages*, and hear every answer that is due."""
        due: set[str] = set()
        for message in messages:
            text = message
            if isinstance(message, dict):
                name = f"call-{next(self._numbers)}"
                text = written(hurried(message) | {"id": name})
                if is_json(text):
                    due.add(name)
            assert isinstance(text, str | bytes)
            assume(len(text.encode() if isinstance(text, str) else text) <= FRAME_BYTES_MAX)
            self._socket.send(text)
        due.add(name := f"last-{next(self._numbers)}")
        self._socket.send(written({"action": "rpc", "id": name, "api": "Ping"}))
        while due:
            try:
                heard = self._hear()
            except TimeoutError as exc:
                raise AssertionError(f"no answer to {sorted(due)}") from exc
            assert heard not in self._answered, f"{heard} was answered twice"
            if heard is not None and heard in due:
                due.remove(heard)
                self._answered.add(heard)

    def _hear(self) -> str | None:
        """Check one frame; the id of the call it answers, if it does."""
        text = self._socket.recv(PATIENCE)
        assert isinstance(text, str), "frames are text"
        assert "\n" not in text
        return check(json.loads(text))


def is_json(text: str) -> bool:
    """Whether it is JSON for everyone: no NaN, no half of a surrogate pair. Else it has no id."""
    try:
        msgspec.json.decode(text)
    except msgspec.DecodeError:
        return False
    return True


def hurried(call: Json) -> Json:
    """The same call; where it closes something and may take its time, it gets little of it."""
    args = call["args"]
    if call["api"] not in CLOSING or not isinstance(args, dict):
        return call
    told = args.get("deadlineMs", DEADLINE_MS + 1)
    is_long = isinstance(told, int) and told > DEADLINE_MS
    return call | {"args": args | {"deadlineMs": DEADLINE_MS}} if is_long else call


def check(frame: Frame) -> str | None:
    """Hold one frame to protocol.md."""
    if "id" not in frame:
        assert frame["type"] in TYPES, frame
        if frame["type"] == "error":
            assert frame["error"] in ERRORS, frame
            assert frame["error"] != "internal", frame
        return None
    assert set(frame) == {"id", "data"}, frame
    data = frame["data"]
    assert isinstance(data, dict), frame
    assert "internal" not in (data.get("error"), data.get("errorCode")), frame
    assert isinstance(data["success"], bool), frame
    if not data["success"]:  # `error` is a code of ours, or the dialect's own words
        assert data.get("error") in ERRORS or data["statusCode"] in range(200, 600), frame
    name: str = frame["id"]
    return name


@pytest.fixture(scope="module")
def talk(server: ServerProgram) -> Iterator[Talk]:
    with entered(server) as socket:
        yield Talk(socket)


@contextmanager
def entered(server: ServerProgram) -> Iterator[ClientConnection]:
    with connect(
        server.url,
        additional_headers={"Authorization": f"Bearer {server.token}"},
        compression=None,
        proxy=None,
        max_size=2**24,
        close_timeout=1,
    ) as socket:
        yield socket


@settings(settings.get_profile("fuzz"))
@given(messages=st.lists(calls() | raw, min_size=1, max_size=25))
def test_any_messages_are_answered(
    server: ServerProgram, talk: Talk, messages: list[Json | str | bytes]
) -> None:
    talk.press(messages)

    assert server.is_alive


@settings(settings.get_profile("fuzz"))
@given(stream=streams)
def test_any_bytes_end_one_connection_at_most(
    server: ServerProgram, talk: Talk, stream: bytes
) -> None:
    bearer = f"Authorization: Bearer {server.token}\r\n"
    handshake = HANDSHAKE.format(path="/ws/stream", port=server.port, headers=bearer)
    with connected(server.port) as socket:
        socket.sendall(handshake.encode())
        assert head_received(socket).startswith(b"HTTP/1.1 101 ")
        with suppress(OSError):  # what came first may have ended it already
            socket.sendall(stream)
            socket.sendall(frame(b"\x03\xe8", CLOSE))  # goodbye, if it still listens
            socket.shutdown(SHUT_WR)
        received = all_received(socket)

    for opcode, payload in parsed(received):
        if opcode == CLOSE and payload:
            assert int.from_bytes(payload[:2], "big") in documented(stream)
    talk.press([])


def documented(stream: bytes) -> set[int]:
    """The codes a server may say goodbye with: its own, or an echo of what it was told."""
    return {code.value for code in CloseCode} | {NORMAL} | set(range(1000, 5000)) & echoed(stream)


def echoed(stream: bytes) -> set[int]:
    """Every code that stands somewhere in what was sent, masked or not."""
    return {
        (first ^ one) << 8 | (second ^ two)
        for first, second in pairwise(stream)
        for one, two in ((0, 0), (1, 2), (2, 3), (3, 4), (4, 1))
    }


@settings(settings.get_profile("fuzz"))
@given(request=requests)
def test_any_handshake_is_answered_or_hung_up_on(
    server: ServerProgram, talk: Talk, request: bytes
) -> None:
    with connected(server.port) as socket:
        with suppress(OSError):
            socket.sendall(request)
            socket.shutdown(SHUT_WR)
        received = all_received(socket)

    assert received == b"" or received.startswith(b"HTTP/1.1 "), received
    assert not received.startswith(b"HTTP/1.1 500"), received
    talk.press([])


# --- what the limits are for ---------------------------------------------------------------------


@pytest.fixture(scope="module")
def strict(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServerProgram]:
    """A server as it comes."""
    program = ServerProgram(tmp_path_factory.mktemp("strict"), {"log_level": "error"})
    with running(program):
        yield program


@settings(settings.get_profile("fuzz"), max_examples=10)
@given(junk=st.sampled_from([b"\xff", "nonsense", "[", ""]))
def test_ten_malformed_frames_in_a_row_end_the_connection(
    strict: ServerProgram, junk: str | bytes
) -> None:
    with entered(strict) as socket:
        for _ in range(9):
            socket.send(junk)
        socket.send('{"action":"ping"}')
        for _ in range(9):
            assert check(json.loads(socket.recv(PATIENCE))) is None
        assert json.loads(socket.recv(PATIENCE))["type"] == "pong"
        for _ in range(10):
            socket.send(junk)
        for _ in range(10):
            check(json.loads(socket.recv(PATIENCE)))
        with suppress(Exception):
            socket.recv(PATIENCE)
        assert socket.protocol.close_code == CloseCode.POLICY


@pytest.mark.parametrize("size", [FRAME_BYTES_MAX + 1, 2**20])
def test_a_frame_beyond_the_limit_ends_the_connection(strict: ServerProgram, size: int) -> None:
    with entered(strict) as socket:
        with suppress(Exception):
            socket.send("x" * size)
            socket.recv(PATIENCE)
        assert socket.protocol.close_code == CloseCode.TOO_BIG
    with entered(strict) as socket:
        Talk(socket).press([])


def test_compression_is_never_agreed_on(strict: ServerProgram) -> None:
    with connect(
        strict.url, additional_headers={"Authorization": f"Bearer {strict.token}"}, proxy=None
    ) as socket:
        assert socket.response is not None
        assert "Sec-WebSocket-Extensions" not in socket.response.headers
        Talk(socket).press([])
