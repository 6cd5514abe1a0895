"""The synchronous face: the same client, in a thread of its own."""

from __future__ import annotations

import asyncio
import threading

import pytest

from rpcclient import Backoff, CannotConnect, ConnectionLost, RpcError, SyncRpcClient
from tests.clients.scripted import Peer, playing

AT_ONCE = Backoff(first=0, longest=0)


async def closing(peer: Peer) -> None:
    call = await peer.receives("rpc")
    await peer.accepts(call)
    await peer.progresses(1, 2)
    await peer.answers(call, {"success": True, "operationId": "op-1"})
    await peer.stays()


def test_an_operation_is_iterated_and_asked_for_its_result() -> None:
    with playing(closing) as url, SyncRpcClient(url, "secret") as client:
        operation = client.start("Flatten", {"account": "Sim101"}, key="mine")

        assert [step.seq for step in operation] == [1, 2]
        assert operation.result()["success"] is True
        assert operation.is_over
        assert not operation.duplicate
        assert (operation.operation_id, operation.key) == ("op-1", "mine")


def test_progress_is_told_in_the_calling_thread() -> None:
    threads: list[threading.Thread] = []

    with playing(closing) as url, SyncRpcClient(url) as client:
        client.call("Flatten", progress=lambda _: threads.append(threading.current_thread()))

    assert threads == [threading.current_thread()] * 2


def test_it_survives_a_disconnect_like_the_other() -> None:
    async def before(peer: Peer) -> None:
        await peer.accepts(await peer.receives("rpc"))
        await peer.progresses(1)
        await peer.hangs_up()

    async def after(peer: Peer) -> None:
        attach = await peer.receives("attach")
        await peer.progresses(1, 2)
        await peer.answers(attach, {"success": True, "operationId": "op-1"})
        await peer.stays()

    with playing(before, after) as url, SyncRpcClient(url, backoff=AT_ONCE) as client:
        assert [step.seq for step in client.start("Flatten")] == [1, 2]


def test_attach_and_cancel() -> None:
    async def scene(peer: Peer) -> None:
        attach = await peer.receives("attach")
        await peer.progresses(1, operation_id="op-7")
        await peer.receives("cancel")
        await peer.answers(attach, {"success": False, "operationId": "op-7", "legs": []})
        await peer.stays()

    with playing(scene) as url, SyncRpcClient(url) as client:
        operation = client.attach("op-7")
        operation.cancel()
        assert operation.result()["success"] is False


def test_errors_come_out_as_they_are() -> None:
    async def scene(peer: Peer) -> None:
        call = await peer.receives()
        await peer.answers(call, {"success": False, "error": "unknown_api", "detail": ""})
        await peer.stays()

    with (
        playing(scene) as url,
        SyncRpcClient(url) as client,
        pytest.raises(RpcError, match="unknown_api"),
    ):
        client.call("ListAccounts")


def test_a_timeout_ends_the_waiting() -> None:
    async def scene(peer: Peer) -> None:
        await peer.stays()

    with playing(scene) as url, SyncRpcClient(url) as client, pytest.raises(TimeoutError):
        client.call("ListAccounts", timeout=0.01)


def test_nobody_there_is_said_and_nothing_is_left_behind() -> None:
    with playing() as url:
        pass
    with pytest.raises(CannotConnect), SyncRpcClient(url):
        pass
    assert not [thread for thread in threading.enumerate() if thread.name == "rpcclient"]


def test_a_client_that_was_left_says_so() -> None:
    async def scene(peer: Peer) -> None:
        await peer.stays()

    with playing(scene) as url:
        with SyncRpcClient(url) as client:
            pass
        with pytest.raises(ConnectionLost):
            client.call("ListAccounts")


# --- subscriptions -----------------------------------------------------------------------------


async def telling(peer: Peer) -> None:
    asked = await peer.receives("subscribe")
    await peer.sends(
        {"type": "subscribed", "requestId": asked["id"], "channels": ["positions"]},
        {"type": "event", "channel": "positions", "items": [{"account": "Sim101"}]},
    )
    assert await peer.receives() == {"action": "unsubscribe", "channels": ["positions"]}
    await peer.stays()


def test_a_subscription_is_iterated_until_it_is_left() -> None:
    heard: list[str] = []
    with playing(telling) as url, SyncRpcClient(url) as client:
        with client.subscribe(["positions"]) as frames:
            for frame in frames:
                heard.append(frame.type)
                if len(heard) == 2:
                    break
            with pytest.raises(TimeoutError):
                frames.next(timeout=0.01)
        assert frames.missed == 0

    assert heard == ["subscribed", "event"]
    with pytest.raises(ConnectionLost):
        frames.next()


def test_a_wait_that_is_over_loses_no_frame() -> None:
    go_on = threading.Event()

    async def slow(peer: Peer) -> None:
        await peer.receives("subscribe")
        while not go_on.is_set():
            await asyncio.sleep(0.001)
        await peer.sends({"type": "subscribed", "channels": ["alerts"], "instruments": []})
        await peer.stays()

    with playing(slow) as url, SyncRpcClient(url) as client:
        frames = client.subscribe(["alerts"])
        for _ in range(20):
            with pytest.raises(TimeoutError):
                frames.next(timeout=0.001)
        go_on.set()
        assert frames.next(timeout=5).type == "subscribed"
