"""A registry small enough to see through."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from decimal import Decimal

import msgspec

from rpcserver.apis.queries import (
    Canceled,
    CancelOrders,
    CreateToken,
    NewToken,
    Nothing,
    Placed,
    PlaceOrders,
    ReadAccounts,
    ReadOperation,
    RevokeToken,
)
from rpcserver.apis.registry import Ask, Asked, CloseTerms, Registry
from rpcserver.core.report import OperationReport
from rpcserver.core.requests import Amount, OnFence, PlaceRequest, Scope
from rpcserver.domain.account import Account
from rpcserver.domain.errors import InvalidRequest
from rpcserver.domain.ids import AccountRef, ClientOrderId, OperationId, PrincipalId, TokenId
from rpcserver.domain.order import OrderRequest, OrderSide
from rpcserver.domain.principal import Permission, Role
from tests.server.fakes import MES


class FlattenArgs(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    account: str
    quantity: Decimal | None = None
    reason: str = ""
    override: bool = False


class AccountsArgs(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    accounts: tuple[str, ...] = ()


class NameArgs(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    name: str = ""


registry = Registry()
PADDING = {"bytes": 0}  # how much longer than necessary a full answer is


def closed(report: OperationReport, full: bool) -> Mapping[str, object]:
    answer: dict[str, object] = {
        "success": report.success,
        "operationId": report.operation_id,
        "full": full,
    }
    if full and PADDING["bytes"]:
        answer["padding"] = "x" * PADDING["bytes"]
    return answer


def refs(names: Sequence[str], asked: Asked) -> tuple[AccountRef, ...]:
    """Every account of that name, granted or not: admission must catch what a handler misses."""
    return tuple(a.ref for a in asked.directory.accounts if a.account in names)


@registry.closing("Flatten", "Flat", args=FlattenArgs, answer=closed)
def flatten(args: FlattenArgs, asked: Asked) -> CloseTerms:
    if args.account == "broken":
        raise RuntimeError("a secret that must not be told")
    return CloseTerms(
        scope=Scope(accounts=refs([args.account], asked)),
        amount=Amount(quantity=args.quantity),
        reason=args.reason,
        on_fence=OnFence.OVERRIDE if args.override else OnFence.UNCONTESTED,
    )


@registry.query("ListAccounts", args=AccountsArgs)
def list_accounts(args: AccountsArgs, asked: Asked) -> Ask:
    wanted = refs(args.accounts, asked) or asked.refs(asked.accounts)

    def answer(accounts: tuple[Account, ...]) -> Mapping[str, object]:
        return {"accounts": [{"name": a.account, "connected": a.connected} for a in accounts]}

    return Ask(ReadAccounts(wanted), answer)


@registry.query("Echo", args=NameArgs)
def echo(args: NameArgs, asked: Asked) -> Ask:
    if args.name == "broken":
        raise RuntimeError("a secret that must not be told")
    if args.name == "refused":
        raise InvalidRequest("position_not_found", "no such position")
    return Ask(Nothing(), lambda _: {"name": args.name, "remote": asked.remote})


@registry.query("GetOperation", args=NameArgs)
def get_operation(args: NameArgs, _: Asked) -> Ask:
    def answer(report: OperationReport) -> Mapping[str, object]:
        return {"operationId": report.operation_id}

    return Ask(ReadOperation(OperationId(args.name)), answer)


@registry.query("PlaceOrder", args=AccountsArgs, permission=Permission.TRADE, read_only=False)
def place_order(args: AccountsArgs, asked: Asked) -> Ask:
    assert asked.new_order_id is not None
    orders = tuple(
        PlaceRequest(
            principal=asked.principal.principal_id,
            account=ref,
            order=OrderRequest(
                client_order_id=ClientOrderId(asked.new_order_id()),
                account=ref.account,
                instrument=MES,
                side=OrderSide.BUY,
                quantity=Decimal(1),
            ),
        )
        for ref in refs(args.accounts, asked)
    )

    def answer(placed: tuple[Placed, ...]) -> Mapping[str, object]:
        return {
            "orders": [
                {
                    "orderId": each.report.venue_order_id if each.report else None,
                    "error": each.error,
                }
                for each in placed
            ]
        }

    return Ask(PlaceOrders(orders), answer)


@registry.query("CancelAllOrders", args=AccountsArgs, permission=Permission.CLOSE, read_only=False)
def cancel_all_orders(args: AccountsArgs, asked: Asked) -> Ask:
    def answer(canceled: tuple[Canceled, ...]) -> Mapping[str, object]:
        return {"canceled": [each.order_id for each in canceled if each.canceled]}

    return Ask(CancelOrders(refs(args.accounts, asked)), answer)


@registry.query("CreateToken", args=NameArgs, permission=Permission.ADMINISTER, read_only=False)
def create_token(args: NameArgs, _: Asked) -> Ask:
    def answer(new: NewToken) -> Mapping[str, object]:
        return {"token": new.token, "tokenId": new.row.token_id}

    query = CreateToken(PrincipalId(args.name), frozenset({Role.ADMIN}), ("*",))
    return Ask(query, answer)


@registry.query("RevokeToken", args=NameArgs, permission=Permission.ADMINISTER, read_only=False)
def revoke_token(args: NameArgs, _: Asked) -> Ask:
    return Ask(RevokeToken(TokenId(args.name)), lambda revoked: {"revoked": revoked})
