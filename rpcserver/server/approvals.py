"""
Calls that wait for a second person: asked, confirmed, or forgotten.

The first call is planned and not carried out; its code stands for that plan. Another principal
confirms it within the window, and it runs under the first caller's name, over exactly that plan.
Nothing of this outlives the process: after a restart the code is unknown, and the call is made
again. That is the safe side: a confirmation never meets a server that forgot what it was about.
"""

from __future__ import annotations

import secrets
from collections import OrderedDict
from datetime import UTC, datetime, timedelta

import anyio
import msgspec
from loguru import logger

from rpcserver.apis.queries import Approval, ConfirmClose, Confirmed
from rpcserver.apis.sandboxes import kind_of_request
from rpcserver.core.events import Noticed
from rpcserver.core.report import OperationReport
from rpcserver.core.requests import CloseRequest
from rpcserver.domain.errors import InvalidRequest
from rpcserver.domain.ids import OperationId, PrincipalId, TokenId
from rpcserver.domain.principal import Permission, Principal
from rpcserver.server.admission import may_approve, may_see
from rpcserver.server.directory import DirectoryKeeper
from rpcserver.server.failures import ApprovalRequired
from rpcserver.server.ports import Engine
from rpcserver.server.second_person import SecondPersonRule, why_confirm

KEPT_MAX = 256  # codes, those that ran out among them
OF_ONE_MAX = 8  # that one principal may have waiting
_Call = tuple[TokenId, str, str]  # the token, the request's id, the digest: a resend of a frame


class _Pending(msgspec.Struct, frozen=True, kw_only=True):
    """One call that waits. `ends` on the monotonic clock; the others are for people."""

    approval: Approval
    request: CloseRequest
    plan: OperationReport
    ends: float


