"""
Who may do what: the one place where permissions and grants are checked.

Roles are checked against the api, grants against every account that a call resolved to. An
account without a grant does not exist for the caller: it is `unknown_account`, not `forbidden`.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable
from datetime import datetime
from decimal import Decimal
from typing import assert_never

import msgspec

from rpcserver.apis import setting_queries as settings
from rpcserver.apis.directive_queries import DirectiveQuery
from rpcserver.apis.queries import (
    AcknowledgeAlert,
    Bracket,
    CancelOrders,
    ChangeOrder,
    ConfirmClose,
    CreateToken,
    Nothing,
    PlaceOrders,
    Query,
    ReadAccounts,
    ReadAlerts,
    ReadApprovals,
    ReadBars,
    ReadExecutions,
    ReadExits,
    ReadLifecycle,
    ReadMarketInfo,
    ReadOperation,
    ReadOperations,
    ReadOrder,
    ReadOrders,
    ReadPositions,
    ReadQuotes,
    ReadSummary,
    ReadTokens,
    ReadWatermarks,
    ReplaceOrder,
    Resolve,
    RevokeToken,
    RotateToken,
    VerifyChain,
)
from rpcserver.apis.registry import Api, CloseTerms, ClosingApi, Registry
from rpcserver.core.records import Noted, OperationOpened, Record
from rpcserver.core.requests import CloseRequest, Defaulted, OnFence
from rpcserver.domain.account import UNREAD
from rpcserver.domain.errors import InvalidRequest
from rpcserver.domain.ids import AccountRef, OperationId
from rpcserver.domain.principal import (
    EVERY_ACCOUNT,
    Permission,
    Principal,
    Role,
    TokenRow,
    are_granted,
    permissions_of,
)
from rpcserver.server.items import account_of
from rpcserver.wire.codec import one_line
from rpcserver.wire.frames import Rpc

_OVERSEERS = frozenset({Role.VIEWER, Role.RISK, Role.ADMIN})
_WATCHERS = frozenset({Role.RISK, Role.ADMIN})
OWN_KEYS = ("directive:", "stay-flat:")  # what the server itself closes: rules, halts, switches


def check_permission(principal: Principal, api: Api) -> None:
    """
    Refuse an api that none of the principal's roles allows.

    Raises:
        InvalidRequest: `forbidden`.
    """
    if not principal.may(api.permission):
        raise InvalidRequest("forbidden", f"{api.name} needs the right to {api.permission.value}")


def close_request(
    frame: Rpc,
    api: ClosingApi[msgspec.Struct],
    args: msgspec.Struct,
    terms: CloseTerms,
    *,
    principal: Principal,
    canonical_api: str,
    remote: str,
    defaulted: tuple[Defaulted, ...] = (),
) -> CloseRequest:
    """
    The request that the engine admits, if the principal may make it.

    *args* are what was sent: of them the digest is made. *terms* hold what was *defaulted*, too.

    Raises:
        InvalidRequest: `unknown_account`, `forbidden` for an override without the right to it, or
            `invalid_argument` for a key that would pass for one of a rule's.
    """
    check_accounts(principal, terms.scope.accounts)
    if (frame.idempotency_key or "").startswith(OWN_KEYS):
        raise InvalidRequest(
            "invalid_argument", f"`idempotencyKey`: {' and '.join(OWN_KEYS)} begin the server's own"
        )
    if terms.on_fence is OnFence.OVERRIDE:
        if not principal.may(Permission.OVERRIDE):
            raise InvalidRequest("forbidden", "onFence override needs the risk role")
        if not terms.reason.strip():
            raise InvalidRequest("missing_argument", "`reason`: an override needs one")
    if terms.break_glass:
        if not principal.may(Permission.ALONE):
            raise InvalidRequest("forbidden", "breakGlass needs the break_glass role")
        if not terms.reason.strip():
            raise InvalidRequest("missing_argument", "`reason`: breaking the glass needs one")
    return CloseRequest(
        api=api.name,
        principal=principal.principal_id,
        token_id=principal.token_id,
        request_id=frame.id,
        idempotency_key=frame.idempotency_key,
        digest=digest(canonical_api, args),
        args=one_line(frame.args),
        remote=remote,
        grants=principal.accounts,
        scope=terms.scope,
        amount=terms.amount,
        execution=terms.execution,
        check_hours=terms.check_hours,
        dry_run=terms.dry_run,
        plan_hash=terms.plan_hash,
        reason=terms.reason,
        deadline=terms.deadline,
        on_fence=terms.on_fence,
        wait_for_open=terms.wait_for_open,
        dust=terms.dust,
        stay_flat=terms.stay_flat,
        on_refill=terms.on_refill,
        alone=terms.break_glass,
        must_match=terms.must_match,
        sequel=terms.sequel,
        defaulted=defaulted,
    )


def check_query(principal: Principal, query: Query) -> Query:
    """
    The query as the principal may ask it: narrowed to what exists for it.

    Every query has its case, so that none is carried out which nobody thought of here.

    Raises:
        InvalidRequest: `unknown_account`, `venue_unavailable`, or `forbidden`.
    """
    if isinstance(query, DirectiveQuery):
        return query  # it bears its caller's grants; what stands is looked at one by one
    match query:
        case ReadLifecycle() | ReadSummary() | ReadWatermarks():
            check_accounts(principal, query.accounts)
            _check_read(query.accounts)
        case ReadAccounts() | ReadPositions() | ReadOrders() | ReadOrder() | ReadExecutions():
            check_accounts(principal, query.accounts)
            _check_read(query.accounts)
        case CancelOrders():
            check_accounts(principal, query.accounts)
            _check_read(query.accounts)
        case ChangeOrder():
            check_accounts(principal, query.accounts)
            _check_read(query.accounts)
        case ReplaceOrder(order=order):
            check_accounts(principal, (order.account,))
            _check_read((order.account,))
        case Bracket(account=account):
            check_accounts(principal, (account,))
            _check_read((account,))
        case PlaceOrders():
            accounts = [each.account for each in query.orders]
            check_accounts(principal, accounts)
            _check_read(accounts)
        case Resolve(request):
            if not principal.may(Permission.OVERRIDE):
                raise InvalidRequest(
                    "forbidden", "a word about an unknown order needs the risk role"
                )
            return Resolve(msgspec.structs.replace(request, grants=principal.accounts))
        case ReadOperations():
            if not oversees(principal):
                return msgspec.structs.replace(query, principal=principal.principal_id)
        case ReadOperation() | ReadTokens() | CreateToken() | RotateToken() | RevokeToken():
            pass  # one by one: what it names decides, and is only known when it is carried out
        case ReadApprovals() | ConfirmClose():
            pass  # likewise: see `may_approve`
        case settings.ReadPreferences() | settings.ChangePreferences():
            pass  # likewise: see `SettingsOffice`
        case settings.ReadPolicy() | settings.ChangePolicy():
            pass  # likewise: see `SettingsOffice`
        case ReadExits(wanted):
            if not oversees(principal):
                own = msgspec.structs.replace(wanted, principal=principal.principal_id)
                return msgspec.structs.replace(query, wanted=own)
        case ReadAlerts() | AcknowledgeAlert():
            pass  # each alert is looked at when it is read: see `may_see_record`
        case ReadQuotes() | ReadBars() | ReadMarketInfo() | VerifyChain() | Nothing():
            pass  # about no account
        case _:
            assert_never(query)
    return query


def check_accounts(principal: Principal, accounts: Iterable[AccountRef]) -> None:
    """
    Refuse an account without a grant.

    Raises:
        InvalidRequest: `unknown_account`.
    """
    for account in accounts:
        if not principal.may_touch(account):
            raise InvalidRequest("unknown_account", f"there is no account {account.account}")


# --- tokens ------------------------------------------------------------------------------------


def check_grant(principal: Principal, roles: frozenset[Role], accounts: tuple[str, ...]) -> None:
    """
    Refuse a token that would hold more than whoever makes it.

    Raises:
        InvalidRequest: `forbidden`.
    """
    if more := permissions_of(roles) - principal.permissions:
        rights = ", ".join(sorted(permission.value for permission in more))
        raise InvalidRequest("forbidden", f"roles: you lack what they allow: {rights}")
    if not are_granted(principal.accounts, accounts):
        raise InvalidRequest("forbidden", "accounts: your own grants are narrower")


def may_administer(principal: Principal, row: TokenRow) -> bool:
    """Whether a token exists for an administrator: one over accounts of its own grants."""
    return are_granted(principal.accounts, row.accounts)


def check_rotation(principal: Principal, row: TokenRow, expires_at: datetime | None) -> None:
    """
    Refuse to tell a token that speaks for more than whoever asks; one's own is one's own.

    Raises:
        InvalidRequest: `forbidden`, or `unknown_token` for one that does not exist for the caller.
    """
    administers = principal.may(Permission.ADMINISTER)
    if row.principal != principal.principal_id or row.token_id != principal.token_id:
        if not administers or not may_administer(principal, row):
            raise InvalidRequest("unknown_token", f"no good token {row.token_id!r}")
        check_grant(principal, row.roles, row.accounts)
    elif expires_at is not None and not administers:
        raise InvalidRequest("forbidden", "expiresAt: only an administrator sets another end")


def _check_read(accounts: Iterable[AccountRef]) -> None:
    """Refuse to tell of the accounts of a venue that was never read: nobody knows them yet."""
    for account in accounts:
        if account.account == UNREAD:
            raise InvalidRequest(
                "venue_unavailable", f"{account.venue} was not read yet; ask again"
            )


# --- operations and records ---------------------------------------------------------------------


def may_see(principal: Principal, request: CloseRequest) -> bool:
    """
    Whether an operation exists for the principal: its own or one it oversees, over its accounts.

    One principal may have several tokens: the narrower one does not see what a wider one did.
    """
    is_its_own = request.principal == principal.principal_id
    return (is_its_own or oversees(principal)) and _may_touch_all(principal, request)


def may_cancel(principal: Principal, request: CloseRequest) -> bool:
    """Whether the principal may stop an operation: its own, or any with the risk role."""
    is_its_own = request.principal == principal.principal_id
    return (
        principal.may(Permission.CLOSE)
        and (is_its_own or Role.RISK in principal.roles)
        and _may_touch_all(principal, request)
    )


def may_approve(principal: Principal, request: CloseRequest) -> bool:
    """Whether the principal may be the second person of somebody else's call."""
    return principal.may(Permission.APPROVE) and _may_touch_all(principal, request)


