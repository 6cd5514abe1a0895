"""The control call: what the author of a rehearsal says, and what comes of it."""

from __future__ import annotations

import copy
import json
import re
import tomllib
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, get_args

import anyio
import pytest
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import InvalidStatus

from rpcserver.domain.errors import InvalidRequest, OutcomeUnknown
from rpcserver.domain.ids import AccountId, InstrumentId
from rpcserver.domain.order import OrderSide
from rpcserver.venues.paper import PaperSettings, PaperVenue, open_paper_venue, serve
from rpcserver.venues.paper.control import CONTROL_PATH, ControlFrame
from rpcserver.venues.paper.director import Director
from rpcserver.venues.paper.faults import Fault, LoseAnswers
from rpcserver.venues.paper.forecast import KINDS, SetWeather
from rpcserver.venues.paper.remote import open_remote_paper_venue
from rpcserver.venues.paper.script import fault_of, keys_of
from tests.contracts.stages import order

pytestmark = pytest.mark.anyio

STILL = PaperSettings(tick_interval=None)
SIM101, ES = AccountId("Sim101"), InstrumentId("ES 12-25")
PROTOCOL = (Path(__file__).parents[3] / "protocol.md").read_text(encoding="utf-8")
MANUAL = PROTOCOL.partition(". Rehearsing against faults\n")[2].partition("\n## ")[0]

Answer = dict[str, Any]


class Author:
    """Someone who says frames, and reads what is answered."""

    def __init__(self, venue: PaperVenue) -> None:
        self.venue = venue
        self.director = Director(venue)

    async def says(self, action: str, **keys: object) -> Answer:
        text = json.dumps({"action": action, "id": "n", **keys})
        answered = await self.director.answer(text)
        assert answered.id == "n"
        return {key: value for key in ("ok", "error", "detail", "faults", "positions", "orders")
                if (value := getattr(answered, key, None)) is not None}  # fmt: skip

    async def faults(self) -> dict[str, tuple[int, bool]]:
        """How often each fault was met, and whether it is over."""
        listed = (await self.says("list"))["faults"]
        return {each.name: (each.met, each.over) for each in listed}

    async def holds(self, account: str, instrument: str) -> str:
        shown = (await self.says("show", account=account))["positions"]
        return next((str(p.quantity) for p in shown if p.instrument == instrument), "0")


@asynccontextmanager
async def rehearsing() -> AsyncIterator[Author]:
    async with open_paper_venue(STILL) as venue:
        yield Author(venue)


# --- faults --------------------------------------------------------------------------------------


async def test_a_fault_is_armed_met_and_over() -> None:
    async with rehearsing() as author:
        table = {"kind": "lose_answers", "account": "Sim101", "count": 1}
        assert (await author.says("arm", name="lost", fault=table))["ok"]

        with pytest.raises(OutcomeUnknown):
            await author.venue.submit_order(order("a", OrderSide.BUY, "1", account=SIM101))

        assert await author.faults() == {"lost": (1, True)}


async def test_the_third_cancel_of_es_sticks() -> None:
    async with rehearsing() as author:
        table = {"kind": "stick_cancels", "instrument": "ES", "skip": 2, "count": 1, "seconds": 60}
        await author.says("arm", name="third", fault=table)
        placed = [
            await author.venue.submit_order(
                order(f"n{each}", OrderSide.BUY, "1", account=SIM101, instrument=ES, limit="5000")
            )
            for each in range(4)
        ]

        ended = [
            (await author.venue.cancel_order(SIM101, each.venue_order_id)).cancel_pending
            for each in placed
        ]

        assert ended == [False, False, True, False]
        assert await author.faults() == {"third": (1, True)}


async def test_a_fault_may_be_cleared_by_name_or_with_all_others() -> None:
    async with rehearsing() as author:
        for name in ("a", "b", "c"):
            await author.says("arm", name=name, fault={"kind": "lose_answers"})
        await author.says("clear", name="b")
        assert await author.faults() == {"a": (0, False), "c": (0, False), "b": (0, True)}

        await author.says("clear")

        assert all(is_over for _, is_over in (await author.faults()).values())
        await author.venue.submit_order(order("a", OrderSide.BUY, "1", account=SIM101))


async def test_weather_is_drawn_until_it_is_cleared() -> None:
    async with rehearsing() as author:
        await author.says("weather", seed=3, rate=1, kinds=["fail_reads"])
        for _ in range(3):
            with pytest.raises(Exception, match="the read failed"):
                await author.venue.snapshot(SIM101)
        assert [met for met, _ in (await author.faults()).values()] == [1, 1, 1]

        await author.says("clear")

        assert await author.venue.snapshot(SIM101)


