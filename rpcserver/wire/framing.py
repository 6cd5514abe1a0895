"""
RFC 6455 text frames, as bytes for the socket.

A frame is built once and shared among everyone it goes to; a server's frames are not masked, and
without compression they are the same bytes on every connection.
"""

from __future__ import annotations

import struct

_FINAL_TEXT = 0x81
_SHORT_MAX = 125
_MEDIUM_MAX = 0xFFFF


def text_frame(payload: bytes) -> bytes:
    """Put the header of an unfragmented, unmasked text frame before *payload* (UTF-8)."""
    size = len(payload)
    if size <= _SHORT_MAX:
        return bytes((_FINAL_TEXT, size)) + payload
    if size <= _MEDIUM_MAX:
        return struct.pack("!BBH", _FINAL_TEXT, 126, size) + payload
    return struct.pack("!BBQ", _FINAL_TEXT, 127, size) + payload
