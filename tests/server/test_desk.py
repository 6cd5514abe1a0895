"""Every query, carried out against venues that answer, hang, or are down."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal

import msgspec
import pytest

from rpcserver.apis.catalogue import registry
from rpcserver.apis.queries import (
    Canceled,
    CancelOrders,
    FoundFill,
    FoundOrder,
    MarketInfo,
    Nothing,
    Placed,
    PlaceOrders,
    ReadAccounts,
    ReadExecutions,
    ReadMarketInfo,
    ReadOperation,
    ReadOperations,
    ReadOrder,
    ReadOrders,
    ReadPositions,
    ReadQuotes,
    Resolve,
    VerifyChain,
)
from rpcserver.core.entries import ChainReport
from rpcserver.core.requests import OrderOutcome, PlaceRequest, ResolveRequest
from rpcserver.domain.errors import InvalidRequest, OutcomeUnknown, VenueUnavailable
from rpcserver.domain.ids import (
    AccountId,
    AccountRef,
    ClientOrderId,
    OperationId,
    PrincipalId,
    TokenId,
    TradeId,
    VenueId,
    VenueOrderId,
)
from rpcserver.domain.naming import InstrumentSelector
from rpcserver.domain.order import Fill, OrderRequest, OrderSide, OrderStatus
from rpcserver.domain.principal import Principal, Role
from rpcserver.server.approvals import Approvals
from rpcserver.server.desk import Desk
from rpcserver.server.directives import DirectiveOffice
from rpcserver.server.directory import DirectoryKeeper
from rpcserver.server.limits import Limits
from rpcserver.server.second_person import SecondPersonRule
from rpcserver.server.settings_office import SettingsOffice
from rpcserver.server.tokens import TokenOffice
from tests.server.fakes import (
    MES,
    NOON,
    PAPER,
    SIM101,
    SIM102,
    FakeEngine,
    FakeVenue,
    an_order,
)

pytestmark = pytest.mark.anyio

FAR = VenueId("far")
TRADER = Principal(
    principal_id=PrincipalId("trader"),
    token_id=TokenId("tok-1"),
    roles=frozenset({Role.TRADER}),
)


class Scene:
    """Two venues, an engine, and a desk."""

    def __init__(self) -> None:
        self.near, self.far = FakeVenue(), FakeVenue(FAR)
        self.engine = FakeEngine(self.near, self.far)
        office = TokenOffice(self.engine, on_revoked=lambda _: None, on_limited=lambda _, __: None)
        directory = DirectoryKeeper(self.engine)
        approvals = Approvals(self.engine, directory, SecondPersonRule())
        directives = DirectiveOffice(self.engine, approvals, registry, directory)
        settings = SettingsOffice(self.engine, registry, Limits())
        self.desk = Desk(self.engine, office, approvals, directives, settings, timeout=0.02)

    async def ask(self, query: object) -> object:
        return await self.desk.carry_out(TRADER, query, "127.0.0.1:1")  # type: ignore[arg-type]


@pytest.fixture
def scene() -> Scene:
    return Scene()


FAR101 = AccountRef(FAR, AccountId("Sim101"))


async def test_accounts_come_in_the_order_asked(scene: Scene) -> None:
    accounts = await scene.ask(ReadAccounts((SIM102, FAR101, SIM101)))

    assert isinstance(accounts, tuple)
    assert [account.ref for account in accounts] == [SIM102, FAR101, SIM101]
    assert all(account.connected for account in accounts)


async def test_positions_of_a_venue_that_hangs_are_an_error_naming_it(scene: Scene) -> None:
    scene.far.hang = True

    with pytest.raises(VenueUnavailable, match=r"far did not answer within 0\.02 s"):
        await scene.ask(ReadPositions((SIM101, FAR101)))
    snapshots = await scene.ask(ReadPositions((SIM101,)))

    assert isinstance(snapshots, tuple)
    assert snapshots[0].positions[0].signed_quantity == 2


async def test_orders_of_all_accounts_come_oldest_first(scene: Scene) -> None:
    scene.near.reports[SIM101.account] = [an_order(SIM101, "v2", at=NOON + timedelta(seconds=2))]
    scene.far.reports[FAR101.account] = [an_order(FAR101, "v1", OrderStatus.FILLED)]

    orders = await scene.ask(ReadOrders((SIM101, FAR101)))

    assert isinstance(orders, tuple)
    assert [order.report.venue_order_id for order in orders] == ["v1", "v2"]
    assert orders[0].account == FAR101
    assert orders[0].instrument.instrument_id == MES


@pytest.mark.parametrize("name", ["v1", "c-v1"])
async def test_an_order_is_found_by_either_name_at_either_venue(scene: Scene, name: str) -> None:
    scene.far.reports[FAR101.account] = [an_order(FAR101, "v1")]

    found = await scene.ask(ReadOrder((SIM101, FAR101), name))

    assert isinstance(found, FoundOrder)
    assert (found.account, found.report.venue_order_id) == (FAR101, "v1")
    assert await scene.ask(ReadOrder((SIM101, FAR101), "v9")) is None


def a_fill(trade_id: str, seconds: int) -> Fill:
    return Fill(
        trade_id=TradeId(trade_id),
        venue_order_id=VenueOrderId("v1"),
        client_order_id=None,
        account=SIM101.account,
        instrument=MES,
        side=OrderSide.SELL,
        quantity=Decimal(1),
        price=Decimal(5774),
        at=NOON + timedelta(seconds=seconds),
    )


async def test_executions_come_oldest_first_from_when_they_are_asked(scene: Scene) -> None:
    scene.near.fills[SIM101.account] = [a_fill("t3", 3), a_fill("t1", 1)]
    scene.near.fills[SIM102.account] = [a_fill("t2", 2)]

    fills = await scene.ask(ReadExecutions((SIM101, SIM102), NOON + timedelta(seconds=2)))

    assert isinstance(fills, tuple)
    assert all(isinstance(each, FoundFill) for each in fills)
    assert [each.fill.trade_id for each in fills] == ["t2", "t3"]


async def test_quotes_and_market_info_bear_their_instrument(scene: Scene) -> None:
    quotes = await scene.ask(ReadQuotes(((FAR, MES), (PAPER, MES))))
    info = await scene.ask(ReadMarketInfo(PAPER, MES))

    assert isinstance(quotes, tuple)
    assert [quote.instrument.instrument_id for quote in quotes] == [MES, MES]
    assert isinstance(info, MarketInfo)
    assert (info.market.instrument, info.session.is_open) == (MES, True)


async def test_an_instrument_that_the_engine_has_not_heard_of_is_asked_for(scene: Scene) -> None:
    scene.engine.instruments[PAPER] = ()

    [quote] = await scene.desk.reader.quotes([(PAPER, MES)])

    assert quote.instrument.instrument_id == MES


async def test_nothing_is_nothing(scene: Scene) -> None:
    assert await scene.ask(Nothing()) is None


async def test_operations_are_read_from_the_journal(scene: Scene) -> None:
    assert await scene.ask(ReadOperations()) == ()
    with pytest.raises(InvalidRequest, match="unknown_operation"):
        await scene.ask(ReadOperation(OperationId("op-9")))
    chain = await scene.ask(VerifyChain())

    assert isinstance(chain, ChainReport)
    assert chain.intact


# --- orders ------------------------------------------------------------------------------------


def a_place(ref: AccountRef, name: str) -> PlaceRequest:
    return PlaceRequest(
        principal=TRADER.principal_id,
        account=ref,
        order=OrderRequest(
            client_order_id=ClientOrderId(name),
            account=ref.account,
            instrument=MES,
            side=OrderSide.BUY,
            quantity=Decimal(1),
        ),
    )


async def test_orders_are_placed_in_turn_and_answered_in_the_order_asked(scene: Scene) -> None:
    orders = (a_place(SIM101, "a"), a_place(SIM102, "b"), a_place(SIM101, "c"))

    placed = await scene.ask(PlaceOrders(orders))

    assert isinstance(placed, tuple)
    assert all(isinstance(each, Placed) for each in placed)
    assert [each.report.client_order_id for each in placed] == ["a", "b", "c"]
    of_101 = [each for each in scene.engine.placed if each.account == SIM101]
    assert of_101 == [orders[0], orders[2]]


async def test_an_order_whose_answer_was_lost_is_unknown_and_never_failed(scene: Scene) -> None:
    scene.engine.refusal = OutcomeUnknown("no answer")

    placed = await scene.ask(PlaceOrders((a_place(SIM101, "a"),)))

    assert isinstance(placed, tuple)
    assert (placed[0].report, placed[0].error) == (None, "outcome_unknown")


def canceled_of(answer: object) -> dict[str, Canceled]:
    """By the venue's id; what is told is the id its owner was given, where there is one."""
    assert isinstance(answer, tuple)
    return {each.order_id.removeprefix("c-"): each for each in answer}


