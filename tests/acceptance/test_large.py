"""Ten thousand positions in one request."""

from __future__ import annotations

import base64
import json
import os
import socket
from collections.abc import AsyncIterator
from pathlib import Path

import anyio
import pytest

from rpcserver.domain.ids import InstrumentId
from rpcserver.venues.paper.faults import RefuseOrders
from tests.acceptance.clients import connected
from tests.acceptance.conftest import Pair, Stage, on_stage
from tests.acceptance.processes import ServerProgram, VenueProgram
from tests.acceptance.scenes import no_id_twice

pytestmark = [pytest.mark.anyio, pytest.mark.timeout(180)]

POSITIONS = 10_000
LOADED = tuple(f"Load{number:03}" for number in range(1, 11))
FINAL_FRAME_MAX = 512 * 1024
STUBBORN = ("SYN00007", "SYN05000", "SYN09999")


@pytest.fixture
async def crowd(tmp_path: Path) -> AsyncIterator[Stage]:
    """Ten accounts with a thousand positions each, beside the demo portfolio."""
    venue = VenueProgram(
        tmp_path / "venue",
        {"venue.synthetic_positions": POSITIONS, "venue.synthetic_accounts": len(LOADED)},
    )
    venue.start()
    server = ServerProgram(tmp_path / "server", venue.server_settings)
    server.start()
    async with on_stage(Pair(venue, server), LOADED) as stage:
        yield stage


async def test_ten_thousand_positions_in_one_request(crowd: Stage) -> None:
    for instrument in STUBBORN:
        await crowd.scene.do(RefuseOrders(instrument=InstrumentId(instrument)))
    held = await crowd.scene.positions(*LOADED)
    assert len(held) == POSITIONS
    args = {"accounts": list(LOADED)}

    answer = await crowd.client.call("Flatten", args, key="everyone out")

    # The final frame: small enough for every client, and everything unproven is in it.
    assert len(answer.final.encode()) <= FINAL_FRAME_MAX
    assert answer.data["success"] is False
    assert answer.data["counts"] == {"flat": POSITIONS - len(STUBBORN), "rejected": len(STUBBORN)}
    assert {leg["instrument"] for leg in answer.data["legs"]} == set(STUBBORN)
    assert answer.data["legsOmitted"] == POSITIONS - len(STUBBORN)
    assert {each["instrument"] for each in answer.data["remainingPositions"]} == set(STUBBORN)

    # GetOperation pages the rest.
    legs: dict[int, str] = {}
    after: int | None = 0
    while after is not None:
        page_args = {"operationId": answer.operation_id, "after": after, "limit": 500}
        page = (await crowd.client.call("GetOperation", page_args)).data
        legs |= {leg["leg"]: leg["outcome"] for leg in page["legs"]}
        after = page.get("next")
    assert sorted(legs) == list(range(1, POSITIONS + 1))
    assert sum(outcome == "flat" for outcome in legs.values()) == POSITIONS - len(STUBBORN)

    # The venue agrees: once each.
    assert {name.split()[1] for name in await crowd.scene.positions(*LOADED)} == set(STUBBORN)
    traded = await crowd.scene.traded(*LOADED)
    assert all(traded[name] == -held[name] for name in traded)
    assert len(traded) == POSITIONS - len(STUBBORN)
    assert no_id_twice(await crowd.scene.orders(*LOADED))

    # A replay holds every step, whatever was skipped live.
    async with connected(crowd.server.url, crowd.token) as late:
        replay = await late.attach(answer.operation_id)
    steps = [step["seq"] for step in replay.steps]
    assert steps == list(range(1, len(steps) + 1))
    assert len(steps) > 2 * POSITIONS
    assert set(answer.progress) <= set(replay.progress)
    assert json.loads(replay.final)["data"] == answer.data

    # The server is as quick as before, and can close what was left over.
    await crowd.scene.clear()
    rest = await crowd.client.call("Flatten", args)
    assert rest.data["flat"] is True
    assert rest.data["counts"] == {"flat": len(STUBBORN)}
    assert (await crowd.client.call("VerifyAudit")).data["intact"] is True


async def test_whoever_does_not_read_is_cut_off_and_holds_up_nobody(tmp_path: Path) -> None:
    venue = VenueProgram(tmp_path / "venue", {"venue.synthetic_positions": 1000})
    venue.start()
    settings = venue.server_settings | {"limits.stall_timeout": 1}
    server = ServerProgram(tmp_path / "server", settings)
    server.start()
    async with on_stage(Pair(venue, server), LOADED[:1]) as stage:
        closed = await stage.client.call("Flatten", {"account": LOADED[0]})
        with socket.create_connection(("127.0.0.1", server.port)) as deaf:
            deaf.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            follow = text_frame(
                f'{{"action":"attach","id":"a","operationId":"{closed.operation_id}"}}'
            )
            deaf.sendall(handshake(stage.token) + follow * 20)  # more than the kernel keeps for it

            answer = await stage.client.call("FlattenEverything")
            assert answer.data["flat"] is True
            assert len(closed.progress) > 2000
            with anyio.fail_after(20):
                while is_held(server.port, deaf.getsockname()[1]):
                    assert await stage.client.is_alive()
                    await anyio.sleep(0.1)


def handshake(token: str) -> bytes:
    key = base64.b64encode(os.urandom(16)).decode()
    return (
        "GET /ws/stream HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\n"
        f"Connection: Upgrade\r\nSec-WebSocket-Key: {key}\r\nSec-WebSocket-Version: 13\r\n"
        f"Authorization: Bearer {token}\r\n\r\n"
    ).encode()


def text_frame(text: str) -> bytes:
    """One masked text frame of less than 126 bytes, as RFC 6455 draws it."""
    data, mask = text.encode(), os.urandom(4)
    assert len(data) < 126
    masked = bytes(byte ^ mask[place % 4] for place, byte in enumerate(data))
    return bytes([0x81, 0x80 | len(data)]) + mask + masked


def is_held(port: int, client_port: int) -> bool:
    """
    Whether the server still holds its end of one connection.

    The client cannot tell: what lies unread in between hides the end from it.
    """
    ends = {f":{port:04X}", f":{client_port:04X}"}
    for line in Path("/proc/net/tcp").read_text().splitlines()[1:]:
        fields = line.split()
        if fields[1].endswith(f":{port:04X}") and {fields[1][-5:], fields[2][-5:]} == ends:
            return fields[9] != "0"  # an inode: a process has it open
    return False
