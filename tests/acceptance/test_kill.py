"""
`kill -9` in the middle, at any moment: everything ends flat, once, and the record is whole.

The server dies while two hundred positions are being closed at a venue that lives on.
"""

from __future__ import annotations

import json
import os
import random
import resource
import signal
import sys
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from decimal import Decimal
from pathlib import Path

import anyio
import pytest

from rpcserver.app import JOURNAL_BROKEN
from rpcserver.domain.ids import InstrumentId
from rpcserver.domain.market import MarketPhase
from tests.acceptance.clients import Answer, Client, Frame, connected
from tests.acceptance.conftest import Backstage, Stage, new_token, on_stage
from tests.acceptance.processes import ROOT, ServerProgram, VenueProgram, environment, running
from tests.acceptance.scenes import DEMO_ACCOUNTS, Scene, no_id_twice, scene_at
from tests.luck import seed_of

pytestmark = pytest.mark.anyio

POSITIONS = 200  # 17 of the demo portfolio, the rest synthetic
LOADED = ("Load001", "Load002", "Load003")
ACCOUNTS = (*DEMO_ACCOUNTS, *LOADED)
LATENCY = 0.06  # seconds of every message to the venue: the flatten takes a while
FRAMES = 600  # of an undisturbed flatten, about

# Where to kill: the first frames (nothing is read yet), then anywhere.
SEED = seed_of("KILL_SEED")
MOMENTS = [1, 2, *sorted(random.Random(SEED).sample(range(3, FRAMES - 20), 5))]
STOP_MOMENTS = random.Random(SEED + 2).sample(range(2, 160), 3)
VENUE_MOMENTS = [4, *random.Random(SEED + 1).sample(range(5, 400), 2)]


def repeatable(moment: int) -> str:
    """The name of one kill says how to repeat it."""
    return f"after frame {moment}, KILL_SEED={SEED}"


@pytest.fixture(scope="module")
def slow_backstage(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Backstage]:
    backstage = Backstage(
        tmp_path_factory,
        {
            "venue.synthetic_positions": POSITIONS - 17,
            "venue.synthetic_accounts": len(LOADED),
            "venue.latency": LATENCY,
        },
    )
    yield backstage
    backstage.close()


@pytest.fixture
async def slow_stage(slow_backstage: Backstage) -> AsyncIterator[Stage]:
    """A pair over a venue that takes its time, with two hundred positions in it."""
    async with on_stage(slow_backstage.take(), ACCOUNTS) as stage:
        yield stage


async def hear_frames(client: Client, count: int) -> list[str]:
    """The first *count* frames of a call, byte for byte."""
    return [await client.hear_text() for _ in range(count)]


def steps_of(texts: list[str]) -> list[str]:
    return [text for text in texts if json.loads(text).get("type") == "progress"]


@asynccontextmanager
async def reconnected(stage: Stage) -> AsyncIterator[Client]:
    async with connected(stage.server.url, stage.server.token) as client:
        yield client


async def check_flat_exactly_once(scene: Scene, before: dict[str, Decimal]) -> None:
    """What was held was traded away, no more and no less, by orders that each have one name."""
    assert await scene.positions(*ACCOUNTS) == {}
    assert await scene.working(*ACCOUNTS) == []
    traded = await scene.traded(*ACCOUNTS)
    assert {name: -quantity for name, quantity in traded.items()} == before
    assert no_id_twice(await scene.orders(*ACCOUNTS))


async def check_record(client: Client, answer: Answer, seen: list[str]) -> None:
    """The replay holds every frame that was ever told, unchanged, without a gap; the chain too."""
    replay = await client.attach(answer.operation_id, after=0)
    assert [step["seq"] for step in replay.steps] == list(range(1, len(replay.steps) + 1))
    by_seq = {json.loads(text)["seq"]: text for text in replay.progress}
    for text in seen:
        assert by_seq[json.loads(text)["seq"]] == text, "replayed byte for byte"
    assert replay.data == answer.data
    chain = (await client.call("VerifyAudit")).data
    assert chain["intact"] is True
    assert chain["auditSeq"] >= answer.data["auditSeq"]


def check_answer(data: Frame) -> None:
    assert data["success"] is True, data
    assert data["flat"] is True
    assert data["counts"] == {"flat": POSITIONS}
    assert len(data["closedPositions"]) == POSITIONS
    assert data["remainingPositions"] == []