async def test_a_cancel_is_told_by_the_id_its_owner_was_given(scene: Scene) -> None:
    scene.near.reports[SIM101.account] = [an_order(SIM101, "v1")]

    answer = await scene.ask(CancelOrders((SIM101,)))

    assert isinstance(answer, tuple)
    assert [each.order_id for each in answer] == ["c-v1"]


async def test_an_account_that_cannot_be_read_stops_no_cancel_at_another(scene: Scene) -> None:
    scene.near.reports[SIM101.account] = [an_order(SIM101, "v1")]
    scene.far.hang = True

    answer = await scene.ask(CancelOrders((SIM101, FAR101)))

    assert isinstance(answer, tuple)
    canceled, unread = answer
    assert canceled.canceled
    assert (unread.account, unread.canceled, unread.error) == (FAR101, False, "venue_unavailable")


async def test_every_cancel_tells_what_became_of_its_order(scene: Scene) -> None:
    names = ("v1", "slow1", "late1")
    scene.near.reports[SIM101.account] = [an_order(SIM101, name) for name in names]

    answers = canceled_of(await scene.ask(CancelOrders((SIM101,))))

    assert answers["v1"].canceled
    assert (answers["slow1"].canceled, answers["slow1"].pending) == (False, True)
    assert (answers["late1"].canceled, answers["late1"].error) == (False, "order_refused")
    assert {each.remote for each in scene.engine.cancels} == {"127.0.0.1:1"}


