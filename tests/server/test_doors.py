"""Who gets in, how, and how everyone is sent away."""

from __future__ import annotations

import hashlib
from datetime import UTC, datetime

import anyio
import pytest
from websockets.asyncio.client import connect
from websockets.exceptions import InvalidStatus

from rpcserver.domain.ids import TokenId
from rpcserver.domain.principal import Role
from rpcserver.server.limits import Limits
from rpcserver.server.listener import Server, serve
from rpcserver.server.settings import (
    Page,
    PageAccess,
    ServerSettings,
    WouldBeInsecure,
    is_loopback,
)
from rpcserver.server.traffic import ConnectionState, EntryRefused, Traffic
from tests.server.apis import registry
from tests.server.clients import Client, connect_client, let_in
from tests.server.conftest import a_server
from tests.server.fakes import FakeEngine

pytestmark = pytest.mark.anyio


async def test_a_token_in_the_handshake_opens_the_door(client: Client) -> None:
    assert (await client.call("Echo", {"name": "x"}))["name"] == "x"


async def test_a_token_in_the_first_frame_opens_it_too(server: Server) -> None:
    async with connect_client(server.port) as client:
        await client.say(action="auth", token="trader")

        assert await client.hear() == {
            "type": "authenticated",
            "principal": "trader",
            "roles": ["trader"],
            "accounts": ["*"],
        }
        assert (await client.call("Echo", {"name": "x"}))["name"] == "x"


async def test_both_paths_lead_in(server: Server) -> None:
    for path in ("/", "/ws/stream", "/ws/stream?client=x"):
        async with connect(f"ws://127.0.0.1:{server.port}{path}", proxy=None) as socket:
            await socket.send('{"action":"auth","token":"trader"}')
            assert "authenticated" in str(await socket.recv())


@pytest.mark.parametrize(
    "header", ["Bearer wrong", "Bearer ", "Basic dHJhZGVy", "trader", "Bearer trader trader"]
)
async def test_a_wrong_token_in_the_handshake_is_answered_401(server: Server, header: str) -> None:
    with pytest.raises(InvalidStatus) as caught:
        async with connect_client(server.port, headers={"Authorization": header}):
            pass

    assert caught.value.response.status_code == 401
    assert caught.value.response.headers["WWW-Authenticate"] == "Bearer"


@pytest.mark.parametrize(
    "text",
    [
        '{"action":"auth","token":"wrong"}',
        '{"action":"auth","token":""}',
        '{"action":"ping"}',
        '{"action":"rpc","id":"r1","api":"Flatten","args":{"account":"Sim101"}}',
        "hello",
        b"\x00",
    ],
)
async def test_whoever_does_not_begin_with_a_good_token_is_sent_away(
    server: Server, engine: FakeEngine, text: str | bytes
) -> None:
    async with connect_client(server.port) as client:
        await client.say_text(text)

        assert (await client.hear())["error"] == "unauthenticated"
        assert (await client.hear_close())[0] == 4401
    assert not engine.closed


async def test_whoever_says_nothing_is_sent_away_in_time(engine: FakeEngine) -> None:
    async with (
        a_server(engine, Limits(auth_timeout=0.02)) as server,
        connect_client(server.port) as client,
    ):
        assert (await client.hear_close())[0] == 4408


async def test_a_second_auth_frame_changes_nothing(client: Client) -> None:
    await client.say(action="auth", token="other")

    assert (await client.hear())["error"] == "already_authenticated"
    assert (await client.call("Echo"))["name"] == ""


async def test_a_token_in_the_url_is_no_token(server: Server) -> None:
    url = f"ws://127.0.0.1:{server.port}/ws/stream?token=trader"
    async with connect(url, proxy=None) as socket:
        client = Client(socket)
        await client.say(action="ping")
        assert (await client.hear_close())[0] == 4401


# --- HTTP --------------------------------------------------------------------------------------


async def ask_http(port: int, path: str, *headers: str) -> str:
    lines = [f"GET {path} HTTP/1.1", f"Host: 127.0.0.1:{port}", *headers, "", ""]
    async with await anyio.connect_tcp("127.0.0.1", port) as stream:
        await stream.send("\r\n".join(lines).encode())
        answer = b""
        with anyio.fail_after(5):
            while True:
                try:
                    answer += await stream.receive()
                except anyio.EndOfStream:
                    return answer.decode()


async def test_other_paths_are_not_found(server: Server) -> None:
    assert (await ask_http(server.port, "/admin")).startswith("HTTP/1.1 404 ")


async def test_a_plain_request_for_the_socket_is_told_to_upgrade(server: Server) -> None:
    assert (await ask_http(server.port, "/ws/stream")).startswith("HTTP/1.1 426 ")


UPGRADE = ("Upgrade: websocket", "Connection: Upgrade")


