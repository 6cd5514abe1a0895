"""Halts, rules and switches over the protocol: who may, what is refused, and what it says."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import anyio
import pytest

from rpcserver.apis.catalogue import registry
from rpcserver.domain.ids import AccountId
from rpcserver.domain.principal import Role
from rpcserver.driver.engine import Engine, open_engine
from rpcserver.journal.memory import MemoryJournal
from rpcserver.rules.shell import run_rules
from rpcserver.server.limits import Limits
from rpcserver.server.listener import serve
from rpcserver.server.settings import ServerSettings
from rpcserver.venues.paper import PaperSettings, PaperVenue, open_paper_venue
from rpcserver.venues.paper.commands import OpenAccount, OpenPosition
from tests.server.clients import Client, connect_client, let_in

pytestmark = pytest.mark.anyio

MINE, OTHER = AccountId("Mine"), AccountId("Other")
LIMITS = Limits(calls_per_second=1e6, calls_burst=10**6, closing_calls_per_second=1e6)
WHO: dict[str, tuple[set[Role], tuple[str, ...]]] = {
    "viewer": ({Role.VIEWER}, ("*",)),
    "trader": ({Role.TRADER}, (MINE,)),
    "other": ({Role.TRADER}, (OTHER,)),
    "risk": ({Role.RISK}, ("*",)),
    "admin": ({Role.ADMIN}, ("*",)),
}


class Desk:
    """Everybody of `WHO`, connected."""

    def __init__(
        self, port: int, venue: PaperVenue, engine: Engine, clients: dict[str, Client]
    ) -> None:
        self.port = port
        self.venue = venue
        self.engine = engine
        self._clients = clients

    async def call(self, who: str, name: str, /, **args: Any) -> dict[str, Any]:
        return await self._clients[who].call(name, args)

    async def held(self, account: AccountId) -> int:
        return len((await self.venue.snapshot(account)).positions)


@asynccontextmanager
async def a_desk() -> AsyncIterator[Desk]:
    settings = PaperSettings(tick_interval=None, position_settle=0.0, with_portfolio=False)
    async with AsyncExitStack() as stack:
        venue = await stack.enter_async_context(open_paper_venue(settings))
        [contract] = [each for each in await venue.instruments() if each.root == "ES"][:1]
        for account in (MINE, OTHER):
            money = OpenAccount(account=account, user_id=account, cash=Decimal(50_000_000))
            await venue.control(money)
            await venue.control(
                OpenPosition(
                    account=account,
                    instrument=contract.instrument_id,
                    quantity=Decimal(2),
                    average_price=Decimal(5000),
                )
            )
        engine = await stack.enter_async_context(
            open_engine(MemoryJournal(), {venue.venue_id: venue})
        )
        await engine.accounts_read()
        tasks = await stack.enter_async_context(anyio.create_task_group())
        stack.callback(tasks.cancel_scope.cancel)
        tasks.start_soon(run_rules, engine, registry)
        told = ServerSettings(port=0, limits=LIMITS)
        server = await stack.enter_async_context(serve(told, engine, registry))
        clients = {}
        for name, (roles, accounts) in WHO.items():
            await let_in(engine, name, roles, accounts, principal=name)
            clients[name] = await stack.enter_async_context(connect_client(server.port, name))
        yield Desk(server.port, venue, engine, clients)


@pytest.fixture
async def desk() -> AsyncIterator[Desk]:
    async with a_desk() as desk:
        yield desk


ORDER = {
    "instrument": "ES",
    "action": "BUY",
    "orderType": "LIMIT",
    "quantity": 1,
    "limitPrice": 1000,
}

# --- halts ---------------------------------------------------------------------------------------


async def test_a_trader_halts_its_own_accounts_and_cannot_release(desk: Desk) -> None:
    halted = await desk.call("trader", "Halt", everything=True, reason="enough")
    name = halted["halt"]["haltId"]

    refused = await desk.call("trader", "PlaceOrder", account=MINE, **ORDER)
    assert (refused["error"], refused["statusCode"]) == ("halted", 423)
    assert "enough" in refused["detail"]
    assert (await desk.call("other", "PlaceOrder", account=OTHER, **ORDER))["success"]
    assert (await desk.call("other", "ListHalts"))["halts"] == []
    for who in ("trader", "other", "viewer"):
        told = await desk.call(who, "Release", haltId=name, reason="I say so")
        assert told["error"] == "forbidden"

    assert (await desk.call("risk", "Release", haltId=name, reason="calm again"))["success"]
    assert (await desk.call("trader", "PlaceOrder", account=MINE, **ORDER))["success"]


async def test_law_10_an_exit_passes_and_so_does_a_reducing_order(desk: Desk) -> None:
    await desk.call("risk", "Halt", everything=True, reason="enough")
    [position] = (await desk.venue.snapshot(MINE)).positions
    less = ORDER | {"instrument": position.instrument, "action": "SELL", "orderType": "MARKET"}
    del less["limitPrice"]

    placed = await desk.call("trader", "PlaceOrder", account=MINE, **less)
    assert placed["success"], placed
    closed = await desk.call("trader", "Flatten", account=MINE)

    assert closed["flat"], closed


async def test_flatten_and_lock_names_its_operation_and_a_release_its_halt(desk: Desk) -> None:
    locked = await desk.call("risk", "Halt", account=MINE, level="flatten_and_lock", reason="limit")
    report = await desk.engine.finished(locked["operationId"])

    assert report.flat
    assert await desk.held(MINE) == 0
    assert await desk.held(OTHER) == 1
    [listed] = (await desk.call("trader", "ListHalts"))["halts"]
    assert listed == locked["halt"]


HALT_ERRORS = [
    ({"reason": "x"}, "filter_required", "everything: true"),
    ({"everything": True, "account": MINE, "reason": "x"}, "unexpected_filter", "account"),
    ({"account": "Nobody", "reason": "x"}, "unknown_account", "account: 'Nobody'"),
    ({"venue": "nowhere", "reason": "x"}, "unknown_venue", "venue: 'nowhere'"),
    ({"instrument": "XX", "reason": "x"}, "unknown_instrument", "instrument: 'XX'"),
    ({"user": "nobody", "reason": "x"}, "unknown_user", "user"),
    ({"account": "", "reason": "x"}, "empty_filter", "account"),
    ({"account": MINE, "reason": "  "}, "empty_filter", "reason"),
    ({"account": MINE}, "missing_argument", "reason"),
    ({"account": MINE, "level": "hard", "reason": "x"}, "invalid_argument", "level"),
    (
        {"user": "trader", "level": "flatten_and_lock", "reason": "x"},
        "invalid_argument",
        "level",
    ),
]


@pytest.mark.parametrize(("args", "code", "names"), HALT_ERRORS)
async def test_a_halt_that_says_nothing_sound_is_refused(
    desk: Desk, args: dict[str, Any], code: str, names: str
) -> None:
    told = await desk.call("risk", "Halt", **args)

    assert told["error"] == code
    assert names in told["detail"]
    assert not desk.engine.directives


async def test_rights_are_told_apart(desk: Desk) -> None:
    locked = {"account": MINE, "level": "flatten_and_lock", "reason": "x"}
    assert (await desk.call("admin", "Halt", **locked))["error"] == "forbidden"
    assert (await desk.call("trader", "Halt", user="other", reason="x"))["error"] == "forbidden"
    assert (await desk.call("trader", "Halt", user="trader", reason="x"))["success"]
    assert (await desk.call("admin", "Halt", account=MINE, reason="x"))["success"]
    gone = await desk.call("risk", "Release", haltId="halt-none", reason="x")
    assert gone["error"] == "unknown_directive"


# --- rules ---------------------------------------------------------------------------------------

AT = {"kind": "flatten_at", "at": "15:50", "timeZone": "America/Chicago", "reason": "overnight"}
LOSS = {"kind": "daily_loss", "amount": 500, "action": "halt", "reason": "the house limit"}
AGAIN = {"kind": "retry", "times": 3, "everyMs": 1000, "forMs": 60000, "reason": "fills"}

RULE_ERRORS: list[tuple[dict[str, Any], str, str]] = [
    (AT | {"timeZone": "America/Chigaco"}, "invalid_argument", "timeZone"),
    (AT | {"timeZone": "../etc/passwd"}, "invalid_argument", "timeZone"),
    (AT | {"timeZone": ""}, "invalid_argument", "timeZone"),
    (AT | {"until": "15:50"}, "invalid_argument", "until"),
    (AT | {"until": "15:00"}, "invalid_argument", "until"),
    (AT | {"at": "23:50"}, "invalid_argument", "until"),
    (AT | {"at": "25:00"}, "invalid_argument", "at"),
    (AT | {"at": "15:50+01:00"}, "invalid_argument", "at"),
    (AT | {"calendar": "XNYSE"}, "invalid_argument", "calendar"),
    (AT | {"amount": 5}, "invalid_argument", "amount"),
    ({**AT, "kind": "flatten"}, "invalid_argument", "kind"),
    (LOSS | {"amount": "NaN"}, "invalid_argument", "amount"),
    (LOSS | {"amount": "Infinity"}, "invalid_argument", "amount"),
    (LOSS | {"amount": 0}, "invalid_argument", "amount"),
    (LOSS | {"amount": -5}, "invalid_argument", "amount"),
    (LOSS | {"action": "panic"}, "invalid_argument", "action"),
    (LOSS | {"accounts": ["Nobody"]}, "unknown_account", "accounts: 'Nobody'"),
    (LOSS | {"accounts": []}, "empty_filter", "accounts"),
    (LOSS | {"ruleId": "a rule"}, "invalid_argument", "ruleId"),
    (LOSS | {"reason": ""}, "empty_filter", "reason"),
    ({**LOSS, "kind": "position"}, "missing_argument", "instrument"),
    (AGAIN | {"times": 0}, "invalid_argument", "times"),
    (AGAIN | {"everyMs": 86_400_001}, "invalid_argument", "everyMs"),
]


@pytest.mark.parametrize(("args", "code", "names"), RULE_ERRORS)
async def test_a_rule_that_cannot_be_meant_is_refused(
    desk: Desk, args: dict[str, Any], code: str, names: str
) -> None:
    told = await desk.call("risk", "SetRule", **args)

    assert told["error"] == code, told
    assert names in told["detail"]
    assert not desk.engine.directives


async def test_rules_that_contradict_are_refused_by_name(desk: Desk) -> None:
    assert (await desk.call("risk", "SetRule", ruleId="house", **LOSS))["success"]

    told = await desk.call("trader", "SetRule", **(LOSS | {"amount": 900}))
    assert told["error"] == "contradiction"
    assert "'house'" in told["detail"]
    again = await desk.call("risk", "SetRule", ruleId="house", **(LOSS | {"amount": 900}))
    assert again["rule"]["amount"] == 900


async def test_a_rule_is_its_makers_or_the_risk_desks(desk: Desk) -> None:
    assert (await desk.call("trader", "SetRule", ruleId="mine", **AT))["success"]
    assert (await desk.call("risk", "SetRule", ruleId="house", **LOSS))["success"]

    assert (await desk.call("viewer", "SetRule", **AT))["error"] == "forbidden"
    assert {r["ruleId"] for r in (await desk.call("trader", "ListRules"))["rules"]} == {
        "mine",
        "house",
    }
    assert [r["ruleId"] for r in (await desk.call("other", "ListRules"))["rules"]] == ["house"]
    stolen = await desk.call("other", "SetRule", ruleId="mine", **AT)
    assert stolen["error"] == "forbidden"
    for who, name in (("trader", "house"), ("other", "mine")):
        told = await desk.call(who, "RemoveRule", ruleId=name, reason="x")
        assert told["error"] in ("forbidden", "unknown_directive")

    for who, name in (("trader", "mine"), ("risk", "house")):
        assert (await desk.call(who, "RemoveRule", ruleId=name, reason="x"))["success"]
    assert (await desk.call("risk", "ListRules"))["rules"] == []


async def test_nobody_reads_names_of_accounts_beyond_its_grants(desk: Desk) -> None:
    both = [MINE, OTHER]
    assert (await desk.call("risk", "SetRule", ruleId="both", accounts=both, **LOSS))["success"]
    await let_in(desk.engine, "pair", {Role.RISK}, (MINE, OTHER), principal="pair")
    async with connect_client(desk.port, "pair") as pair:
        halt = {"everything": True, "reason": "x"}
        assert (await pair.call("Halt", halt))["halt"]["grants"] == ["Mine", "Other"]

    [rule] = (await desk.call("trader", "ListRules"))["rules"]
    [halted] = (await desk.call("trader", "ListHalts"))["halts"]
    assert rule["accounts"] == ["paper:Mine"]
    assert halted["grants"] == ["Mine"]


async def test_a_list_says_how_rules_stand_and_a_rule_taken_back_forgets(desk: Desk) -> None:
    await desk.call("trader", "SetRule", ruleId="mine", **LOSS)
    await desk.call("risk", "SetRule", ruleId="close", **AT)
    with anyio.fail_after(10):
        while not (listed := (await desk.call("trader", "ListRules"))["rules"])[0].get("marks"):
            await anyio.sleep(0.05)

    [mark] = listed[0]["marks"]
    assert mark["account"] == "paper:Mine"
    assert not mark["beyond"]
    assert listed[1]["nextAt"] > listed[1]["since"]
    await desk.call("trader", "RemoveRule", ruleId="mine", reason="x")
    assert [name for name in desk.engine.directives if "mark" in name] == []


# --- switches ------------------------------------------------------------------------------------

ARM = {
    "switchId": "bot",
    "timeoutMs": 1000,
    "api": "Flatten",
    "args": {"account": MINE},
    "reason": "x",
}

ARM_ERRORS: list[tuple[dict[str, Any], str, str]] = [
    (ARM | {"timeoutMs": 999}, "invalid_argument", "timeoutMs"),
    (ARM | {"api": "GetQuote"}, "invalid_argument", "api"),
    (
        ARM | {"api": "Reverse", "args": {}},
        "invalid_argument",
        "api: 'Reverse' is none of Flatten, FlattenEverything, ClosePosition, ExitAll, BatchClose, "
        "Liquidate, LiquidateAll",
    ),
    (ARM | {"args": {"acount": MINE}}, "unknown_argument", "acount"),
    (ARM | {"args": {"account": OTHER}}, "unknown_account", "Other"),
    (ARM | {"args": {"account": MINE, "dryRun": True}}, "invalid_argument", "dryRun"),
    (ARM | {"args": {}}, "filter_required", "Flatten"),
    (ARM | {"args": []}, "invalid_argument", "args"),
    (ARM | {"reason": None}, "empty_filter", "reason"),
]


@pytest.mark.parametrize(("args", "code", "names"), ARM_ERRORS)
async def test_a_switch_whose_call_cannot_be_made_is_not_armed(
    desk: Desk, args: dict[str, Any], code: str, names: str
) -> None:
    told = await desk.call("trader", "ArmDeadman", **args)

    assert told["error"] == code, told
    assert names in told["detail"]
    assert not told["detail"].endswith("FlatPlace")
    assert not desk.engine.directives


async def test_a_switch_is_renewed_fires_once_and_its_client_learns_of_it(desk: Desk) -> None:
    armed = (await desk.call("trader", "ArmDeadman", **ARM))["switch"]
    assert armed["renewEveryMs"] == 250
    assert armed["args"] == {"account": "Mine"}
    for _ in range(6):
        await anyio.sleep(0.25)
        assert (await desk.call("trader", "RenewDeadman", switchId="bot"))["success"]
    assert await desk.held(MINE) == 1
    assert (await desk.call("risk", "RenewDeadman", switchId="bot"))["error"] == "forbidden"
    assert (await desk.call("other", "RenewDeadman", switchId="bot"))["error"] == (
        "unknown_directive"
    )

    with anyio.fail_after(10):
        while await desk.held(MINE):
            await anyio.sleep(0.05)
    assert await desk.held(OTHER) == 1
    late = await desk.call("trader", "RenewDeadman", switchId="bot")
    assert (late["error"], late["statusCode"]) == ("deadman_fired", 410)
    gone = await desk.call("trader", "DisarmDeadman", switchId="bot", reason="back")
    assert gone["switch"]["firedAt"] is not None


async def test_what_is_armed_is_listed_with_when_it_fires(desk: Desk) -> None:
    armed = (await desk.call("trader", "ArmDeadman", **ARM))["switch"]
    left = datetime.fromisoformat(armed["firesAt"]) - datetime.now(UTC)
    assert timedelta(seconds=0.5) < left <= timedelta(seconds=1)
    [listed] = (await desk.call("trader", "ListSwitches"))["switches"]
    assert (listed["switchId"], listed["principal"]) == ("bot", "trader")
    assert (await desk.call("viewer", "ListSwitches"))["count"] == 1
    assert (await desk.call("other", "ListSwitches"))["switches"] == []  # nor what its call names

    with anyio.fail_after(10):
        while await desk.held(MINE):
            await anyio.sleep(0.05)
    [fired] = (await desk.call("risk", "ListSwitches"))["switches"]
    assert (fired["firesAt"], fired["firedAt"] is None) == (None, False)


async def test_a_switch_that_is_disarmed_closes_nothing(desk: Desk) -> None:
    await desk.call("trader", "ArmDeadman", **ARM)
    stolen = await desk.call("other", "ArmDeadman", **(ARM | {"args": {"account": OTHER}}))
    assert stolen["error"] == "forbidden"
    assert (await desk.call("trader", "DisarmDeadman", switchId="bot", reason="bye"))["success"]
    await anyio.sleep(1.3)

    assert await desk.held(MINE) == 1
