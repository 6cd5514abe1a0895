"""
A token of one account, and everything it could say about another's: the whole registry, walked.

Every api is called with its sample, as its own business and with each key that names something
turned to what is somebody else's; every frame and channel is tried. Nothing that only the other
could know may come back, and nothing at the other's account may move. An api or a key that is new
is walked too, or this test says what it must be told about it.
"""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import asynccontextmanager
from decimal import Decimal
from typing import Any, NamedTuple

import msgspec
import pytest

from rpcserver.apis.catalogue import registry
from rpcserver.apis.registry import Api, ClosingApi
from rpcserver.core.entries import AlertFilter
from rpcserver.core.events import Noticed
from rpcserver.core.standing import DirectiveSet
from rpcserver.domain.account import AccountSnapshot
from rpcserver.domain.ids import AccountId, AccountRef, DirectiveName, PrincipalId, TokenId
from rpcserver.domain.order import OrderReport
from rpcserver.domain.principal import Permission, Principal, Role
from rpcserver.driver.engine import Engine, open_engine
from rpcserver.journal.memory import MemoryJournal
from rpcserver.server.channels import Channel
from rpcserver.server.limits import Limits
from rpcserver.server.listener import serve
from rpcserver.server.settings import ServerSettings
from rpcserver.venues.paper import PaperSettings, PaperVenue, open_paper_venue
from rpcserver.venues.paper.commands import OpenAccount, OpenPosition
from tests.apis import samples
from tests.server.clients import Client, Frame, connect_client, let_in
from tests.server.fakes import NOON

pytestmark = pytest.mark.anyio

MINE, THEIRS = AccountId("Mine"), AccountId("Theirs7")
WHY = "their-secret-reason"
KEY, TAG, USER, CASH = "their-press", "their-secret-tag", "their-secret-user", "76543210"
LIMITS = Limits(
    calls_per_second=1e6, calls_burst=10**6, closing_calls_per_second=1e6, dialect_limits=False
)
WALKERS = [
    ("me", Role.VIEWER),
    ("me", Role.TRADER),
    ("me", Role.RISK),
    ("me", Role.ADMIN),
    ("me", Role.BREAK_GLASS),
    ("them", Role.TRADER),  # the other's own principal, by a token for this account alone
]

# --- what keys name ------------------------------------------------------------------------------


class Other(NamedTuple):
    """What the other has, by what a caller may call it."""

    position_id: str
    order_id: str
    venue_order_id: str
    operation_id: str
    halt_id: str
    alert: int  # its audit_seq
    token_id: str = "tok-wide"
    tag: str = TAG
    user_id: str = USER
    cash: str = CASH

    @property
    def named_by(self) -> Mapping[str, tuple[Any, ...]]:
        """For each key of any api's args that names something: the other's, in every spelling."""
        orders = (self.order_id, self.venue_order_id)
        return {
            "account": (THEIRS, f"paper:{THEIRS}", THEIRS.upper()),
            "accounts": ([THEIRS], [MINE, THEIRS]),
            "user_id": (self.user_id,),
            "orderId": orders,
            "order_ids": (list(orders),),
            "clientOrderId": orders,
            "operationId": (self.operation_id,),
            "before": (self.operation_id,),
            "executionId": (),
            "position_id": (self.position_id,),
            "strategyTag": (self.tag,),
            "strategy_tag": (self.tag,),
            "strategy": (self.tag,),
            "tag": (self.tag,),
            "tokenId": (self.token_id,),
            "haltId": (self.halt_id,),
            "auditSeq": (self.alert,),
            "ruleId": ("their-rule",),
            "switchId": ("their-switch",),
            "user": ("them",),
            "scope": ("preferred",),
            "instrument": ("NQ",),
            "instruments": (["NQ"],),
            "symbol": ("NQ",),
        }


