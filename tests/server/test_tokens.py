"""Tokens over the protocol: made, rotated, ended; nobody gives what it has not."""

from __future__ import annotations

import hashlib
from collections.abc import AsyncIterator
from contextlib import suppress
from datetime import UTC, datetime, timedelta

import anyio
import pytest
from websockets.exceptions import InvalidStatus

from rpcserver.apis.catalogue import registry
from rpcserver.core.records import Noted
from rpcserver.domain.ids import TokenId
from rpcserver.domain.principal import Role
from rpcserver.server.listener import Server
from rpcserver.server.settings import ServerSettings
from tests.server.clients import Client, Frame, connect_client, let_in
from tests.server.conftest import a_server
from tests.server.fakes import FakeEngine

pytestmark = pytest.mark.anyio

EVERYTHING = {Role.ADMIN, Role.RISK, Role.TRADER, Role.BREAK_GLASS}


@pytest.fixture
async def engine() -> FakeEngine:
    engine = FakeEngine()
    await let_in(engine, "boss", EVERYTHING)
    await let_in(engine, "trader", {Role.TRADER}, ("Sim101",))
    return engine


@pytest.fixture
async def server(engine: FakeEngine) -> AsyncIterator[Server]:
    async with a_server(engine, registry=registry) as server:
        yield server


@pytest.fixture
async def boss(server: Server) -> AsyncIterator[Client]:
    async with connect_client(server.port, "boss") as client:
        yield client


def token_for(principal: str, *roles: str, accounts: tuple[str, ...] = ("*",)) -> Frame:
    return {"principal": principal, "roles": list(roles), "accounts": list(accounts)}


async def noted(engine: FakeEngine) -> list[Noted]:
    entries = await engine.journal.entries()
    return [entry.record for entry in entries if isinstance(entry.record, Noted)]


async def works(server: Server, token: str) -> bool:
    with suppress(InvalidStatus):
        async with connect_client(server.port, token) as client:
            return bool((await client.call("Ping"))["success"])
    return False


# --- making ------------------------------------------------------------------------------------


async def test_a_new_token_lets_in_and_is_stored_as_its_hash(
    server: Server, engine: FakeEngine, boss: Client
) -> None:
    made = await boss.call("CreateToken", token_for("bot", "viewer", accounts=("Sim101",)))
    listed = (await boss.call("ListTokens"))["tokens"]

    assert await works(server, made["token"])
    assert made["row"] in listed
    assert (made["row"]["createdBy"], made["row"]["expiresAt"]) == ("boss", None)
    assert made["token"] not in str(listed)
    row = await engine.journal.token_of(hashlib.sha256(made["token"].encode()).digest())
    assert row is not None
    assert row.token_id == made["row"]["tokenId"]


async def test_the_audit_says_who_made_which_token_for_whom_and_never_the_token(
    engine: FakeEngine, boss: Client
) -> None:
    args = token_for("bot", "viewer", accounts=("Sim101",)) | {"reason": "for the night"}
    made = await boss.call("CreateToken", args)
    rotated = await boss.call("RotateToken", {"tokenId": made["row"]["tokenId"]})
    await boss.call("RevokeToken", {"tokenId": rotated["row"]["tokenId"], "reason": "no more"})

    records = await noted(engine)
    assert [each.code for each in records] == ["token_created", "token_rotated", "token_revoked"]
    assert {each.principal for each in records} == {"boss"}
    assert all(each.remote.startswith("127.0.0.1:") for each in records)
    old, new = made["row"]["tokenId"], rotated["row"]["tokenId"]
    assert records[0].detail == f"{old}; for bot; roles viewer; accounts Sim101; for the night"
    assert f"{new}; in place of {old}; for bot" in records[1].detail
    assert records[2].detail.startswith(f"{new}; for bot")
    assert records[2].detail.endswith("no more")
    for secret in (made["token"], rotated["token"]):
        assert secret not in str(records)