@pytest.mark.parametrize("moment", MOMENTS, ids=repeatable)
async def test_the_server_is_killed_in_the_middle(slow_stage: Stage, moment: int) -> None:
    stage = slow_stage
    before = await stage.scene.positions(*ACCOUNTS)
    assert len(before) == POSITIONS

    await stage.client.begin("FlattenEverything", key="one press")
    told = await hear_frames(stage.client, moment)
    stage.server.kill()
    stage.server.start()

    async with reconnected(stage) as client:
        answer = await client.call("FlattenEverything", id="another id", key="one press")

        assert answer.accepted is not None
        assert answer.accepted["duplicate"] is True
        assert answer.operation_id == json.loads(told[0])["operationId"]
        check_answer(answer.data)
        await check_flat_exactly_once(stage.scene, before)
        await check_record(client, answer, steps_of(told))
        assert len((await client.call("ListOperations")).data["operations"]) == 1


async def test_the_server_is_killed_again_and_again(slow_stage: Stage) -> None:
    stage = slow_stage
    moments = random.Random(SEED).sample(range(1, 40), 4)
    before = await stage.scene.positions(*ACCOUNTS)
    seen: list[str] = []
    for moment in moments:
        async with reconnected(stage) as client:
            await client.begin("FlattenEverything", key="one press")
            for text in await hear_frames(client, moment):
                seen += steps_of([text])
                if "id" in json.loads(text):
                    break  # it was over sooner than the killing
        stage.server.kill()
        stage.server.start()

    async with reconnected(stage) as client:
        answer = await client.call("FlattenEverything", key="one press")

        check_answer(answer.data)
        await check_flat_exactly_once(stage.scene, before)
        await check_record(client, answer, seen)


async def test_it_goes_on_though_nobody_asks_again(slow_stage: Stage) -> None:
    """A restart takes up what was under way by itself; the answer waits for whoever attaches."""
    stage = slow_stage
    before = await stage.scene.positions(*ACCOUNTS)
    await stage.client.begin("FlattenEverything")
    accepted = await stage.client.hear_type("accepted")
    stage.server.kill()
    stage.server.start()

    assert stage.server.ready["unfinished"] == 1
    async with reconnected(stage) as client:
        answer = await client.attach(accepted["operationId"])

    check_answer(answer.data)
    await check_flat_exactly_once(stage.scene, before)


async def test_the_doctor_tells_what_a_kill_left_and_what_was_found(slow_stage: Stage) -> None:
    """While the server is dead, and again while it runs: what was asked, and what to do."""
    stage = slow_stage
    await stage.client.begin("FlattenEverything")
    accepted = await stage.client.hear_type("accepted")
    told = await hear_frames(stage.client, 150)
    stage.server.kill()

    left = await asked_of_the_doctor(stage, accepted["operationId"])
    recount = left["recount"]
    assert left["health"] == "note"
    assert (recount["api"], recount["principal"]) == ("FlattenEverything", "admin")
    assert recount["done"] >= max(step["done"] for step in map(json.loads, steps_of(told)))
    assert recount["total"] >= recount["done"]
    assert recount["taken_up_at"] is None
    assert recount["asked"], "something was on its way"
    assert all(order["is_unknown"] or order["found"] for order in recount["asked"])
    assert "The next start takes it up." in left["detail"]

    stage.server.start()
    async with reconnected(stage) as client:
        check_answer((await client.attach(accepted["operationId"])).data)
    found = await asked_of_the_doctor(stage, accepted["operationId"])
    assert found["health"] == "good", found
    assert [order["client_order_id"] for order in found["recount"]["asked"]] == [
        order["client_order_id"] for order in recount["asked"]
    ]
    assert not any(order["is_unknown"] for order in found["recount"]["asked"])
    assert found["detail"].endswith("flat, and proven.")


async def asked_of_the_doctor(stage: Stage, operation_id: str) -> Frame:
    """What `rpcserver doctor --json` says of one operation."""
    command = [sys.executable, "-m", "rpcserver", "doctor", "--json"]
    where = ["--data-dir", str(stage.server.data_dir), "--url", stage.server.url]
    done = await anyio.run_process([*command, *where], env=environment({}), cwd=ROOT, check=False)
    lines = [json.loads(line) for line in done.stdout.splitlines()]
    [told] = [line for line in lines if line["what"] == operation_id]
    finding: Frame = told
    return finding


