"""
Closing calls beyond the policy's thresholds: told, or in need of a reason or a second person.

No exit is blocked in silence, and none for want of a figure: what cannot be measured in time is
said in the answer. Whoever may break the glass goes alone, with a reason. Exits that rules,
switches and halts make by themselves are not weighed: they were asked for beforehand.
"""

from __future__ import annotations

import anyio
import msgspec

from rpcserver.core.events import Noticed
from rpcserver.core.report import OperationReport
from rpcserver.core.requests import CloseRequest
from rpcserver.domain.errors import InvalidRequest
from rpcserver.domain.policy import Passing, Threshold
from rpcserver.server.approvals import Approvals
from rpcserver.server.ports import Engine
from rpcserver.server.settings_office import SettingsOffice
from rpcserver.server.thresholds import speaks_of, strictest, unmeasured, weigh

PATIENCE = 2.0  # seconds for the plan that is weighed: an exit waits no longer for it


class Weighing:
    """Holds closing calls against the policy, before they are admitted."""

    def __init__(self, engine: Engine, approvals: Approvals, settings: SettingsOffice) -> None:
        self._engine = engine
        self._approvals = approvals
        self._settings = settings

    async def weighed(self, request: CloseRequest) -> tuple[CloseRequest, str | None]:
        """
        *request* with what is to be told of it, and why a second person must confirm it, if so.

        Raises:
            InvalidRequest: `reason_required`.
        """
        thresholds = [
            each
            for each in self._settings.policy.thresholds
            if speaks_of(each, request.scope.accounts)
        ]
        if not thresholds or await self._approvals.is_known(request):
            return request, None
        plan = await self._plan(request)
        if plan is None:
            told = tuple(unmeasured(each, ["no plan was there in time"]) for each in thresholds)
            await self._tell("threshold_unmeasured", request, told)
            return msgspec.structs.replace(request, warnings=told), None
        return await self._held_against(request, thresholds, plan)

    async def _held_against(
        self, request: CloseRequest, thresholds: list[Threshold], plan: OperationReport
    ) -> tuple[CloseRequest, str | None]:
        results = [weigh(each, plan) for each in thresholds]
        told = tuple(each.worded for each in results if each.worded)
        reached = [each for each in results if each.is_reached]
        request = msgspec.structs.replace(request, warnings=told)
        if request.dry_run:
            return request, None
        needs = strictest(reached)
        if needs is Passing.REASON and not request.reason.strip():
            worded = "; ".join(each.worded for each in reached)
            raise InvalidRequest("reason_required", f"{worded}: say why in `reason`")
        if told:
            code = "threshold_passed" if reached else "threshold_unmeasured"
            await self._tell(code, request, told)
        if needs is not Passing.SECOND_PERSON:
            return request, None
        return request, next(
            each.worded for each in reached if each.threshold.passing is Passing.SECOND_PERSON
        )

    async def _plan(self, request: CloseRequest) -> OperationReport | None:
        """What the call would do now; None where that is not known in time, or not at all."""
        try:
            with anyio.move_on_after(PATIENCE):
                return await self._approvals.plan(request)
        except InvalidRequest:
            pass  # it will be refused for that, or not, when it is admitted
        return None

    async def _tell(self, code: str, request: CloseRequest, told: tuple[str, ...]) -> None:
        if request.dry_run:
            return
        accounts = request.scope.accounts
        account = accounts[0] if len(accounts) == 1 else None
        # An alert without an account is for all who watch: it must not tell of what is held.
        figures = "; ".join(told) if account is not None else f"{len(told)} thresholds"
        detail = f"{request.api} of {request.principal}: {figures}"
        await self._engine.note(
            Noticed(
                code=code,
                detail=detail,
                alert=True,
                account=account,
                principal=request.principal,
                remote=request.remote,
            )
        )
