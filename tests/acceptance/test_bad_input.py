"""
Whatever arrives is answered, with its documented code; the connection lives on where it may.

Nothing of it reaches the venue: the `demo` fixture compares positions and orders before and after.
"""

from __future__ import annotations

import json
from decimal import Decimal
from typing import Any

import pytest
from websockets.exceptions import InvalidStatus

from rpcserver.wire.errors import ERRORS
from tests.acceptance.clients import Client, connected
from tests.acceptance.conftest import Stage, new_token

pytestmark = pytest.mark.anyio

FLATTEN: dict[str, Any] = {"account": "Sim101", "instrument": "MES 12-25"}


def rpc(api: str = "Flatten", args: Any = None, id: Any = "x", **more: Any) -> dict[str, Any]:
    return {
        "action": "rpc",
        "id": id,
        "api": api,
        "args": FLATTEN if args is None else args,
        **more,
    }


def args_text(text: str) -> str:
    """A Flatten whose args are written by hand, because no encoder would write them."""
    return f'{{"action":"rpc","id":"x","api":"Flatten","args":{text}}}'


async def refusal(client: Client, text: str) -> dict[str, Any]:
    """What one frame is answered with, whether or not it bore a usable id."""
    await client.say_text(text)
    while True:
        frame = await client.hear()
        if frame.get("id") is not None:
            data: dict[str, Any] = frame["data"]
            return data
        if frame["type"] == "error":
            return frame


# --- frames --------------------------------------------------------------------------------------

FRAMES = {
    "no JSON": ("flatten everything!", "malformed_frame"),
    "nothing": ("", "malformed_frame"),
    "half a frame": ('{"action":"rpc","id":"x","api":"Flatten","args":{', "malformed_frame"),
    "two frames": ('{"action":"ping"}{"action":"ping"}', "malformed_frame"),
    "a list": ("[]", "malformed_frame"),
    "a number": ("7", "malformed_frame"),
    "null": ("null", "malformed_frame"),
    "a string": ('"FlattenEverything"', "malformed_frame"),
    "sixty thousand brackets": ("[" * 60_000, "malformed_frame"),
    "sixty thousand brackets, closed": ("[" * 30_000 + "]" * 30_000, "malformed_frame"),
    "args nested five thousand times": (
        args_text('{"account":' * 5_000 + '"Sim101"' + "}" * 5_000), "malformed_frame",
    ),
    "no action": ('{"id":"x","api":"FlattenEverything","args":{}}', "unknown_action"),
    "an unknown action": ('{"action":"flatten","id":"x"}', "unknown_action"),
    "an action that is a number": ('{"action":7,"id":"x"}', "unknown_action"),
    "a JSON-RPC request": ('{"jsonrpc":"2.0","method":"Flatten","id":1}', "unknown_action"),
    "NaN": (args_text('{"account":"Sim101","quantity":NaN}'), "malformed_frame"),
    "Infinity": (args_text('{"account":"Sim101","quantity":Infinity}'), "malformed_frame"),
    "a lone surrogate": (args_text('{"account":"\\ud800"}'), None),
    "no id": ('{"action":"rpc","api":"FlattenEverything","args":{}}', "invalid_id"),
    "an id that is a number": (json.dumps(rpc(id=7)), "invalid_id"),
    "an id that is null": (json.dumps(rpc(id=None)), "invalid_id"),
    "an empty id": (json.dumps(rpc(id="")), "invalid_id"),
    "an id too long": (json.dumps(rpc(id="x" * 65)), "id_too_long"),
    "an empty key": (json.dumps(rpc(idempotencyKey="")), "invalid_argument"),
    "a key too long": (json.dumps(rpc(idempotencyKey="k" * 129)), "invalid_argument"),
    "a key that is a number": (json.dumps(rpc(idempotencyKey=7)), "invalid_argument"),
    "progress that is a word": (json.dumps(rpc(progress="no")), "invalid_argument"),
    "args that are a list": (json.dumps(rpc(args=["Sim101"])), "invalid_argument"),
    "args that are a string": (json.dumps(rpc(args="Sim101")), "invalid_argument"),
    "args that are null": (args_text("null"), "invalid_argument"),
    "no api": ('{"action":"rpc","id":"x","args":{}}', "missing_argument"),
    "attach to nothing": ('{"action":"attach","id":"x"}', "missing_argument"),
    "attach to what is not there": (
        '{"action":"attach","id":"x","operationId":"op-0"}', "unknown_operation",
    ),
    "attach to an unknown key": (
        '{"action":"attach","id":"x","idempotencyKey":"never used"}', "unknown_operation",
    ),
    "cancel of nothing": ('{"action":"cancel"}', "missing_argument"),
    "cancel by a call's id": ('{"action":"cancel","id":"x"}', "missing_argument"),
    "cancel of what is not there": (
        '{"action":"cancel","operationId":"op-0"}', "unknown_operation",
    ),
    "an unknown channel": ('{"action":"subscribe","channels":["everything"]}', "unknown_channel"),
    "an unknown instrument": (
        '{"action":"subscribe","instruments":["XX 12-25"]}', "unknown_instrument",
    ),
    "profit in no time": ('{"action":"streamPnl","enabled":true,"interval":1}', "invalid_argument"),
    "a second token": ('{"action":"auth","token":"x"}', "already_authenticated"),
}  # fmt: skip


