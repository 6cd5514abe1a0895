"""
What of the journal exists for a principal: operations and records of accounts it may touch.

The rules are in `admission.py`; here is what they need to be told of operations that ended long
ago. Whoever holds every account sees all of it, and nothing is looked up.
"""

from __future__ import annotations

from collections.abc import Sequence

from rpcserver.core.entries import Entry, OperationRow
from rpcserver.core.records import OperationOpened
from rpcserver.core.requests import CloseRequest
from rpcserver.domain.ids import OperationId, PrincipalId
from rpcserver.domain.principal import EVERY_ACCOUNT, Principal
from rpcserver.driver.ports import Journal
from rpcserver.server.admission import may_see, may_see_record, operations_of


class Sight:
    """Reads the journal through a principal's eyes."""

    def __init__(self, journal: Journal) -> None:
        self._journal = journal

    async def operations(
        self,
        principal: Principal,
        *,
        whose: PrincipalId | None = None,
        before: OperationId | None = None,
        limit: int = 50,
    ) -> list[OperationRow]:
        """The newest operations first, of *whose* or of everyone; *before* pages on."""
        found: list[OperationRow] = []
        while len(found) < limit:
            page = await self._journal.operations(principal=whose, before=before, limit=limit)
            if EVERY_ACCOUNT in principal.accounts:
                return list(page)
            for row in page:
                request = await self.request_of(row.operation_id)
                if request is not None and may_see(principal, request):
                    found.append(row)
            if len(page) < limit:
                break
            before = page[-1].operation_id
        return found[:limit]

    async def entries(self, principal: Principal, entries: Sequence[Entry]) -> list[Entry]:
        """Those of *entries* that are about nothing but accounts of the principal."""
        if EVERY_ACCOUNT in principal.accounts:
            return list(entries)
        named = {name: None for entry in entries for name in operations_of(entry.record)}
        requests = {name: await self.request_of(name) for name in named}
        return [e for e in entries if may_see_record(principal, e.record, requests.get)]

    async def request_of(self, operation_id: OperationId) -> CloseRequest | None:
        """What an operation was opened with, however long ago; None: there is no such operation."""
        for entry in await self._journal.operation(operation_id, limit=1):
            if isinstance(entry.record, OperationOpened):
                return entry.record.request
        return None
