"""Hand-made accounts, instruments, legs and reports: what the apis are tested with."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

import msgspec

from rpcserver.apis.catalogue import registry
from rpcserver.apis.decoding import decode_args
from rpcserver.apis.queries import Data
from rpcserver.apis.registry import Ask, Asked, CloseTerms, ClosingApi, Directory, QueryApi
from rpcserver.core.report import AccountFailure, LegReport, OperationReport, OrderLine, Outcome
from rpcserver.core.requests import CloseRequest, Scope
from rpcserver.domain.account import Account
from rpcserver.domain.ids import (
    AccountId,
    AccountRef,
    ClientOrderId,
    InstrumentId,
    OperationId,
    PositionId,
    PrincipalId,
    TokenId,
    VenueId,
    VenueOrderId,
)
from rpcserver.domain.instrument import Instrument, InstrumentType, ProductGroup
from rpcserver.domain.naming import InstrumentNames, futures_aliases
from rpcserver.domain.order import ZERO, OrderSide, OrderType
from rpcserver.domain.position import Position
from rpcserver.domain.principal import Principal, Role
from rpcserver.wire.codec import encode_final

NOW = datetime(2025, 11, 20, 15, 0, tzinfo=UTC)
PAPER = VenueId("paper")
OTHER = VenueId("other")


def _future(root: str, month: int, year: int, point_value: str) -> Instrument:
    expiry = date(2000 + year, month, 19)
    return Instrument(
        instrument_id=InstrumentId(f"{root} {month:02}-{year}"),
        type=InstrumentType.FUTURE,
        lot=Decimal(1),
        tick=Decimal("0.25"),
        point_value=Decimal(point_value),
        minimum=Decimal(1),
        exchange="CME",
        trading_hours="CME US Index Futures ETH",
        description=root,
        root=root,
        expiry=expiry,
        aliases=futures_aliases(root, expiry),
    )


def _share(symbol: str, scrip_token: int) -> Instrument:
    return Instrument(
        instrument_id=InstrumentId(f"NSE:{symbol}"),
        type=InstrumentType.STOCK,
        lot=Decimal(1),
        tick=Decimal("0.05"),
        minimum=Decimal(1),
        currency="INR",
        exchange="NSE",
        series="EQ",
        scrip_token=scrip_token,
        aliases=(symbol,),
    )


def _coin(name: str, group: ProductGroup | None, base: str | None = None) -> Instrument:
    return Instrument(
        instrument_id=InstrumentId(name),
        type=InstrumentType.CRYPTO,
        lot=Decimal("0.00001"),
        tick=Decimal("0.01"),
        minimum=Decimal("0.00001"),
        currency="USDT",
        exchange="PAPER",
        product_group=group,
        base=base,
    )


INSTRUMENTS: Mapping[str, Instrument] = {
    instrument.instrument_id: instrument
    for instrument in (
        _future("ES", 12, 25, "50"),
        _future("ES", 3, 26, "50"),
        _future("MES", 12, 25, "5"),
        _share("INFY", 1594),
        _share("TCS", 11536),
        _coin("BTC-USDT", ProductGroup.SPOT, "BTC"),
        _coin("BTC-USD-SWAP", ProductGroup.SWAP),
        _coin("BTC-USDT-SWAP", ProductGroup.SWAP_U),
        _coin("BTC/USDT", None, "BTC"),
        _coin("ETH/USDT", None, "ETH"),
    )
}


def account(name: str, user_id: str = "user123", venue: VenueId = PAPER) -> Account:
    return Account(venue=venue, account=AccountId(name), user_id=user_id)


ACCOUNTS = (
    account("Sim101"),
    account("Sim102", "user456"),
    account("Twin"),
    account("Twin", venue=OTHER),
)


def asked(
    *roles: Role,
    grants: tuple[str, ...] = ("*",),
    accounts: tuple[Account, ...] = ACCOUNTS,
) -> Asked:
    instruments = tuple(INSTRUMENTS.values())
    return Asked(
        principal=Principal(
            principal_id=PrincipalId("desk"),
            token_id=TokenId("tok"),
            roles=frozenset(roles or (Role.TRADER, Role.RISK, Role.ADMIN)),
            accounts=grants,
        ),
        directory=Directory(
            accounts=accounts,
            instruments={PAPER: instruments, OTHER: ()},
            names={PAPER: InstrumentNames(instruments), OTHER: InstrumentNames(())},
            sandboxes={PAPER: True, OTHER: False},
        ),
        now=NOW,
        remote="127.0.0.1",
        new_order_id=lambda: "cb1fc8d4e1a84d29ae38fea964aaac8c",
    )


# --- calling -------------------------------------------------------------------------------------


def closing_api(name: str) -> ClosingApi[Any]:
    api = registry.find(name)
    assert isinstance(api, ClosingApi)
    return api


def query_api(name: str) -> QueryApi[Any]:
    api = registry.find(name)
    assert isinstance(api, QueryApi)
    return api


def terms(name: str, args: str, by: Asked | None = None) -> CloseTerms:
    """What a closing call of *name* with these args asks of the core."""
    api = closing_api(name)
    return api.terms(decode_args(api.args, msgspec.Raw(args.encode())), by or asked())


def ask(name: str, args: str = "{}", by: Asked | None = None) -> Ask:
    """What any other call of *name* with these args asks of the world."""
    api = query_api(name)
    return api.ask(decode_args(api.args, msgspec.Raw(args.encode())), by or asked())


def on_the_wire(data: Data) -> Any:
    """*data* as a client reads it."""
    return msgspec.json.decode(encode_final("r", data))["data"]


def answer(name: str, report: OperationReport, *, full: bool = True) -> Any:
    """What a client reads when the operation of a call of *name* has ended so."""
    return on_the_wire(closing_api(name).answer(report, full))


# --- reports -------------------------------------------------------------------------------------


def position(
    instrument: str = "MES 12-25",
    quantity: str = "2",
    *,
    number: int = 1,
    account: str = "Sim101",
    average_price: str = "5780.125",
    market_price: str | None = "5774.00",
    unrealized: str | None = "612.5",
    opened_at: datetime = NOW - timedelta(hours=1),
) -> Position:
    return Position(
        position_id=PositionId(f"pos-20260303120000-{number}"),
        venue=PAPER,
        account=AccountId(account),
        instrument=InstrumentId(instrument),
        signed_quantity=Decimal(quantity),
        average_price=Decimal(average_price),
        market_price=None if market_price is None else Decimal(market_price),
        unrealized=None if unrealized is None else Decimal(unrealized),
        opened_at=opened_at,
        updated_at=opened_at,
    )


def leg(
    outcome: Outcome | None,
    held: Position | None = None,
    *,
    number: int = 1,
    target: str = "0",
    closed: str | None = None,
    remaining: str | None = None,
    average_price: str | None = None,
    reason: str = "",
    detail: str = "",
    order_ids: tuple[str, ...] = (),
    canceled: tuple[str, ...] = (),
    proven_at: datetime | None = NOW,
    unprotected: bool = False,
) -> LegReport:
    """A leg that ended so; unless said otherwise, a flat one is closed and any other untouched."""
    held = position() if held is None else held
    is_flat = outcome is Outcome.FLAT
    left = ZERO if is_flat else held.signed_quantity
    left = left if remaining is None else Decimal(remaining)
    took = abs(held.signed_quantity - left) if closed is None else Decimal(closed)
    return LegReport(
        leg=number,
        position=held,
        instrument=INSTRUMENTS[held.instrument],
        market=None,
        target=Decimal(target),
        outcome=outcome,
        reason=reason,
        detail=detail,
        closed=took,
        average_price=None if average_price is None else Decimal(average_price),
        remaining=left,
        orders=tuple(order(each) for each in order_ids),
        canceled=tuple(VenueOrderId(each) for each in canceled),
        proven_at=proven_at,
        unprotected=unprotected,
        planned_quantity=abs(held.signed_quantity - Decimal(target)),
    )


def order(order_id: str, status: str = "filled") -> OrderLine:
    return OrderLine(
        client_order_id=ClientOrderId(order_id),
        venue_order_id=VenueOrderId(f"v-{order_id[:4]}"),
        side=OrderSide.SELL,
        type=OrderType.MARKET,
        quantity=Decimal(2),
        filled=Decimal(2),
        average_price=Decimal(5774),
        limit_price=None,
        status=status,
        reject_reason=None,
        detail="",
    )


def request(**changes: Any) -> CloseRequest:
    plain = CloseRequest(
        api="Flatten",
        principal=PrincipalId("10001"),
        token_id=TokenId("tok"),
        request_id="r1",
        digest="d",
        args="{}",
        scope=Scope(accounts=(AccountRef(PAPER, AccountId("Sim101")),)),
    )
    return msgspec.structs.replace(plain, **changes)


def report(*legs: LegReport, **changes: Any) -> OperationReport:
    proofs = [each.proven_at for each in legs if each.proven_at is not None]
    plain = OperationReport(
        operation_id=OperationId("op-1"),
        request=changes.pop("request", request()),
        opened_at=NOW - timedelta(seconds=1),
        finished_at=NOW,
        legs=legs,
        plan_hash="hash",
        proven_at=min(proofs, default=None),
        audit_seq=42,
        audit_head="ab" * 32,
    )
    return msgspec.structs.replace(plain, **changes)


UNREAD = AccountFailure(account="Sim101", venue="paper", detail="timed out")