OWN = {  # what the samples' names are in this world
    "account": MINE,
    "accounts": [MINE],
    "instrument": "ES",
    "instruments": ["NSE:INFY", "NSE:TCS"],
    "symbol": "ES",
    "user_id": "my-user",
}
NAMES_NOTHING = {  # shares, moments, words; or, as `orders`, a list of what names something within
    *(
        "action",
        "after",
        "open",
        "all",
        "breakGlass",
        "code",
        "deadlineMs",
        "dryRun",
        "dust",
        "exclude",
    ),
    *("execution_type", "everything", "level", "open"),
    *("kind", "at", "until", "timeZone", "calendar", "amount", "api"),
    *("executionType", "alerts", "clear", "rates", "thresholds", "hours", "sizes", "retry"),
    *("retentionDays",),
    *("dayStartsAt", "times", "everyMs", "forMs", "offsetTicks", "timeoutMs", "args"),
    *("expiresAt", "filled", "fraction", "graceMs", "holding", "includeFlat", "instId", "ladder"),
    *("limit", "limitPrice", "limit_prices", "marketPosition", "ocoId", "onFence", "orderType"),
    *("orders", "outcome", "percent", "planHash", "pnl", "principal", "product", "productGroup"),
    *("quantities", "quantity", "reason", "reduceOnly", "roles", "root", "since", "stopPrice"),
    *("daysBack", "from", "period", "periodType", "to"),
    *("includeFills", "includeRaw"),
    *("stayFlatMs", "onRefill"),
    *("maxPositions", "requireMarketPosition"),
    *("summary", "timeInForce", "type", "until", "venue", "waitForOpen"),
}
NESTED = {"orders"}
LAYS_DOWN = {"Halt", "SetRule", "ArmDeadman", "SetPreferences", "SetPolicy"}


def keys_of(api: Api) -> list[str]:
    return [field.encode_name for field in msgspec.structs.fields(api.args)]


def calls_of(api: Api, other: Other) -> Iterator[dict[str, Any]]:
    """The api's sample as the caller's own business, then each key turned to the other's."""
    assert api.name in samples.ALL, f"give {api.name} a sample: nobody knows how to call it"
    sample = json.loads(samples.ALL[api.name].args)
    own = {key: _own(key, value) for key, value in sample.items()}
    yield own
    if "dryRun" in keys_of(api):
        yield own | {"dryRun": True}
    for key in keys_of(api):
        assert key in other.named_by or key in NAMES_NOTHING, (
            f"does {key!r} of {api.name} name something of somebody's? Say so here"
        )
        for value in other.named_by.get(key, ()):
            yield own | {key: value}
            yield {key: value}
        if key in NESTED:
            for name in ("account", "tag"):
                for value in other.named_by[name]:
                    yield own | {key: [each | {name: value} for each in own[key]]}
        if key == "args":  # of the closing call that a switch makes
            for name in ("account", "strategyTag", "instrument"):
                for value in other.named_by[name]:
                    yield own | {key: {name: value}}


def _own(key: str, value: Any) -> Any:
    if key == "args":
        return {name: _own(name, inner) for name, inner in value.items()}
    if key in NESTED:
        return [{name: _own(name, inner) for name, inner in each.items()} for each in value]
    return OWN.get(key, value)


# --- the world -----------------------------------------------------------------------------------


class World:
    """A server over a real venue, where somebody else has an account, orders and operations."""

    def __init__(self, port: int, venue: PaperVenue, engine: Engine, other: Other) -> None:
        self.port = port
        self.venue = venue
        self.engine = engine
        self.other = other

    async def theirs(
        self,
    ) -> tuple[AccountSnapshot, tuple[OrderReport, ...], list[DirectiveSet]]:
        """Everything at the other's account but when it was read, and what it laid down."""
        snapshot = await self.venue.snapshot(THEIRS)
        orders = tuple(await self.venue.orders(THEIRS))
        names = (
            f"halt:{self.other.halt_id}",
            "rule:their-rule",
            "switch:their-switch",
            "preferences:them",
        )
        standing = [self.engine.directives[DirectiveName(f"directive:{name}")] for name in names]
        return msgspec.structs.replace(snapshot, taken_at=NOON), orders, standing

    def betrayed(self, told: str, said: str) -> list[str]:
        """What of the other's *told* lets out that the caller did not itself say."""
        secrets = [*(each for each in self.other if isinstance(each, str)), str(THEIRS), KEY, WHY]
        known = said.casefold()
        return [each for each in secrets if each in told and each.casefold() not in known]


