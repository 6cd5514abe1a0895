"""The requests that rules and switches make: like any caller's, with a key of their own."""

from __future__ import annotations

from datetime import datetime
from hashlib import sha256
from typing import TypeGuard

import msgspec

from rpcserver.apis.decoding import decode_args
from rpcserver.apis.registry import Api, Asked, CloseTerms, ClosingApi, Directory, Registry
from rpcserver.core.requests import CloseRequest, Scope
from rpcserver.domain.directive import Rule
from rpcserver.domain.errors import InvalidRequest
from rpcserver.domain.ids import AccountRef, TokenId
from rpcserver.domain.principal import Permission, Principal
from rpcserver.domain.rule import StoredCall
from rpcserver.wire.codec import one_line

BY_RULE = TokenId("rule")  # whose word an operation is that a rule or a switch opened


def stored_terms(
    registry: Registry, call: StoredCall, by: Principal, directory: Directory, now: datetime
) -> CloseTerms:
    """
    What a stored call means now.

    Raises:
        InvalidRequest: It is no closing call that can be stored, its args are wrong, or they name
            what *by* may not touch.
    """
    api = registry.find(call.api)
    if not _only_closes(api):
        closing = (each.name for each in registry if _only_closes(each))
        raise InvalidRequest(
            "invalid_argument", f"api: {call.api[:64]!r} is none of {', '.join(closing)}"
        )
    args = decode_args(api.args, call.args.encode())
    terms = api.terms(args, Asked(principal=by, directory=directory, now=now))
    for key, is_set in (
        ("dryRun", terms.dry_run),
        ("planHash", terms.plan_hash is not None),
        ("breakGlass", terms.break_glass),
    ):
        if is_set:
            raise InvalidRequest("invalid_argument", f"args.{key}: not in a call for later")
    for account in terms.scope.accounts:
        if not by.may_touch(account):
            raise InvalidRequest("unknown_account", f"there is no account {account.account}")
    return terms


def stored_request(call: StoredCall, terms: CloseTerms, by: Principal, key: str) -> CloseRequest:
    """The stored call as it is made now, once for *key*."""
    return CloseRequest(
        api=call.api,
        principal=by.principal_id,
        token_id=BY_RULE,
        request_id=key[:64],
        idempotency_key=key,
        digest=_digest(key),
        args=one_line(msgspec.Raw(call.args.encode())),
        grants=by.accounts,
        scope=terms.scope,
        amount=terms.amount,
        execution=terms.execution,
        check_hours=terms.check_hours,
        reason=f"{key}: {terms.reason}".rstrip(": "),
        deadline=terms.deadline,
        on_fence=terms.on_fence,
        wait_for_open=terms.wait_for_open,
        dust=terms.dust,
        stay_flat=terms.stay_flat,
        on_refill=terms.on_refill,
        must_match=terms.must_match,
    )


def flatten_request(
    rule: Rule, accounts: tuple[AccountRef, ...], *, key: str, deadline: float, why: str
) -> CloseRequest:
    """Everything of a rule's accounts, working orders included; once for *key*."""
    covered = rule.accounts or tuple(account for account in accounts if rule.covers(account))
    args = {"accounts": [str(account) for account in covered], "reason": why}
    return CloseRequest(
        api="Flatten",
        principal=rule.by.principal_id,
        token_id=BY_RULE,
        request_id=rule.rule_id,
        idempotency_key=key,
        digest=_digest(key),
        args=msgspec.json.encode(args).decode(),
        grants=rule.by.accounts,
        scope=Scope(accounts=covered, everything=True),
        reason=why,
        deadline=deadline,
    )


def _only_closes(api: Api | None) -> TypeGuard[ClosingApi[msgspec.Struct]]:
    """Whether it opens nothing afterwards: nobody is there to see to that."""
    return isinstance(api, ClosingApi) and api.permission is Permission.CLOSE


def _digest(key: str) -> str:
    """The key names the occasion, whatever its accounts are called when it comes."""
    return sha256(key.encode()).hexdigest()