async def test_a_cut_link_is_mended_by_time_or_by_hand() -> None:
    async with rehearsing() as author:
        for seconds in (None, 60):
            await author.says("cut", seconds=seconds)
            with pytest.raises(Exception, match="the link is down"):
                await author.venue.snapshot(SIM101)
            await author.says("clear")
            assert await author.venue.snapshot(SIM101)


# --- the scene -----------------------------------------------------------------------------------


async def test_markets_are_set() -> None:
    async with rehearsing() as author:
        await author.says("phase", instrument="CL", phase="closed")
        await author.says("depth", instrument="esz25", touch="0")
        await author.says("price", instrument="NQ 12-25", price=20_000)
        await author.says("bands", instrument="NSE:INFY", lower="1400", upper="1700")

        markets = author.venue.exchange.state.markets
        phases = {name: market.ordered_phase for name, market in markets.items()}
        assert {name for name, phase in phases.items() if phase is not None} == {
            name for name in markets if name.startswith("CL ")
        }
        assert markets[ES].touch == 0
        assert markets[InstrumentId("NQ 12-25")].last == 20_000
        assert markets[InstrumentId("NSE:INFY")].upper_band == 1700

        await author.says("phase", instrument="*", phase=None)
        assert all(market.ordered_phase is None for market in markets.values())


async def test_positions_and_other_peoples_trades_are_set() -> None:
    async with rehearsing() as author:
        account = {"account": "Mine1", "user_id": "me", "cash": "1000000"}
        assert (await author.says("account", **account))["ok"]
        held = {"account": "Mine1", "instrument": "ES 12-25", "average_price": "5780.25"}
        assert (await author.says("position", quantity=-3, **held))["ok"]
        bought = {"account": "Mine1", "instrument": "ESZ5", "side": "buy", "quantity": "1"}
        assert (await author.says("trade", **bought))["ok"]

        assert await author.holds("Mine1", "ES 12-25") == "-2"


async def test_the_side_of_a_hedged_position_follows_its_sign() -> None:
    async with rehearsing() as author:
        for quantity in ("5", "-7"):
            held = {"account": "crypto1", "instrument": "BTC-USDT-SWAP", "average_price": "50000"}
            assert (await author.says("position", quantity=quantity, **held))["ok"]

        shown = (await author.says("show", account="crypto1"))["positions"]
        sides = {p.holding: str(p.quantity) for p in shown if p.instrument == "BTC-USDT-SWAP"}
        assert sides == {"long": "125", "short": "-87"}


async def test_a_working_order_is_filled_whatever_the_book_says() -> None:
    async with rehearsing() as author:
        [stop] = [
            each
            for each in (await author.says("show", account="Sim101"))["orders"]
            if each.instrument == "NQ 12-25"
        ]

        assert (await author.says("fill", account="Sim101", order_id=stop.order_id))["ok"]

        assert await author.holds("Sim101", "NQ 12-25") == "0"


async def test_what_is_shown_is_true_whatever_reads_are_told() -> None:
    async with rehearsing() as author:
        await author.says("arm", name="lag", fault={"kind": "lag_positions", "seconds": 600})
        await author.says(
            "trade", account="Sim101", instrument="ES 12-25", side="buy", quantity="2"
        )

        read = (await author.venue.snapshot(SIM101)).positions
        assert [str(p.signed_quantity) for p in read if p.instrument == ES] == ["-2"]
        assert await author.holds("Sim101", "ES 12-25") == "0"


# --- mistakes ------------------------------------------------------------------------------------

HELD = {"account": "Sim101", "instrument": "ES 12-25", "quantity": 1, "average_price": 1}