@asynccontextmanager
async def a_world() -> AsyncIterator[World]:
    settings = PaperSettings(tick_interval=None, position_settle=0.0, with_portfolio=False)
    async with open_paper_venue(settings) as venue:
        await _set_scene(venue)
        async with open_engine(MemoryJournal(), {venue.venue_id: venue}) as engine:
            await engine.accounts_read()
            await let_in(engine, "wide", {Role.TRADER}, (THEIRS,), principal="them")
            told = ServerSettings(port=0, limits=LIMITS)
            async with serve(told, engine, registry) as server:
                yield World(server.port, venue, engine, await _live(server.port, venue, engine))


async def _set_scene(venue: PaperVenue) -> None:
    for account, user, cash in ((MINE, "my-user", "50000000"), (THEIRS, USER, CASH)):
        await venue.control(OpenAccount(account=account, user_id=user, cash=Decimal(cash)))
        for root in ("ES", "NQ"):
            await _hold(venue, account, root)


async def _hold(venue: PaperVenue, account: AccountId, root: str) -> None:
    contract = next(each for each in await venue.instruments() if each.root == root)
    await venue.control(
        OpenPosition(
            account=account,
            instrument=contract.instrument_id,
            quantity=Decimal(2),
            average_price=Decimal(5000),
            tag=TAG if account == THEIRS else None,
        )
    )


async def _live(port: int, venue: PaperVenue, engine: Engine) -> Other:
    """What the other does before anybody looks: an operation that ends, an order that rests."""
    async with connect_client(port, "wide") as wide:
        frame = {"id": "x", "api": "Flatten", "args": {"instrument": "NQ"}}
        await wide.say(action="rpc", idempotencyKey=KEY, **frame)
        _, closed = await wide.hear_until_final("x")
        assert closed["flat"], closed
        order = {"instrument": "ES", "action": "BUY", "orderType": "LIMIT", "quantity": 1}
        placed = await wide.call("PlaceOrder", {**order, "account": THEIRS, "limitPrice": 1000})
        assert placed["orderState"] == "Working", placed
        halt = {"account": THEIRS, "instrument": "GC", "reason": WHY}
        halted = (await wide.call("Halt", halt))["halt"]
        rule = {"ruleId": "their-rule", "kind": "drawdown", "amount": 10**9, "action": "halt"}
        assert (await wide.call("SetRule", rule | {"reason": WHY}))["success"]
        switch = {"switchId": "their-switch", "timeoutMs": 10**6, "api": "FlattenEverything"}
        armed = await wide.call("ArmDeadman", switch | {"args": {}, "reason": WHY})
        assert armed["success"], armed
        preferred = {"accounts": [THEIRS], "strategyTag": TAG, "dust": "leave", "reason": WHY}
        assert (await wide.call("SetPreferences", preferred))["success"]
    await _hold(venue, THEIRS, "NQ")
    about_them = AccountRef(venue.venue_id, THEIRS)
    await engine.note(Noticed(code="overfill", detail=WHY, alert=True, account=about_them))
    [told] = await engine.journal.alerts(AlertFilter(account=THEIRS), limit=1)
    [held, _] = (await venue.snapshot(THEIRS)).positions
    return Other(
        position_id=held.position_id,
        order_id=placed["orderId"],
        venue_order_id=placed["venueOrderId"],
        operation_id=closed["operationId"],
        halt_id=halted["haltId"],
        alert=told.audit_seq,
    )


@pytest.fixture
async def world() -> AsyncIterator[World]:
    async with a_world() as world:
        yield world


@asynccontextmanager
async def walking(world: World, principal: str, role: Role) -> AsyncIterator[Client]:
    await let_in(world.engine, "narrow", {role}, (MINE,), principal=principal)
    async with connect_client(world.port, "narrow", max_queue=None) as client:
        yield client


# --- the walk ------------------------------------------------------------------------------------


