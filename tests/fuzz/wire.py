"""Bytes on a TCP connection: frames as RFC 6455 has them, and as it does not."""

from __future__ import annotations

import socket
import struct
from collections.abc import Iterator

from hypothesis import strategies as st

PATIENCE = 20.0  # seconds
TEXT, BINARY, CLOSE, PING, PONG = 1, 2, 8, 9, 10
MASK = b"\x01\x02\x03\x04"

HANDSHAKE = (
    "GET {path} HTTP/1.1\r\n"
    "Host: 127.0.0.1:{port}\r\n"
    "Upgrade: websocket\r\n"
    "Connection: Upgrade\r\n"
    "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
    "Sec-WebSocket-Version: 13\r\n"
    "{headers}\r\n"
)


def frame(
    payload: bytes,
    opcode: int = TEXT,
    *,
    fin: bool = True,
    reserved: int = 0,
    masked: bool = True,
    length: int | None = None,
    width: int | None = None,
) -> bytes:
    """
    One frame; *length* is what it claims, *width* the bytes it claims it in (0, 2 or 8).
    """
    told = len(payload) if length is None else length
    width = (0 if told < 126 else 2 if told < 2**16 else 8) if width is None else width
    head = bytes([fin << 7 | reserved << 4 | opcode])
    mask_bit = 0x80 if masked else 0
    match width:
        case 0:
            head += bytes([mask_bit | min(told, 125)])
        case 2:
            head += bytes([mask_bit | 126]) + struct.pack("!H", told % 2**16)
        case _:
            head += bytes([mask_bit | 127]) + struct.pack("!Q", told % 2**64)
    if not masked:
        return head + payload
    return head + MASK + bytes(byte ^ MASK[at % 4] for at, byte in enumerate(payload))


payloads = (
    st.binary(max_size=130)
    | st.sampled_from([b"", b"\xff", b"\xed\xa0\x80", b"\xf4\x90\x80\x80", b'{"action":"ping"}'])
    | st.sampled_from(
        [b"\x03\xe8", b"\x03", b"\x03\xed", b"\x03\xe8\xff", b"\x00\x00", b"\x13\x88"]
    )
)
frames = st.builds(
    frame,
    payloads,
    st.sampled_from([0, TEXT, BINARY, CLOSE, PING, PONG, 3, 7, 11, 15]),
    fin=st.booleans(),
    reserved=st.sampled_from([0, 0, 0, 0, 1, 4, 7]),
    masked=st.sampled_from([True, True, True, True, False]),
    length=st.none() | st.none() | st.sampled_from([0, 125, 65_537, 2**31, 2**63, 2**64 - 1]),
    width=st.none() | st.none() | st.sampled_from([0, 2, 8]),
)  # fmt: skip
"""One frame, most of it right."""

streams = st.lists(frames | st.binary(max_size=20), min_size=1, max_size=12).map(b"".join)

requests = st.one_of(
    st.binary(max_size=300),
    st.lists(st.sampled_from([
        b"GET /ws/stream HTTP/1.1\r\n", b"GET /ws/stream HTTP/1.0\r\n", b"POST / HTTP/1.1\r\n",
        b"GET /../etc HTTP/1.1\r\n", b"Host: 127.0.0.1\r\n", b"Host: x\r\n",
        b"Upgrade: websocket\r\n", b"Connection: Upgrade\r\n", b"Sec-WebSocket-Version: 13\r\n",
        b"Sec-WebSocket-Version: 99\r\n", b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n",
        b"Sec-WebSocket-Key: short\r\n", b"Authorization: Bearer nobody\r\n", b"Origin: null\r\n",
        b"Sec-WebSocket-Extensions: permessage-deflate; client_max_window_bits\r\n",
        b"Authorization: \xff\r\n", b"X: " + b"y" * 9000 + b"\r\n", b" folded\r\n",
        b"\r\n", b"\x00",
    ]), max_size=14).map(b"".join).map(lambda head: head + b"\r\n"),
)  # fmt: skip
"""What may come in the place of a handshake."""


def connected(port: int) -> socket.socket:
    return socket.create_connection(("127.0.0.1", port), timeout=PATIENCE)


def head_received(connection: socket.socket) -> bytes:
    """The head of the answer to a handshake; nothing if it hangs up before."""
    received = b""
    while not received.endswith(b"\r\n\r\n"):
        if not (part := connection.recv(1)):
            return b""
        received += part
    return received


def all_received(connection: socket.socket) -> bytes:
    """Everything until the other end hangs up."""
    received = b""
    try:
        while part := connection.recv(65_536):
            received += part
    except ConnectionError:
        pass  # it hung up while something of ours was on its way
    return received


def parsed(received: bytes) -> Iterator[tuple[int, bytes]]:
    """The frames a server sent: whole ones, unmasked, without extensions."""
    while len(received) >= 2:
        opcode, length, at = received[0], received[1], 2
        assert opcode & 0xF0 == 0x80, "a whole frame without reserved bits"
        assert length < 128, "a server's frames are not masked"
        if length == 126:
            [length], at = struct.unpack_from("!H", received, 2), 4
        elif length == 127:
            [length], at = struct.unpack_from("!Q", received, 2), 10
        if len(received) < at + length:
            return  # a reset on the way took the rest
        yield opcode & 0x0F, received[at : at + length]
        received = received[at + length :]
