"""Thresholds and sizes as pure functions: what is reached, and what cannot be told."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import msgspec
import pytest

from rpcserver.core.report import OperationReport
from rpcserver.core.requests import Sequel
from rpcserver.domain.account import AccountSnapshot
from rpcserver.domain.errors import InvalidRequest
from rpcserver.domain.ids import AccountId, AccountRef, ClientOrderId, InstrumentId, VenueId
from rpcserver.domain.market import Market
from rpcserver.domain.naming import InstrumentSelector
from rpcserver.domain.order import OrderRequest, OrderSide, OrderStatus, OrderType
from rpcserver.domain.policy import Exited, Passing, SizeLimit, Threshold
from rpcserver.server.sizes import check_sequel, check_size
from rpcserver.server.thresholds import Weighed, strictest, weigh
from tests.apis import hand, samples

MES = InstrumentId("MES 12-25")
ELSEWHERE = AccountRef(VenueId("paper"), AccountId("Other"))


def planned(quantity: str, *, bid: str | None = "5700", **changes: Any) -> OperationReport:
    """A dry run that closes one position of MES, bought or sold at 5,780, 5 dollars a point."""
    held = hand.position(MES, quantity, average_price="5780", market_price=None)
    price = Decimal(bid) if bid is not None else None
    leg = msgspec.structs.replace(
        hand.leg(None, held),
        planned_quantity=abs(Decimal(quantity)),
        market=Market(instrument=MES, bid=price, ask=price),
    )
    return hand.report(leg, request=hand.request(dry_run=True), **changes)


def threshold(of: Exited, amount: int, **changes: Any) -> Threshold:
    return Threshold(of=of, amount=Decimal(amount), passing=Passing.WARN, **changes)


@pytest.mark.parametrize(
    ("quantity", "of", "amount", "is_reached"),
    [
        ("2", Exited.LOSS, 800, True),  # 80 points, 2 contracts, 5 dollars a point
        ("2", Exited.LOSS, 801, False),
        ("-2", Exited.LOSS, 1, False),  # a profit
        ("2", Exited.EXPOSURE, 57_000, True),
        ("-2", Exited.EXPOSURE, 57_000, True),
        ("2", Exited.EXPOSURE, 57_001, False),
    ],
)
def test_a_threshold_is_reached_at_its_amount(
    quantity: str, of: Exited, amount: int, is_reached: bool
) -> None:
    weighed = weigh(threshold(of, amount), planned(quantity))

    assert weighed.is_reached is is_reached
    assert bool(weighed.worded) is is_reached


@pytest.mark.parametrize("bid", [None, "NaN"])
def test_what_has_no_quote_is_said_and_reaches_nothing(bid: str | None) -> None:
    weighed = weigh(threshold(Exited.EXPOSURE, 1), planned("2", bid=bid))

    assert not weighed.is_reached
    assert "MES 12-25 has no quote" in weighed.worded


def test_a_threshold_speaks_of_its_accounts_and_its_currency_alone() -> None:
    plan = planned("2")

    assert not weigh(threshold(Exited.LOSS, 1, accounts=(ELSEWHERE,)), plan).is_reached
    assert not weigh(threshold(Exited.LOSS, 1, currency="INR"), plan).is_reached
    assert weigh(threshold(Exited.LOSS, 1, currency="USD"), plan).is_reached


def test_the_strictest_that_is_reached_decides() -> None:
    def weighed(passing: Passing, is_reached: bool) -> Weighed:
        each = Threshold(of=Exited.LOSS, amount=Decimal(1), passing=passing)
        return Weighed(threshold=each, is_reached=is_reached, worded="")

    assert strictest([]) is None
    assert strictest([weighed(Passing.SECOND_PERSON, False)]) is None
    reached = [weighed(passing, True) for passing in (Passing.REASON, Passing.WARN)]
    assert strictest(reached) is Passing.REASON


# --- sizes ---------------------------------------------------------------------------------------

LIMIT = SizeLimit(
    instrument=InstrumentSelector(asked="MES", root="MES"), order=Decimal(3), position=Decimal(5)
)


def order(side: OrderSide, quantity: int, **changes: Any) -> OrderRequest:
    return OrderRequest(
        client_order_id=ClientOrderId("0" * 32),
        account=AccountId("Sim101"),
        instrument=MES,
        side=side,
        quantity=Decimal(quantity),
        **changes,
    )


def account(held: int, *working: tuple[OrderSide, int, str | None]) -> AccountSnapshot:
    positions = (hand.position(MES, str(held)),) if held else ()
    orders = tuple(
        msgspec.structs.replace(
            samples.WORKING,
            side=side,
            type=OrderType.LIMIT,
            status=OrderStatus.ACCEPTED,
            quantity=Decimal(quantity),
            reduce_only=False,
            oco_id=group,
        )
        for side, quantity, group in working
    )
    return AccountSnapshot(
        account=samples.SIM101,
        positions=positions,
        orders=orders,
        instruments={MES: hand.INSTRUMENTS[MES]},
        taken_at=hand.NOW,
    )


BUY, SELL = OrderSide.BUY, OrderSide.SELL


@pytest.mark.parametrize(
    ("snapshot", "asked"),
    [
        (account(0), order(BUY, 3)),
        (account(2), order(BUY, 3)),
        (account(9), order(SELL, 9)),  # it only reduces, however much
        (account(9), order(SELL, 12)),  # it opens three on the other side
        (account(9, (SELL, 9, "oco")), order(SELL, 9, oco_id="oco")),  # a bracket's two sides
        (account(5), order(BUY, 9, reduce_only=True)),
        (account(4, (SELL, 5, None)), order(BUY, 1)),  # what works on the other side adds nothing
    ],
)
def test_what_is_within_or_reduces_passes(snapshot: AccountSnapshot, asked: OrderRequest) -> None:
    check_size([LIMIT], snapshot, asked)


@pytest.mark.parametrize(
    ("snapshot", "asked"),
    [
        (account(0), order(BUY, 4)),
        (account(3), order(BUY, 3)),
        (account(-3), order(SELL, 3)),
        (account(1, (BUY, 3, None)), order(BUY, 2)),  # with what works already
        (account(9), order(SELL, 13)),
        (account(9, (SELL, 9, None)), order(SELL, 6)),
    ],
)
def test_what_opens_more_is_refused(snapshot: AccountSnapshot, asked: OrderRequest) -> None:
    with pytest.raises(InvalidRequest, match="at most") as refused:
        check_size([LIMIT], snapshot, asked)

    assert refused.value.code == "size_exceeded"


def test_what_follows_a_flat_is_held_against_the_sizes_before_anything_is_closed() -> None:
    contract = hand.INSTRUMENTS[MES]

    def sequel(quantity: int) -> Sequel:
        return Sequel(account=samples.SIM101, instrument=contract, order=order(SELL, quantity))

    check_sequel([LIMIT], sequel(3))
    check_sequel([LIMIT], Sequel(account=samples.SIM101, instrument=contract))
    with pytest.raises(InvalidRequest, match="at most 3"):
        check_sequel([LIMIT], sequel(4))