@pytest.mark.parametrize(
    ("action", "keys", "told"),
    [
        ("arm", {"name": "x", "fault": {"kind": "lose_answer"}}, "did you mean lose_answers?"),
        ("arm", {"name": "x", "fault": 7}, "fault: expected `object`"),
        ("arm", {"name": "", "fault": {}}, "name: expected `str` of length >= 1"),
        ("arm", {"fault": {"kind": "lose_answers"}}, "missing required field `name`"),
        ("arm", {"name": "x", "fault": {"kind": "lose_answers", "account": "Sim11"}}, "Sim101, "),
        (
            "arm",
            {"name": "x", "fault": {"kind": "lose_answers", "instrument": "EZ"}},
            "instrument: EZ is not listed",
        ),
        ("clear", {"name": "x"}, "there is no fault called x; none is in force"),
        ("weather", {"rate": 2}, "rate: expected `float` <= 1.0"),
        ("weather", {"kinds": ["rain"]}, "kinds: expected some of lose_requests, "),
        ("cut", {"seconds": -1}, "seconds: expected `float` >= 0.0"),
        ("phase", {"instrument": "CL", "phase": "shut"}, "phase: expected one of open, closed, "),
        ("phase", {"instrument": "XX", "phase": "open"}, "instrument: XX is not listed"),
        ("depth", {"instrument": "CL", "touch": "-1"}, "touch: expected 0 or more"),
        ("depth", {"instrument": "CL", "touch": "NaN"}, "touch: expected a number"),
        ("price", {"instrument": "ES", "price": 1}, "instrument: ES is any of ES 12-25, "),
        ("price", {"instrument": "ES 12-25", "price": 0}, "price: expected above 0"),
        ("price", {"instrument": "ES 12-25", "price": "1e13"}, "price: expected a number"),
        ("bands", {"instrument": "NSE:INFY", "lower": 2, "upper": 1}, "lower: expected not above"),
        ("account", {"account": "Sim101", "user_id": "x"}, "account: Sim101 exists already"),
        ("account", {"account": "y", "user_id": "x", "mode": "m"}, "mode: expected one of netting"),
        ("account", {"account": "y", "user_id": "x", "cash": -1}, "cash: expected 0 or more"),
        ("position", {**HELD, "quantity": 0}, "quantity: expected a multiple of 1, not 0"),
        ("position", {**HELD, "quantity": "0.5"}, "quantity: expected a multiple of 1"),
        ("position", {**HELD, "quantity": "Infinity"}, "quantity: expected a number"),
        ("position", {**HELD, "average_price": -1}, "average_price: expected above 0"),
        ("position", {**HELD, "product": "MIS"}, "product: expected none: the account knows no"),
        ("position", {**HELD, "acount": "x"}, "unknown field `acount`"),
        (
            "position",
            {**HELD, "account": "crypto1", "instrument": "BTC-USDT", "quantity": -1},
            "quantity: expected above 0: coins cannot be short",
        ),
        (
            "trade",
            {"account": "crypto1", "instrument": "BTC-USDT-SWAP", "side": "buy", "quantity": 1},
            "holding: expected long or short",
        ),
        ("trade", {"account": "Sim101", "instrument": "ES", "side": "up", "quantity": 1}, "side: "),
        ("fill", {"account": "Sim101", "order_id": "x"}, "order_id: Sim101 has no order x"),
        ("show", {"account": "sim"}, "account: expected one of Sim101, Sim102, crypto1, user123"),
        ("shout", {}, "action: expected one of arm, list, "),
    ],
)
async def test_a_mistake_is_answered_by_its_key_and_nothing_is_done(
    action: str, keys: dict[str, object], told: str
) -> None:
    async with rehearsing() as author:
        state = author.venue.exchange.state
        before = copy.copy(state.counters), dict(state.positions[SIM101]), set(state.accounts)

        answer = await author.says(action, **keys)

        assert answer["ok"] is False
        assert told in answer["detail"]
        assert author.venue.faults() == ()
        assert (state.counters, dict(state.positions[SIM101]), set(state.accounts)) == before


@pytest.mark.parametrize("text", ["", "[]", "7", '{"action":7}', "{", '"' * 9, "[" * 100_000])
async def test_what_is_no_frame_is_answered(text: str) -> None:
    async with rehearsing() as author:
        answer = await author.director.answer(text)

        assert answer.ok is False
        assert answer.error in ("malformed_frame", "invalid_argument")


async def test_a_name_is_free_again_when_its_fault_is_over() -> None:
    async with rehearsing() as author:
        lose = {"name": "x", "fault": {"kind": "lose_answers"}}
        assert (await author.says("arm", **lose))["ok"]
        assert (await author.says("arm", **lose))["error"] == "name_taken"

        await author.says("clear", name="x")

        assert (await author.says("arm", **lose))["ok"]


# --- over a socket -------------------------------------------------------------------------------


@asynccontextmanager
async def served(
    *script: Fault, weather: SetWeather | None = None
) -> AsyncIterator[tuple[int, ClientConnection]]:
    """A venue that listens, and a control connection to it."""
    ports: list[int] = []
    listening = anyio.Event()

    def ready(port: int) -> None:
        ports.append(port)
        listening.set()

    async def run() -> None:
        await serve(STILL, ready=ready, script=script, weather=weather)

    async with anyio.create_task_group() as tasks:
        tasks.start_soon(run)
        await listening.wait()
        url = f"ws://127.0.0.1:{ports[0]}{CONTROL_PATH}"
        async with connect(url, proxy=None) as socket:
            yield ports[0], socket
        tasks.cancel_scope.cancel()