async def test_an_answer_outlives_the_server_that_gave_it(slow_stage: Stage) -> None:
    stage = slow_stage
    first = await stage.client.call("FlattenEverything", key="one press")
    sent = len(await stage.scene.orders(*ACCOUNTS))
    stage.server.kill()
    stage.server.start()

    async with reconnected(stage) as client:
        again = await client.call("FlattenEverything", key="one press")

    assert again.final == first.final, "the same answer, with the proof's own time"
    assert again.progress == first.progress
    assert len(await stage.scene.orders(*ACCOUNTS)) == sent


async def test_a_partial_close_is_not_repeated_by_a_restart(slow_stage: Stage) -> None:
    """Half of everything; killed; still half of what was held at first, not half of the half."""
    stage = slow_stage
    before = await stage.scene.positions(*LOADED)
    args = {"accounts": list(LOADED), "fraction": 0.5}
    await stage.client.begin("Flatten", args, key="halve")
    await hear_frames(stage.client, random.Random(SEED).randrange(10, 300))
    stage.server.kill()
    stage.server.start()

    async with reconnected(stage) as client:
        answer = await client.call("Flatten", args, key="halve")

    after = await stage.scene.positions(*LOADED)
    for name, quantity in before.items():
        closed = abs(quantity) // 2
        assert abs(after.get(name, Decimal(0))) == abs(quantity) - closed, name
    assert all(leg["outcome"] in ("reduced", "flat", "rejected") for leg in answer.data["legs"])
    assert no_id_twice(await stage.scene.orders(*LOADED))


@pytest.mark.parametrize("moment", STOP_MOMENTS, ids=repeatable)
async def test_no_stop_outgrows_its_position_whatever_dies(slow_stage: Stage, moment: int) -> None:
    """Half of forty positions, each guarded by a stop of its full size; killed in the middle."""
    stage, account = slow_stage, LOADED[0]
    held = dict(list((await stage.scene.positions(account)).items())[:40])
    for name, quantity in held.items():
        side, stop = ("sell", "50.00") if quantity > 0 else ("buy", "150.00")
        await stage.scene.rest(account, name, side, str(abs(quantity)), stop=stop)
    args = {"account": account, "instruments": list(held), "fraction": 0.5}
    await stage.client.begin("Flatten", args, key="halve")
    await hear_frames(stage.client, moment)
    stage.server.kill()
    stage.server.start()

    async with reconnected(stage) as client:
        answer = await client.call("Flatten", args, key="halve")

    after = await stage.scene.positions(account)
    stops = {order.instrument: order for order in await stage.scene.working(account)}
    for leg in answer.data["legs"]:
        name = leg["instrument"]
        if abs(held[name]) == 1:
            assert leg["reason"] == "below_minimum"
            continue
        left = abs(held[name]) - abs(held[name]) // 2
        assert leg["outcome"] == "reduced"
        assert abs(after[name]) == left
        assert stops[InstrumentId(name)].quantity == left
    assert no_id_twice(await stage.scene.orders(account))


async def test_a_disk_that_is_full_ends_the_process_and_loses_nothing(slow_stage: Stage) -> None:
    """
    A journal that cannot commit is an unknown: nothing it covers is sent or told.

    The process ends with a code of its own, and reads the truth when there is room again.
    """
    stage = slow_stage
    before = await stage.scene.positions(*ACCOUNTS)
    await stage.client.begin("FlattenEverything", key="one press")
    told = await hear_frames(stage.client, 12)
    size = (stage.server.data_dir / "journal.db-wal").stat().st_size
    resource.prlimit(stage.server.pid, resource.RLIMIT_FSIZE, (size, size))

    code = await anyio.to_thread.run_sync(stage.server.wait)
    assert code == JOURNAL_BROKEN
    notice = await stage.client.hear_type("notice")
    assert notice["notice"] == "journal_broken"
    stage.server.start()

    async with reconnected(stage) as client:
        answer = await client.call("FlattenEverything", key="one press")
        check_answer(answer.data)
        await check_flat_exactly_once(stage.scene, before)
        await check_record(client, answer, steps_of(told))