@pytest.mark.parametrize("name", FRAMES)
async def test_every_wrong_frame_is_answered(demo: Stage, name: str) -> None:
    text, code = FRAMES[name]

    said = await refusal(demo.client, text)

    assert said["error"] in ERRORS
    if code is not None:
        assert said["error"] == code, said
    assert said["detail"]
    assert len(json.dumps(said)) < 2000, "what was wrong is not sent back whole"
    assert await demo.client.is_alive()


async def test_a_binary_frame_is_refused(demo: Stage) -> None:
    await demo.client.say_text(json.dumps(rpc("FlattenEverything", {})).encode())

    assert (await demo.client.hear_type("error"))["error"] == "binary_frame"
    assert await demo.client.is_alive()


async def test_ten_malformed_frames_in_a_row_end_the_connection(demo: Stage) -> None:
    async with connected(demo.server.url, demo.token) as client:
        for _ in range(9):
            assert (await refusal(client, "{"))["error"] == "malformed_frame"
        assert await client.is_alive()
        for _ in range(10):
            await client.say_text("{")
        code, _ = await client.hear_close()
    assert code == 1008


async def test_a_frame_over_the_limit_ends_the_connection_and_nothing_else(demo: Stage) -> None:
    text = json.dumps(rpc("FlattenEverything", {"reason": "x" * 70_000}))
    async with connected(demo.server.url, demo.token) as client:
        await client.say_text(text)
        code, _ = await client.hear_close()
    assert code == 1009
    assert await demo.client.is_alive()


async def test_a_frame_just_under_the_limit_is_read(demo: Stage) -> None:
    text = json.dumps(rpc("Flatten", {**FLATTEN, "reason": "x" * 64_000}))

    said = await refusal(demo.client, text)

    assert said["error"] == "invalid_argument"


# --- apis and args -------------------------------------------------------------------------------

