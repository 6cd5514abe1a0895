"""A halt refuses new risk and never an exit: what passes, what is canceled, what is closed."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rpcserver.core.decision import Refused
from rpcserver.core.events import DirectiveRequested, LiftRequested, OrderRequested
from rpcserver.core.halts import closing_of, could_open
from rpcserver.core.records import OrderIntended
from rpcserver.core.requests import PlaceRequest
from rpcserver.core.standing import Word
from rpcserver.domain.capabilities import Capabilities, IdMemory, ReduceOnly
from rpcserver.domain.directive import Halt, HaltLevel, HaltScope
from rpcserver.domain.ids import (
    AccountId,
    ClientOrderId,
    InstrumentId,
    PrincipalId,
    VenueId,
    VenueOrderId,
)
from rpcserver.domain.order import OrderRequest, OrderSide, OrderType
from rpcserver.domain.position import PositionKey
from tests.core.asks import account, exactly, flatten, root
from tests.core.venue import PRICE, ToyVenue, instrument
from tests.core.world import World

RISK = Word(principal=PrincipalId("risk"), reason="the feed is wrong")
BUY, SELL = OrderSide.BUY, OrderSide.SELL
BELTED = Capabilities(
    id_memory=IdMemory.FOR_EVER,
    position_settle=0.5,
    not_found_settle=1.0,
    reduce_only=ReduceOnly.AT_FILL,
    reduce_only_counts_resting=False,
)


class Scene:
    """A world with one halt, and a client who orders."""

    def __init__(
        self, *venues: ToyVenue, level: HaltLevel = HaltLevel.NO_NEW_RISK, **scope: object
    ) -> None:
        self.world = World(*(venues or (ToyVenue(),)))
        self.venue = next(iter(self.world.venues.values()))
        self.orders = 0
        scope.setdefault("account", account())
        self.halt = Halt(halt_id="halt-1", scope=HaltScope(**scope), level=level)  # type: ignore[arg-type]
        self.world.run(10)
        self.world.feed(DirectiveRequested(directive=self.halt, word=RISK))

    def place(
        self,
        side: OrderSide,
        quantity: int,
        name: str = "ES",
        *,
        limit: bool = False,
        lag: float = 0.0,
        read: bool = True,
        where: str = "A",
        user: str = "ann",
        tag: str | None = None,
        reduce_only: bool = False,
        oco_id: str | None = None,
    ) -> Refused | None:
        """Order, with the account read right before."""
        self.orders += 1
        order = OrderRequest(
            client_order_id=ClientOrderId(f"own-{self.orders}"),
            account=AccountId(where),
            instrument=InstrumentId(name),
            side=side,
            quantity=Decimal(quantity),
            type=OrderType.LIMIT if limit else OrderType.MARKET,
            limit_price=PRICE + 10 * -side.sign if limit else None,
            reduce_only=reduce_only,
            tag=tag,
            oco_id=oco_id,
        )
        world = self.world
        reading = self.venue.snapshot(AccountId(where), world.time, markets=False, lag=lag)
        reply = world.feed(
            OrderRequested(
                request=PlaceRequest(
                    principal=PrincipalId(user),
                    account=account(where, self.venue.venue_id),
                    order=order,
                ),
                instrument=self.venue.instruments.get(InstrumentId(name)),
                reading=reading if read else None,
                read_at=world.now.mono,
            )
        )
        assert reply is None or isinstance(reply, Refused)
        return reply

    def settle(self, seconds: float = 5.0) -> None:
        self.world.run(seconds)

    def could_open(self, capabilities: Capabilities | None = None) -> set[VenueOrderId]:
        snapshot = self.venue.snapshot(AccountId("A"), self.world.time, markets=False)
        loose = self.world.state.loose
        found = could_open(
            snapshot, self.halt.scope, loose, capabilities or self.venue.capabilities
        )
        return {report.venue_order_id for report in found}


# --- what is refused -----------------------------------------------------------------------------


def test_new_risk_is_refused_and_the_refusal_says_which_halt_whose_and_why() -> None:
    scene = Scene()

    refused = scene.place(BUY, 1)

    assert refused is not None
    assert refused.code == "halted"
    for part in ("halt-1", "account toy:A", "risk", "the feed is wrong"):
        assert part in refused.detail
    assert not scene.world.submitted()


def test_released_it_refuses_nothing() -> None:
    scene = Scene()
    scene.world.feed(LiftRequested(name=scene.halt.name, word=RISK))

    assert scene.place(BUY, 1) is None


def test_law_36_a_restart_releases_nothing() -> None:
    scene = Scene()
    scene.world.crash()
    scene.settle()

    assert scene.place(BUY, 1) is not None


def test_people_are_told_of_a_halt_and_of_its_release() -> None:
    scene = Scene()
    scene.world.feed(LiftRequested(name=scene.halt.name, word=RISK))

    assert [alert.code for alert in scene.world.alerts] == ["halt_set", "halt_released"]


SCOPES: Mapping[str, tuple[dict[str, object], dict[str, object], dict[str, object]]] = {
    "everything": ({}, {}, {}),
    "account": ({"account": account("A")}, {}, {"where": "B"}),
    "venue": ({"venue": VenueId("toy")}, {}, {}),
    "instrument": ({"instrument": exactly("ES")}, {}, {"name": "NQ"}),
    "root": ({"instrument": root("ES")}, {"name": "ES 03-26"}, {"name": "NQ"}),
    "tag": ({"tag": "mine"}, {"tag": "mine"}, {"tag": "other"}),
    "no tag": ({"tag": "mine"}, {"tag": "mine"}, {}),
    "user": ({"user": PrincipalId("ann")}, {}, {"user": "bob"}),
    "grants": ({"grants": ("A",)}, {}, {"where": "B"}),
    "both": (
        {"instrument": root("ES"), "account": account("B")},
        {"where": "B"},
        {"where": "B", "name": "NQ"},
    ),
}


@pytest.mark.parametrize("scope", SCOPES)
def test_a_halt_reaches_as_far_as_its_scope_and_no_further(scope: str) -> None:
    halted, inside, outside = SCOPES[scope]
    contracts = [instrument(name) for name in ("ES", "ES 03-26", "NQ")]
    scene = Scene(ToyVenue("toy", *contracts), **({"account": None} | halted))  # type: ignore[arg-type]

    assert scene.place(BUY, 1, **inside) is not None  # type: ignore[arg-type]
    if outside:
        assert scene.place(BUY, 1, **outside) is None  # type: ignore[arg-type]


def test_another_venue_is_another_venue() -> None:
    scene = Scene(ToyVenue("other"), account=None, venue=VenueId("toy"))

    assert scene.place(BUY, 1) is None


def test_an_instrument_nobody_lists_may_be_of_the_family_that_is_halted() -> None:
    scope = HaltScope(instrument=root("ES"))

    assert scope.covers_order(account(), InstrumentId("NQ"), None, None, None)
    assert not HaltScope(instrument=exactly("ES")).covers_order(
        account(), InstrumentId("NQ"), None, None, None
    )


# --- law 10: what is never refused ---------------------------------------------------------------


@pytest.mark.parametrize(("held", "side"), [(3, SELL), (-3, BUY)])
def test_law_10_an_order_that_only_reduces_passes(held: int, side: OrderSide) -> None:
    venue = ToyVenue()
    key = venue.hold(held)
    scene = Scene(venue)

    assert scene.place(side, 3) is None
    scene.settle()
    assert venue.position(key) == 0


def test_law_10_a_close_passes_every_halt() -> None:
    venue = ToyVenue()
    key = venue.hold(3)
    scene = Scene(venue, level=HaltLevel.FLATTEN_AND_LOCK, account=None)

    scene.world.close(flatten(account()))

    assert venue.position(key) == 0


def test_what_would_flip_is_refused() -> None:
    venue = ToyVenue()
    venue.hold(3)

    assert Scene(venue).place(SELL, 4) is not None


def test_law_02_what_works_already_counts() -> None:
    venue = ToyVenue()
    key = venue.hold(3)
    venue.rest(key, SELL, 2)
    scene = Scene(venue)

    assert scene.place(SELL, 2) is not None
    assert scene.place(SELL, 1) is None


def test_law_02_an_oco_group_counts_its_largest() -> None:
    venue = ToyVenue()
    key = venue.hold(3)
    venue.rest(key, SELL, 3, oco_id="exits")
    scene = Scene(venue)

    assert scene.place(SELL, 3, limit=True, oco_id="exits") is None
    assert scene.place(SELL, 1, limit=True) is not None


def test_law_07_an_order_on_its_way_counts_though_no_reading_shows_it() -> None:
    venue = ToyVenue()
    venue.hold(3)
    scene = Scene(venue)

    assert scene.place(SELL, 2) is None
    refused = scene.place(SELL, 2)  # the first has not arrived

    assert refused is not None


def test_law_40_a_reading_that_may_lag_an_execution_proves_nothing() -> None:
    venue = ToyVenue()
    venue.hold(3)
    scene = Scene(venue)
    assert scene.place(SELL, 3) is None
    scene.world.run(0.2)  # it filled

    refused = scene.place(SELL, 3, lag=0.4)

    assert refused is not None
    assert "traded a moment ago" in refused.detail


def test_an_account_that_cannot_be_read_proves_nothing() -> None:
    venue = ToyVenue()
    venue.hold(3)
    refused = Scene(venue).place(SELL, 3, read=False)

    assert refused is not None
    assert "was not read" in refused.detail


def test_where_the_venue_itself_keeps_orders_from_opening_they_need_no_reading() -> None:
    venue = ToyVenue(capabilities=BELTED)
    venue.hold(3)
    scene = Scene(venue)

    assert scene.place(SELL, 9, read=False, reduce_only=True) is None
    assert scene.place(SELL, 9, read=False) is not None


def test_what_passes_a_halt_wears_the_venues_own_belt() -> None:
    venue = ToyVenue(capabilities=BELTED)
    venue.hold(3)
    scene = Scene(venue)

    scene.place(SELL, 1)

    [intended] = [r for r in scene.world.book.records if isinstance(r, OrderIntended)]
    assert intended.order.reduce_only


Move = tuple[str, int]


@given(
    held=st.integers(-4, 4),
    moves=st.lists(st.tuples(st.sampled_from("bsBSfw"), st.integers(1, 4)), max_size=14),
    lag=st.sampled_from([0.0, 0.2, 0.4]),
)
@settings(max_examples=150, deadline=None)
def test_law_09_whatever_is_ordered_nothing_opens_and_nothing_flips(
    held: int, moves: list[Move], lag: float
) -> None:
    """Market and limit orders, fills, and time, in any order, on readings that may lag."""
    venue = ToyVenue()
    key = venue.hold(held)
    scene = Scene(venue)
    before = Decimal(held)
    for kind, number in moves:
        match kind:
            case "b" | "s":
                scene.place(BUY if kind == "b" else SELL, number, lag=lag)
            case "B" | "S":
                scene.place(BUY if kind == "B" else SELL, number, limit=True, lag=lag)
            case "f":
                working = [n for n, o in venue.orders.items() if not o.status.is_terminal]
                if working:
                    venue.fill(working[number % len(working)], number, scene.world.time)
                    scene.world.pass_on_news()
            case _:
                scene.settle(number / 4)
        now = venue.position(key)
        assert abs(now) <= abs(before), "new risk"
        assert now * before >= 0, "a flip"
        before = now
    scene.settle()
    assert abs(venue.position(key)) <= abs(before)
    assert venue.position(key) * before >= 0


# --- what is canceled ----------------------------------------------------------------------------


def resting(held: int) -> tuple[Scene, PositionKey]:
    venue = ToyVenue()
    key = venue.hold(held) if held else venue.key()
    return Scene(venue), key


def test_orders_that_open_or_add_are_canceled_and_those_that_protect_stay() -> None:
    scene, key = resting(3)
    adding = scene.venue.rest(key, BUY, 1, OrderType.LIMIT)
    scene.venue.rest(key, SELL, 3, OrderType.STOP_MARKET, oco_id="exits")
    scene.venue.rest(key, SELL, 3, OrderType.LIMIT, oco_id="exits")
    too_much = scene.venue.rest(key, SELL, 1, OrderType.LIMIT)
    elsewhere = scene.venue.rest(scene.venue.key(account="B"), BUY, 1, OrderType.LIMIT)

    assert scene.could_open() == {adding, too_much}
    assert elsewhere not in scene.could_open()


def test_where_nothing_is_held_every_order_opens() -> None:
    scene, key = resting(0)
    names = {scene.venue.rest(key, side, 1) for side in (BUY, SELL)}

    assert scene.could_open() == names


def test_stops_are_kept_before_targets() -> None:
    scene, key = resting(-2)
    target = scene.venue.rest(key, BUY, 2, OrderType.LIMIT, time=1.0)
    scene.venue.rest(key, BUY, 2, OrderType.STOP_MARKET, time=2.0)

    assert scene.could_open() == {target}


def test_law_10_what_an_operation_closes_with_is_kept_before_all_else() -> None:
    scene, key = resting(2)
    exit_ = scene.venue.rest(key, SELL, 2, OrderType.LIMIT, time=5.0)
    stop = scene.venue.rest(key, SELL, 2, OrderType.STOP_MARKET, time=1.0)
    snapshot = scene.venue.snapshot(AccountId("A"), scene.world.time, markets=False)

    found = could_open(snapshot, scene.halt.scope, {}, scene.venue.capabilities, exits={exit_})

    assert [report.venue_order_id for report in found] == [stop]


def test_reduce_only_where_the_venue_means_it_stays() -> None:
    scene, key = resting(0)
    scene.venue.rest(key, SELL, 1, reduce_only=True)

    assert scene.could_open(BELTED) == set()
    assert len(scene.could_open()) == 1


def test_a_users_orders_are_told_by_our_own_journal() -> None:
    venue = ToyVenue()
    scene = Scene(venue, user=PrincipalId("bob"), account=None)
    scene.place(BUY, 1, limit=True, user="ann")
    scene.settle()
    assert scene.could_open() == set()

    world = scene.world
    world.feed(LiftRequested(name=scene.halt.name, word=RISK))
    scene.place(BUY, 1, limit=True, user="bob")
    scene.settle()
    world.crash()
    scene.settle()

    [found] = scene.could_open()
    assert venue.orders[found].client_order_id == "own-2"


# --- what is closed ------------------------------------------------------------------------------


def test_the_close_of_a_halt_takes_what_the_halt_covers() -> None:
    accounts = (account("A"), account("B"), account("A", "other"))
    everything = Halt(halt_id="h", scope=HaltScope(venue=VenueId("toy")))
    one = Halt(halt_id="h", scope=HaltScope(instrument=root("ES"), tag="mine", grants=("B",)))

    wide = closing_of(everything, accounts, RISK)
    narrow = closing_of(one, accounts, RISK)

    assert wide.scope.accounts == accounts[:2]
    assert wide.scope.everything
    assert wide.idempotency_key == everything.name
    assert narrow.scope.accounts == (account("B"),)
    assert not narrow.scope.everything
    assert (narrow.scope.instruments, narrow.scope.strategy_tag) == ((root("ES"),), "mine")
