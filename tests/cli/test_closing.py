"""Closing from the command line: what is sent, what is shown, what is returned."""

from __future__ import annotations

import pytest

from rpcclient import Backoff, RpcClient
from rpcserver.cli.exits import Exit
from rpcserver.cli.main import main
from rpcserver.cli.output import Output
from rpcserver.cli.pressing import Press
from rpcserver.cli.pressing import press as press_button
from tests.cli.driving import FLAT, PLAN, STEPS, answer, answering, closing, leg, lines_of, press
from tests.clients.scripted import Frame, Peer, Scene, scripted

# --- what is sent --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("arguments", "api", "args"),
    [
        (["flatten", "--account", "Sim101"], "Flatten", {"accounts": ["Sim101"]}),
        (
            ["flatten", "--instrument", "ES", "--instrument", "NQ", "--side", "long"],
            "Flatten",
            {"instruments": ["ES", "NQ"], "marketPosition": "long"},
        ),
        (
            ["flatten", "--venue", "paper", "--tag", "t", "--pnl", "losers", "--exclude", "CL"],
            "Flatten",
            {"venue": "paper", "strategyTag": "t", "pnl": "losers", "exclude": ["CL"]},
        ),
        (
            ["flatten", "--account", "a", "--fraction", "0.10", "--deadline", "1.5"],
            "Flatten",
            {"accounts": ["a"], "fraction": 0.10, "deadlineMs": 1500},
        ),
        (
            ["flatten", "--account", "a", "--quantity", "2", "--reason", "end of day"],
            "Flatten",
            {"accounts": ["a"], "quantity": 2, "reason": "end of day"},
        ),
        (
            ["flatten-everything", "--option", "waitForOpen=true", "--option", "dust=leave"],
            "FlattenEverything",
            {"waitForOpen": True, "dust": "leave"},
        ),
        (["exit-all", "--user", "user123"], "ExitAll", {"user_id": "user123"}),
        (
            ["exit-all", "--tag", "t", "--limit", "NSE:INFY=1550", "--quantity", "NSE:INFY=50"],
            "ExitAll",
            {
                "strategy_tag": "t",
                "execution_type": "LIMIT",
                "limit_prices": {"NSE:INFY": 1550},
                "quantities": {"NSE:INFY": 50},
            },
        ),
        (
            ["batch-close", "SwapU", "BTC-USDT-SWAP"],
            "BatchClose",
            {"productGroup": "SwapU", "instId": "BTC-USDT-SWAP"},
        ),
        (
            ["liquidate", "pos-20260303120000-1"],
            "Liquidate",
            {"position_id": "pos-20260303120000-1"},
        ),
        (["liquidate", "--symbol", "BTC/USDT"], "Liquidate", {"symbol": "BTC/USDT"}),
        (["liquidate", "--all"], "LiquidateAll", {}),
    ],
)
def test_every_command_sends_its_call(arguments: list[str], api: str, args: Frame) -> None:
    asked: list[Frame] = []

    code = press(*arguments, "--yes", scenes=(closing(FLAT, asked),))

    assert code == Exit.OK
    assert asked[0]["api"] == api
    assert asked[0].get("args", {}) == args
    assert asked[0]["idempotencyKey"]


def test_the_key_given_is_the_key_sent() -> None:
    asked: list[Frame] = []

    press("flatten-everything", "--yes", "--key", "mine", scenes=(closing(FLAT, asked),))

    assert asked[0]["idempotencyKey"] == "mine"


