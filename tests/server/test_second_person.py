"""A second person for the widest calls: asked, confirmed, refused, forgotten; or gone without."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from decimal import Decimal
from typing import Any

import pytest

from rpcserver.apis.catalogue import registry
from rpcserver.core.records import Noted, OperationOpened
from rpcserver.core.requests import Scope
from rpcserver.domain.account import UNREAD, Account
from rpcserver.domain.ids import AccountId, AccountRef, PrincipalId, TokenId, VenueId
from rpcserver.domain.principal import Principal, Role
from rpcserver.driver.engine import Engine, open_engine
from rpcserver.journal.memory import MemoryJournal
from rpcserver.server.listener import serve
from rpcserver.server.second_person import SecondPersonRule, why_confirm
from rpcserver.server.settings import ServerSettings
from rpcserver.venues.paper import PaperSettings, PaperVenue, open_paper_venue
from rpcserver.venues.paper.commands import OpenAccount, OpenPosition
from tests.apis import hand
from tests.server.clients import Client, Frame, connect_client, let_in

EVERYTHING = SecondPersonRule(everything=True)
SOON_OVER = SecondPersonRule(everything=True, window=0.05)
WIDE: Mapping[str, Any] = {"api": "FlattenEverything", "args": {"reason": "end of day"}}


class Desk:
    """A server whose deployment asks for a second person, over two accounts that hold something."""

    def __init__(self, port: int, venue: PaperVenue, engine: Engine) -> None:
        self.port = port
        self.venue = venue
        self.engine = engine

    async def hold(self, account: str, quantity: int) -> None:
        contract = next(each for each in await self.venue.instruments() if each.root == "ES")
        await self.venue.control(
            OpenPosition(
                account=AccountId(account),
                instrument=contract.instrument_id,
                quantity=Decimal(quantity),
                average_price=Decimal(5000),
            )
        )

    async def held(self) -> list[Decimal]:
        read = [await self.venue.snapshot(AccountId(name)) for name in ("A1", "B1")]
        return [each.signed_quantity for snapshot in read for each in snapshot.positions]

    async def noted(self, code: str) -> list[Noted]:
        entries = await self.engine.journal.entries(limit=10_000)
        records = (entry.record for entry in entries)
        return [each for each in records if isinstance(each, Noted) and each.code == code]

    @asynccontextmanager
    async def client(self, name: str) -> AsyncIterator[Client]:
        async with connect_client(self.port, name) as client:
            yield client

    async def confirm(self, name: str, code: str, **args: str) -> Frame:
        async with self.client(name) as client:
            return await client.call("Confirm", {"code": code, **args})


@asynccontextmanager
async def a_desk(rule: SecondPersonRule) -> AsyncIterator[Desk]:
    settings = PaperSettings(tick_interval=None, position_settle=0.0, with_portfolio=False)
    async with open_paper_venue(settings) as venue:
        for name, user in (("A1", "ann"), ("B1", "bob")):
            cash = Decimal(10_000_000)
            await venue.control(OpenAccount(account=AccountId(name), user_id=user, cash=cash))
        async with open_engine(MemoryJournal(), {venue.venue_id: venue}) as engine:
            await engine.accounts_read()
            await let_in(engine, "ann", {Role.TRADER})
            await let_in(engine, "anns-risk", {Role.RISK}, principal="ann")
            await let_in(engine, "anns-other", {Role.RISK}, principal="Ann")
            await let_in(engine, "bob", {Role.RISK})
            await let_in(engine, "tom", {Role.TRADER})
            await let_in(engine, "narrow", {Role.RISK}, ("A1",))
            await let_in(engine, "chief", {Role.BREAK_GLASS})
            told = ServerSettings(port=0, second_person=rule)
            async with serve(told, engine, registry) as server:
                desk = Desk(server.port, venue, engine)
                await desk.hold("A1", 2)
                await desk.hold("B1", -3)
                yield desk


async def press(client: Client, *, key: str | None = None, **changes: Any) -> Frame:
    """One call, heard to its end."""
    envelope = {"idempotencyKey": key} if key is not None else {}
    await client.say(action="rpc", id="press", **{**WIDE, **changes}, **envelope)
    _, data = await client.hear_until_final("press")
    return data


@pytest.mark.anyio
async def test_another_principal_confirms_and_it_runs_under_the_first_ones_name() -> None:
    async with a_desk(EVERYTHING) as desk, desk.client("ann") as ann:
        asked = await press(ann, key="k1")
        assert (asked["success"], asked["error"]) == (False, "approval_required")
        assert asked["approvalCode"] in asked["detail"]
        assert len(asked["plan"]["legs"]) == 2
        assert await desk.held() == [2, -3], "nothing was sent"

        confirmed = await desk.confirm("bob", asked["approvalCode"], reason="seen the plan")
        assert confirmed["success"], confirmed
        again = await press(ann, key="k1")  # the same press, sent again, follows it
        assert (again["flat"], again["operationId"]) == (True, confirmed["operationId"])
        assert again["approvedBy"] == "bob"
        assert await desk.held() == []

        opened = [
            entry.record
            for entry in await desk.engine.journal.operation(again["operationId"], limit=1)
        ]
        assert isinstance(opened[0], OperationOpened)
        request = opened[0].request
        assert (request.principal, request.approver, request.alone) == ("ann", "bob", False)
        assert (await desk.noted("approval_required"))[0].principal == "ann"
        [approved] = await desk.noted("approved")
        assert (approved.principal, approved.alert) == ("bob", True)
        assert approved.detail.endswith("seen the plan")


@pytest.mark.anyio
async def test_a_code_is_good_once() -> None:
    async with a_desk(EVERYTHING) as desk, desk.client("ann") as ann:
        code = (await press(ann))["approvalCode"]
        first = await desk.confirm("bob", code)
        second = await desk.confirm("bob", code)

    assert first["success"]
    assert second["error"] == "unknown_approval"


@pytest.mark.anyio
@pytest.mark.parametrize(
    ("name", "error"),
    [
        ("anns-risk", "forbidden"),  # nobody confirms their own, by whatever token
        ("anns-other", "forbidden"),  # nor by another spelling of their name
        ("tom", "forbidden"),  # not a second person
        ("chief", "forbidden"),
        ("narrow", "unknown_approval"),  # it does not exist beyond one's accounts
    ],
)
async def test_who_may_not_confirm(name: str, error: str) -> None:
    async with a_desk(EVERYTHING) as desk, desk.client("ann") as ann:
        code = (await press(ann))["approvalCode"]
        assert (await desk.confirm(name, code))["error"] == error
        assert await desk.held() == [2, -3]
        assert (await desk.confirm("bob", code))["success"], "and it is still there to confirm"


@pytest.mark.anyio
async def test_a_code_stands_for_one_plan() -> None:
    async with a_desk(EVERYTHING) as desk, desk.client("ann") as ann:
        code = (await press(ann))["approvalCode"]
        await desk.hold("A1", 1)
        changed = await desk.confirm("bob", code)
        assert changed["error"] == "plan_changed"
        assert await desk.held() == [3, -3]

        fresh = (await press(ann))["approvalCode"]
        assert fresh != code
        assert (await desk.confirm("bob", fresh))["success"]


@pytest.mark.anyio
async def test_it_expires_with_a_clear_answer() -> None:
    async with a_desk(SOON_OVER) as desk, desk.client("ann") as ann:
        asked = await press(ann)
        await ann.hears_nothing(0.1)
        late = await desk.confirm("bob", asked["approvalCode"])
        listed = await ann.call("ListApprovals")
        assert (late["error"], listed["approvals"]) == ("approval_expired", [])
        assert (await press(ann))["approvalCode"] != asked["approvalCode"]
        assert await desk.held() == [2, -3]


@pytest.mark.anyio
async def test_after_the_askers_token_ended_nobody_can_confirm() -> None:
    async with a_desk(EVERYTHING) as desk, desk.client("ann") as ann:
        code = (await press(ann))["approvalCode"]
        now = hand.NOW
        assert await desk.engine.journal.revoke_token(TokenId("tok-ann"), now)
        assert (await desk.confirm("bob", code))["error"] == "approval_expired"
        assert await desk.held() == [2, -3]


@pytest.mark.anyio
async def test_one_press_has_one_code_and_another_call_another() -> None:
    async with a_desk(EVERYTHING) as desk, desk.client("ann") as ann:
        first = await press(ann, key="k1")
        resent = await press(ann, key="k1", args={"reason": "spelled anew"})
        other = await press(ann, key="k2")

        assert resent["approvalCode"] == first["approvalCode"] != other["approvalCode"]
        async with desk.client("bob") as bob:
            seen = (await bob.call("ListApprovals"))["approvals"]
            plan = await bob.call("GetOperation", {"operationId": seen[0]["planOperationId"]})
        assert [each["code"] for each in seen] == [first["approvalCode"], other["approvalCode"]]
        assert (seen[0]["principal"], seen[0]["positions"]) == ("ann", 2)
        assert seen[0]["why"] == "it closes everything"
        assert plan["operation"]["planHash"] == seen[0]["planHash"]
        async with desk.client("narrow") as narrow:
            assert (await narrow.call("ListApprovals"))["approvals"] == []


@pytest.mark.anyio
async def test_one_press_that_comes_twice_at_once_has_one_code() -> None:
    async with a_desk(EVERYTHING) as desk, desk.client("ann") as here, desk.client("ann") as there:
        for client in (here, there):
            await client.say(action="rpc", id="press", idempotencyKey="k1", **WIDE)
        _, first = await here.hear_until_final("press")
        _, second = await there.hear_until_final("press")

        assert first["approvalCode"] == second["approvalCode"]
        assert len(await desk.noted("approval_required")) == 1


@pytest.mark.anyio
async def test_what_waits_of_one_principal_is_bounded() -> None:
    async with a_desk(EVERYTHING) as desk, desk.client("ann") as ann:
        codes = [(await press(ann, key=f"k{number}"))["approvalCode"] for number in range(10)]
        listed = (await ann.call("ListApprovals"))["approvals"]

    assert [each["code"] for each in listed] == codes[-8:]


@pytest.mark.anyio
async def test_who_breaks_the_glass_goes_alone_and_loudly() -> None:
    async with a_desk(EVERYTHING) as desk, desk.client("chief") as chief:
        assert (await press(chief))["error"] == "approval_required"
        silent = await press(chief, args={"breakGlass": True})
        assert silent["error"] == "missing_argument"
        alone = await press(chief, args={"breakGlass": True, "reason": "fire in the hall"})

        assert (alone["flat"], alone["alone"]) == (True, True)
        assert await desk.held() == []
        [told] = await desk.noted("broken_glass")
        assert (told.alert, told.principal) == (True, "chief")
        assert told.detail.endswith("fire in the hall")
        async with desk.client("ann") as ann:
            refused = await press(ann, args={"breakGlass": True, "reason": "me too"})
        assert refused["error"] == "forbidden"


@pytest.mark.anyio
async def test_a_halt_that_closes_everything_is_no_way_round() -> None:
    async with a_desk(EVERYTHING) as desk:
        await let_in(desk.engine, "both", {Role.RISK, Role.BREAK_GLASS})
        lock = {"everything": True, "level": "flatten_and_lock", "reason": "lock"}
        async with desk.client("bob") as bob:
            refused = await bob.call("Halt", lock)
            assert refused["error"] == "approval_required"
            assert (await bob.call("Halt", lock | {"level": "no_new_risk"}))["success"]
            assert await desk.held() == [2, -3]
        async with desk.client("both") as both:
            assert (await both.call("Halt", lock))["success"]
        assert (await desk.noted("broken_glass"))[0].principal == "both"


@pytest.mark.anyio
async def test_a_plan_and_a_narrow_call_need_nobody() -> None:
    async with a_desk(EVERYTHING) as desk, desk.client("ann") as ann:
        assert (await press(ann, args={"dryRun": True}))["planned"]
        narrow = await press(ann, api="Flatten", args={"account": "A1"})
        assert (narrow["flat"], "approvedBy" in narrow) == (True, False)


@pytest.mark.anyio
@pytest.mark.parametrize(
    ("rule", "api", "args", "needs_one"),
    [
        (SecondPersonRule(), "FlattenEverything", {}, False),
        (EVERYTHING, "LiquidateAll", {}, True),
        (EVERYTHING, "Liquidate", {"all": True}, True),
        (EVERYTHING, "Flatten", {"venue": "paper"}, True),
        (EVERYTHING, "Flatten", {"accounts": ["A1", "B1"]}, True),
        (EVERYTHING, "Flatten", {"accounts": ["A1", "B1"], "exclude": ["NQ"]}, True),
        (EVERYTHING, "Flatten", {"venue": "paper", "instrument": "ES"}, False),
        (EVERYTHING, "Flatten", {"venue": "paper", "fraction": 0.5}, True),
        (SecondPersonRule(accounts_above=1), "Flatten", {"instrument": "ES"}, True),
        (SecondPersonRule(accounts_above=1), "Flatten", {"account": "B1"}, False),
        (SecondPersonRule(accounts_above=2), "FlattenEverything", {}, False),
        (SecondPersonRule(others=True), "Flatten", {"account": "B1"}, True),
        (SecondPersonRule(others=True), "ExitAll", {"user_id": "bob"}, True),
        (SecondPersonRule(others=True), "ExitAll", {"user_id": "ann"}, False),
        (SecondPersonRule(others=True), "Flatten", {"account": "A1"}, False),
    ],
)  # fmt: skip
async def test_which_calls_need_one(
    rule: SecondPersonRule, api: str, args: dict[str, Any], needs_one: bool
) -> None:
    async with a_desk(rule) as desk, desk.client("ann") as ann:
        answer = await press(ann, api=api, args=args)
        code = answer.get("errorCode") or answer.get("error")

    assert (code == "approval_required") is needs_one


def test_accounts_that_were_never_read_may_be_anybodys() -> None:
    unread = AccountRef(VenueId("far"), UNREAD)
    account = Account(venue=unread.venue, account=UNREAD, user_id="")
    ann = Principal(
        principal_id=PrincipalId("ann"), token_id=TokenId("t"), roles=frozenset({Role.TRADER})
    )
    wide = hand.request(principal=ann.principal_id, scope=Scope(accounts=(unread,)))

    for rule in (SecondPersonRule(others=True), SecondPersonRule(accounts_above=5)):
        assert why_confirm(rule, ann, wide, {unread: account}) is not None
    assert why_confirm(SecondPersonRule(), ann, wide, {unread: account}) is None