ARGS: dict[str, tuple[str, Any, str, str]] = {
    "an unknown api": ("FlattenEveryting", {}, "unknown_api", "FlattenEverything"),
    "an api in the wrong case": ("flattenEverything", {}, "unknown_api", "FlattenEverything"),
    "an unknown argument": ("Flatten", {"acount": "Sim101"}, "unknown_argument", "account"),
    "one more that is unknown": (
        "Flatten", {**FLATTEN, "marketPositon": "long"}, "unknown_argument", "marketPosition",
    ),
    "an argument of another dialect": (
        "Flatten", {"symbol": "MES 12-25"}, "unknown_argument", "symbol",
    ),
    "a filter that is null": ("Flatten", {"account": None}, "empty_filter", "account"),
    "a filter that is empty": ("Flatten", {"account": ""}, "empty_filter", "account"),
    "a filter that is blank": ("Flatten", {"instrument": "  "}, "empty_filter", "instrument"),
    "a list of nothing": ("Flatten", {"accounts": []}, "empty_filter", "accounts"),
    "a list with a blank": ("Flatten", {"instruments": ["MES", ""]}, "empty_filter", "instruments"),
    "one filter empty beside a good one": (
        "Flatten", {"account": "Sim101", "instrument": None}, "empty_filter", "instrument",
    ),
    "both spellings": (
        "Flatten", {"account": "Sim101", "accounts": ["Sim102"]}, "invalid_argument", "account",
    ),
    "a filter where all is meant": (
        "FlattenEverything", {"account": None}, "unexpected_filter", "account",
    ),
    "a filter that is a number": ("Flatten", {"account": 101}, "invalid_argument", "account"),
    "a list for a word": ("Flatten", {"account": ["Sim101"]}, "invalid_argument", "account"),
    "an unknown account": ("Flatten", {"account": "Sim1O1"}, "unknown_account", "Sim101"),
    "an unknown instrument": ("Flatten", {"instrument": "MES 13-25"}, "unknown_instrument", "MES"),
    "an unknown venue": ("Flatten", {"venue": "binance"}, "unknown_venue", "binance"),
    "no such side": ("Flatten", {"marketPosition": "flat"}, "invalid_argument", "marketPosition"),
    "a quantity below zero": (
        "Flatten", {**FLATTEN, "quantity": -1}, "invalid_argument", "quantity",
    ),
    "a quantity of zero": ("Flatten", {**FLATTEN, "quantity": 0}, "invalid_argument", "quantity"),
    "an absurd quantity": (
        "Flatten", {**FLATTEN, "quantity": 1e300}, "invalid_argument", "quantity",
    ),
    "a quantity with too many digits": (
        "Flatten", {**FLATTEN, "quantity": "0." + "3" * 40}, "invalid_argument", "quantity",
    ),
    "a quantity that is NaN": (
        "Flatten", {**FLATTEN, "quantity": "NaN"}, "invalid_argument", "quantity",
    ),
    "a quantity that is endless": (
        "Flatten", {**FLATTEN, "quantity": "Infinity"}, "invalid_argument", "quantity",
    ),
    "a quantity that is a word": (
        "Flatten", {**FLATTEN, "quantity": "all"}, "invalid_argument", "quantity",
    ),
    "a quantity that is null": (
        "Flatten", {**FLATTEN, "quantity": None}, "invalid_argument", "quantity",
    ),
    "a fraction of nothing": (
        "Flatten", {**FLATTEN, "fraction": 0}, "invalid_argument", "fraction",
    ),
    "a fraction above one": (
        "Flatten", {**FLATTEN, "fraction": 1.01}, "invalid_argument", "fraction",
    ),
    "a fraction as a percentage": (
        "Flatten", {**FLATTEN, "fraction": 50}, "invalid_argument", "fraction",
    ),
    "a fraction below zero": (
        "Flatten", {**FLATTEN, "fraction": -0.5}, "invalid_argument", "fraction",
    ),
    "a percent above one": (
        "ClosePosition", {**FLATTEN, "percent": 50}, "invalid_argument", "percent",
    ),
    "a fraction and a quantity": (
        "Flatten", {**FLATTEN, "fraction": 0.5, "quantity": 1}, "invalid_argument", "fraction",
    ),
    "a deadline of nothing": (
        "Flatten", {**FLATTEN, "deadlineMs": 0}, "invalid_argument", "deadlineMs",
    ),
    "a deadline of years": (
        "Flatten", {**FLATTEN, "deadlineMs": 10**12}, "invalid_argument", "deadlineMs",
    ),
    "an unknown policy": (
        "Flatten", {**FLATTEN, "onFence": "ignore"}, "invalid_argument", "onFence",
    ),
    "an override without a reason": (
        "Flatten", {**FLATTEN, "onFence": "override"}, "missing_argument", "reason",
    ),
    "a ladder of nothing": ("Flatten", {**FLATTEN, "ladder": []}, "invalid_argument", "ladder"),
    "a ladder that goes back": (
        "Flatten",
        {**FLATTEN, "ladder": [{"type": "limit", "afterMs": 0}, {"type": "market", "afterMs": 0}]},
        "invalid_argument",
        "ladder",
    ),
    "a ladder step of an unknown kind": (
        "Flatten", {**FLATTEN, "ladder": [{"type": "stop"}]}, "invalid_argument", "type",
    ),
    "a dry run that is a word": (
        "Flatten", {**FLATTEN, "dryRun": "true"}, "invalid_argument", "dryRun",
    ),
    "an empty plan": ("Flatten", {**FLATTEN, "planHash": ""}, "invalid_argument", "planHash"),
    "a reason without end": (
        "Flatten", {**FLATTEN, "reason": "x" * 1001}, "invalid_argument", "reason",
    ),
    "a limit without a price": (
        "PlaceOrder",
        {"account": "Sim101", "instrument": "MES", "action": "buy", "quantity": 1,
         "orderType": "limit"},
        "missing_argument", "limitPrice",
    ),
    "a market order with a price": (
        "PlaceOrder",
        {"account": "Sim101", "instrument": "MES", "action": "buy", "quantity": 1,
         "orderType": "market", "limitPrice": 1},
        "invalid_argument", "limitPrice",
    ),
    "an order below zero": (
        "PlaceOrder",
        {"account": "Sim101", "instrument": "MES", "action": "buy", "quantity": -1,
         "orderType": "market"},
        "invalid_argument", "quantity",
    ),
    "an order without an account": (
        "PlaceOrder",
        {"instrument": "MES", "action": "buy", "quantity": 1, "orderType": "market"},
        "missing_argument", "account",
    ),
    "a cancel of an unknown order": (
        "CancelOrder", {"account": "Sim101", "orderId": "nothing"}, "unknown_order", "nothing",
    ),
    "an unknown operation": ("GetOperation", {"operationId": "op-0"}, "unknown_operation", "op-0"),
    "a page of everything": (
        "GetOperation", {"operationId": "op-0", "limit": 10**6}, "invalid_argument", "limit",
    ),
    "a word about an unknown order": (
        "ResolveOrder", {"clientOrderId": "nothing", "outcome": "canceled", "reason": "I saw it"},
        "unknown_order", "",
    ),
    "a token for nobody": (
        "CreateToken", {"principal": "", "roles": ["trader"], "accounts": ["*"]},
        "empty_filter", "",
    ),
    "a token of an unknown role": (
        "CreateToken", {"principal": "p", "roles": ["god"], "accounts": ["*"]},
        "invalid_argument", "god",
    ),
    "a token for an unknown account": (
        "CreateToken", {"principal": "p", "roles": ["trader"], "accounts": ["Sim1O1"]},
        "unknown_account", "Sim101",
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", ARGS)
async def test_every_wrong_argument_is_refused_by_name(demo: Stage, name: str) -> None:
    api, args, code, named = ARGS[name]

    answer = await demo.client.call(api, args)

    assert answer.accepted is None
    assert answer.data["success"] is False
    assert answer.data["error"] == code, answer.data
    assert answer.data["statusCode"] == ERRORS[code].status
    assert named in answer.data["detail"]
    assert await demo.client.is_alive()


@pytest.mark.parametrize(
    "envelope",
    [{"dryRun": True}, {"account": "Sim101"}, {"reason": "drill"}, {"arguments": {}}],
)
async def test_an_option_beside_args_does_not_flatten(
    demo: Stage, envelope: dict[str, Any]
) -> None:
    """A `dryRun` in the envelope was meant for the args: carrying the call out would be a trade."""
    answer = await demo.client.call("FlattenEverything", {}, **envelope)

    assert answer.accepted is None
    assert answer.data["error"] == "unknown_argument"
    assert next(iter(envelope)) in answer.data["detail"]


@pytest.mark.parametrize(
    "text",
    [
        '{"action":"rpc","id":"x","api":"Flatten","args":{"account":"Sim101","account":"Sim102"}}',
        '{"action":"rpc","id":"x","api":"Flatten","args":{"account":"Sim101"},"args":{}}',
        '{"action":"rpc","id":"x","api":"Ping","api":"FlattenEverything","args":{}}',
    ],
)
async def test_a_key_that_stands_twice_is_refused(demo: Stage, text: str) -> None:
    """Two readers may take either of them for the one that counts."""
    said = await refusal(demo.client, text)

    assert said["error"] == "duplicate_key"


async def test_a_key_for_a_call_that_keeps_no_promise_is_refused(demo: Stage) -> None:
    answer = await demo.client.call("CancelAllOrders", {}, key="press")

    assert answer.data["error"] == "invalid_argument"


async def test_reads_and_plain_frames_pass_over_unknown_envelope_keys(demo: Stage) -> None:
    answer = await demo.client.call("Ping", {}, tracing="abc")

    assert answer.data["success"] is True


async def test_an_argument_a_client_should_not_send_back_is_not_sent_back(demo: Stage) -> None:
    """Details are for people; a token pasted into the wrong field stays out of them, cut short."""
    answer = await demo.client.call("Flatten", {"account": "s3cret" * 2000})

    assert answer.data["error"] == "unknown_account"
    assert len(answer.data["detail"]) < 1000


# --- who ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "authorization",
    ["Bearer wrong", "Bearer", "", "Basic YWRtaW46YWRtaW4=", "Bearer  ", "bearer x y"],
)
async def test_a_wrong_token_gets_no_socket(demo: Stage, authorization: str) -> None:
    with pytest.raises(InvalidStatus) as refused:
        async with connected(demo.server.url, None, {"Authorization": authorization}):
            pass
    assert refused.value.response.status_code == 401


async def test_a_token_in_the_address_is_no_token(demo: Stage) -> None:
    url = f"{demo.server.url}?token={demo.token}"
    async with connected(url, None) as client:
        await client.say(**rpc("FlattenEverything", {}))
        assert (await client.hear())["error"] == "unauthenticated"
        assert (await client.hear_close())[0] == 4401


async def test_without_a_token_the_first_frame_must_bring_it(demo: Stage) -> None:
    async with connected(demo.server.url, None) as client:
        await client.say(**rpc("FlattenEverything", {}))
        assert (await client.hear())["error"] == "unauthenticated"
        assert (await client.hear_close())[0] == 4401
    async with connected(demo.server.url, None) as client:
        await client.say(action="auth", token="wrong")
        assert (await client.hear())["error"] == "unauthenticated"
        assert (await client.hear_close())[0] == 4401
    async with connected(demo.server.url, None) as client:
        await client.say(action="auth", token=demo.token)
        assert (await client.hear())["type"] == "authenticated"
        assert await client.is_alive()


async def test_a_page_from_elsewhere_gets_no_socket(demo: Stage) -> None:
    with pytest.raises(InvalidStatus) as refused:
        async with connected(demo.server.url, demo.token, {"Origin": "https://evil.example"}):
            pass
    assert refused.value.response.status_code == 403


async def test_a_revoked_token_closes_its_sockets_and_opens_no_other(demo: Stage) -> None:
    args = {"principal": "leaver", "roles": ["trader"], "accounts": ["*"]}
    made = (await demo.client.call("CreateToken", args)).data
    async with connected(demo.server.url, made["token"]) as leaver:
        assert await leaver.is_alive()
        await demo.client.call("RevokeToken", {"tokenId": made["row"]["tokenId"]})
        assert (await leaver.hear_close())[0] == 4410
    with pytest.raises(InvalidStatus):
        async with connected(demo.server.url, made["token"]):
            pass
    again = await demo.client.call("RevokeToken", {"tokenId": made["row"]["tokenId"]})
    assert again.data["error"] == "unknown_token"


@pytest.mark.parametrize(
    ("role", "allowed", "forbidden"),
    [
        ("viewer", ["ListPositions", "ListOperations"],
         ["Flatten", "FlattenEverything", "LiquidateAll", "PlaceOrder", "CancelAllOrders",
          "CreateToken", "ResolveOrder"]),
        ("trader", ["ListPositions"], ["CreateToken", "ListTokens", "RevokeToken", "ResolveOrder"]),
        ("risk", ["ListPositions"], ["PlaceOrder", "PlaceMultiOrder", "CreateToken"]),
        ("admin", ["ListTokens"], ["FlattenEverything", "PlaceOrder", "CancelAllOrders"]),
    ],
)  # fmt: skip
async def test_a_role_may_do_its_own_work_only(
    demo: Stage, role: str, allowed: list[str], forbidden: list[str]
) -> None:
    token = await new_token(demo.server, f"only {role}", [role], ("Sim101",))
    async with connected(demo.server.url, token) as client:
        for api in allowed:
            args = {"account": "Sim101"} if api == "ListPositions" else {}
            assert (await client.call(api, args)).data["success"] is True, api
        for api in forbidden:
            answer = await client.call(api, {})
            code = answer.data.get("errorCode") or answer.data["error"]
            assert code == "forbidden", (api, answer.data)


# --- too much of it ------------------------------------------------------------------------------


async def test_plain_calls_are_limited_and_exits_are_not(desk: Stage) -> None:
    """Whoever has just spent every call on polling still gets out."""
    await desk.scene.hold(desk.account, "MES 12-25", 1, "5780.00")
    names = [f"p{number}" for number in range(250)]
    for name in names:
        await desk.client.begin("Ping", {}, id=name)
    await desk.client.begin("Flatten", {"instrument": "MES 12-25"}, id="exit")

    answers = await desk.client.answers([*names, "exit"])

    refused = [answers[name].data for name in names if not answers[name].data["success"]]
    assert {data["error"] for data in refused} <= {"rate_limited", "too_many_in_flight"}
    assert any(data.get("retryAfterMs", 0) > 0 for data in refused)
    assert answers["exit"].data["flat"] is True
    assert await desk.scene.positions(desk.account) == {}


async def test_too_many_connections_end_the_longest_silent_one(desk: Stage) -> None:
    """Half-dead sockets cannot lock a trader out: the newest is let in."""
    async with (
        connected(desk.server.url, desk.token) as a,
        connected(desk.server.url, desk.token) as b,
        connected(desk.server.url, desk.token) as c,
        connected(desk.server.url, desk.token) as d,
        connected(desk.server.url, desk.token) as e,
        connected(desk.server.url, desk.token) as f,
        connected(desk.server.url, desk.token) as g,
    ):
        for client in (desk.client, b, c, d, e, f, g):
            assert await client.is_alive()
        async with connected(desk.server.url, desk.token) as newest:
            assert await newest.is_alive()
            assert (await a.hear_close())[0] == 1008
        assert await desk.client.is_alive()


async def test_an_operation_survives_the_bad_frames_around_it(desk: Stage) -> None:
    await desk.scene.hold(desk.account, "MES 12-25", 2, "5780.00")
    for text in ("{", "[]", args_text('{"acount":1}').replace('"x"', '"bad"'), "null"):
        await desk.client.say_text(text)
    await desk.client.begin("Flatten", {"instrument": "MES 12-25"}, key="press", id="good")
    for text in ("{", "[]", "nonsense"):
        await desk.client.say_text(text)
    while True:
        frame = await desk.client.hear()
        if frame.get("id") == "good":
            break

    assert frame["data"]["flat"] is True
    assert await desk.scene.traded(desk.account) == {"MES 12-25": Decimal(-2)}