async def test_a_server_that_was_frozen_goes_on_where_it_was(slow_stage: Stage) -> None:
    """Meanwhile nobody else can take its directory: what thaws still holds the lock."""
    stage = slow_stage
    before = await stage.scene.positions(*ACCOUNTS)
    await stage.client.begin("FlattenEverything")
    await hear_frames(stage.client, 60)
    os.kill(stage.server.pid, signal.SIGSTOP)
    try:
        second = ServerProgram(stage.server.data_dir, stage.server.settings)
        code, said = await anyio.to_thread.run_sync(second.refuse_to_start)
        assert code != 0
        assert str(stage.server.pid) in said
    finally:
        os.kill(stage.server.pid, signal.SIGCONT)

    answer = await stage.client.answer("my-request-id")

    check_answer(answer.data)
    await check_flat_exactly_once(stage.scene, before)


async def test_a_key_survives_a_new_token_and_a_restart(slow_stage: Stage) -> None:
    """The promise belongs to the principal, not to the token it happened to use."""
    stage = slow_stage
    first_token = await new_token(stage.server, "trader", ["trader"], ("*",))
    async with connected(stage.server.url, first_token) as client:
        first = await client.call("FlattenEverything", key="one press")
    second_token = await new_token(stage.server, "trader", ["trader"], ("*",))
    stage.server.kill()
    stage.server.start()

    async with connected(stage.server.url, second_token) as client:
        again = await client.call("FlattenEverything", key="one press")

    assert again.final == first.final
    assert again.accepted is not None
    assert again.accepted["duplicate"] is True


async def test_waiting_for_the_open_goes_on_after_a_restart(slow_stage: Stage) -> None:
    stage = slow_stage
    await stage.scene.set_phase("NQ 12-25", MarketPhase.CLOSED)
    args = {"account": "Sim101", "instrument": "NQ 12-25", "waitForOpen": True}
    await stage.client.begin("Flatten", args, key="at the open")
    while (await stage.client.hear_type("progress"))["event"] != "plan_completed":
        pass
    stage.server.kill()
    stage.server.start()
    async with reconnected(stage) as client:
        await client.begin("Flatten", args, key="at the open")
        await client.hear_type("accepted")
        assert "NQ 12-25" in await stage.scene.positions("Sim101")

        await stage.scene.set_phase("NQ 12-25", MarketPhase.OPEN)
        answer = await client.answer("my-request-id")

    assert answer.data["flat"] is True
    assert "NQ 12-25" not in await stage.scene.positions("Sim101")


async def test_a_deadline_that_passed_while_it_was_down_ends_it(slow_stage: Stage) -> None:
    """Nothing new is sent for it; the answer says what is not closed (laws 28 and 39)."""
    stage = slow_stage
    await stage.scene.set_phase("NQ 12-25", MarketPhase.CLOSED)
    args = {"account": "Sim101", "instrument": "NQ", "waitForOpen": True, "deadlineMs": 900}
    await stage.client.begin("Flatten", args, key="briefly")
    began = time.monotonic()
    while (await stage.client.hear_type("progress"))["event"] != "plan_completed":
        pass
    stage.server.kill()
    await anyio.sleep(max(0.0, began + 1.0 - time.monotonic()))
    await stage.scene.set_phase("NQ 12-25", MarketPhase.OPEN)
    sent = len(await stage.scene.orders("Sim101"))
    stage.server.start()

    async with reconnected(stage) as client:
        answer = await client.call("Flatten", args, key="briefly")

    assert answer.data["success"] is False
    assert "NQ 12-25" in await stage.scene.positions("Sim101")
    assert len(await stage.scene.orders("Sim101")) == sent


# --- the venue dies ------------------------------------------------------------------------------


@pytest.mark.parametrize("moment", VENUE_MOMENTS, ids=repeatable)
async def test_the_venue_is_killed_in_the_middle(slow_stage: Stage, moment: int) -> None:
    stage = slow_stage
    before = await stage.scene.positions(*ACCOUNTS)
    await stage.client.begin("FlattenEverything")
    await hear_frames(stage.client, moment)
    stage.venue.kill()
    stage.venue.start()

    answer = await stage.client.answer("my-request-id")

    check_answer(answer.data)
    async with scene_at(stage.venue.port) as scene:
        await check_flat_exactly_once(scene, before)


async def test_both_are_killed_in_the_middle(slow_stage: Stage) -> None:
    stage = slow_stage
    before = await stage.scene.positions(*ACCOUNTS)
    await stage.client.begin("FlattenEverything", key="one press")
    told = await hear_frames(stage.client, 60)
    stage.venue.kill()
    stage.server.kill()
    stage.venue.start()
    stage.server.start()

    async with reconnected(stage) as client, scene_at(stage.venue.port) as scene:
        answer = await client.call("FlattenEverything", key="one press")

        check_answer(answer.data)
        await check_flat_exactly_once(scene, before)
        await check_record(client, answer, steps_of(told))


