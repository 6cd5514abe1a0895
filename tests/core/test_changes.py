"""A client's working order is changed in place, but never where the engine is at work."""

from __future__ import annotations

from decimal import Decimal

from rpcserver.core.commands import ChangeOrder
from rpcserver.core.decision import Admitted, Refused
from rpcserver.core.events import OrderChangeRequested, OrderRequested
from rpcserver.core.records import ChangeIntended
from rpcserver.core.requests import ChangeRequest, PlaceRequest
from rpcserver.domain.ids import ClientOrderId, InstrumentId, PrincipalId, VenueOrderId
from rpcserver.domain.order import OrderRequest, OrderSide, OrderType
from tests.core.asks import account, flatten
from tests.core.venue import ToyVenue
from tests.core.world import World


def change(world: World, name: VenueOrderId) -> Admitted | Refused | None:
    """Make an order one of 3, in the words of the driver."""
    changed = OrderRequest(
        client_order_id=ClientOrderId(name),
        account=account().account,
        instrument=InstrumentId("ES"),
        side=OrderSide.SELL,
        quantity=Decimal(3),
        type=OrderType.STOP_MARKET,
    )
    ann = PrincipalId("ann")
    contract = next(iter(world.venues.values())).instruments[InstrumentId("ES")]
    request = ChangeRequest(
        principal=ann,
        account=account(),
        venue_order_id=name,
        changed=changed,
        quantity=Decimal(3),
    )
    placing = PlaceRequest(principal=ann, account=account(), order=changed)
    as_new = OrderRequested(request=placing, instrument=contract)
    return world.feed(OrderChangeRequested(request=request, as_new=as_new))


def test_law_22_a_change_is_durable_before_it_is_sent() -> None:
    venue = ToyVenue()
    key = venue.hold(5)
    stop = venue.rest(key, OrderSide.SELL, 5)
    world = World(venue)

    assert change(world, stop) is None
    world.run(1)

    [intended] = world.told(ChangeIntended)
    assert isinstance(intended, ChangeIntended)
    assert (intended.quantity, intended.principal) == (Decimal(3), "ann")
    [sent] = world.sent(ChangeOrder)
    assert isinstance(sent, ChangeOrder)
    assert sent.venue_order_id == stop
    [working] = venue.working(key)
    assert working.quantity == 3


def test_law_26_an_order_that_the_engine_reckons_with_is_not_changed() -> None:
    venue = ToyVenue()
    key = venue.hold(5)
    stop = venue.rest(key, OrderSide.SELL, 5)
    world = World(venue)
    operation = world.ask(flatten())

    refused = change(world, stop)

    assert isinstance(refused, Refused)
    assert refused.code == "closing_in_progress"
    assert world.sent(ChangeOrder) == []
    assert world.finish(operation).flat
    assert venue.position(key) == 0