@pytest.mark.parametrize(
    ("maker", "grants", "wanted", "refused"),
    [
        ({Role.ADMIN}, ("*",), token_for("x", "admin"), None),
        ({Role.ADMIN}, ("*",), token_for("x", "viewer", accounts=("Sim102",)), None),
        ({Role.ADMIN}, ("*",), token_for("x", "trader"), "forbidden"),
        ({Role.ADMIN}, ("*",), token_for("x", "viewer", "risk"), "forbidden"),
        ({Role.ADMIN}, ("*",), token_for("x", "break_glass"), "forbidden"),
        ({Role.ADMIN, Role.TRADER}, ("*",), token_for("x", "trader"), None),
        ({Role.ADMIN}, ("Sim101",), token_for("x", "viewer", accounts=("paper:sim101",)), None),
        ({Role.ADMIN}, ("Sim101",), token_for("x", "viewer"), "forbidden"),
        ({Role.ADMIN}, ("Sim101",), token_for("x", "viewer", accounts=("X",)), "unknown_account"),
        ({Role.ADMIN}, ("X",), token_for("x", "viewer", accounts=("Sim102",)), "unknown_account"),
        ({Role.TRADER}, ("*",), token_for("x", "viewer"), "forbidden"),
        ({Role.RISK}, ("*",), token_for("x", "viewer"), "forbidden"),
    ],
)  # fmt: skip
async def test_nobody_gives_what_it_has_not(
    server: Server,
    engine: FakeEngine,
    maker: set[Role],
    grants: tuple[str, ...],
    wanted: Frame,
    refused: str | None,
) -> None:
    await let_in(engine, "maker", maker, grants)
    async with connect_client(server.port, "maker") as client:
        answer = await client.call("CreateToken", wanted)

    assert answer.get("error") == refused
    assert len(await engine.journal.tokens()) == (4 if refused is None else 3)


@pytest.mark.parametrize("expires_at", ["2020-01-01T00:00:00Z", "2099-01-01T00:00:00", "soon"])
async def test_an_end_must_be_a_time_to_come_with_its_offset(boss: Client, expires_at: str) -> None:
    answer = await boss.call("CreateToken", token_for("x", "viewer") | {"expiresAt": expires_at})

    assert answer["error"] == "invalid_argument"
    assert "expiresAt" in answer["detail"]


async def test_nothing_is_made_when_the_disk_is_nearly_full_and_ending_goes_on(
    engine: FakeEngine, boss: Client
) -> None:
    with engine.journal.filling_disk():
        assert (await boss.call("CreateToken", token_for("x", "viewer")))["error"] == "journal_low"
        assert (await boss.call("RevokeToken", {"tokenId": "tok-trader"}))["success"]


# --- ending ------------------------------------------------------------------------------------


async def test_a_token_that_expires_ends_its_connections_in_that_moment(
    server: Server, engine: FakeEngine
) -> None:
    soon = datetime.now(UTC) + timedelta(seconds=0.2)
    await let_in(engine, "guest", {Role.VIEWER}, expires_at=soon)
    async with connect_client(server.port, "guest") as first:
        async with connect_client(server.port) as second:
            await second.say(action="auth", token="guest")
            assert (await second.hear())["type"] == "authenticated"
            assert (await first.call("Ping"))["success"]
            assert await second.hear_close() == (4410, "the token has expired")
        assert (await first.hear_close())[0] == 4410
    assert datetime.now(UTC) >= soon
    assert not await works(server, "guest")


async def test_an_expired_token_lets_nobody_in(server: Server, engine: FakeEngine) -> None:
    await let_in(engine, "late", {Role.VIEWER}, expires_at=datetime.now(UTC))

    assert not await works(server, "late")


async def test_a_life_shortened_by_another_process_is_noticed(engine: FakeEngine) -> None:
    settings = ServerSettings(port=0, token_check_interval=0.01)
    async with (
        a_server(engine, settings=settings) as server,
        connect_client(server.port, "trader") as client,
    ):
        await client.call("Echo")
        ends_at = datetime.now(UTC) + timedelta(seconds=0.1)
        await engine.journal.limit_token(TokenId("tok-trader"), ends_at)
        assert (await client.hear_close())[0] == 4410


async def test_revoking_twice_and_revoking_nothing_is_told(boss: Client) -> None:
    assert (await boss.call("RevokeToken", {"tokenId": "tok-trader"}))["success"]
    for name in ("tok-trader", "tok-none"):
        assert (await boss.call("RevokeToken", {"tokenId": name}))["error"] == "unknown_token"


async def test_a_limited_administrator_sees_and_ends_only_tokens_of_its_accounts(
    server: Server, engine: FakeEngine
) -> None:
    await let_in(engine, "other", {Role.TRADER}, ("Sim102",))
    await let_in(engine, "local", {Role.ADMIN}, ("Sim101",))
    async with connect_client(server.port, "local") as local:
        listed = (await local.call("ListTokens"))["tokens"]
        for hidden in ("tok-other", "tok-boss"):
            answers = [
                await local.call("RevokeToken", {"tokenId": hidden}),
                await local.call("RotateToken", {"tokenId": hidden}),
            ]
            assert [each["error"] for each in answers] == ["unknown_token"] * 2
        assert (await local.call("RevokeToken", {"tokenId": "tok-trader"}))["success"]

    assert {each["tokenId"] for each in listed} == {"tok-trader", "tok-local"}