async def test_a_server_that_finds_its_venue_dead_waits_for_it(slow_stage: Stage) -> None:
    """The listener opens all the same, and calls nothing flat that it cannot read."""
    stage = slow_stage
    stage.venue.kill()
    async with reconnected(stage) as client:
        answer = await client.call("FlattenEverything", {"deadlineMs": 1000})
        assert answer.data["success"] is False
        assert answer.data["flat"] is False
        assert answer.data["failures"]

    stage.venue.start()
    async with reconnected(stage) as client, scene_at(stage.venue.port) as scene:
        for number in range(100):  # until the link is mended
            answer = await client.call("FlattenEverything", {"deadlineMs": 5000}, id=f"{number}")
            if answer.data["success"]:
                break
        assert await scene.positions(*ACCOUNTS) == {}


# --- orderly stops -------------------------------------------------------------------------------


async def test_a_stop_lets_what_runs_come_to_its_end(slow_stage: Stage) -> None:
    stage = slow_stage
    await stage.client.begin("FlattenEverything")
    await stage.client.hear_type("accepted")

    stage.server.terminate()
    notices: list[str] = []
    while True:
        frame = await stage.client.hear()
        if frame.get("type") == "notice":
            notices.append(frame["notice"])
        if "id" in frame:
            break

    check_answer(frame["data"])
    assert "restarting" in notices, "told before it is over"
    code, _ = await stage.client.hear_close()
    assert code == 1012
    assert stage.server.wait() == 0


async def test_a_stop_that_may_not_wait_leaves_the_rest_to_the_next_start(tmp_path: Path) -> None:
    venue = VenueProgram(
        tmp_path / "venue",
        {"venue.synthetic_positions": POSITIONS - 17, "venue.latency": 0.2,
         "venue.synthetic_accounts": len(LOADED)},
    )  # fmt: skip
    with running(venue):
        settings = venue.server_settings | {"drain_timeout": 0}
        server = ServerProgram(tmp_path / "server", settings)
        with running(server):
            async with scene_at(venue.port) as scene:
                before = await scene.positions(*ACCOUNTS)
                async with connected(server.url, server.token) as client:
                    await client.begin("FlattenEverything", key="one press")
                    await client.hear_type("accepted")
                    server.terminate()
                    notice = await client.hear_type("notice")
                    code, _ = await client.hear_close()
                assert notice["notice"] == "restarting"
                assert code == 1012
                assert server.wait() == 0

                server.start()
                async with connected(server.url, server.token) as client:
                    answer = await client.call("FlattenEverything", key="one press")
                assert answer.accepted is not None
                assert answer.accepted["duplicate"] is True
                check_answer(answer.data)
                await check_flat_exactly_once(scene, before)


# --- one data directory, one server --------------------------------------------------------------


async def test_a_second_server_on_the_same_directory_is_refused(stage: Stage) -> None:
    second = ServerProgram(stage.server.data_dir, stage.server.settings)

    code, said = second.refuse_to_start()

    assert code != 0
    assert f"is held by process {stage.server.pid} since " in said
    answer = await stage.client.call("Flatten", {"account": "Sim101"})
    assert answer.data["success"] is True, "the first one is none the worse for it"


async def test_a_second_venue_on_the_same_directory_is_refused(stage: Stage) -> None:
    second = VenueProgram(stage.venue.data_dir, stage.venue.settings)

    code, said = await anyio.to_thread.run_sync(second.refuse_to_start)

    assert code != 0
    assert f"is held by process {stage.venue.pid} since " in said
    assert await stage.scene.positions(*DEMO_ACCOUNTS), "the first one is none the worse for it"


async def test_a_server_may_trade_at_a_venue_of_its_own_directory(tmp_path: Path) -> None:
    """Both live in the default directory, unless they are told another one."""
    venue = VenueProgram(tmp_path)
    with running(venue):
        server = ServerProgram(tmp_path, venue.server_settings)
        with running(server):
            async with connected(server.url, server.token) as client:
                assert (await client.call("FlattenEverything")).data["flat"] is True


async def test_the_directory_is_free_again_after_a_kill(stage: Stage) -> None:
    stage.server.kill()
    stage.server.start()

    async with reconnected(stage) as client:
        assert (await client.call("FlattenEverything")).data["success"] is True