async def ask(socket: ClientConnection, frame: str | bytes) -> Answer:
    await socket.send(frame)
    with anyio.fail_after(10):
        answer: Answer = json.loads(await socket.recv())
    return answer


async def test_frames_are_answered_in_order_and_the_next_trader_suffers() -> None:
    async with served() as (port, socket), open_remote_paper_venue(port) as venue:
        armed = '{"action":"arm","id":1,"name":"x","fault":{"kind":"lose_answers","count":1}}'
        assert await ask(socket, armed) == {"id": 1, "ok": True}

        with pytest.raises(OutcomeUnknown):
            await venue.submit_order(order("a", OrderSide.BUY, "1", account=SIM101))

        listed = await ask(socket, b'{"action":"list","id":"two"}')
        assert listed["id"] == "two"
        assert listed["faults"] == [
            {
                "name": "x",
                "fault": {
                    "kind": "lose_answers",
                    "messages": ["submit"],
                    "skip": 0,
                    "count": 1,
                },
                "met": 1,
                "over": True,
            }
        ]


async def test_a_wrong_frame_ends_neither_connection_nor_venue() -> None:
    async with served() as (port, socket):
        assert (await ask(socket, "nonsense"))["error"] == "malformed_frame"
        assert (await ask(socket, b"\xff\xfe"))["ok"] is False
        assert (await ask(socket, '{"action":"x","id":5}'))["id"] == 5
        assert (await ask(socket, '{"action":"list"}'))["ok"] is True
        async with open_remote_paper_venue(port) as venue:
            assert await venue.accounts()


async def test_a_script_and_weather_are_in_force_from_the_start() -> None:
    script = fault_of("x", {"kind": "lose_answers", "instrument": "ES"})
    async with served(script, weather=SetWeather(rate=1, kinds=("delay_answers",))) as (
        port,
        socket,
    ):
        async with open_remote_paper_venue(port) as venue:
            await venue.accounts()
        listed = (await ask(socket, '{"action":"list"}'))["faults"]

    assert [each["name"] for each in listed] == ["x", "seeded-1-delay_answers"]


async def test_a_script_that_names_nobody_keeps_the_venue_from_starting() -> None:
    nobody = LoseAnswers(name="x", account=AccountId("Nobody"))
    with pytest.RaisesGroup(InvalidRequest, flatten_subgroups=True):
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(lambda: serve(STILL, script=(nobody,)))


async def test_a_page_in_a_browser_cannot_set_the_scene() -> None:
    async with served() as (port, _):
        url = f"ws://127.0.0.1:{port}{CONTROL_PATH}"
        with pytest.raises(InvalidStatus):
            await connect(url, origin="https://example.com", proxy=None)  # type: ignore[arg-type]


# --- the manual ----------------------------------------------------------------------------------


def fenced(language: str) -> str:
    [block] = re.findall(rf"```{language}\n(.*?)```", MANUAL, re.DOTALL)
    return str(block)


def rows(heading: str) -> dict[str, list[str]]:
    """The first two cells of a table, whose second is a list."""
    found = re.findall(rf"^\| {heading} \|.*\n\|[-|]+\|\n((?:\|.*\n)+)", MANUAL, re.MULTILINE)
    cells = [
        [cell.strip() for cell in line.strip("|").split("|")] for line in found[0].splitlines()
    ]
    return {row[0].strip("`"): [key for key in row[1].split(", ") if key] for row in cells}


async def test_the_script_of_the_manual_can_be_armed() -> None:
    async with rehearsing() as author:
        for name, table in tomllib.loads(fenced("toml")).items():
            assert (await author.says("arm", name=name, fault=table))["ok"]


async def test_the_frames_of_the_manual_are_carried_out() -> None:
    async with rehearsing() as author:
        for line in fenced("jsonl").splitlines():
            answer = await author.director.answer(line)
            assert answer.ok, answer.detail
            assert answer.id == json.loads(line)["id"]


def test_the_tables_of_the_manual_are_the_code() -> None:
    assert rows("kind") == {name: list(keys_of(kind)) for name, kind in KINDS.items()}
    frames = {str(frame.__struct_config__.tag): frame for frame in get_args(ControlFrame)}
    assert rows("action") == {
        action: [name for name in frame.__struct_fields__ if name != "id"]
        for action, frame in frames.items()
    }
    assert set(rows("key")) == {key for kind in KINDS.values() for key in keys_of(kind)} | {"kind"}
