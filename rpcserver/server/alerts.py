"""Alerts for one principal at a time: those of its accounts, and its word that it looks at one."""

from __future__ import annotations

from rpcserver.apis.alert_queries import AcknowledgeAlert, ReadAlerts
from rpcserver.core.entries import AlertFilter, FoundAlert
from rpcserver.core.events import Noticed
from rpcserver.domain.errors import InvalidRequest
from rpcserver.domain.principal import Principal
from rpcserver.server.ports import Engine
from rpcserver.server.sight import Sight

ACKNOWLEDGED = "alert_acknowledged"


class AlertOffice:
    """Finds alerts, and journals who looks at them."""

    def __init__(self, engine: Engine, sight: Sight) -> None:
        self._engine = engine
        self._sight = sight

    async def listed(self, principal: Principal, query: ReadAlerts) -> tuple[FoundAlert, ...]:
        """The newest that exist for the principal first."""
        return tuple(
            await self._sight.alerts(
                principal, query.wanted, before=query.before, limit=query.limit
            )
        )

    async def acknowledge(
        self, principal: Principal, query: AcknowledgeAlert, remote: str
    ) -> FoundAlert:
        """
        Journal that the principal looks at it; the newest word is the one that is shown.

        Raises:
            InvalidRequest: `unknown_alert`.
        """
        alert = (await self._found(principal, query.audit_seq)).record
        await self._engine.note(
            Noticed(
                code=ACKNOWLEDGED,
                detail=query.reason,
                account=alert.account,
                operation_ids=alert.operation_ids,
                venue=alert.venue,
                instrument=alert.instrument,
                principal=principal.principal_id,
                remote=remote,
                acknowledges=query.audit_seq,
            )
        )
        return await self._found(principal, query.audit_seq)

    async def _found(self, principal: Principal, audit_seq: int) -> FoundAlert:
        found = await self._sight.alerts(principal, AlertFilter(), before=audit_seq + 1, limit=1)
        if not found or found[0].audit_seq != audit_seq:
            raise InvalidRequest("unknown_alert", f"there is no alert {audit_seq}")
        return found[0]