async def test_only_what_matches_is_canceled(scene: Scene) -> None:
    tagged = msgspec.structs.replace(an_order(SIM101, "v1"), tag="night")
    scene.near.reports[SIM101.account] = [
        tagged,
        an_order(SIM101, "v2"),
        an_order(SIM101, "v3", OrderStatus.FILLED),
    ]
    other = InstrumentSelector(asked="ES", root="ES")
    mes = InstrumentSelector(asked="MES", root="MES")

    by_tag = canceled_of(await scene.ask(CancelOrders((SIM101,), tag="night")))
    by_instrument = canceled_of(await scene.ask(CancelOrders((SIM101,), instruments=(other,))))
    both = canceled_of(await scene.ask(CancelOrders((SIM101,), instruments=(other, mes))))

    assert set(by_tag) == {"v1"}
    assert by_instrument == {}
    assert set(both) == {"v1", "v2"}


async def test_named_orders_that_are_gone_or_unknown_are_told(scene: Scene) -> None:
    scene.near.reports[SIM101.account] = [
        an_order(SIM101, "v1"),
        an_order(SIM101, "v2", OrderStatus.FILLED),
        an_order(SIM101, "v3", OrderStatus.CANCELED),
    ]

    query = CancelOrders((SIM101,), order_ids=("c-v1", "v2", "v3", "v9"))
    answers = canceled_of(await scene.ask(query))

    assert answers["v1"].canceled
    assert (answers["v2"].canceled, answers["v2"].error) == (False, "order_refused")
    assert answers["v3"].canceled
    assert (answers["v9"].account, answers["v9"].error) == (None, "unknown_order")
    assert [each.venue_order_id for each in scene.engine.cancels] == ["v1"]


async def test_a_persons_word_reaches_the_engine(scene: Scene) -> None:
    request = ResolveRequest(
        principal=TRADER.principal_id,
        client_order_id=ClientOrderId("a"),
        outcome=OrderOutcome.CANCELED,
        filled=Decimal(0),
        reason="seen at the broker",
    )

    assert await scene.ask(Resolve(request)) is None
    assert scene.engine.resolved == [request]
