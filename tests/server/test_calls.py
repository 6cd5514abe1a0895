from __future__ import annotations

import json
from collections.abc import AsyncIterator
from datetime import UTC, datetime

import anyio
import pytest

from rpcserver.apis.catalogue import registry as whole_registry
from rpcserver.core.events import Noticed
from rpcserver.core.requests import CloseRequest
from rpcserver.domain.account import UNREAD, Account
from rpcserver.domain.errors import InvalidRequest, OutcomeUnknown, VenueUnavailable
from rpcserver.domain.ids import OperationId, VenueId
from rpcserver.domain.principal import Role
from rpcserver.server.limits import Limits
from rpcserver.server.listener import Server
from rpcserver.server.settings import ServerSettings
from tests.server.apis import PADDING
from tests.server.clients import Client, connect_client, let_in
from tests.server.conftest import a_server
from tests.server.fakes import FakeEngine, FakeVenue

pytestmark = pytest.mark.anyio

OP = OperationId("op-1")


async def test_a_closing_call_is_accepted_followed_and_answered(
    client: Client, engine: FakeEngine
) -> None:
    await client.say(action="rpc", id="r1", api="Flatten", args={"account": "Sim101"})

    accepted = await client.hear()
    assert accepted == {
        "type": "accepted",
        "requestId": "r1",
        "operationId": "op-1",
        "duplicate": False,
    }
    opened = await client.hear()
    assert (opened["type"], opened["event"], opened["seq"]) == ("progress", "opened", 1)
    await engine.end_legs(OP, 2)
    await engine.finish(OP)
    steps, data = await client.hear_until_final("r1")
    assert [(step["event"], step["seq"], step["leg"]) for step in steps] == [
        ("leg_ended", 2, 1),
        ("leg_ended", 3, 2),
    ]
    assert all(step["requestId"] == "r1" for step in steps)
    assert steps[0]["remaining"] == "0"
    assert data == {"success": True, "operationId": "op-1", "full": True}


@pytest.mark.parametrize("key", ["directive:rule:@policy:op-1:1", "stay-flat:op-1:1"])
async def test_no_client_calls_under_a_key_of_the_servers_own(
    client: Client, engine: FakeEngine, key: str
) -> None:
    await client.say(
        action="rpc", id="r1", api="Flatten", args={"account": "Sim101"}, idempotencyKey=key
    )
    _, data = await client.hear_until_final("r1")

    assert data["error"] == "invalid_argument"
    assert "idempotencyKey" in str(data["detail"])
    assert not engine.closed


async def test_a_known_key_is_answered_with_its_operation_while_the_server_stops(
    client: Client, engine: FakeEngine
) -> None:
    engine.ends_by_itself, engine.opened_at = True, datetime.now(UTC)
    call = {"action": "rpc", "api": "Flatten", "args": {"account": "Sim101"}}
    await client.say(id="r1", idempotencyKey="k1", **call)
    _, first = await client.hear_until_final("r1")
    engine.refusal = InvalidRequest("shutting_down", "the server is restarting: ask again")

    await client.say(id="r2", idempotencyKey="k1", **call)
    [accepted, *_], again = await client.hear_until_final("r2")
    await client.say(id="r3", idempotencyKey="k2", **call)
    _, fresh = await client.hear_until_final("r3")

    assert (accepted["operationId"], accepted["duplicate"]) == (first["operationId"], True)
    assert again == first
    assert fresh["error"] == "shutting_down"
    assert len(engine.closed) == 1


async def test_a_call_whose_token_is_revoked_before_its_turn_is_not_carried_out(
    engine: FakeEngine,
) -> None:
    await let_in(engine, "admin", {Role.ADMIN, Role.TRADER})
    limits = Limits(closing_calls_per_second=5, closing_calls_burst=1)
    engine.ends_by_itself = True
    async with (
        a_server(engine, limits) as server,
        connect_client(server.port, "admin") as admin,
        connect_client(server.port, "trader") as trader,
    ):
        for name in ("r1", "r2"):
            await trader.say(action="rpc", id=name, api="Flatten", args={"account": "Sim101"})
        await trader.hear_until_final("r1")
        assert await admin.call("RevokeToken", {"name": "tok-trader"}) == {"revoked": True}
        await trader.hear_close()
        await anyio.sleep(0.3)  # the turn of the second comes

    assert [request.request_id for request in engine.closed] == ["r1"]


