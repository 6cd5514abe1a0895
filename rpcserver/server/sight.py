"""
What of the journal exists for a principal: operations and records of accounts it may touch.

The rules are in `admission.py`; here is what they need to be told of operations that ended long
ago. Whoever holds every account sees all of it, and nothing is looked up.
"""

from __future__ import annotations

from collections.abc import Sequence

from rpcserver.apis.queries import FoundExits, ReadExits
from rpcserver.core.entries import AlertFilter, Entry, Exit, ExitFilter, FoundAlert, OperationRow
from rpcserver.core.records import OperationOpened
from rpcserver.core.requests import CloseRequest
from rpcserver.domain.ids import OperationId, PrincipalId
from rpcserver.domain.principal import EVERY_ACCOUNT, Principal
from rpcserver.driver.ports import Journal
from rpcserver.server.admission import may_see, may_see_record, operations_of

EXITS_AT_ONCE = 500  # read from the journal
EXITS_MAX = 50_000  # the newest: what a summary is made of


SEARCHED_MAX = 5000  # operations looked at for one page: nobody may keep the journal busy for long


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
        """
        The newest operations first, of *whose* or of everyone; *before* pages on.

        Whoever may see few among very many is shown those of the newest `SEARCHED_MAX`.
        """
        found: list[OperationRow] = []
        for _ in range(max(1, SEARCHED_MAX // limit)):
            page = await self._journal.operations(principal=whose, before=before, limit=limit)
            if EVERY_ACCOUNT in principal.accounts:
                return list(page)
            for row in page:
                request = await self.request_of(row.operation_id)
                if request is not None and may_see(principal, request):
                    found.append(row)
            if len(found) >= limit or len(page) < limit:
                break
            before = page[-1].operation_id
        return found[:limit]

    async def exits(self, principal: Principal, query: ReadExits) -> FoundExits:
        """A page of the exit log; with `whole` all of it, as far as `EXITS_MAX`, too."""
        page = await self._exits(principal, query.wanted, query.before, query.limit)
        whole = query.whole and await self._exits(principal, query.wanted, None, EXITS_MAX)
        return FoundExits(tuple(page), tuple(whole or ()))

    async def _exits(
        self, principal: Principal, wanted: ExitFilter, before: int | None, limit: int
    ) -> list[Exit]:
        found: list[Exit] = []
        while len(found) < limit:
            page = await self._journal.exits(wanted, before=before, limit=EXITS_AT_ONCE)
            found += (each for each in page if principal.may_touch(each.account_ref))
            if len(page) < EXITS_AT_ONCE:
                break
            before = page[-1].audit_seq
        return found[:limit]

    async def alerts(
        self, principal: Principal, wanted: AlertFilter, *, before: int | None, limit: int
    ) -> list[FoundAlert]:
        """The newest alerts first that are about nothing but what the principal may touch."""
        found: list[FoundAlert] = []
        while len(found) < limit:
            page = await self._journal.alerts(wanted, before=before, limit=limit)
            if EVERY_ACCOUNT in principal.accounts:
                return list(page)
            named = {name: None for alert in page for name in operations_of(alert.record)}
            requests = {name: await self.request_of(name) for name in named}
            found += (e for e in page if may_see_record(principal, e.record, requests.get))
            if len(page) < limit:
                break
            before = page[-1].audit_seq
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
