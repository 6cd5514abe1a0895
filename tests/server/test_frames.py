"""What a connection does with frames that are wrong, too many, too big, or unread."""

from __future__ import annotations

import json

import anyio
import pytest

from rpcserver.domain.ids import OperationId
from rpcserver.domain.principal import Role
from rpcserver.server.limits import Limits
from rpcserver.server.listener import Server
from rpcserver.server.transport import WebSocketTransport
from tests.server.clients import Client, connect_client, let_in
from tests.server.conftest import a_server
from tests.server.fakes import FakeEngine, FakeVenue

pytestmark = pytest.mark.anyio

OP = OperationId("op-1")


async def test_ping_is_answered_with_the_time(client: Client) -> None:
    await client.say(action="ping")

    pong = await client.hear()

    assert pong["type"] == "pong"
    assert pong["epoch"] > 1_700_000_000_000
    assert pong["time"].endswith("Z")


async def test_a_frame_that_is_no_json_is_answered_and_the_next_one_works(client: Client) -> None:
    for text in ("{", "[" * 60_000, '{"a":NaN}', '"\\ud800"'):
        await client.say_text(text)
        assert (await client.hear())["error"] == "malformed_frame"

    assert (await client.call("Echo"))["name"] == ""


async def test_a_binary_frame_is_answered(client: Client) -> None:
    await client.say_text(b'{"action":"ping"}')

    assert (await client.hear())["error"] == "binary_frame"


async def test_a_wrong_frame_is_told_to_its_call(client: Client) -> None:
    await client.say(action="rcp", id="r1")

    frame = await client.hear()

    assert frame["id"] == "r1"
    assert frame["data"]["error"] == "unknown_action"


async def test_ten_malformed_frames_in_a_row_are_enough(client: Client) -> None:
    for _ in range(9):
        await client.say_text("{")
    await client.say(action="ping")
    for _ in range(10):
        await client.say_text("{")

    heard = [(await client.hear())["type"] for _ in range(20)]
    assert heard == ["error"] * 9 + ["pong"] + ["error"] * 10
    assert (await client.hear_close())[0] == 1008


async def test_wrong_frames_that_are_json_are_answered_for_ever(client: Client) -> None:
    for _ in range(30):
        await client.say(action="nonsense")
        assert (await client.hear())["error"] == "unknown_action"

    assert (await client.call("Echo"))["name"] == ""


async def test_a_frame_that_is_too_big_closes_with_1009(server: Server) -> None:
    async with connect_client(server.port, "trader") as client:
        await client.say(action="ping", padding="x" * 70_000)

        assert (await client.hear_close())[0] == 1009


async def test_too_many_calls_are_told_when_to_come_back(engine: FakeEngine) -> None:
    limits = Limits(calls_per_second=0.5, calls_burst=2)
    async with a_server(engine, limits) as server, connect_client(server.port, "trader") as client:
        answers = [await client.call("Echo") for _ in range(3)]
        assert [answer.get("error") for answer in answers] == [None, None, "rate_limited"]
        assert 1000 < answers[2]["retryAfterMs"] <= 2000
        await client.say(action="ping")
        assert (await client.hear())["retryAfterMs"] > 0

        engine.ends_by_itself = True
        for _ in range(5):
            assert (await client.call("Flatten", {"account": "Sim101"}))["success"] is True
            answer = await client.call("CancelAllOrders", {"accounts": ["Sim101"]})
            assert answer["canceled"] == []


async def test_the_limit_is_shared_by_all_connections_of_a_token(engine: FakeEngine) -> None:
    limits = Limits(calls_per_second=0.5, calls_burst=1)
    async with (
        a_server(engine, limits) as server,
        connect_client(server.port, "trader") as first,
        connect_client(server.port, "trader") as second,
    ):
        assert "error" not in await first.call("Echo")
        assert (await second.call("Echo"))["error"] == "rate_limited"


async def test_closing_calls_beyond_their_rate_are_delayed_and_never_refused(
    engine: FakeEngine,
) -> None:
    engine.ends_by_itself = True
    limits = Limits(closing_calls_per_second=100, closing_calls_burst=1)
    async with a_server(engine, limits) as server, connect_client(server.port, "trader") as client:
        started = anyio.current_time()
        for number in range(5):
            args = {"account": "Sim101", "quantity": number + 1}
            await client.say(action="rpc", id=f"r{number}", api="Flatten", args=args)
        for number in range(5):
            await client.hear_until_final(f"r{number}")

        assert anyio.current_time() - started >= 0.039
    assert len(engine.closed) == 5


