"""
Every error the client raises on purpose, sorted by what the caller may do.

* ClientError
    * RpcError              the server answered no: `code` says why (the table of protocol.md)
        * OutcomeUnknown    it may have happened: ask the server, never send it again
    * ConnectionLost        no connection: whatever was accepted goes on; attach to it later
        * CannotConnect     not even the first connection was made: nothing was sent
    * ConnectionRefused     the server said not to come back: reconnecting is useless
        * Unauthenticated   the token is unknown, revoked or missing
        * Forbidden         the token is known and may not do this
    * ProtocolViolation     what came is not of protocol.md: the other end is something else
"""

from __future__ import annotations

from collections.abc import Mapping


class ClientError(Exception):
    """The base of every error below."""


class RpcError(ClientError):
    """The server answered, and the answer is no. `data` is the whole of it."""

    def __init__(self, code: str, detail: str, data: Mapping[str, object] | None = None) -> None:
        super().__init__(code, detail)
        self.code = code
        self.detail = detail
        self.data: Mapping[str, object] = data if data is not None else {}

    def __str__(self) -> str:
        return f"{self.code}: {self.detail}" if self.detail else self.code


class OutcomeUnknown(RpcError):
    """
    An order was sent and no answer came.

    It may be working, it may be filled. Ask (`ListOrders`, `GetPosition`); never send it again.
    """

    def __init__(self, detail: str) -> None:
        super().__init__("outcome_unknown", detail)


class ConnectionLost(ClientError):
    """There is no connection, and the client has stopped trying or was closed."""


class CannotConnect(ConnectionLost):
    """No connection could be made in the first place. Nothing was sent."""


class ConnectionRefused(ClientError):
    """The server ended the connection for good. `close_code` is one of protocol.md's, or 0."""

    def __init__(self, close_code: int, reason: str) -> None:
        super().__init__(close_code, reason)
        self.close_code = close_code
        self.reason = reason

    def __str__(self) -> str:
        return f"{self.reason or 'refused'} ({self.close_code})" if self.close_code else self.reason


class Unauthenticated(ConnectionRefused):
    """The server does not know the token, or knows it no longer."""


class Forbidden(ConnectionRefused):
    """The server knows the token and will not have it here."""


class ProtocolViolation(ClientError):
    """The other end sent something that no server of this protocol sends."""
