"""A read that may be long: as it always was where it fits, in pages where it does not."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from rpcserver.apis.paging import ROWS_MAX
from rpcserver.domain.errors import InvalidRequest
from rpcserver.domain.ids import TradeId, VenueOrderId
from tests.apis import hand, samples

MANY = 1200
FRAME = 512 * 1024


def orders(count: int) -> tuple[Any, ...]:
    found = samples.QUERIES["ListOrders"].world[0]
    return tuple(
        msgspec.structs.replace(
            found,
            report=msgspec.structs.replace(
                found.report,
                venue_order_id=VenueOrderId(f"order-{number}"),
                detail="the venue's own words, " * 10,
            ),
        )
        for number in range(count)
    )


def fills(count: int) -> tuple[Any, ...]:
    found = samples.QUERIES["ListExecutions"].world[0]
    return tuple(
        msgspec.structs.replace(
            found, fill=msgspec.structs.replace(found.fill, trade_id=TradeId(f"t-{number}"))
        )
        for number in range(count)
    )


def positions(count: int) -> tuple[Any, ...]:
    held = [hand.position("MES 12-25", "1", number=number) for number in range(1, count + 1)]
    return (samples.snapshot(*held),)


LONG = [
    ("ListOrders", {"account": "Sim101"}, orders(MANY), "orders", "venueOrderId"),
    ("GetAllOrders", {}, orders(MANY), "orders", "venueOrderId"),
    ("ListExecutions", {}, fills(MANY), "executions", "id"),
    ("ListPositions", {"account": "Sim101"}, positions(MANY), "positions", "positionId"),
    ("GetAllPositions", {}, positions(MANY), "positions", "positionId"),
]


def told(name: str, args: dict[str, Any], world: Any) -> Any:
    return samples.answered(name, msgspec.json.encode(args).decode(), world)


@pytest.mark.parametrize(("name", "args", "world", "rows", "key"), LONG)
def test_every_row_is_on_one_page_and_no_page_is_too_large(
    name: str, args: dict[str, Any], world: Any, rows: str, key: str
) -> None:
    seen: list[str] = []
    after: dict[str, Any] = {}
    for _ in range(MANY // ROWS_MAX + 1):
        data = told(name, {**args, **after}, world)
        assert len(msgspec.json.encode(data)) < FRAME
        seen += [row[key] for row in data[rows]]
        if "next" not in data:
            break
        assert data["total"] == MANY
        after = {"after": data["next"]}

    assert len(seen) == len(set(seen)) == MANY


@pytest.mark.parametrize(("name", "args", "world", "rows", "key"), LONG)
def test_what_fits_has_the_shape_it_always_had(
    name: str, args: dict[str, Any], world: Any, rows: str, key: str
) -> None:
    data = told(name, args, world[:3] if len(world) > 3 else positions(3))

    assert len({row[key] for row in data[rows]}) == 3
    assert not {"next", "total"} & data.keys()


@pytest.mark.parametrize(
    ("args", "key"),
    [({"limit": 0}, "limit"), ({"limit": ROWS_MAX + 1}, "limit"), ({"after": "gone"}, "after")],
)
def test_a_page_that_there_is_not_is_refused(args: dict[str, Any], key: str) -> None:
    with pytest.raises(InvalidRequest, match=key) as refusal:
        told("GetAllOrders", args, orders(3))

    assert refusal.value.code == "invalid_argument"


def test_nothing_earned_is_nothing_lost() -> None:
    zero = hand.position("MES 12-25", "1", unrealized="-0.000")

    data = told("ListPositions", {"account": "Sim101"}, (samples.snapshot(zero),))

    assert "-0" not in msgspec.json.encode(data["positions"][0]["unrealizedProfitLoss"]).decode()
