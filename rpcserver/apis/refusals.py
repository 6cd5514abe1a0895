"""How a refusal is worded where a dialect has no words of its own."""

from __future__ import annotations

from collections.abc import Mapping

from rpcserver.domain.errors import InvalidRequest
from rpcserver.wire.errors import status_of


def refuse_plainly(error: InvalidRequest) -> Mapping[str, object]:
    """CrossTrade's words, and ours: `success`, `error`, `detail`, `statusCode`."""
    return {
        "success": False,
        "error": error.code,
        "detail": error.detail,
        "statusCode": status_of(error.code),
    }