def may_see_record(
    principal: Principal,
    record: Record,
    request_of: Callable[[OperationId], CloseRequest | None],
) -> bool:
    """Whether a record is about nothing but accounts of the principal."""
    if EVERY_ACCOUNT in principal.accounts:
        return True
    if (account := account_of(record)) is not None:
        return principal.may_touch(account)
    if isinstance(record, OperationOpened):
        return may_see(principal, record.request)
    if named := operations_of(record):
        requests = [request_of(name) for name in named]
        return all(each is not None and may_see(principal, each) for each in requests)
    # About the server itself: for all who watch, and so is who looks at it.
    return isinstance(record, Noted) and (record.alert or record.acknowledges is not None)


def operations_of(record: Record) -> tuple[OperationId, ...]:
    """The operations that a record is about."""
    named = record.operation_ids if isinstance(record, Noted) else ()
    return named or tuple(concern.operation_id for concern in record.concerns)


def oversees(principal: Principal) -> bool:
    """Whether other principals' operations exist for this one, where they touch its accounts."""
    return bool(principal.roles & _OVERSEERS)


def may_watch(principal: Principal) -> bool:
    """Whether alerts and the audit may be watched."""
    return bool(principal.roles & _WATCHERS)


def _may_touch_all(principal: Principal, request: CloseRequest) -> bool:
    accounts = request.scope.accounts
    if any(account.account == UNREAD for account in accounts):
        # It takes in whatever its caller's grants find there when the venue is read.
        return are_granted(principal.accounts, request.grants)
    return all(principal.may_touch(account) for account in accounts)