async def test_the_engine_is_given_the_whole_request(client: Client, engine: FakeEngine) -> None:
    engine.ends_by_itself = True
    await client.say_text(
        '{"action":"rpc","id":"r1","api":"Flatten","idempotencyKey":"k1",\n'
        ' "args":{"account":"Sim101",\n"quantity":2,"reason":"night"}}'
    )
    await client.hear_until_final("r1")

    [request] = engine.closed
    assert request.api == "Flatten"
    assert (request.principal, request.token_id) == ("trader", "tok-trader")
    assert (request.request_id, request.idempotency_key) == ("r1", "k1")
    assert request.args == '{"account":"Sim101","quantity":2,"reason":"night"}'
    assert request.reason == "night"
    assert [ref.account for ref in request.scope.accounts] == ["Sim101"]
    assert request.remote.startswith("127.0.0.1:")
    assert engine.joins == [False]  # a key names the operation by itself


async def test_without_progress_only_the_acceptance_and_the_end_are_told(
    client: Client, engine: FakeEngine
) -> None:
    engine.ends_by_itself = True
    await client.say(
        action="rpc", id="r1", api="Flatten", args={"account": "Sim101"}, progress=False
    )

    before, _ = await client.hear_until_final("r1")

    assert [frame["type"] for frame in before] == ["accepted"]


async def test_an_operation_that_is_over_at_once_is_told_in_full(
    client: Client, engine: FakeEngine
) -> None:
    engine.ends_by_itself = True
    engine.legs = 400  # more than the hub keeps: the journal tells the rest
    await client.say(action="rpc", id="r1", api="Flatten", args={"account": "Sim101"})

    before, data = await client.hear_until_final("r1")

    assert [frame["type"] for frame in before[:1]] == ["accepted"]
    assert [frame["seq"] for frame in before[1:]] == list(range(1, 402))
    assert data["success"] is True


async def test_the_same_call_again_joins_and_both_are_answered(
    client: Client, engine: FakeEngine
) -> None:
    for _ in range(2):
        await client.say(action="rpc", id="r1", api="Flatten", args={"account": "Sim101"})
    frames = [await client.hear() for _ in range(4)]
    accepted = [frame for frame in frames if frame["type"] == "accepted"]
    assert {frame["operationId"] for frame in accepted} == {"op-1"}
    assert sorted(frame["duplicate"] for frame in accepted) == [False, True]

    await engine.finish(OP)

    finals = [await client.hear() for _ in range(2)]
    assert [frame["id"] for frame in finals] == ["r1", "r1"]
    assert len(engine.closed) == 1


async def test_a_key_repeats_the_answer_with_its_progress(
    client: Client, engine: FakeEngine
) -> None:
    engine.ends_by_itself = True
    told: list[list[str]] = []
    for request_id in ("r1", "r2"):
        await client.say(
            action="rpc",
            id=request_id,
            api="Flatten",
            args={"account": "Sim101"},
            idempotencyKey="k1",
        )
        texts = [await client.hear_text()]
        while '"type"' in texts[-1]:
            texts.append(await client.hear_text())
        told.append(texts)

    first, second = told
    assert json.loads(second[0])["duplicate"] is True
    assert first[1:-1] == second[1:-1]  # byte for byte, r1's own frames
    assert json.loads(second[-1])["id"] == "r2"
    assert len(engine.closed) == 1


async def test_a_key_used_for_another_call_is_a_conflict(
    client: Client, engine: FakeEngine
) -> None:
    engine.ends_by_itself = True
    for request_id, account in (("r1", "Sim101"), ("r2", "Sim102")):
        await client.say(
            action="rpc",
            id=request_id,
            api="Flatten",
            args={"account": account},
            idempotencyKey="k1",
        )

    _, data = await client.hear_until_final("r2")

    assert data["error"] == "idempotency_conflict"