@pytest.mark.parametrize(
    ("path", "headers", "status"),
    [
        ("//[", (), 404),
        ("http://[/livez", (), 404),
        ("/", ("Upgrade: websocket", *UPGRADE), 426),
        ("/", (*UPGRADE, "Origin: http://["), 403),
        ("/", (*UPGRADE, "Origin: http://127.0.0.1:99999999"), 403),
    ],
)
async def test_what_makes_no_sense_is_refused_and_no_trouble_of_ours(
    engine: FakeEngine, path: str, headers: tuple[str, ...], status: int
) -> None:
    settings = ServerSettings(port=0, pages={"/": Page, "/livez": Page})
    async with a_server(engine, settings=settings) as server:
        answer = await ask_http(server.port, path, *headers)

    assert answer.startswith(f"HTTP/1.1 {status} ")


async def test_pages_are_served_beside_the_socket(engine: FakeEngine) -> None:
    pages = {"/livez": lambda: Page(body=b"ok\n"), "/readyz": lambda: Page(status=503)}
    settings = ServerSettings(port=0, pages=pages)
    async with a_server(engine, settings=settings) as server:
        alive = await ask_http(server.port, "/livez?verbose")
        assert alive.startswith("HTTP/1.1 200 ")
        assert alive.endswith("\r\n\r\nok\n")
        assert (await ask_http(server.port, "/readyz")).startswith("HTTP/1.1 503 ")


async def ask_privately(engine: FakeEngine, access: PageAccess, *headers: str) -> int:
    """What whoever asks for a private page from this machine is answered."""
    settings = ServerSettings(
        port=0, private_pages={"/metrics": lambda: Page(body=b"figures\n")}, page_access=access
    )
    async with a_server(engine, settings=settings) as server:
        answer = await ask_http(server.port, "/metrics", *headers)
    status = int(answer.split()[1])
    assert answer.endswith("figures\n") is (status == 200)
    return status


@pytest.mark.parametrize("access", PageAccess)
async def test_private_pages_are_open_on_the_machine_itself(
    engine: FakeEngine, access: PageAccess
) -> None:
    assert await ask_privately(engine, access) == 200


@pytest.mark.parametrize("header", ["X-Forwarded-For: 203.0.113.9", "Forwarded: for=203.0.113.9"])
async def test_whoever_comes_through_a_proxy_is_not_on_the_machine(
    engine: FakeEngine, header: str
) -> None:
    good, wrong = "Authorization: Bearer trader", "Authorization: Bearer wrong"

    assert await ask_privately(engine, PageAccess.LOOPBACK, header, good) == 403
    assert await ask_privately(engine, PageAccess.TOKEN, header) == 403
    assert await ask_privately(engine, PageAccess.TOKEN, header, wrong) == 403
    assert await ask_privately(engine, PageAccess.TOKEN, header, good) == 200
    assert await ask_privately(engine, PageAccess.OPEN, header) == 200


@pytest.mark.parametrize(
    ("host", "expected"),
    [
        ("127.0.0.1", True),
        ("127.8.9.1", True),
        ("::1", True),
        ("::ffff:127.0.0.1", True),
        ("localhost", True),
        ("::ffff:10.0.0.1", False),
        ("10.0.0.1", False),
        ("localhost.example", False),
    ],
)
def test_only_this_machine_is_loopback(host: str, expected: bool) -> None:
    assert is_loopback(host) is expected


async def test_what_comes_and_goes_is_counted(engine: FakeEngine) -> None:
    traffic = Traffic()
    async with serve(ServerSettings(port=0), engine, registry, traffic) as server:
        async with connect_client(server.port, "trader") as client:
            await client.call("Echo")
            assert traffic.census()[ConnectionState.OPEN] == 1
            await client.call("Nonsense")
        with pytest.raises(InvalidStatus):
            async with connect_client(server.port, "wrong"):
                pass
        async with connect_client(server.port) as client:
            await client.say(action="auth", token="wrong")
            await client.hear_close()
        await anyio.wait_all_tasks_blocked()

    assert (traffic.frames_in, traffic.frames_out) == (3, 3)
    assert traffic.bytes_out > 0
    assert traffic.calls_refused == {"unknown_api": 1}
    assert traffic.entries_refused == {
        EntryRefused.HANDSHAKE_TOKEN: 1,
        EntryRefused.FRAME_TOKEN: 1,
    }
    assert traffic.closed == {"client": 1, "4401": 1}
    assert not traffic.connections


@pytest.mark.parametrize(
    ("origin", "is_welcome"),
    [
        ("http://127.0.0.1:{port}", True),
        ("https://desk.example", True),
        ("https://DESK.example/", True),
        ("https://desk.example.evil.example", False),
        ("http://127.0.0.1:1", False),
        ("null", False),
        ("", False),
    ],
)
async def test_only_welcome_pages_get_in(engine: FakeEngine, origin: str, is_welcome: bool) -> None:
    settings = ServerSettings(port=0, origins=("https://desk.example",))
    async with a_server(engine, settings=settings) as server:
        headers = {"Origin": origin.format(port=server.port)}
        try:
            async with connect_client(server.port, "trader", headers=headers) as client:
                assert (await client.call("Echo"))["name"] == ""
                assert is_welcome
        except InvalidStatus as exc:
            status = exc.response.status_code
            assert (status, is_welcome) == (403, False)


