"""The second person: what waits to be confirmed, and confirming it."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Final

import msgspec
from msgspec import UNSET, UnsetType

from rpcserver.apis.arguments import REASON_LENGTH_MAX, Args, NoArgs
from rpcserver.apis.queries import Approval, ConfirmClose, Confirmed, Data, ReadApprovals
from rpcserver.apis.registry import Ask, Asked, Registry
from rpcserver.domain.errors import InvalidRequest
from rpcserver.domain.principal import Permission

registry = Registry()

CODE_LENGTH_MAX: Final = 64


class ConfirmArgs(Args, frozen=True, kw_only=True):
    """The code that the first call was answered with."""

    code: str | None
    reason: str = ""


class ApprovalAnswer(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """One call that waits for a second person."""

    code: str
    api: str
    principal: str
    reason: str
    why: str
    asked_at: datetime
    expires_at: datetime
    accounts: tuple[str, ...]
    positions: int
    plan_hash: str
    plan_operation_id: str  # `GetOperation` pages the plan
    sandbox: bool | UnsetType = UNSET
    sandbox_venues: tuple[str, ...] | UnsetType = UNSET


def approval_answer(approval: Approval) -> ApprovalAnswer:
    return ApprovalAnswer(
        code=approval.code,
        api=approval.api,
        principal=approval.principal,
        reason=approval.reason,
        why=approval.why,
        asked_at=approval.asked_at,
        expires_at=approval.expires_at,
        accounts=approval.accounts,
        positions=approval.positions,
        plan_hash=approval.plan_hash,
        plan_operation_id=approval.plan_operation,
        sandbox=approval.kind.sandbox,
        sandbox_venues=approval.kind.sandbox_venues,
    )


@registry.query("ListApprovals", args=NoArgs)
def list_approvals(_: NoArgs, _asked: Asked) -> Ask:
    """The caller's own calls that wait for a second person, and those the caller may confirm."""

    def answer(waiting: Sequence[Approval]) -> Data:
        return {"approvals": [approval_answer(each) for each in waiting], "success": True}

    return Ask(ReadApprovals(), answer)


@registry.query("Confirm", args=ConfirmArgs, permission=Permission.APPROVE, read_only=False)
def confirm(args: ConfirmArgs, _asked: Asked) -> Ask:
    """Be the second person: the call that waits is carried out, under its caller's name."""
    if len(args.reason) > REASON_LENGTH_MAX:
        raise InvalidRequest("invalid_argument", f"reason: at most {REASON_LENGTH_MAX} characters")
    code = (args.code or "").strip()[:CODE_LENGTH_MAX]

    def answer(confirmed: Confirmed) -> Data:
        return {
            "success": True,
            "operationId": confirmed.operation_id,
            "approval": approval_answer(confirmed.approval),
        }

    return Ask(ConfirmClose(code, args.reason.strip()), answer)