@pytest.fixture
async def unread(engine: FakeEngine) -> AsyncIterator[Client]:
    """A client, of every api, of an engine whose venue was never read since the start."""
    [venue] = engine.accounts
    engine.accounts = {venue: (Account(venue=venue, account=UNREAD, user_id="", connected=False),)}
    engine.instruments = {venue: ()}
    async with (
        a_server(engine, registry=whole_registry) as server,
        connect_client(server.port, "trader") as client,
    ):
        yield client


async def test_a_key_finds_its_operation_though_no_venue_was_read_since_a_restart(
    engine: FakeEngine, unread: Client
) -> None:
    engine.opened_at = datetime.now(UTC)
    accounts, instruments = engine.accounts, engine.instruments
    venue = FakeVenue()
    engine.accounts = {venue.venue_id: tuple(venue.held.values())}
    call = {"action": "rpc", "api": "Flatten", "args": {"account": "Sim101"}}
    await unread.say(id="r1", idempotencyKey="k1", **call)
    assert (await unread.hear())["type"] == "accepted"
    engine.accounts, engine.instruments = accounts, instruments

    await unread.say(id="again", idempotencyKey="k1", **call)
    while (accepted := await unread.hear())["type"] != "accepted":
        pass
    await unread.say(id="another", idempotencyKey="k2", **call)
    _, refused = await unread.hear_until_final("another")
    await unread.say(id="a conflict", idempotencyKey="k1", **{**call, "args": {"account": "x"}})
    _, conflict = await unread.hear_until_final("a conflict")

    assert (accepted["operationId"], accepted["duplicate"]) == ("op-1", True)
    assert refused["error"] == conflict["error"] == "venue_unavailable"
    assert len(engine.closed) == 1


@pytest.mark.parametrize(
    "api", ["ListAccounts", "GetAllPositions", "GetAllOrders", "ListExecutions", "CancelAllOrders"]
)
async def test_the_accounts_of_a_venue_never_read_are_not_told_as_none(
    unread: Client, api: str
) -> None:
    assert (await unread.call(api))["error"] == "venue_unavailable"


def digest_of(engine: FakeEngine) -> str:
    request: CloseRequest = engine.closed[-1]
    return request.digest


async def test_reason_spelling_and_alias_do_not_make_another_call(
    client: Client, engine: FakeEngine
) -> None:
    engine.ends_by_itself = True
    await client.call("Flatten", {"account": "Sim101", "quantity": 2})
    digest = digest_of(engine)

    await client.call("Flat", {"reason": "again", "quantity": "2.0", "account": "Sim101"})
    assert digest_of(engine) == digest

    await client.call("Flatten", {"account": "Sim101", "quantity": 3})
    assert digest_of(engine) != digest


async def test_an_answer_that_is_too_long_keeps_the_counts_only(
    client: Client, engine: FakeEngine
) -> None:
    engine.ends_by_itself = True
    PADDING["bytes"] = 600_000

    data = await client.call("Flatten", {"account": "Sim101"})

    assert data["full"] is False


@pytest.mark.parametrize(
    ("text", "code", "words"),
    [
        ('"api":"Flatten","args":{"acount":"Sim101"}', "unknown_argument", "account"),
        ('"api":"Flatten","args":{}', "missing_argument", "account"),
        ('"api":"Flatten","args":null', "invalid_argument", "args"),
        ('"api":"Flatten","args":{"account":"Sim101"},"dryRun":true', "unknown_argument", "dryRun"),
        (
            '"api":"Flatten","args":{"account":"Sim101","account":"Sim102"}',
            "duplicate_key",
            "account",
        ),
        ('"api":"Flaten","args":{}', "unknown_api", "Flatten"),
        ('"api":"Echo","args":{"nam":"x"}', "unknown_argument", "name"),
        ('"api":"PlaceOrder","args":{"accounts":[],"accounts":[]}', "duplicate_key", "accounts"),
        ('"api":"PlaceOrder","args":{},"idempotencyKey":"k"', "invalid_argument", "closing"),
    ],
)
async def test_a_wrong_call_is_refused_by_name_and_does_nothing(
    client: Client, engine: FakeEngine, text: str, code: str, words: str
) -> None:
    await client.say_text(f'{{"action":"rpc","id":"r1",{text}}}')

    _, data = await client.hear_until_final("r1")

    assert (data["success"], data["error"]) == (False, code)
    assert words in data["detail"]
    assert not engine.closed
    assert not engine.placed