@pytest.mark.parametrize(("principal", "role"), WALKERS)
async def test_no_api_sees_or_moves_what_is_anothers(
    world: World, principal: str, role: Role
) -> None:
    before = await world.theirs()
    betrayed: list[tuple[str, dict[str, Any], list[str]]] = []
    laid_down: list[dict[str, Any]] = []  # the caller's own words, which stand and are listed
    async with walking(world, principal, role) as client:
        for api in registry:
            for args in calls_of(api, world.other):
                await client.say(action="rpc", id="r", api=api.name, args=args)
                frames, data = await client.hear_until_final("r")
                if api.name in LAYS_DOWN:
                    laid_down.append(args)
                if found := world.betrayed(
                    json.dumps([frames, data]), json.dumps([args, *laid_down])
                ):
                    betrayed.append((api.name, args, found))

    assert betrayed == []
    assert await world.theirs() == before


@pytest.mark.parametrize(("principal", "role"), WALKERS)
async def test_no_frame_follows_or_stops_what_is_anothers(
    world: World, principal: str, role: Role
) -> None:
    async with walking(world, principal, role) as client:
        for name in ({"operationId": world.other.operation_id}, {"idempotencyKey": KEY}):
            await client.say(action="attach", id="a", **name)
            frames, data = await client.hear_until_final("a")
            assert (frames, data["error"]) == ([], "unknown_operation")
            await client.say(action="cancel", **name)
            assert (await client.hear())["error"] == "unknown_operation"


@pytest.mark.parametrize(("principal", "role"), WALKERS)
@pytest.mark.parametrize("args", [{"instrument": "NQ"}, {"instrument": "ES"}, {"account": MINE}])
async def test_a_key_or_an_id_sent_again_gives_nobody_anothers_answer(
    world: World, principal: str, role: Role, args: dict[str, str]
) -> None:
    before = await world.theirs()
    async with walking(world, principal, role) as client:
        for key in ({"idempotencyKey": KEY}, {}):
            await client.say(action="rpc", id="x", api="Flatten", args=args, **key)
            frames, data = await client.hear_until_final("x")
            assert not world.betrayed(json.dumps([frames, data]), json.dumps(args))

    assert await world.theirs() == before


@pytest.mark.parametrize(("principal", "role"), WALKERS)
async def test_no_channel_tells_of_what_is_anothers(
    world: World, principal: str, role: Role
) -> None:
    heard: list[Frame] = []
    async with walking(world, principal, role) as client:
        for channel in Channel:
            await client.say(action="subscribe", channels=[channel.value])
            heard.append(await client.hear())
        await client.say(action="streamPnl", enabled=True, interval=100)
        async with connect_client(world.port, "wide") as wide:
            order = {"instrument": "ES", "action": "BUY", "orderType": "MARKET", "quantity": 1}
            assert (await wide.call("PlaceOrder", {**order, "account": THEIRS}))["success"]
            closed = await wide.call("Flatten", {"account": THEIRS, "reason": "theirs alone"})
            assert closed["flat"], closed
        while sum(frame.get("type") == "pnlUpdate" for frame in heard) < 2:
            heard.append(await client.hear())

    told = json.dumps(heard)
    assert [frame["type"] for frame in heard].count("subscribed") >= len(Channel) - 2
    assert not world.betrayed(told, "")
    assert closed["operationId"] not in told
    assert "theirs alone" not in told


@pytest.mark.parametrize("role", list(Role))
async def test_an_api_is_carried_out_for_the_roles_that_hold_its_right(
    world: World, role: Role
) -> None:
    """Of every other role it is refused before its args are even looked at."""
    who = Principal(principal_id=PrincipalId("me"), token_id=TokenId("t"), roles=frozenset({role}))
    async with walking(world, "me", role) as client:
        for api in registry:
            await client.say(action="rpc", id="r", api=api.name, args={"noSuchKey": 1})
            _, data = await client.hear_until_final("r")
            code = str(data.get("errorCode") or data["error"])
            may = who.may(api.permission)
            assert code == ("unknown_argument" if may else "forbidden"), api.name


def test_every_api_that_moves_the_market_asks_for_more_than_reading() -> None:
    for api in registry:
        if isinstance(api, ClosingApi):
            opens = api.name in ("Reverse", "ReversePosition", "FlatPlace")
            assert api.permission is (Permission.TRADE if opens else Permission.CLOSE)
