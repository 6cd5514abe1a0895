"""
Every error this package raises on purpose, sorted by what the caller may do.

* RpcServerError
    * InvalidRequest        the caller is wrong; tell the caller, with a code of protocol.md
    * NotPrunable           old entries of the journal are needed still: nothing was deleted
    * JournalBroken         a commit raised: whether it is durable is unknown; send nothing, exit
    * Deposed               another process took over the data directory; send nothing, exit
    * VenueError
        * OrderRefused      the venue said no: the order does not exist
        * VenueUnavailable  nothing was sent: safe to try again
        * OutcomeUnknown    it may have happened: ask before acting
"""

from __future__ import annotations

import math

from rpcserver.domain.order import RejectReason


class RpcServerError(Exception):
    """The base of every error below."""


DETAIL_MAX = 500  # characters: what a caller sent is named, never sent back whole


class InvalidRequest(RpcServerError):
    """The caller asked for what cannot be done. `code` is stable; `detail` is for people."""

    def __init__(self, code: str, detail: str) -> None:
        if len(detail) > DETAIL_MAX:
            detail = f"{detail[: DETAIL_MAX - 1]}…"
        super().__init__(code, detail)
        self.code = code
        self.detail = detail

    def __str__(self) -> str:
        return f"{self.code}: {self.detail}"


class NotPrunable(RpcServerError):
    """Entries of the journal were to go that are needed, or are not what they were; none went."""


class JournalBroken(RpcServerError):
    """
    A commit raised. Its rows may or may not be durable: an unknown of our own (law 27).

    Nothing it covers may be sent or told. The process exits, restarts and reads the truth.
    """


class Deposed(RpcServerError):
    """
    Another process took over the data directory, as `rpcserver panic` does (law 26).

    Whatever was queued stays unsent. The process exits.
    """


class VenueError(RpcServerError):
    """A venue did not do what it was asked."""


class OrderRefused(VenueError):
    """The venue said no. The order does not exist."""

    def __init__(self, reason: RejectReason, detail: str) -> None:
        super().__init__(reason, detail)
        self.reason = reason
        self.detail = detail

    def __str__(self) -> str:
        return f"{self.reason.value}: {self.detail}"


PATIENCE_MAX = 600.0  # seconds: a garbled word of a venue must not shut the way out until a restart


class VenueUnavailable(VenueError):
    """
    Nothing was sent. Trying again is safe, after `retry_after` seconds if it named any.

    A time that is none (NaN, infinite, negative) is as if none was named; one beyond
    `PATIENCE_MAX` is that: it is asked again then.
    """

    def __init__(self, detail: str, retry_after: float | None = None) -> None:
        is_time = retry_after is not None and math.isfinite(retry_after) and retry_after >= 0
        patience = min(retry_after, PATIENCE_MAX) if retry_after is not None and is_time else None
        super().__init__(detail, patience)
        self.detail = detail
        self.retry_after = patience

    def __str__(self) -> str:
        return self.detail


class OutcomeUnknown(VenueError):
    """The request was sent and no answer came. It may or may not have happened."""

    def __init__(self, detail: str) -> None:
        super().__init__(detail)
        self.detail = detail

    def __str__(self) -> str:
        return self.detail