async def test_other_calls_pass_over_unknown_keys_of_the_envelope(client: Client) -> None:
    await client.say(action="rpc", id="r1", api="Echo", args={"name": "x"}, trace="t")

    _, data = await client.hear_until_final("r1")

    assert data["name"] == "x"


async def test_an_error_of_our_own_is_not_told(client: Client) -> None:
    for api, args in (("Echo", {"name": "broken"}), ("Flatten", {"account": "broken"})):
        data = await client.call(api, args)

        assert data["error"] == "internal"
        assert "secret" not in json.dumps(data)
        assert len(data["reference"]) == 12


async def test_an_error_of_our_own_is_told_to_those_who_look_after_the_server(
    engine: FakeEngine,
) -> None:
    alarms: list[Noticed] = []
    settings = ServerSettings(port=0, alarm=alarms.append)
    async with (
        a_server(engine, settings=settings) as server,
        connect_client(server.port, "trader") as client,
    ):
        data = await client.call("Echo", {"name": "broken"})
        await client.call("Echo", {"name": 7})  # the caller's own

    [alarm] = alarms
    assert (alarm.code, alarm.alert) == ("internal_error", True)
    assert alarm.detail.startswith("Echo was not carried out")
    assert data["reference"] in alarm.detail
    assert "secret" not in alarm.detail


@pytest.mark.parametrize(
    ("raised", "code"),
    [
        (InvalidRequest("repeat_partial", "op-7 just ended"), "repeat_partial"),
        (VenueUnavailable("down"), "venue_unavailable"),
        (OutcomeUnknown("lost"), "outcome_unknown"),
    ],
)
async def test_what_the_engine_raises_keeps_its_code(
    client: Client, engine: FakeEngine, raised: Exception, code: str
) -> None:
    engine.refusal = raised

    data = await client.call("Flatten", {"account": "Sim101"})

    assert (data["success"], data["error"]) == (False, code)


async def test_a_slow_call_holds_up_no_other(client: Client, engine: FakeEngine) -> None:
    engine.gate = anyio.Event()
    await client.say(action="rpc", id="slow", api="Flatten", args={"account": "Sim101"})

    assert (await client.call("Echo", {"name": "fast"}))["name"] == "fast"

    engine.gate.set()
    assert (await client.hear())["type"] == "accepted"


async def everyone_left(server: Server) -> None:
    with anyio.fail_after(5):
        while len(server.sessions):
            await anyio.sleep(0.001)
    await anyio.sleep(0.01)  # and what the end of a connection cancels has been cancelled


async def test_a_disconnect_cancels_nothing(server: Server, engine: FakeEngine) -> None:
    engine.gate = anyio.Event()
    async with connect_client(server.port, "trader") as client:
        await client.say(action="rpc", id="r1", api="Flatten", args={"account": "Sim101"})
        assert (await client.call("Echo"))["name"] == ""  # by now the call waits in the engine
    await everyone_left(server)
    engine.gate.set()

    with anyio.fail_after(5):
        while not engine.closed:
            await anyio.sleep(0.001)
    assert engine.closed[0].request_id == "r1"


async def test_an_order_under_way_is_not_cut_off_by_a_disconnect(
    server: Server, engine: FakeEngine
) -> None:
    engine.gate = anyio.Event()
    async with connect_client(server.port, "trader") as client:
        await client.say(action="rpc", id="r1", api="PlaceOrder", args={"accounts": ["Sim101"]})
        await client.call("Echo")
    await everyone_left(server)
    engine.gate.set()

    with anyio.fail_after(5):
        while not engine.placed:
            await anyio.sleep(0.001)