async def test_flooding_ends_the_connection(engine: FakeEngine) -> None:
    limits = Limits(calls_per_second=1, calls_burst=1)
    async with a_server(engine, limits) as server, connect_client(server.port, "trader") as client:
        for _ in range(20):
            await client.say(action="ping")

        assert (await client.hear_close())[0] == 4429


async def test_a_client_whose_frames_could_not_be_written_is_cut_off(
    server: Server, client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What was to be written is lost: it asks again, where it would otherwise wait for ever."""
    write = WebSocketTransport.write

    def fail(transport: WebSocketTransport, frames: bytes) -> None:
        if b"of this one" in frames:
            raise RuntimeError("a bug")
        write(transport, frames)

    monkeypatch.setattr(WebSocketTransport, "write", fail)

    await client.say(action="rpc", id="of this one", api="Echo")

    assert (await client.hear_close())[0] == 1011
    async with connect_client(server.port, "trader") as another:
        assert (await another.call("Echo"))["name"] == "", "nobody else is the worse for it"


# --- slow readers ------------------------------------------------------------------------------


async def test_a_client_that_reads_nothing_is_cut_off(engine: FakeEngine) -> None:
    limits = Limits(stall_timeout=0.05)
    async with a_server(engine, limits) as server:
        async with connect_client(server.port, "trader", max_queue=1) as client:
            await client.say(action="rpc", id="r1", api="Flatten", args={"account": "Sim101"})
            with anyio.fail_after(5):
                while not engine.closed:
                    await anyio.sleep(0.001)
                client.socket.transport.pause_reading()
                while len(server.sessions):
                    await engine.end_legs(OP, 200, detail="x" * 1000)
                    await anyio.sleep(0.001)
            client.socket.transport.resume_reading()
            code, _ = await client.hear_close()
            assert code == 4413

        # nothing is lost: another connection is told every step
        await engine.finish(OP)
        async with connect_client(server.port, "trader") as client:
            await client.say(action="attach", id="a1", operationId="op-1")
            steps, data = await client.hear_until_final("a1")
    assert [step["seq"] for step in steps] == list(range(1, len(steps) + 1))
    assert len(steps) > 200
    assert data["success"] is True


async def test_a_slow_reader_may_miss_steps_but_never_the_end(engine: FakeEngine) -> None:
    limits = Limits(outbox_bytes_max=50_000)
    async with (
        a_server(engine, limits) as server,
        connect_client(server.port, "trader", max_queue=1) as client,
        connect_client(server.port, "trader") as other,
    ):
        await client.say(action="rpc", id="r1", api="Flatten", args={"account": "Sim101"})
        assert (await client.hear())["type"] == "accepted"
        client.socket.transport.pause_reading()
        for _ in range(40):
            await engine.end_legs(OP, 500, detail="x" * 1000)
            await anyio.sleep(0)
        await engine.finish(OP)
        assert (await other.call("Echo"))["name"] == ""  # a slow reader is nobody else's matter
        client.socket.transport.resume_reading()

        steps, data = await client.hear_until_final("r1")

    seqs = [step["seq"] for step in steps]
    assert seqs == sorted(set(seqs))
    assert len(seqs) < 20_001
    assert data["success"] is True


async def test_many_steps_reach_a_fast_reader_in_order(client: Client, engine: FakeEngine) -> None:
    await client.say(action="rpc", id="r1", api="Flatten", args={"account": "Sim101"})
    await client.hear()
    for _ in range(20):
        await engine.end_legs(OP, 50)
        await anyio.sleep(0)
    await engine.finish(OP)

    steps, _ = await client.hear_until_final("r1")

    assert [step["seq"] for step in steps] == list(range(1, 1002))


# --- following ---------------------------------------------------------------------------------


async def test_attach_replays_after_a_seq_then_goes_live_and_ends(
    server: Server, client: Client, engine: FakeEngine
) -> None:
    await client.say(
        action="rpc",
        id="r1",
        api="Flatten",
        args={"account": "Sim101"},
        idempotencyKey="k1",
        progress=True,
    )
    await client.hear()
    await engine.end_legs(OP, 3)
    live = [await client.hear_text() for _ in range(4)]
    async with connect_client(server.port, "trader") as other:
        await other.say(action="attach", id="a1", idempotencyKey="k1", after=2)
        replayed = [await other.hear_text() for _ in range(2)]
        assert replayed == live[2:]  # byte for byte
        await engine.end_legs(OP, 1)
        assert await other.hear_text() == await client.hear_text()
        await engine.finish(OP)
        assert (await other.hear())["id"] == "a1"
        assert (await client.hear())["id"] == "r1"


async def test_attach_to_a_long_operation_leaves_no_gap_while_it_goes_on(
    server: Server, engine: FakeEngine
) -> None:
    # without a bound on what it has not read, so that its goodbye need not wait
    async with connect_client(server.port, "trader", max_queue=None) as client:
        await client.say(action="rpc", id="r1", api="Flatten", args={"account": "Sim101"})
        await client.hear()
        await engine.end_legs(OP, 2000)
    async with (
        anyio.create_task_group() as tasks,
        connect_client(server.port, "trader") as follower,
    ):

        async def go_on() -> None:
            for _ in range(100):
                await engine.end_legs(OP, 7)
                await anyio.sleep(0.0002)
            await engine.finish(OP)

        await follower.say(action="attach", id="a1", operationId="op-1", after=10)
        tasks.start_soon(go_on)
        steps, _ = await follower.hear_until_final("a1")

    assert [step["seq"] for step in steps] == list(range(11, 2702))


async def test_an_end_heard_before_its_commit_is_told_loses_no_step(
    client: Client, engine: FakeEngine
) -> None:
    await client.say(action="rpc", id="r1", api="Flatten", args={"account": "Sim101"})
    await client.hear()
    await engine.end_legs(OP, 2, told=False)
    await engine.finish(OP, told=False)

    steps, _ = await client.hear_until_final("r1")

    assert [step["seq"] for step in steps] == [1, 2, 3]


async def test_whose_operation_it_is_decides_who_may_attach(
    server: Server, client: Client, engine: FakeEngine
) -> None:
    engine.ends_by_itself = True
    await client.call("Flatten", {"account": "Sim101"})
    who = {
        "other-trader": ({Role.TRADER}, ("*",), False),
        "viewer": ({Role.VIEWER}, ("*",), True),
        "risk": ({Role.RISK}, ("Sim101",), True),
        "narrow-viewer": ({Role.VIEWER}, ("Sim102",), False),
    }
    for name, (roles, accounts, may) in who.items():
        await let_in(engine, name, roles, accounts)
        async with connect_client(server.port, name) as other:
            await other.say(action="attach", id="a1", operationId="op-1")
            _, data = await other.hear_until_final("a1")
            assert (data.get("error") != "unknown_operation") is may, name


@pytest.mark.parametrize(
    ("naming", "code"),
    [
        ({"operationId": "op-99"}, "unknown_operation"),
        ({"idempotencyKey": "nobody's"}, "unknown_operation"),
        ({}, "missing_argument"),
    ],
)
async def test_an_operation_that_is_not_named_rightly_is_refused(
    client: Client, naming: dict[str, str], code: str
) -> None:
    await client.say(action="attach", id="a1", **naming)
    _, data = await client.hear_until_final("a1")
    assert data["error"] == code

    await client.say(action="cancel", **naming)
    assert (await client.hear())["error"] == code


async def test_cancel_stops_by_id_or_by_key_and_the_operation_still_ends(
    client: Client, engine: FakeEngine
) -> None:
    await client.say(
        action="rpc", id="r1", api="Flatten", args={"account": "Sim101"}, idempotencyKey="k1"
    )
    [await client.hear() for _ in range(2)]
    await client.say(action="cancel", idempotencyKey="k1")
    frames = [await client.hear() for _ in range(2)]
    told = {frame["type"]: frame for frame in frames}
    assert told["progress"]["event"] == "cancel_requested"
    assert told["cancelRequested"] == {
        "type": "cancelRequested",
        "operationId": "op-1",
        "ended": False,
    }
    await engine.finish(OP)
    assert (await client.hear())["id"] == "r1"

    await client.say(action="cancel", operationId="op-1")
    assert (await client.hear())["ended"] is True
    assert engine.canceled == [OP]


async def test_only_its_own_principal_or_the_risk_role_cancels(
    server: Server, client: Client, engine: FakeEngine
) -> None:
    await client.say(action="rpc", id="r1", api="Flatten", args={"account": "Sim101"})
    await client.hear()
    answers = {"viewer": "forbidden", "stranger": "unknown_operation", "risk": None}
    roles = {"viewer": Role.VIEWER, "stranger": Role.TRADER, "risk": Role.RISK}
    for name, error in answers.items():
        await let_in(engine, name, {roles[name]})
        async with connect_client(server.port, name) as other:
            await other.say(action="cancel", operationId="op-1")
            assert (await other.hear()).get("error") == error
    assert engine.canceled == [OP]


async def test_a_failed_read_is_an_error_and_never_empty() -> None:
    venue = FakeVenue()
    venue.is_down = True
    engine = FakeEngine(venue)
    await let_in(engine, "trader", {Role.TRADER})
    async with a_server(engine) as server, connect_client(server.port, "trader") as client:
        data = await client.call("CancelAllOrders", {"accounts": ["Sim101"]})

    assert data["error"] == "venue_unavailable"
    assert "canceled" not in json.dumps(data)
