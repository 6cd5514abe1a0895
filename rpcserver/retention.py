"""
How long the audit is kept: once a day what is older goes into an archive, if somebody said so.

The policy that an administrator laid down wins over the settings. Never less than a week: an
idempotency key is promised for a day, and an operation that is gone is forgotten with its key.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import anyio
from loguru import logger

from rpcserver.core.events import Noticed
from rpcserver.domain.directive import POLICY, Policy
from rpcserver.domain.errors import NotPrunable
from rpcserver.domain.policy import RETENTION_DAYS_MIN
from rpcserver.driver.engine import Engine
from rpcserver.journal.archive import Prunable, prune_to_archive

_DAY = timedelta(days=1)


async def keep_retention(engine: Engine, journal: Prunable, archives: Path, days: int) -> None:
    """
    Prune now and every day, until cancelled.

    Args:
        engine: Where it is noted, and which knows the policy.
        journal: The engine's.
        archives: The directory that what goes is kept in.
        days: As the settings say; 0: for ever.

    Raises:
        JournalBroken: Nothing more may be sent.
    """
    while True:
        await _prune(engine, journal, archives, days)
        await anyio.sleep(_DAY.total_seconds())


async def _prune(engine: Engine, journal: Prunable, archives: Path, days: int) -> None:
    try:
        await journal.finish_pruning()  # whatever a crash left, whoever asked for it
        if (kept := retention(engine, days)) is None:
            return
        now = datetime.now(UTC)
        reason = f"kept for {kept.days} days"
        pruned = await prune_to_archive(
            journal, archives, now - kept, now=now, reason=reason, tell=engine.tell
        )
    except (NotPrunable, OSError) as exc:
        logger.error("the audit could not be pruned; all of it is kept", error=str(exc))
        await engine.note(Noticed(code="audit_not_pruned", detail=str(exc), alert=True))
        return
    if pruned is not None:
        await engine.note(Noticed(code="audit_pruned", detail=pruned.detail))


def retention(engine: Engine, days: int) -> timedelta | None:
    """How long the audit is kept now; None: for ever."""
    laid_down = engine.directives.get(POLICY)
    policy = laid_down.directive if laid_down is not None else None
    if isinstance(policy, Policy) and policy.retention_days is not None:
        days = policy.retention_days
    return timedelta(days=max(days, RETENTION_DAYS_MIN)) if days else None
