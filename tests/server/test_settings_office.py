"""Preferences and the policy over the socket, on a real engine and the paper venue."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from decimal import Decimal
from typing import Any

import anyio
import pytest

from rpcserver.apis.catalogue import registry
from rpcserver.apis.decoding import decode_args
from rpcserver.apis.defaults import with_preferences
from rpcserver.apis.registry import ClosingApi
from rpcserver.core.records import Noted
from rpcserver.domain.closing import Dust, LadderStep, OnFence
from rpcserver.domain.directive import Preferences
from rpcserver.domain.ids import AccountId, InstrumentId, PrincipalId
from rpcserver.domain.market import MarketPhase
from rpcserver.domain.principal import Role
from rpcserver.driver.engine import Engine, open_engine
from rpcserver.journal.memory import MemoryJournal
from rpcserver.server import weighing
from rpcserver.server.approvals import Approvals
from rpcserver.server.limits import Limits
from rpcserver.server.listener import serve
from rpcserver.server.settings import ServerSettings
from rpcserver.venues.paper import PaperSettings, PaperVenue, open_paper_venue
from rpcserver.venues.paper.commands import OpenAccount, OpenPosition, SetPhase
from tests.apis import hand, samples
from tests.server.clients import Client, Frame, connect_client, let_in

pytestmark = pytest.mark.anyio
LIMITS = Limits(dialect_limits=False)


class Desk:
    """A server over two accounts: A1 long two ES, bought far above the market, and B1."""

    def __init__(
        self, port: int, venue: PaperVenue, engine: Engine, instrument: InstrumentId
    ) -> None:
        self.port = port
        self.venue = venue
        self.engine = engine
        self.instrument = instrument

    @asynccontextmanager
    async def client(self, name: str) -> AsyncIterator[Client]:
        async with connect_client(self.port, name) as client:
            yield client

    async def policy(self, **changes: Any) -> None:
        async with self.client("admin") as admin:
            told = await admin.call("SetPolicy", {**changes, "reason": "the house rules"})
            assert told["success"], told

    async def alerts(self) -> list[tuple[str, str]]:
        entries = await self.engine.journal.entries(limit=10_000)
        records = (entry.record for entry in entries)
        return [(each.code, each.detail) for each in records if isinstance(each, Noted)]

    async def held(self) -> list[Decimal]:
        return [p.signed_quantity for p in (await self.venue.snapshot(AccountId("A1"))).positions]


@asynccontextmanager
async def a_desk(limits: Limits = LIMITS) -> AsyncIterator[Desk]:
    settings = PaperSettings(tick_interval=None, position_settle=0.0, with_portfolio=False)
    async with open_paper_venue(settings) as venue:
        contract = next(each for each in await venue.instruments() if each.root == "ES")
        for name in ("A1", "B1"):
            await venue.control(
                OpenAccount(account=AccountId(name), user_id="desk", cash=Decimal(10**9))
            )
        await venue.control(
            OpenPosition(
                account=AccountId("A1"),
                instrument=contract.instrument_id,
                quantity=Decimal(2),
                average_price=Decimal(90_000),
            )
        )
        async with open_engine(MemoryJournal(), {venue.venue_id: venue}) as engine:
            await engine.accounts_read()
            await let_in(engine, "ann", {Role.TRADER})
            await let_in(engine, "narrow", {Role.TRADER}, ("B1",), principal="ann")
            await let_in(engine, "bob", {Role.RISK})
            await let_in(engine, "admin", {Role.ADMIN})
            await let_in(engine, "small", {Role.ADMIN}, ("B1",))
            await let_in(engine, "chief", {Role.BREAK_GLASS})
            told = ServerSettings(port=0, limits=limits)
            async with serve(told, engine, registry) as server:
                yield Desk(server.port, venue, engine, contract.instrument_id)


async def press(client: Client, api: str = "Flatten", key: str | None = None, **args: Any) -> Frame:
    envelope = {"idempotencyKey": key} if key is not None else {}
    args = args or {"account": "A1"}
    await client.say(action="rpc", id="press", api=api, args=args, **envelope)
    _, data = await client.hear_until_final("press")
    return data


# --- preferences ---------------------------------------------------------------------------------


async def test_what_a_call_leaves_out_is_taken_from_preferences_and_told() -> None:
    async with a_desk() as desk, desk.client("ann") as ann:
        await ann.call("SetPreferences", {"dust": "leave", "deadlineMs": 30_000, "onFence": "wait"})
        planned = await press(ann, account="A1", dryRun=True)
        closed = await press(ann, account="A1", onFence="uncontested")
        told = await ann.call("GetOperation", {"operationId": closed["operationId"]})
        report = await desk.engine.load_report(closed["operationId"])

    everything = {"dust": "leave", "deadlineMs": 30_000, "onFence": "wait"}
    assert planned["fromPreferences"] == everything
    assert closed["fromPreferences"] == {"dust": "leave", "deadlineMs": 30_000}
    assert told["operation"]["fromPreferences"] == closed["fromPreferences"]
    assert report is not None
    assert (report.request.dust, report.request.deadline) == (Dust.LEAVE, 30.0)
    assert report.request.on_fence is OnFence.UNCONTESTED, "what the call says wins"


async def test_the_same_key_is_the_same_operation_whatever_was_preferred_meanwhile() -> None:
    async with a_desk() as desk, desk.client("ann") as ann:
        first = await press(ann, key="k1", account="A1")
        changed = {"executionType": "ladder", "ladder": [{"offsetTicks": 2}], "dust": "leave"}
        assert (await ann.call("SetPreferences", changed))["success"]
        again = await press(ann, key="k1", account="A1")

    assert first["flat"]
    assert "error" not in again, again
    assert again["operationId"] == first["operationId"]
    assert "fromPreferences" not in again


async def test_a_call_that_says_its_own_execution_takes_no_ladder() -> None:
    async with a_desk() as desk, desk.client("ann") as ann:
        ladder = {"executionType": "ladder", "ladder": [{"offsetTicks": 2}]}
        await ann.call("SetPreferences", ladder)
        market = await press(ann, account="A1", dryRun=True, ladder=[{"type": "market"}])
        exited = await press(
            ann, "ExitAll", instruments=[desk.instrument], execution_type="MARKET", dryRun=True
        )
        taken = await press(ann, account="A1", dryRun=True)
        await ann.call("SetPreferences", {"executionType": "market"})
        after = await press(ann, account="A1", dryRun=True)

    assert "fromPreferences" not in market
    assert "fromPreferences" not in exited
    assert list(taken["fromPreferences"]) == ["ladder"]
    assert "fromPreferences" not in after


async def test_no_scope_is_taken_unless_the_call_names_it() -> None:
    async with a_desk() as desk, desk.client("ann") as ann:
        none = await press(ann, scope="preferred")
        await ann.call("SetPreferences", {"accounts": ["A1"], "instruments": ["ES"]})
        bare = await press(ann, reason="a filter was lost")
        both = await press(ann, scope="preferred", account="B1")
        empty = await press(ann, scope=None)
        assert await desk.held() == [2]
        closed = await press(ann, scope="preferred")

    assert (none["error"], bare["error"]) == ("filter_required", "filter_required")
    assert (both["error"], empty["error"]) == ("invalid_argument", "empty_filter")
    assert closed["flat"]
    assert closed["fromPreferences"] == {"accounts": ["paper:A1"], "instruments": ["ES"]}
    assert await desk.held() == []


async def test_preferences_belong_to_the_user_and_reach_no_further_than_its_token() -> None:
    async with a_desk() as desk:
        async with desk.client("ann") as ann, desk.client("narrow") as narrow:
            await ann.call("SetPreferences", {"accounts": ["A1"], "dust": "leave"})
            seen = await narrow.call("GetPreferences")
            changed = await narrow.call("SetPreferences", {"dust": "close"})
            used = await press(narrow, account="B1", dryRun=True)
            peeked = await ann.call("GetPreferences", {"user": "bob"})
        async with desk.client("admin") as admin, desk.client("small") as small:
            by_admin = await admin.call("SetPreferences", {"user": "ann", "deadlineMs": 5000})
            by_small = await small.call("SetPreferences", {"user": "bob", "dust": "leave"})
            of_nobody = await admin.call("SetPreferences", {"user": "nobody", "dust": "leave"})

    assert seen["preferences"] == {"user": "ann"}
    assert changed["error"] == "forbidden"
    assert "fromPreferences" not in used
    assert peeked["error"] == "forbidden"
    assert by_admin["preferences"]["dust"] == "leave", "what is left out stays"
    assert by_admin["preferences"]["principal"] == "admin"
    assert (by_small["error"], of_nobody["error"]) == ("unknown_user", "unknown_user")


@pytest.mark.parametrize(
    ("args", "key"),
    [
        ({"onFence": "override"}, "onFence"),
        ({"executionType": "ladder"}, "ladder"),
        ({"executionType": "market", "ladder": [{}]}, "ladder"),
        ({"ladder": [{"afterMs": 5}]}, "ladder[0]"),
        ({"deadlineMs": 0}, "deadlineMs"),
        ({"clear": ["everything"]}, "clear"),
        ({"alerts": ["exit_faild"]}, "exit_failed"),
        ({}, "say what"),
    ],
)
async def test_what_cannot_be_preferred_is_refused_by_its_key(
    args: dict[str, Any], key: str
) -> None:
    async with a_desk() as desk, desk.client("ann") as ann:
        refused = await ann.call("SetPreferences", args)

    assert not refused["success"]
    assert key in refused["detail"]


@pytest.mark.parametrize("api", [api for api in registry if isinstance(api, ClosingApi)])
def test_no_preference_ever_makes_a_call_be_refused(api: ClosingApi[Any]) -> None:
    sample = samples.CLOSING[api.name].args
    preferences = Preferences(
        user=PrincipalId("ann"),
        ladder=(LadderStep(offset_ticks=2),),
        on_fence=OnFence.WAIT,
        dust=Dust.LEAVE,
        deadline=5.0,
        wait_for_open=True,
    )

    args, taken = with_preferences(
        decode_args(api.args, sample.encode()), json.loads(sample).keys(), preferences
    )
    terms = api.terms(args, hand.asked())

    assert {each.key for each in taken} >= {"onFence", "dust", "deadlineMs", "waitForOpen"}
    assert (terms.dust, terms.deadline, terms.wait_for_open) == (Dust.LEAVE, 5.0, True)


async def test_a_user_is_told_the_alerts_it_wants() -> None:
    async with a_desk() as desk, desk.client("bob") as bob:
        await bob.call("SetPreferences", {"alerts": ["threshold_passed"]})
        await desk.policy(thresholds=[{"of": "loss", "amount": 1, "needs": "warn"}])
        await bob.say(action="subscribe", channels=["alerts"])
        assert (await bob.hear())["type"] == "subscribed"
        async with desk.client("ann") as ann:
            await ann.call("Halt", {"account": "B1", "reason": "an alert nobody asked for"})
            await press(ann)
        while (heard := await bob.hear())["type"] != "event":
            pass

    assert [item["code"] for item in heard["items"]] == ["threshold_passed"]


# --- the policy ----------------------------------------------------------------------------------


async def test_the_policy_is_changed_by_administrators_of_everything_within_the_bounds() -> None:
    async with a_desk() as desk:
        async with desk.client("small") as small, desk.client("ann") as ann:
            refused = [
                await each.call("SetPolicy", {"retentionDays": 30, "reason": "why not"})
                for each in (small, ann)
            ]
        async with desk.client("admin") as admin:
            beyond = {"role": "trader", "perSecond": 101, "burst": 1}
            slow = {"api": "Flatten", "perSecond": 0.5, "burst": 1}
            nowhere = {"api": "Flaten", "perSecond": 5, "burst": 1}
            wrong = [
                await admin.call("SetPolicy", {"rates": [rate], "reason": "r"})
                for rate in (beyond, slow, nowhere, {"perSecond": 1}, beyond | {"account": "A1"})
            ]
            twice = [{"role": "trader", "perSecond": 1}] * 2
            contradiction = await admin.call("SetPolicy", {"rates": twice, "reason": "r"})
            strange = {"rates": [{"token": "tok-gone", "perSecond": 1}], "reason": "r"}
            nobody = await admin.call("SetPolicy", strange)
            mute = await admin.call("SetPolicy", {"retentionDays": 30})
            short = [
                await admin.call("SetPolicy", {"retentionDays": days, "reason": "r"})
                for days in (6, 1, 0, -7, 36_501)
            ]
            told = await admin.call("SetPolicy", {"retentionDays": 30, "reason": "the law"})

    assert [each["error"] for each in refused] == ["forbidden", "forbidden"]
    assert {each["error"] for each in wrong} == {"invalid_argument"}
    assert "100 a second" in wrong[0]["detail"]
    assert "'Flatten'" in wrong[2]["detail"], "the nearest name"
    assert contradiction["error"] == "contradiction"
    assert (nobody["error"], "'tok-gone'" in nobody["detail"]) == ("unknown_token", True)
    assert mute["error"] == "missing_argument"
    for each in short:
        assert (each["error"], each["detail"]) == ("invalid_argument", "retentionDays: 7 to 36500")
    assert (told["policy"]["retentionDays"], told["policy"]["reason"]) == (30, "the law")


async def test_the_policy_tells_nobody_of_what_is_anothers() -> None:
    async with a_desk() as desk:
        await desk.policy(
            hours=[{"accounts": ["A1"], "checkHours": True}, {"waitForOpen": True}],
            rates=[{"account": "A1", "perSecond": 5}, {"token": "tok-bob", "perSecond": 5}],
        )
        async with desk.client("narrow") as narrow, desk.client("bob") as bob:
            seen, all_but_rates = await narrow.call("GetPolicy"), await bob.call("GetPolicy")

    assert seen["policy"]["hours"] == [{"waitForOpen": True}]
    assert seen["policy"]["rates"] == []
    assert len(all_but_rates["policy"]["rates"]) == 2


async def test_a_rate_of_the_policy_refuses_calls_and_never_exits() -> None:
    async with a_desk() as desk:
        await desk.policy(
            rates=[
                {"role": "trader", "perSecond": 0.001, "burst": 3},
                {"account": "A1", "perSecond": 0.001},
            ]
        )
        async with desk.client("ann") as ann:
            read = [await ann.call("GetPosition", {"account": "A1", "instrument": "ES"})]
            read += [await ann.call("ListPositions", {"account": "A1"})]
            spent = [await ann.call("Ping"), await ann.call("Ping")]
            closed = await press(ann)

    assert read[0]["success"], read
    assert (read[1]["error"], spent[1]["error"]) == ("rate_limited", "rate_limited")
    assert spent[1]["retryAfterMs"] > 1000
    assert closed["flat"]


async def test_what_is_left_is_told_once_it_is_little() -> None:
    limits = Limits(calls_per_second=0.001, calls_burst=4, closing_calls_burst=2)
    async with a_desk(limits) as desk, desk.client("ann") as ann:
        told = [await ann.call("Ping") for _ in range(5)]
        accepted = []
        for _ in range(2):
            await ann.say(action="rpc", id="x", api="Flatten", args={"account": "B1"})
            frames, _ = await ann.hear_until_final("x")
            accepted.append(next(each for each in frames if each["type"] == "accepted"))

    assert ["rateLimit" in each for each in told[:4]] == [False, False, True, True]
    assert told[3]["rateLimit"]["remaining"] == 0
    assert told[3]["rateLimit"]["resetMs"] > 1000
    assert told[4]["error"] == "rate_limited"
    assert "rateLimit" not in accepted[0]
    assert accepted[1]["rateLimit"]["remaining"] == 0


async def test_an_exit_beyond_a_threshold_is_warned_of_and_goes() -> None:
    async with a_desk() as desk, desk.client("ann") as ann:
        await desk.policy(thresholds=[{"of": "loss", "amount": 1000, "needs": "warn"}])
        closed = await press(ann)

    assert closed["flat"]
    assert "it realises a loss of" in closed["warnings"][0]
    assert [code for code, _ in await desk.alerts()].count("threshold_passed") == 1


async def test_an_exit_beyond_a_threshold_needs_a_reason() -> None:
    async with a_desk() as desk, desk.client("ann") as ann:
        await desk.policy(thresholds=[{"of": "exposure", "amount": 1000, "needs": "reason"}])
        planned = await press(ann, account="A1", dryRun=True)
        refused = await press(ann)
        assert await desk.held() == [2]
        elsewhere = await press(ann, account="B1")
        closed = await press(ann, account="A1", reason="the feed is dead", key="k9")
        again = await press(ann, account="A1", key="k9")

    assert planned["warnings"]
    assert (refused["error"], refused["statusCode"]) == ("reason_required", 428)
    assert "threshold 1000" in refused["detail"]
    assert elsewhere["success"], "nothing is closed there"
    assert closed["flat"]
    assert again["operationId"] == closed["operationId"], "a resend is not weighed again"


async def test_an_exit_beyond_a_threshold_needs_a_second_person_or_breaks_the_glass() -> None:
    async with a_desk() as desk:
        await desk.policy(thresholds=[{"of": "loss", "amount": 1, "needs": "second_person"}])
        async with desk.client("ann") as ann, desk.client("bob") as bob:
            asked = await press(ann, key="k1", account="A1")
            assert await desk.held() == [2], "nothing was sent"
            confirmed = await bob.call("Confirm", {"code": asked["approvalCode"]})
            closed = await press(ann, key="k1", account="A1")
        assert asked["error"] == "approval_required"
        assert confirmed["success"], confirmed
        assert (closed["flat"], closed["approvedBy"]) == (True, "bob")
    async with a_desk() as desk:
        await desk.policy(thresholds=[{"of": "loss", "amount": 1, "needs": "second_person"}])
        async with desk.client("chief") as chief:
            alone = await press(chief, account="A1", breakGlass=True, reason="nobody is here")
        assert (alone["flat"], alone["alone"]) == (True, True)


async def test_a_plan_that_is_not_there_in_time_holds_no_exit_up(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async def never(*_: object) -> None:
        await anyio.sleep_forever()

    monkeypatch.setattr(Approvals, "plan", never)
    monkeypatch.setattr(weighing, "PATIENCE", 0.05)
    async with a_desk() as desk, desk.client("ann") as ann:
        await desk.policy(thresholds=[{"of": "loss", "amount": 1, "needs": "second_person"}])
        closed = await press(ann)

        assert closed["flat"]
        assert "no plan was there in time" in closed["warnings"][0]
        assert "threshold_unmeasured" in [code for code, _ in await desk.alerts()]


async def test_the_policy_decides_what_is_done_about_a_closed_market() -> None:
    async with a_desk() as desk, desk.client("ann") as ann:
        await desk.venue.control(SetPhase(instrument=desk.instrument, phase=MarketPhase.CLOSED))
        await desk.policy(hours=[{"accounts": ["A1"], "checkHours": True, "waitForOpen": True}])
        both = await press(ann, account="A1", dryRun=True)
        own = await press(ann, account="A1", waitForOpen=False)
        wide = await press(ann, instrument="ES", dryRun=True)

    assert both["fromPolicy"] == {"checkHours": True, "waitForOpen": True}
    assert own["fromPolicy"] == {"checkHours": True}, "what the call says wins"
    assert own["counts"] == {"waiting_market": 1}
    assert wide["fromPolicy"] == {"checkHours": True}, "B1 may not wait"


async def test_no_order_opens_more_than_the_policy_allows() -> None:
    async with a_desk() as desk, desk.client("ann") as ann:
        await desk.policy(sizes=[{"instrument": "ES", "order": 2, "position": 3}])
        order = {"account": "A1", "instrument": desk.instrument, "orderType": "MARKET"}
        large = await ann.call("PlaceOrder", {**order, "action": "BUY", "quantity": 3})
        far = await ann.call("PlaceOrder", {**order, "action": "BUY", "quantity": 2})
        fits = await ann.call("PlaceOrder", {**order, "action": "BUY", "quantity": 1})
        reduces = await ann.call("PlaceOrder", {**order, "action": "SELL", "quantity": 3})
        after = await ann.call("FlatPlace", {**order, "action": "BUY", "quantity": 3})

    assert (large["error"], far["error"]) == ("size_exceeded", "size_exceeded")
    assert fits["success"], fits
    assert reduces["success"], reduces
    assert after["error"] == "size_exceeded"