async def test_beyond_this_machine_there_is_no_listening_in_the_clear(engine: FakeEngine) -> None:
    for host in ("0.0.0.0", "::", "192.0.2.7", "desk.example"):
        with pytest.raises(WouldBeInsecure, match="no TLS"):
            async with serve(ServerSettings(host=host, port=0), engine, registry):
                pass
    assert engine.listeners == 0


async def test_too_many_connections_are_answered_503(engine: FakeEngine) -> None:
    settings = ServerSettings(port=0, connections_max=1)
    async with a_server(engine, settings=settings) as server, connect_client(server.port, "trader"):
        with pytest.raises(InvalidStatus) as caught:
            async with connect_client(server.port, "trader"):
                pass
    assert caught.value.response.status_code == 503


# --- leaving -----------------------------------------------------------------------------------


async def test_a_stop_is_announced_and_everyone_is_closed(engine: FakeEngine) -> None:
    async with anyio.create_task_group() as tasks:
        stop = anyio.Event()
        ports: list[int] = []
        started = anyio.Event()

        async def run() -> None:
            async with a_server(engine) as server:
                ports.append(server.port)
                started.set()
                await stop.wait()

        tasks.start_soon(run)
        await started.wait()
        async with (
            connect_client(ports[0], "trader") as client,
            connect_client(ports[0]) as stranger,
        ):
            await client.say(action="rpc", id="r1", api="Flatten", args={"account": "Sim101"})
            await client.hear()
            stop.set()
            frames = [await client.hear() for _ in range(2)]
            assert frames[-1]["notice"] == "restarting"
            assert (await client.hear_close())[0] == 1012
            assert (await stranger.hear_close())[0] == 1012
    assert engine.listeners == 0


async def test_a_stop_does_not_wait_for_an_engine_that_never_answers(engine: FakeEngine) -> None:
    engine.gate = anyio.Event()  # never set: its journal broke
    with anyio.fail_after(5):
        async with a_server(engine) as server, connect_client(server.port, "trader") as client:
            await client.say(action="rpc", id="r1", api="Flatten", args={"account": "Sim101"})
            await client.say(action="rpc", id="r2", api="PlaceOrder", args={"accounts": ["Sim101"]})
            assert (await client.call("Echo"))["name"] == ""
    assert engine.listeners == 0


async def test_a_revoked_token_ends_its_connections_at_once(
    server: Server, engine: FakeEngine
) -> None:
    await let_in(engine, "admin", {Role.ADMIN})
    async with (
        connect_client(server.port, "admin") as admin,
        connect_client(server.port, "trader") as client,
    ):
        await client.call("Echo")
        assert await admin.call("RevokeToken", {"name": "tok-trader"}) == {"revoked": True}
        assert (await client.hear_close())[0] == 4410
        assert await admin.call("RevokeToken", {"name": "tok-trader"}) == {"revoked": False}
    with pytest.raises(InvalidStatus):
        async with connect_client(server.port, "trader"):
            pass


async def test_a_token_revoked_by_another_process_is_noticed(engine: FakeEngine) -> None:
    settings = ServerSettings(port=0, token_check_interval=0.01)
    async with (
        a_server(engine, settings=settings) as server,
        connect_client(server.port, "trader") as client,
    ):
        await client.call("Echo")
        await engine.journal.revoke_token(TokenId("tok-trader"), datetime.now(UTC))
        assert (await client.hear_close())[0] == 4410


async def test_a_new_token_works_and_is_stored_as_a_hash_only(
    server: Server, engine: FakeEngine
) -> None:
    await let_in(engine, "admin", {Role.ADMIN})
    async with connect_client(server.port, "admin") as admin:
        made = await admin.call("CreateToken", {"name": "night-bot"})
    token = made["token"]
    assert len(token) >= 43  # 256 bits

    async with connect_client(server.port, token) as client:
        await client.call("Echo")
    row = await engine.journal.token_of(hashlib.sha256(token.encode()).digest())
    assert row is not None
    assert (row.principal, row.token_id) == ("night-bot", made["tokenId"])


async def test_a_connection_too_many_ends_the_longest_silent_one(engine: FakeEngine) -> None:
    async with (
        a_server(engine, Limits(connections_per_token_max=2)) as server,
        connect_client(server.port, "trader") as first,
        connect_client(server.port, "trader") as second,
    ):
        await second.call("Echo")
        await first.call("Echo")
        async with connect_client(server.port, "trader") as third:
            assert (await third.call("Echo"))["name"] == ""
            assert (await second.hear_close())[0] == 1008
            assert (await first.call("Echo"))["name"] == ""