async def test_more_calls_at_once_than_allowed_are_refused_but_exits_are_not() -> None:
    venue = FakeVenue()
    engine = FakeEngine(venue)
    await let_in(engine, "trader", {Role.TRADER})
    venue.hang = True
    async with (
        a_server(engine, Limits(calls_in_flight_max=2)) as server,
        connect_client(server.port, "trader") as client,
    ):
        for number in range(3):
            await client.say(action="rpc", id=f"r{number}", api="ListAccounts")
        refused = await client.hear()
        assert (refused["id"], refused["data"]["error"]) == ("r2", "too_many_in_flight")

        await client.say(action="rpc", id="exit", api="Flatten", args={"account": "Sim101"})
        assert (await client.hear())["type"] == "accepted"


async def test_a_venue_that_does_not_answer_is_told_as_not_connected() -> None:
    near, far = FakeVenue(), FakeVenue(VenueId("far"))
    engine = FakeEngine(near, far)
    await let_in(engine, "trader", {Role.TRADER})
    far.hang = True
    async with a_server(engine) as server, connect_client(server.port, "trader") as client:
        data = await client.call("ListAccounts")

    assert [account["connected"] for account in data["accounts"]] == [True, True, False, False]


async def test_an_account_without_a_grant_does_not_exist(
    server: Server, engine: FakeEngine
) -> None:
    await let_in(engine, "one", {Role.TRADER}, ("Sim101",))
    async with connect_client(server.port, "one") as client:
        listed = await client.call("ListAccounts")
        assert [account["name"] for account in listed["accounts"]] == ["Sim101"]
        calls: tuple[tuple[str, dict[str, object]], ...] = (
            ("Flatten", {"account": "Sim102"}),
            ("ListAccounts", {"accounts": ["Sim102"]}),
            ("PlaceOrder", {"accounts": ["Sim102"]}),
            ("CancelAllOrders", {"accounts": ["Sim102"]}),
        )
        for api, args in calls:
            assert (await client.call(api, args))["error"] == "unknown_account"
    assert not engine.closed
    assert not engine.placed


@pytest.mark.parametrize(
    ("role", "api", "is_allowed"),
    [
        (Role.VIEWER, "Flatten", False),
        (Role.VIEWER, "PlaceOrder", False),
        (Role.VIEWER, "ListAccounts", True),
        (Role.RISK, "Flatten", True),
        (Role.RISK, "PlaceOrder", False),
        (Role.ADMIN, "Flatten", False),
        (Role.ADMIN, "CreateToken", True),
        (Role.TRADER, "CreateToken", False),
        (Role.TRADER, "PlaceOrder", True),
    ],
)
async def test_roles_decide_what_may_be_called(
    server: Server, engine: FakeEngine, role: Role, api: str, is_allowed: bool
) -> None:
    engine.ends_by_itself = True
    await let_in(engine, "someone", {role})
    args: dict[str, dict[str, object]] = {
        "Flatten": {"account": "Sim101"},
        "PlaceOrder": {"accounts": ["Sim101"]},
    }
    async with connect_client(server.port, "someone") as client:
        data = await client.call(api, args.get(api))

    assert (data.get("error") != "forbidden") is is_allowed


async def test_only_the_risk_role_overrides_a_fence_and_says_why(
    server: Server, engine: FakeEngine
) -> None:
    engine.ends_by_itself = True
    await let_in(engine, "risk", {Role.RISK})
    override = {"account": "Sim101", "override": True}
    async with connect_client(server.port, "trader") as client:
        assert (await client.call("Flatten", {**override, "reason": "x"}))["error"] == "forbidden"
    async with connect_client(server.port, "risk") as client:
        assert (await client.call("Flatten", override))["error"] == "missing_argument"
        assert (await client.call("Flatten", {**override, "reason": "x"}))["success"] is True