@pytest.mark.parametrize(
    "arguments",
    [
        ["flatten", "--quantity", "many", "--yes"],
        ["flatten", "--fraction", "nan", "--yes"],
        ["flatten", "--option", "dust", "--yes"],
        ["exit-all", "--limit", "NSE:INFY", "--yes"],
        ["exit-all", "--limit", "NSE:INFY=", "--yes"],
        ["liquidate", "--yes"],
        ["liquidate", "pos-1", "--all", "--yes"],
        ["batch-close", "Spot", "--yes"],
        ["flaten"],
        ["flatten", "--acount", "Sim101"],
    ],
)
def test_wrong_usage_is_1_and_never_the_code_of_not_flat(
    arguments: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(arguments) == Exit.ERROR
    assert "usage" in capsys.readouterr().err


# --- what is shown and returned ------------------------------------------------------------------


def test_people_see_the_proof(capsys: pytest.CaptureFixture[str]) -> None:
    code = press("flatten", "--account", "Sim101", "--yes", scenes=(closing(FLAT),))

    shown = capsys.readouterr().out
    assert code == Exit.OK
    assert "FLAT   proven at 2025-11-20 15:00:00Z by reading the venue" in shown
    assert "5,774.25" in shown
    assert f"audit 88:{'9b' * 32}" in shown


def test_programs_get_each_frame_as_it_came_and_the_final_one_last(
    capsys: pytest.CaptureFixture[str],
) -> None:
    code = press("flatten", "--account", "a", "--yes", "--json", scenes=(closing(FLAT),))

    accepted, *steps, final = lines_of(capsys.readouterr().out)
    assert code == Exit.OK
    assert (accepted["type"], accepted["operationId"]) == ("accepted", "op-1")
    assert steps == list(STEPS)
    assert final["data"] == FLAT
    assert "type" not in final


@pytest.mark.parametrize(
    ("data", "code"),
    [
        (answer(leg(1, "reduced"), success=True), Exit.TARGET_REACHED),
        (answer(leg(1, "partial")), Exit.NOT_FLAT),
        (answer(leg(1, "flat"), leg(2, "unknown")), Exit.UNKNOWN),
        (answer(leg(1, "waiting_market")), Exit.MARKET_CLOSED),
        (answer(leg(1, "cancelled"), cancelled=True), Exit.CANCELLED),
        ({"success": False, "error": "filter_required", "detail": "one"}, Exit.REFUSED),
        ({"success": False, "error": "forbidden", "detail": "no"}, Exit.FORBIDDEN),
        ({"flat": True, "legs": []}, Exit.ERROR),  # an answer of some other server
    ],
)
@pytest.mark.parametrize("form", [[], ["--json"]])
def test_the_exit_code_tells_how_it_ended(data: Frame, code: Exit, form: list[str]) -> None:
    assert press("flatten", "--account", "a", "--yes", *form, scenes=(closing(data),)) == code


def test_a_disconnect_under_way_changes_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    async def before(peer: Peer) -> None:
        await peer.accepts(await peer.receives("rpc"))
        await peer.sends(STEPS[0])
        await peer.closes(1012)

    async def after(peer: Peer) -> None:
        attach = await peer.receives("attach")
        assert attach["after"] == 1
        await peer.sends(*STEPS)
        await peer.answers(attach, FLAT)
        await peer.stays()

    code = press("flatten", "--account", "a", "--yes", "--json", scenes=(before, after))

    assert code == Exit.OK
    assert lines_of(capsys.readouterr().out)[1:-1] == list(STEPS)


def test_cut_off_under_way_is_unknown_and_says_how_to_return(
    capsys: pytest.CaptureFixture[str],
) -> None:
    async def scene(peer: Peer) -> None:
        await peer.accepts(await peer.receives("rpc"))
        await peer.closes(4410, "revoked")

    code = press("flatten", "--account", "a", "--yes", scenes=(scene,))

    assert code == Exit.UNKNOWN
    assert "rpcserver attach op-1" in capsys.readouterr().err


def test_cut_off_before_it_was_accepted_is_unknown_too(
    capsys: pytest.CaptureFixture[str],
) -> None:
    async def scene(peer: Peer) -> None:
        await peer.receives("rpc")
        await peer.closes(4410, "revoked")

    code = press("flatten", "--account", "a", "--yes", "--key", "mine", scenes=(scene,))

    assert code == Exit.UNKNOWN
    assert "attach --key mine" in capsys.readouterr().err


def test_nobody_there_is_6(capsys: pytest.CaptureFixture[str]) -> None:
    code = main(["flatten-everything", "--yes", "--json", "--url", "ws://127.0.0.1:1/ws/stream"])

    assert code == Exit.NO_CONNECTION
    assert lines_of(capsys.readouterr().out)[0]["error"] == "no_connection"


# --- asking first --------------------------------------------------------------------------------


@pytest.mark.parametrize("form", [[], ["--json"]])
def test_without_a_person_and_without_yes_nothing_is_even_connected(
    form: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    code = main(["flatten-everything", *form, "--url", "ws://127.0.0.1:1"])

    said = capsys.readouterr()
    assert code == Exit.DECLINED
    assert "--yes" in said.out + said.err


def test_a_dry_run_sends_nothing_that_closes(capsys: pytest.CaptureFixture[str]) -> None:
    asked: list[Frame] = []

    code = press("flatten", "--account", "a", "--dry-run", scenes=(answering(PLAN, asked),))

    assert code == Exit.OK
    assert asked[0]["args"] == {"accounts": ["a"], "dryRun": True}
    assert "would be closed" in capsys.readouterr().out


async def pressed(*scenes: Scene, says: bool) -> tuple[Exit, list[str]]:
    """Press with a person who answers the question with *says*."""
    questions: list[str] = []

    def ask(question: str) -> bool:
        questions.append(question)
        return says

    async with (
        scripted(*scenes) as server,
        RpcClient(server.url, backoff=Backoff(first=0)) as client,
    ):
        button = Press(api="Flatten", args={"account": "Sim101"})
        return await press_button(client, button, Output(is_json=True), ask), questions


def planned_then_closed(plan: Frame, asked: list[Frame]) -> Scene:
    async def scene(peer: Peer) -> None:
        dry = await peer.receives("rpc")
        asked.append(dry)
        await peer.answers(dry, plan)
        await closing(FLAT, asked)(peer)

    return scene


@pytest.mark.anyio
async def test_what_was_confirmed_is_what_is_closed() -> None:
    asked: list[Frame] = []

    code, questions = await pressed(planned_then_closed(PLAN, asked), says=True)

    assert code is Exit.OK
    assert questions == ["Close this position?"]
    assert asked[0]["args"] == {"account": "Sim101", "dryRun": True}
    assert asked[1]["args"] == {"account": "Sim101", "planHash": "5f0c"}
    assert asked[0]["idempotencyKey"] != asked[1]["idempotencyKey"]


@pytest.mark.anyio
async def test_a_no_sends_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    code, _ = await pressed(answering(PLAN), says=False)

    assert code is Exit.DECLINED
    assert "nothing was done" in capsys.readouterr().out


@pytest.mark.anyio
async def test_a_plan_that_is_refused_is_not_asked_about() -> None:
    refused = {**PLAN, "planned": False, "error": "below_minimum", "detail": "less than one lot"}

    code, questions = await pressed(answering(refused), says=True)

    assert code is Exit.REFUSED
    assert questions == []


@pytest.mark.anyio
async def test_an_account_that_cannot_be_read_does_not_stop_the_rest() -> None:
    asked: list[Frame] = []
    failures = [{"venue": "paper", "account": "Sim102", "detail": "timed out"}]
    plan = {**PLAN, "planned": False, "planHash": None, "failures": failures}

    code, questions = await pressed(planned_then_closed(plan, asked), says=True)

    assert code is Exit.OK
    assert "could not be read" in questions[0]
    assert asked[1]["args"] == {"account": "Sim101"}
