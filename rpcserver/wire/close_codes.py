"""Every code this server closes a connection with, and whether a client may come back by itself."""

from __future__ import annotations

import enum


class CloseCode(enum.IntEnum):
    """A close code of protocol.md."""

    GOING_AWAY = 1001
    PROTOCOL_ERROR = 1002
    INVALID_TEXT = 1007
    POLICY = 1008
    TOO_BIG = 1009
    INTERNAL = 1011
    RESTART = 1012
    UNAUTHENTICATED = 4401
    FORBIDDEN = 4403
    AUTH_TIMEOUT = 4408
    REVOKED = 4410
    SLOW_CONSUMER = 4413
    FLOODING = 4429

    @property
    def may_retry(self) -> bool:
        """Whether reconnecting unchanged can succeed; otherwise a person must change something."""
        return self in _RETRY

    @property
    def meaning(self) -> str:
        """What happened and what the client should do, for people."""
        return _MEANING[self]


_RETRY = frozenset(
    {
        CloseCode.GOING_AWAY,
        CloseCode.INTERNAL,
        CloseCode.RESTART,
        CloseCode.SLOW_CONSUMER,
        CloseCode.FLOODING,
    }
)

_MEANING: dict[CloseCode, str] = {
    CloseCode.GOING_AWAY: "The server stops. Reconnect with growing pauses, then attach.",
    CloseCode.PROTOCOL_ERROR: "The bytes were not WebSocket frames. Repair the client.",
    CloseCode.INVALID_TEXT: "A text frame was not UTF-8. Repair the client.",
    CloseCode.POLICY: "Ten malformed frames in a row, or a newer connection of the same token took "
    "this one's place. Do not reconnect by yourself.",
    CloseCode.TOO_BIG: "A frame was larger than the limit. Send smaller ones.",
    CloseCode.INTERNAL: "The connection stopped answering pings, or the server failed. Reconnect, "
    "then attach.",
    CloseCode.RESTART: "The server restarts, as a notice said before. Reconnect after a few "
    "seconds, then attach.",
    CloseCode.UNAUTHENTICATED: "The token is wrong or missing. Get another one.",
    CloseCode.FORBIDDEN: "This page or this address may not connect.",
    CloseCode.AUTH_TIMEOUT: "No auth frame came in time. Send it first.",
    CloseCode.REVOKED: "The token was revoked or expired while in use. Get another one.",
    CloseCode.SLOW_CONSUMER: "The client did not read what it asked for. Reconnect, attach, and "
    "read; nothing is lost.",
    CloseCode.FLOODING: "Far too many frames, in spite of rate_limited answers. Wait at least ten "
    "seconds.",
}
assert _MEANING.keys() == set(CloseCode), "a close code has no row in the table"
