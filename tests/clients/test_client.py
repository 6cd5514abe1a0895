"""The client against scripted servers: whatever the connection does, once and all of it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from decimal import Decimal
from http import HTTPStatus
from typing import Any

import pytest

from rpcclient import (
    Backoff,
    CannotConnect,
    ConnectionLost,
    ConnectionRefused,
    Data,
    Forbidden,
    Notice,
    OutcomeUnknown,
    ProtocolViolation,
    RpcClient,
    RpcError,
    Unauthenticated,
)
from tests.clients.scripted import Frame, Peer, Scene, scripted

pytestmark = pytest.mark.anyio

AT_ONCE = Backoff(first=0, longest=0)
FLAT: Data = {"success": True, "flat": True, "operationId": "op-1", "legs": []}


def client_of(url: str, token: str | None = "secret", **more: Any) -> RpcClient:
    return RpcClient(url, token, backoff=AT_ONCE, **more)


async def hang_up(peer: Peer) -> None:
    await peer.receives()
    await peer.hangs_up()


# --- plain calls -------------------------------------------------------------------------------


async def test_a_call_is_one_line_and_its_answer_one_value() -> None:
    async def scene(peer: Peer) -> None:
        assert peer.authorization == "Bearer secret"
        call = await peer.receives("rpc")
        assert call["api"] == "GetPosition"
        assert call["args"] == {"account": "Sim101"}
        assert "idempotencyKey" not in call
        await peer.sends_text(f'{{"id":"{call["id"]}","data":{{"averagePrice":5780.10}}}}')
        await peer.stays()

    async with scripted(scene) as server, client_of(server.url) as client:
        data = await client.call("GetPosition", {"account": "Sim101"})

    assert data == {"averagePrice": Decimal("5780.10")}  # and no float on the way


async def test_a_list_is_given_as_items() -> None:
    async def scene(peer: Peer) -> None:
        await peer.answers(await peer.receives(), [{"last": 1}])
        await peer.stays()

    async with scripted(scene) as server, client_of(server.url) as client:
        assert await client.call("GetQuote") == {"items": [{"last": 1}]}


async def test_answers_find_their_calls_in_any_order() -> None:
    async def scene(peer: Peer) -> None:
        first, second = await peer.receives(), await peer.receives()
        await peer.answers(second, {"api": second["api"]})
        await peer.answers(first, {"api": first["api"]})
        await peer.stays()

    async with scripted(scene) as server, client_of(server.url) as client:
        accounts, positions = await asyncio.gather(
            client.call("ListAccounts"), client.call("GetAllPositions")
        )

    assert accounts == {"api": "ListAccounts"}
    assert positions == {"api": "GetAllPositions"}


@pytest.mark.parametrize(
    ("data", "code", "detail"),
    [
        ({"success": False, "error": "filter_required", "detail": "one"}, "filter_required", "one"),
        (
            {"status": "error", "error_code": "NO_OPEN_POSITIONS", "message": "none"},
            "NO_OPEN_POSITIONS",
            "none",
        ),
        ({"code": "50001", "msg": "no", "data": {"errorList": []}}, "50001", "no"),
        ({"status": "error", "code": "e-101", "message": "bad type"}, "e-101", "bad type"),
        (
            {"success": False, "error": "repeat_partial", "detail": "", "operationId": "op-1"},
            "repeat_partial",
            "",
        ),
        (
            {"status": "error", "error": "open position not found", "errorCode": "unknown_order"},
            "unknown_order",
            "",
        ),
        ({"status": "error", "error": "open position not found"}, "open position not found", ""),
    ],
)
async def test_a_refusal_in_any_dialect_is_an_error_with_a_code(
    data: Data, code: str, detail: str
) -> None:
    async def scene(peer: Peer) -> None:
        await peer.answers(await peer.receives(), data)
        await peer.stays()

    async with scripted(scene) as server, client_of(server.url) as client:
        with pytest.raises(RpcError) as caught:
            await client.call("ExitAll")

    assert (caught.value.code, caught.value.detail) == (code, detail)
    assert caught.value.data == data


@pytest.mark.parametrize(
    "data",
    [
        {"success": False, "operationId": "op-1", "legs": []},
        {"status": "error", "error_code": "NO_OPEN_POSITIONS", "legs": []},
        {"code": "0", "msg": "", "data": {"errorList": []}},
        {"success": False, "intact": False, "detail": "record 7 was changed"},
        {"status": "success", "code": "s-101", "message": "", "data": []},
    ],
)
async def test_what_an_operation_tells_is_an_answer_even_if_it_is_not_flat(data: Data) -> None:
    async def scene(peer: Peer) -> None:
        await peer.answers(await peer.receives(), data)
        await peer.stays()

    async with scripted(scene) as server, client_of(server.url) as client:
        assert await client.call("BatchClose") == data


async def test_an_error_frame_may_name_its_request() -> None:
    async def scene(peer: Peer) -> None:
        call = await peer.receives()
        await peer.sends(
            {"type": "error", "requestId": call["id"], "error": "internal", "detail": "ref 7"}
        )
        await peer.stays()

    async with scripted(scene) as server, client_of(server.url) as client:
        with pytest.raises(RpcError, match="internal: ref 7"):
            await client.call("ListAccounts")


async def test_other_frames_are_told_apart() -> None:
    told: list[Notice] = []

    async def scene(peer: Peer) -> None:
        await peer.sends({"type": "notice", "notice": "restart"})
        await peer.sends_text("not json")
        await peer.sends({"id": "nobody", "data": {}})
        await peer.answers(await peer.receives(), {})
        await peer.stays()

    async with scripted(scene) as server, client_of(server.url, on_notice=told.append) as client:
        await client.call("ListAccounts")

    assert [notice.type for notice in told] == ["notice", "unreadable"]


async def test_an_answer_that_is_none_is_an_error_and_not_silence() -> None:
    async def scene(peer: Peer) -> None:
        await peer.sends(await peer.receives())  # an echo
        await peer.stays()

    async with scripted(scene) as server, client_of(server.url) as client:
        with pytest.raises(ProtocolViolation):
            await client.call("ListAccounts")


async def test_what_cannot_be_written_as_json_is_the_callers_error() -> None:
    async def scene(peer: Peer) -> None:
        await peer.answers(await peer.receives(), {})
        await peer.stays()

    async with scripted(scene) as server, client_of(server.url) as client:
        with pytest.raises(TypeError):
            await client.call("ListAccounts", {"account": object()})
        await client.call("ListAccounts")


# --- operations --------------------------------------------------------------------------------


async def test_an_operation_tells_its_steps_and_then_its_answer() -> None:
    async def scene(peer: Peer) -> None:
        call = await peer.receives("rpc")
        assert call["idempotencyKey"]
        assert "progress" not in call  # true is the default
        await peer.accepts(call)
        await peer.progresses(1, 2, 3)
        await peer.answers(call, FLAT)
        await peer.stays()

    async with scripted(scene) as server, client_of(server.url) as client:
        operation = await client.start("Flatten", {"account": "Sim101"})
        assert operation.operation_id == "op-1"
        assert not operation.duplicate
        assert [step.seq async for step in operation] == [1, 2, 3]
        assert await operation.result() == FLAT


async def test_every_press_has_a_key_of_its_own_unless_one_is_given() -> None:
    keys: list[object] = []

    async def scene(peer: Peer) -> None:
        for _ in range(3):
            call = await peer.receives()
            assert call["progress"] is False
            keys.append(call["idempotencyKey"])
            await peer.answers(call, FLAT)
        await peer.stays()

    async with scripted(scene) as server, client_of(server.url) as client:
        await client.call("FlattenEverything")
        await client.call("FlattenEverything")
        await client.call("FlattenEverything", key="mine")

    assert len(set(keys)) == 3
    assert keys[2] == "mine"


async def test_a_refused_start_raises_and_a_read_cannot_be_started() -> None:
    async def scene(peer: Peer) -> None:
        call = await peer.receives()
        await peer.answers(call, {"success": False, "error": "filter_required", "detail": ""})
        await peer.stays()

    async with scripted(scene) as server, client_of(server.url) as client:
        with pytest.raises(RpcError, match="filter_required"):
            await client.start("Flatten")
        with pytest.raises(ValueError, match="not a closing call"):
            await client.start("ListAccounts")


async def test_progress_may_be_told_to_a_function() -> None:
    seen: list[int] = []

    async def scene(peer: Peer) -> None:
        call = await peer.receives()
        await peer.accepts(call)
        await peer.progresses(1, 2)
        await peer.answers(call, FLAT)
        await peer.stays()

    async with scripted(scene) as server, client_of(server.url) as client:
        await client.call("Flatten", {}, progress=lambda step: seen.append(step.seq))

    assert seen == [1, 2]


async def test_a_cancel_names_the_operation() -> None:
    async def scene(peer: Peer) -> None:
        call = await peer.receives("rpc")
        await peer.accepts(call)
        assert await peer.receives("cancel") == {"action": "cancel", "operationId": "op-1"}
        await peer.answers(call, {**FLAT, "flat": False})
        await peer.stays()

    async with scripted(scene) as server, client_of(server.url) as client:
        operation = await client.start("Flatten")
        await operation.cancel()
        assert (await operation.result())["flat"] is False


# --- the connection dies -----------------------------------------------------------------------


@pytest.mark.parametrize("seen", range(4))
async def test_a_disconnect_after_any_step_loses_none_and_repeats_none(seen: int) -> None:
    async def before(peer: Peer) -> None:
        call = await peer.receives("rpc")
        await peer.accepts(call)
        await peer.progresses(*range(1, seen + 1))
        await peer.hangs_up()

    async def after(peer: Peer) -> None:
        attach = await peer.receives("attach")
        assert attach["operationId"] == "op-1"
        assert attach.get("after", 0) == seen
        await peer.progresses(*range(1, 5))  # more than was asked for: a server may overlap
        await peer.answers(attach, FLAT)
        await peer.stays()

    async with scripted(before, after) as server, client_of(server.url) as client:
        operation = await client.start("Flatten")
        assert [step.seq async for step in operation] == [1, 2, 3, 4]
        assert await operation.result() == FLAT


async def test_an_attach_asks_for_what_follows_the_last_step() -> None:
    async def before(peer: Peer) -> None:
        call = await peer.receives("rpc")
        await peer.accepts(call)
        await peer.progresses(1, 2, 3)
        await peer.closes(1012, "restart")

    async def after(peer: Peer) -> None:
        attach = await peer.receives("attach")
        assert attach["after"] == 3
        await peer.progresses(4)
        await peer.answers(attach, FLAT)
        await peer.stays()

    async with scripted(before, after) as server, client_of(server.url) as client:
        operation = await client.start("Flatten")
        assert [step.seq async for step in operation] == [1, 2, 3, 4]


async def test_before_it_is_accepted_a_close_is_sent_again_word_for_word() -> None:
    sent: list[Frame] = []

    async def before(peer: Peer) -> None:
        sent.append(await peer.receives("rpc"))
        await peer.hangs_up()

    async def after(peer: Peer) -> None:
        call = await peer.receives("rpc")
        sent.append(call)
        await peer.accepts(call)
        await peer.answers(call, FLAT)
        await peer.stays()

    async with scripted(before, before, after) as server, client_of(server.url) as client:
        await client.call("Flatten", {"account": "Sim101"})

    assert sent[0] == sent[1] == sent[2]
    assert sent[0]["idempotencyKey"]


async def test_a_read_is_asked_again() -> None:
    async def after(peer: Peer) -> None:
        await peer.answers(await peer.receives("rpc"), {"accounts": []})
        await peer.stays()

    async with scripted(hang_up, after) as server, client_of(server.url) as client:
        assert await client.call("ListAccounts") == {"accounts": []}


@pytest.mark.parametrize("api", ["PlaceOrder", "CancelOrder", "Change", "SomethingNew"])
async def test_an_order_is_never_sent_again(api: str) -> None:
    async def after(peer: Peer) -> None:
        assert (await peer.receives())["api"] == "ListOrders"
        await peer.hangs_up()

    async with scripted(hang_up, after, hang_up) as server, client_of(server.url) as client:
        with pytest.raises(OutcomeUnknown) as caught:
            await client.call(api, {"quantity": 1})
        assert caught.value.code == "outcome_unknown"
        with pytest.raises(ConnectionRefused):
            await client.call("ListOrders")


async def test_an_order_nobody_waits_for_is_not_sent_later() -> None:
    reconnecting = asyncio.Event()

    async def before(peer: Peer) -> None:
        await peer.hangs_up()
        reconnecting.set()

    async def after(peer: Peer) -> None:
        assert (await peer.receives())["api"] == "ListOrders"
        await peer.stays()

    slowly = Backoff(first=0.05, longest=0.05, random=lambda: 1.0)
    async with scripted(before, after) as server:
        async with RpcClient(server.url, backoff=slowly) as client:
            await reconnecting.wait()
            await asyncio.sleep(0.01)
            with pytest.raises(TimeoutError):
                async with asyncio.timeout(0.01):
                    await client.call("PlaceOrder")
            with pytest.raises(TimeoutError):
                async with asyncio.timeout(0.3):
                    await client.call("ListOrders")
        assert server.connections == 2


async def test_a_cancel_is_said_again_after_a_disconnect() -> None:
    async def before(peer: Peer) -> None:
        call = await peer.receives("rpc")
        await peer.accepts(call)
        await peer.receives("cancel")
        await peer.hangs_up()

    async def after(peer: Peer) -> None:
        attach = await peer.receives("attach")
        assert (await peer.receives("cancel"))["operationId"] == "op-1"
        await peer.answers(attach, FLAT)
        await peer.stays()

    async with scripted(before, after) as server, client_of(server.url) as client:
        operation = await client.start("Flatten")
        await operation.cancel()
        assert await operation.result() == FLAT


async def test_attaching_by_key_starts_nothing() -> None:
    async def before(peer: Peer) -> None:
        attach = await peer.receives("attach")
        assert attach["idempotencyKey"] == "mine"
        assert attach["after"] == 2
        await peer.hangs_up()

    async def after(peer: Peer) -> None:
        attach = await peer.receives("attach")
        assert attach["idempotencyKey"] == "mine"
        await peer.progresses(2, 3)
        await peer.hangs_up()

    async def last(peer: Peer) -> None:
        attach = await peer.receives("attach")
        assert attach["operationId"] == "op-1"  # learnt from the steps
        assert attach["after"] == 3
        await peer.progresses(4)
        await peer.answers(attach, FLAT)
        await peer.stays()

    async with scripted(before, after, last) as server, client_of(server.url) as client:
        operation = await client.attach(key="mine", after=2)
        assert [step.seq async for step in operation] == [3, 4]
        assert operation.operation_id == "op-1"


async def test_a_nameless_attach_does_not_take_the_steps_of_another() -> None:
    async def scene(peer: Peer) -> None:
        call = await peer.receives("rpc")
        await peer.accepts(call, "op-other")
        attach = await peer.receives("attach")
        await peer.progresses(1, operation_id="op-other")
        await peer.answers(call, {**FLAT, "operationId": "op-other"})
        await peer.progresses(2, operation_id="op-other")
        await peer.progresses(1, operation_id="op-mine")
        await peer.answers(attach, {**FLAT, "operationId": "op-mine"})
        await peer.stays()

    async with scripted(scene) as server, client_of(server.url) as client:
        await client.start("Flatten")
        operation = await client.attach(key="mine")
        assert [step.operation_id async for step in operation] == ["op-mine"]


async def test_two_nameless_attaches_get_their_answers_and_no_guesses() -> None:
    async def scene(peer: Peer) -> None:
        first, second = await peer.receives("attach"), await peer.receives("attach")
        await peer.progresses(1, operation_id="op-a")
        await peer.answers(first, {**FLAT, "operationId": "op-a"})
        await peer.answers(second, {**FLAT, "operationId": "op-b"})
        await peer.stays()

    async with scripted(scene) as server, client_of(server.url) as client:
        first, second = await client.attach(key="a"), await client.attach(key="b")
        assert [step async for step in first] == [step async for step in second] == []
        assert (first.operation_id, second.operation_id) == ("op-a", "op-b")


async def test_attaching_needs_exactly_one_name() -> None:
    async with scripted(hang_up) as server, client_of(server.url) as client:
        with pytest.raises(ValueError, match="id or its key"):
            await client.attach()
        with pytest.raises(ValueError, match="id or its key"):
            await client.attach("op-1", key="mine")


# --- the end -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("code", "error"),
    [
        (4401, Unauthenticated),
        (4410, Unauthenticated),
        (4403, Forbidden),
        (1008, ConnectionRefused),
        (1009, ConnectionRefused),
        (4408, Unauthenticated),
    ],
)
async def test_terminal_close_codes_end_it(code: int, error: type[ConnectionRefused]) -> None:
    async def scene(peer: Peer) -> None:
        await peer.receives()
        await peer.closes(code, "no")

    async with scripted(scene) as server, client_of(server.url) as client:
        with pytest.raises(error) as caught:
            await client.call("ListAccounts")
        assert caught.value.close_code == code
        with pytest.raises(error):
            await client.call("ListAccounts")
        assert server.connections == 1


@pytest.mark.parametrize("code", [1000, 1001, 1011, 1012, 1013, 4413])
async def test_other_close_codes_are_come_back_from(code: int) -> None:
    async def before(peer: Peer) -> None:
        await peer.receives()
        await peer.closes(code)

    async def after(peer: Peer) -> None:
        await peer.answers(await peer.receives(), {})
        await peer.stays()

    async with scripted(before, after) as server, client_of(server.url) as client:
        assert await client.call("ListAccounts") == {}


@pytest.mark.parametrize(
    ("status", "error"),
    [
        (HTTPStatus.UNAUTHORIZED, Unauthenticated),
        (HTTPStatus.FORBIDDEN, Forbidden),
        (HTTPStatus.SERVICE_UNAVAILABLE, CannotConnect),
        (HTTPStatus.NOT_FOUND, CannotConnect),
    ],
)
async def test_a_refused_handshake_says_why(status: HTTPStatus, error: type[Exception]) -> None:
    async with scripted(refusing=status) as server:
        with pytest.raises(error):
            async with client_of(server.url):
                pass


async def test_nobody_there_is_said_at_once() -> None:
    async with scripted() as server:
        url = server.url
    with pytest.raises(CannotConnect, match="cannot connect to"):
        async with client_of(url):
            pass


async def test_giving_up_tells_everyone_and_names_the_operation() -> None:
    async with scripted(_accept_and_hang_up) as server:
        client = client_of(server.url, give_up_after=0.0)
        async with client:
            operation = await client.start("Flatten")
            with pytest.raises(ConnectionLost, match="gave up"):
                await operation.result()
            assert operation.operation_id == "op-1"
            assert [step.seq async for step in operation] == []
            with pytest.raises(ConnectionLost):
                await client.call("ListAccounts")


async def _accept_and_hang_up(peer: Peer) -> None:
    await peer.accepts(await peer.receives())
    await peer.hangs_up()


async def test_leaving_tells_whoever_waits() -> None:
    async def scene(peer: Peer) -> None:
        await peer.accepts(await peer.receives())
        await peer.stays()

    async with scripted(scene) as server:
        async with client_of(server.url) as client:
            operation = await client.start("Flatten")
        with pytest.raises(ConnectionLost, match="was closed"):
            await operation.result()
        with pytest.raises(ConnectionLost):
            await client.call("ListAccounts")


async def test_an_error_inside_the_block_comes_out_as_it_is() -> None:
    async def scene(peer: Peer) -> None:
        await peer.stays()

    async with scripted(scene) as server:
        with pytest.raises(KeyError):
            async with client_of(server.url):
                raise KeyError("mine")


async def test_reconnecting_waits_longer_and_longer() -> None:
    delays: list[float] = []

    def recording(random: Callable[[], float]) -> Backoff:
        class Recorded(Backoff):
            def delay(self, failures: int) -> float:
                delays.append(super().delay(failures))
                return 0.0

        return Recorded(first=1.0, longest=8.0, random=random)

    scenes: list[Scene] = [hang_up] * 6

    async def last(peer: Peer) -> None:
        await peer.answers(await peer.receives(), {})
        await peer.stays()

    async with (
        scripted(*scenes, last) as server,
        RpcClient(server.url, backoff=recording(lambda: 1.0)) as client,
    ):
        await client.call("ListAccounts")

    assert delays == [2.0, 4.0, 8.0, 8.0, 8.0, 8.0]


async def test_after_flooding_the_server_is_left_alone_for_a_while() -> None:
    async def before(peer: Peer) -> None:
        await peer.receives()
        await peer.closes(4429)

    async def after(peer: Peer) -> None:
        await peer.answers(await peer.receives(), {})
        await peer.stays()

    patient = Backoff(first=0, longest=0, after_flooding=0.05)
    began = asyncio.get_running_loop().time()
    async with scripted(before, after) as server, RpcClient(server.url, backoff=patient) as client:
        await client.call("ListAccounts")

    assert asyncio.get_running_loop().time() - began >= 0.05


# --- subscriptions -----------------------------------------------------------------------------


async def test_subscriptions_are_restored_and_get_what_is_theirs() -> None:
    event: Frame = {"type": "event", "channel": "positions", "items": [{"quantity": "1"}]}
    other: Frame = {"type": "event", "channel": "orders", "items": []}
    quotes: Frame = {"type": "marketData", "quotes": []}
    asked: list[Frame] = []

    async def subscribed(peer: Peer) -> Frame:
        asked.append(await peer.receives("subscribe"))
        assert asked[-1]["channels"] == ["positions"]
        return {"type": "subscribed", "requestId": asked[-1]["id"], "channels": ["positions"]}

    async def before(peer: Peer) -> None:
        answer = await subscribed(peer)
        await peer.sends({**answer, "requestId": "another's"}, answer, event)
        await peer.hangs_up()

    async def after(peer: Peer) -> None:
        await peer.sends(await subscribed(peer), other, quotes, event)
        assert await peer.receives() == {"action": "unsubscribe", "channels": ["positions"]}
        await peer.stays()

    async with (
        scripted(before, after) as server,
        client_of(server.url) as client,
        await client.subscribe(["positions"]) as frames,
    ):
        types = [(await anext(frames)).type for _ in range(4)]

    assert types == ["subscribed", "event", "subscribed", "event"]
    assert asked[0] == asked[1]


async def test_a_subscription_that_is_refused_ends_alone_with_what_the_server_said() -> None:
    async def scene(peer: Peer) -> None:
        refused = await peer.receives("subscribe")
        other = await peer.receives("subscribe")
        await peer.sends(
            {"type": "error", "requestId": refused["id"], "error": "forbidden", "detail": "no"},
            {"type": "subscribed", "requestId": other["id"], "channels": ["orders"]},
        )
        await peer.hangs_up()

    async def after(peer: Peer) -> None:
        assert (await peer.receives("subscribe"))["channels"] == ["orders"]
        await peer.closes(1008)

    async with scripted(scene, after) as server, client_of(server.url) as client:
        refused = await client.subscribe(["alerts"])
        other = await client.subscribe(["orders"])
        with pytest.raises(RpcError) as caught:
            await anext(refused)
        assert (await anext(other)).type == "subscribed"
        with pytest.raises(ConnectionRefused):
            await anext(other)

    assert (caught.value.code, caught.value.detail) == ("forbidden", "no")


async def test_a_subscription_that_came_too_fast_is_asked_for_again() -> None:
    async def scene(peer: Peer) -> None:
        asked = await peer.receives("subscribe")
        name = {"requestId": asked["id"]}
        await peer.sends({"type": "error", **name, "error": "rate_limited", "retryAfterMs": 20})
        assert await peer.receives("subscribe") == asked
        await peer.sends({"type": "subscribed", **name, "channels": ["orders"]})
        await peer.stays()

    async with scripted(scene) as server, client_of(server.url) as client:
        frames = await client.subscribe(["orders"])
        assert (await anext(frames)).type == "subscribed"


async def test_a_subscription_ends_with_its_client() -> None:
    async def scene(peer: Peer) -> None:
        await peer.receives()
        await peer.closes(4410, "revoked")

    async with scripted(scene) as server, client_of(server.url) as client:
        frames = await client.subscribe(instruments=["MES 12-25"])
        with pytest.raises(Unauthenticated):
            await anext(frames)
        with pytest.raises(Unauthenticated):
            await client.subscribe(["orders"])


async def test_what_another_subscription_wants_is_not_unsubscribed() -> None:
    async def scene(peer: Peer) -> None:
        for _ in range(2):
            asked = await peer.receives("subscribe")
            await peer.sends({"type": "subscribed", "requestId": asked["id"]})
        assert await peer.receives() == {"action": "unsubscribe", "channels": ["orders"]}
        await peer.closes(1008)

    async with scripted(scene) as server, client_of(server.url) as client:
        both = await client.subscribe(["orders", "alerts"])
        alerts = await client.subscribe(["alerts"])
        assert (await anext(both)).type == (await anext(alerts)).type == "subscribed"
        await both.close()
        with pytest.raises(ConnectionRefused):
            await anext(alerts)


async def test_the_smallest_interval_of_all_subscriptions_holds_for_the_quotes() -> None:
    async def scene(peer: Peer) -> None:
        first = await peer.receives("subscribe")
        assert first["interval"] == 1000
        await peer.sends({"type": "subscribed", "requestId": first["id"]})
        assert [(await peer.receives("subscribe"))["interval"] for _ in range(2)] == [250, 250]
        without = await peer.receives("subscribe")
        assert "interval" not in without  # no quotes
        assert await peer.receives("unsubscribe") == {
            "action": "unsubscribe",
            "instruments": ["CL"],
        }
        slower = await peer.receives("subscribe")
        assert slower == {"action": "subscribe", "id": slower["id"], "interval": 1000}
        # What answers that is nobody's snapshot: whoever took it for one would forget what stands.
        for asked in (slower, without):
            await peer.sends({"type": "subscribed", "requestId": asked["id"], "snapshot": {}})
        await peer.hangs_up()

    async def after(peer: Peer) -> None:
        asked = [await peer.receives("subscribe") for _ in range(3)]
        assert [frame.get("interval") for frame in asked] == [1000, 1000, None]
        await peer.sends({"type": "subscribed", "requestId": asked[0]["id"]})
        await peer.stays()

    async with scripted(scene, after) as server, client_of(server.url) as client:
        slow = await client.subscribe(instruments=["ES"])
        assert (await anext(slow)).type == "subscribed"
        quick = await client.subscribe(instruments=["CL"], interval_ms=250)
        await client.subscribe(instruments=["GC"])
        alerts = await client.subscribe(["alerts"], interval_ms=100)  # asks for no quotes
        await quick.close()
        assert (await anext(alerts)).data["requestId"] == alerts.asked.id
        assert (await anext(slow)).type == "subscribed"


async def test_a_cancel_of_anothers_operation() -> None:
    async def scene(peer: Peer) -> None:
        assert await peer.receives() == {"action": "cancel", "operationId": "op-9"}
        assert await peer.receives() == {"action": "cancel", "idempotencyKey": "mine"}
        await peer.sends({"type": "cancelRequested", "operationId": "op-9", "ended": False})
        await peer.stays()

    told = asyncio.Event()
    async with (
        scripted(scene) as server,
        client_of(server.url, on_notice=lambda _: told.set()) as client,
    ):
        await client.cancel("op-9")
        await client.cancel(key="mine")
        await told.wait()
        with pytest.raises(ValueError, match="id or its key"):
            await client.cancel()


async def test_a_cancel_waits_for_a_connection_or_the_end_of_all() -> None:
    async def scene(peer: Peer) -> None:
        await peer.receives()
        await peer.closes(4401)

    async with scripted(scene) as server, client_of(server.url) as client:
        with pytest.raises(Unauthenticated):
            await client.call("ListAccounts")
        with pytest.raises(Unauthenticated):
            await client.cancel("op-9")
