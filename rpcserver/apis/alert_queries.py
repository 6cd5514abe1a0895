"""What the calls about alerts ask of the world outside. -> as each docstring says."""

from __future__ import annotations

import msgspec

from rpcserver.core.entries import AlertFilter


class ReadAlerts(msgspec.Struct, frozen=True):
    """-> `tuple[FoundAlert, ...]`, newest first: those that exist for the caller."""

    wanted: AlertFilter
    before: int | None = None  # audit_seq
    limit: int = 100


class AcknowledgeAlert(msgspec.Struct, frozen=True):
    """-> `FoundAlert` as it is now; unknown or another's: `unknown_alert`."""

    audit_seq: int
    reason: str