class Approvals:
    """Every call that waits for a second person, since the start."""

    def __init__(self, engine: Engine, directory: DirectoryKeeper, rule: SecondPersonRule) -> None:
        self._engine = engine
        self._directory = directory
        self._rule = rule
        self._pending: OrderedDict[str, _Pending] = OrderedDict()  # by code, the oldest first
        self._confirmed: OrderedDict[_Call, OperationId] = OrderedDict()

    # --- the first caller -----------------------------------------------------------------------

    async def admit(
        self, principal: Principal, request: CloseRequest, beyond: str | None = None
    ) -> OperationId | None:
        """
        None if *request* may be carried out now; else the operation that it became before.

        *beyond*: the threshold that it passes, where that needs a second person.

        Raises:
            ApprovalRequired: A second person must confirm: with the code, and the plan it is for.
            InvalidRequest: It cannot be planned, or is not planned as its `planHash` says.
        """
        why = self._why(principal, request) or beyond
        if why is None or await self.is_known(request):
            return None
        if request.alone:
            await self._tell_of_broken_glass(request, why)
            return None
        call = (request.token_id, request.request_id, request.digest)
        if request.idempotency_key is None and (running := self._running(call)) is not None:
            return running
        pending = self._find_same(request) or await self._ask(request, why)
        raise ApprovalRequired(pending.approval, pending.plan)

    async def check_alone(self, principal: Principal, request: CloseRequest) -> None:
        """
        Refuse a close that comes with something else and cannot wait, unless one may go alone.

        Raises:
            InvalidRequest: `approval_required`.
        """
        # Of one account everything is closed by name, and is not everything there is.
        scope = msgspec.structs.replace(request.scope, everything=False)
        narrow = msgspec.structs.replace(request, scope=scope)
        if (why := self._why(principal, narrow)) is None:
            return
        if not principal.may(Permission.ALONE):
            raise InvalidRequest(
                "approval_required",
                f"{why}: it needs a second person or the break_glass role. Halt at another level, "
                "and let a closing call be confirmed",
            )
        await self._tell_of_broken_glass(request, why)

    def _why(self, principal: Principal, request: CloseRequest) -> str | None:
        if self._rule.asks_nobody:
            return None
        accounts = {account.ref: account for account in self._directory.current().accounts}
        return why_confirm(self._rule, principal, request, accounts)

    async def is_known(self, request: CloseRequest) -> bool:
        """Whether its key was used before: then the engine opens nothing."""
        key = request.idempotency_key
        return key is not None and await self._engine.find(request.principal, key) is not None

    def _running(self, call: _Call) -> OperationId | None:
        operation_id = self._confirmed.get(call)
        report = self._engine.report(operation_id) if operation_id is not None else None
        return operation_id if report is not None and report.finished_at is None else None

    def _find_same(self, request: CloseRequest) -> _Pending | None:
        """The same call of the same principal, which waits already: one code for one press."""
        for pending in self._pending.values():
            waiting = pending.request
            if (
                anyio.current_time() < pending.ends
                and waiting.principal == request.principal
                and waiting.grants == request.grants
                and waiting.digest == request.digest
                and waiting.idempotency_key == request.idempotency_key
            ):
                return pending
        return None

    async def _ask(self, request: CloseRequest, why: str) -> _Pending:
        plan = await self.plan(request)
        if request.plan_hash is not None and request.plan_hash != plan.plan_hash:
            raise InvalidRequest("plan_changed", "the accounts are not as they were planned")
        if (meanwhile := self._find_same(request)) is not None:
            return meanwhile  # the same frame came twice at once
        now = datetime.now(UTC)
        approval = Approval(
            code=f"ap-{secrets.token_hex(8)}",
            api=request.api,
            principal=request.principal,
            reason=request.reason,
            why=why,
            asked_at=now,
            expires_at=now + timedelta(seconds=self._rule.window),
            accounts=tuple(str(ref) for ref in request.scope.accounts),
            positions=len(plan.legs),
            plan_hash=plan.plan_hash or "",
            plan_operation=plan.operation_id,
            kind=kind_of_request(plan.request),
        )
        pending = _Pending(
            approval=approval,
            request=request,
            plan=plan,
            ends=anyio.current_time() + self._rule.window,
        )
        self._keep(pending)
        await self._note("approval_required", request, request.principal, request.remote, why)
        return pending

    def _keep(self, pending: _Pending) -> None:
        self._pending[pending.approval.code] = pending
        own = [
            code
            for code, each in self._pending.items()
            if each.request.principal == pending.request.principal
        ]
        for code in own[:-OF_ONE_MAX]:
            del self._pending[code]
        if len(self._pending) > KEPT_MAX:
            self._pending.popitem(last=False)

    async def plan(self, request: CloseRequest) -> OperationReport:
        """
        What *request* would do now, sending nothing.

        Raises:
            InvalidRequest: It cannot be planned.
        """
        dry = msgspec.structs.replace(
            request, dry_run=True, plan_hash=None, idempotency_key=None, sequel=None
        )
        admitted = await self._engine.close(dry, join=False)
        report = await self._engine.finished(admitted.operation_id)
        if report.error is not None:
            raise InvalidRequest(report.error, report.detail)
        return report

    async def _tell_of_broken_glass(self, request: CloseRequest, why: str) -> None:
        """Loudly, and before anything is sent."""
        logger.warning("closing alone", principal=request.principal, api=request.api)
        detail = f"although {why}: {request.reason}"
        await self._note("broken_glass", request, request.principal, request.remote, detail)

    # --- the second person ----------------------------------------------------------------------

    def listed(self, principal: Principal) -> tuple[Approval, ...]:
        """What waits: one's own, and what one may confirm; the oldest first."""
        now = anyio.current_time()
        return tuple(
            each.approval
            for each in self._pending.values()
            if now < each.ends and self._exists_for(principal, each.request)
        )

    async def confirm(self, principal: Principal, query: ConfirmClose, remote: str) -> Confirmed:
        """
        Carry out what *query* names, under the name of whoever asked for it.

        Raises:
            InvalidRequest: `unknown_approval`, `approval_expired`; `forbidden`: it is the caller's
                own; `plan_changed`: the code stands for another plan than that of now; or why the
                engine admits nothing.
        """
        pending = self._pending.get(query.code)
        if pending is None or not self._exists_for(principal, pending.request):
            raise InvalidRequest(
                "unknown_approval",
                "nothing waits under this code: it was used, or the server was started again "
                "since; call again",
            )
        if anyio.current_time() >= pending.ends:
            raise InvalidRequest("approval_expired", "it waited too long; call again")
        if pending.request.principal.casefold() == principal.principal_id.casefold():
            raise InvalidRequest("forbidden", "nobody confirms their own: another principal must")
        del self._pending[query.code]  # once, whoever else confirms it in this moment
        try:
            confirmed = await self._carry_out(pending, principal)
        except InvalidRequest as exc:
            if exc.code != "plan_changed":
                self._keep(pending)  # nothing was opened: it may be confirmed again in time
            raise
        detail = f"{query.code} as {confirmed.operation_id}; {query.reason}".rstrip("; ")
        await self._note("approved", pending.request, principal.principal_id, remote, detail)
        return confirmed

    async def _carry_out(self, pending: _Pending, approver: Principal) -> Confirmed:
        request = pending.request
        await self._check_token(request.token_id)
        plan = await self.plan(request)
        if plan.plan_hash != pending.plan.plan_hash:
            raise InvalidRequest(
                "plan_changed", "the accounts are not as they were planned; call again"
            )
        approved = msgspec.structs.replace(
            request, plan_hash=plan.plan_hash, approver=approver.principal_id
        )
        admitted = await self._engine.close(approved, join=False)
        self._confirmed[request.token_id, request.request_id, request.digest] = (
            admitted.operation_id
        )
        if len(self._confirmed) > KEPT_MAX:
            self._confirmed.popitem(last=False)
        return Confirmed(admitted.operation_id, pending.approval)

    async def _check_token(self, token_id: TokenId) -> None:
        """Whoever asked must still be one who may ask."""
        now = datetime.now(UTC)
        for row in await self._engine.journal.tokens():
            if row.token_id == token_id and row.is_good(now):
                return
        raise InvalidRequest("approval_expired", "the token that asked for it is no good any more")

    def _exists_for(self, principal: Principal, request: CloseRequest) -> bool:
        if request.principal == principal.principal_id:
            return may_see(principal, request)
        return may_approve(principal, request)

    async def _note(
        self, code: str, request: CloseRequest, by: PrincipalId, remote: str, detail: str
    ) -> None:
        """For the audit, and for everyone who watches. No account is named: all may read it."""
        worded = f"{request.api} of {request.principal}: {detail}"
        await self._engine.note(
            Noticed(code=code, detail=worded, alert=True, principal=by, remote=remote)
        )