# --- what makes two calls the same -------------------------------------------------------------

_canonical = msgspec.json.Encoder(order="deterministic")


def digest(api: str, args: msgspec.Struct) -> str:
    """
    SHA-256 over *api* and what its decoded args say; `reason` and defaults aside.

    Two spellings of one call have one digest: order of keys, `1` and `1.0`, an alias of the api.
    """
    said = {
        field.encode_name: _plain(getattr(args, field.name))
        for field in msgspec.structs.fields(args)
        if field.encode_name != "reason" and not _is_default(field, getattr(args, field.name))
    }
    return hashlib.sha256(_canonical.encode([api, said])).hexdigest()


def _is_default(field: msgspec.structs.FieldInfo, value: object) -> bool:
    if field.default_factory is not msgspec.NODEFAULT:
        return bool(value == field.default_factory())
    return field.default is not msgspec.NODEFAULT and bool(value == field.default)


def _plain(value: object) -> object:
    match value:
        case Decimal():
            return f"{value.normalize():f}"
        case msgspec.Struct():
            names = zip(value.__struct_encode_fields__, value.__struct_fields__, strict=True)
            inner = {key: getattr(value, name) for key, name in names}
            return {key: _plain(each) for key, each in inner.items() if each is not msgspec.UNSET}
        case dict():
            return {str(key): _plain(each) for key, each in value.items()}
        case tuple() | list():
            return [_plain(each) for each in value]
        case _:
            return value


def canonical_names(registry: Registry) -> dict[str, str]:
    """For each closing api the name that it shares with its aliases: the one declared first."""
    first: dict[object, str] = {}
    names: dict[str, str] = {}
    for api in registry:
        if isinstance(api, ClosingApi):
            names[api.name] = first.setdefault(api.terms, api.name)
    return names