async def test_the_last_lasting_admin_stays(boss: Client) -> None:
    soon = (datetime.now(UTC) + timedelta(hours=1)).isoformat()
    deputy = await boss.call("CreateToken", token_for("deputy", "admin") | {"expiresAt": soon})
    refused = await boss.call("RevokeToken", {"tokenId": "tok-boss"})
    rotated_away = await boss.call("RotateToken", {"expiresAt": soon})
    heir = await boss.call("CreateToken", token_for("heir", "admin"))

    assert (refused["error"], rotated_away["error"]) == ("last_admin", "last_admin")
    assert "make another one first" in refused["detail"]
    assert (await boss.call("RevokeToken", {"tokenId": deputy["row"]["tokenId"]}))["success"]
    assert heir["success"]
    assert (await boss.call("RevokeToken", {"tokenId": "tok-boss"})) == {
        "tokenId": "tok-boss",
        "success": True,
    }


async def test_two_admins_who_revoke_each_other_at_once_do_not_both_succeed(
    server: Server, engine: FakeEngine
) -> None:
    await let_in(engine, "second", {Role.ADMIN})
    async with (
        connect_client(server.port, "boss") as first,
        connect_client(server.port, "second") as second,
    ):
        await first.say(action="rpc", id="x", api="RevokeToken", args={"tokenId": "tok-second"})
        await second.say(action="rpc", id="x", api="RevokeToken", args={"tokenId": "tok-boss"})
        ended: list[str] = []

        async def listen(client: Client, name: str) -> None:
            with anyio.move_on_after(0.3):
                if (await client.hear_close())[0] == 4410:
                    ended.append(name)

        async with anyio.create_task_group() as tasks:
            tasks.start_soon(listen, first, "boss")
            tasks.start_soon(listen, second, "second")

    assert len(ended) == 1
    assert sum(row.is_lasting_admin for row in await engine.journal.tokens()) == 1


# --- rotating ----------------------------------------------------------------------------------


async def test_a_rotated_token_lives_on_for_its_grace(server: Server) -> None:
    async with connect_client(server.port, "trader") as client:
        made = await client.call("RotateToken", {"graceMs": 300})
        assert made["row"]["principal"] == "trader"
        assert made["row"]["roles"] == ["trader"]
        assert made["row"]["accounts"] == ["Sim101"]
        assert made["row"]["expiresAt"] is None
        assert made["old"]["tokenId"] == "tok-trader"
        assert await works(server, "trader")
        assert await works(server, made["token"])

        assert await client.hear_close() == (4410, "the token has expired")
    assert not await works(server, "trader")
    assert await works(server, made["token"])


async def test_without_a_grace_the_old_one_ends_at_once(server: Server) -> None:
    async with connect_client(server.port, "trader") as client:
        made = await client.call("RotateToken", {"graceMs": 0})  # it is told before the end
        assert (await client.hear_close())[0] == 4410
    assert not await works(server, "trader")
    assert await works(server, made["token"])


async def test_rotation_prolongs_no_life_and_widens_no_right(
    server: Server, engine: FakeEngine
) -> None:
    later = datetime.now(UTC) + timedelta(hours=1)
    await let_in(engine, "guest", {Role.VIEWER}, expires_at=later)
    await let_in(engine, "clerk", {Role.ADMIN})
    async with connect_client(server.port, "guest") as guest:
        made = await guest.call("RotateToken")
        longer = await guest.call("RotateToken", {"expiresAt": "2099-01-01T00:00:00Z"})
        anothers = await guest.call("RotateToken", {"tokenId": "tok-trader"})
    async with connect_client(server.port, "clerk") as clerk:
        stronger = await clerk.call("RotateToken", {"tokenId": "tok-trader"})
        renewed = await clerk.call(
            "RotateToken", {"tokenId": "tok-guest", "expiresAt": "2099-01-01T00:00:00Z"}
        )

    assert datetime.fromisoformat(made["row"]["expiresAt"]) == later
    assert (longer["error"], anothers["error"]) == ("forbidden", "unknown_token")
    assert stronger["error"] == "forbidden", "an admin gets no trader's token in this way"
    assert renewed["row"]["expiresAt"] == "2099-01-01T00:00:00Z"


@pytest.mark.parametrize("grace", [-1, 7 * 86_400_000 + 1])
async def test_a_grace_has_bounds(boss: Client, grace: int) -> None:
    assert "graceMs" in (await boss.call("RotateToken", {"graceMs": grace}))["detail"]
