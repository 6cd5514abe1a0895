"""protocol.md is run: every example is decoded, every table is compared with the code."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any, get_args

import msgspec
import pytest

from rpcserver.apis.arguments import CloseOptions
from rpcserver.apis.catalogue import registry
from rpcserver.apis.decoding import decode_args
from rpcserver.apis.deepcoin import REFUSED_BECAUSE
from rpcserver.apis.registry import ClosingApi
from rpcserver.apis.upstox_orders import MultiOrder
from rpcserver.core import progress
from rpcserver.core.records import OrderEnd
from rpcserver.domain.principal import Permission, Principal, Role, permissions_of
from rpcserver.server.limits import Limits
from rpcserver.wire import events
from rpcserver.wire.close_codes import CloseCode
from rpcserver.wire.codec import check_strictly, decode_frame, encode, encode_numbers
from rpcserver.wire.errors import ERRORS
from rpcserver.wire.frames import ClientFrame, ErrorData, MarketData, PnlUpdate, Rpc, ServerFrame
from tests.apis import hand, samples

TEXT = (Path(__file__).parents[1] / "protocol.md").read_text(encoding="utf-8")
NUMBERED = (MarketData, PnlUpdate)  # frames whose Decimals are JSON numbers

_server_frame: msgspec.json.Decoder[ServerFrame] = msgspec.json.Decoder(ServerFrame)


def blocks() -> Iterator[list[str]]:
    """The JSON objects of each fenced block, as they stand there."""
    for block in re.findall(r"```json\n(.*?)```", TEXT, re.DOTALL):
        objects, at = [], 0
        while at < len(block.rstrip()):
            _, end = json.JSONDecoder().raw_decode(block, at)
            objects.append(block[at:end])
            at = end + len(block[end:]) - len(block[end:].lstrip())
        yield objects


BLOCKS = list(blocks())
EXAMPLES = [example for block in BLOCKS for example in block]
FROM_CLIENTS = [example for example in EXAMPLES if "action" in json.loads(example)]
FINALS = [example for example in EXAMPLES if "data" in json.loads(example)]
FROM_SERVER = [example for example in EXAMPLES if "type" in json.loads(example)]


@cache
def sections() -> dict[str, str]:
    """The text under every `### heading` in code."""
    found = re.findall(r"^### `(\w+)`\n(.*?)(?=^##|\Z)", TEXT, re.DOTALL | re.MULTILINE)
    return dict(found)


def rows(*heading: str) -> list[list[str]]:
    """The rows of the one table that has this heading."""
    cells = r"\s*\|\s*".join(re.escape(cell) for cell in heading)
    found = re.findall(rf"^\|\s*{cells}\s*\|\n\|[-|]+\|\n((?:\|.*\n)+)", TEXT, re.MULTILINE)
    assert len(found) == 1, f"{len(found)} tables have the heading {heading}"
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in found[0].splitlines()]


# --- examples ------------------------------------------------------------------------------------


def test_every_example_is_of_one_kind() -> None:
    assert len(EXAMPLES) == len(FROM_CLIENTS) + len(FINALS) + len(FROM_SERVER)


@pytest.mark.parametrize("example", FROM_CLIENTS)
def test_every_example_of_a_client_is_understood(example: str) -> None:
    frame = decode_frame(example)

    check_strictly(example, envelope=isinstance(frame, Rpc))
    if isinstance(frame, Rpc):
        api = registry.find(frame.api)
        assert api is not None
        decode_args(api.args, frame.args)


@pytest.mark.parametrize("example", FROM_SERVER)
def test_every_example_of_the_server_is_what_it_sends(example: str) -> None:
    frame = _server_frame.decode(example)

    sent = encode_numbers(frame) if isinstance(frame, NUMBERED) else encode(frame)

    assert json.loads(sent) == json.loads(example)


@pytest.mark.parametrize("block", [block for block in BLOCKS if len(block) > 1])
def test_every_answer_is_what_the_builders_say(block: list[str]) -> None:
    call, final = (json.loads(example) for example in block)

    assert call["id"] == final["id"]
    if call["args"].get("dryRun"):
        assert call["args"] == json.loads(samples.DRY_RUN.args)
        assert final["data"] == hand.answer(call["api"], samples.DRY_RUN.world)
    else:
        assert call["args"] == json.loads(samples.ALL[call["api"]].args)
        assert final["data"] == samples.read_by_client(call["api"])


@pytest.mark.parametrize("block", [block for block in BLOCKS if len(block) == 1])
def test_a_final_answer_that_stands_alone_is_an_error_that_exists(block: list[str]) -> None:
    data = json.loads(block[0]).get("data")
    if data is None:
        return  # no final answer
    error = msgspec.convert(data, ErrorData)

    assert error.error in ERRORS
    assert error.status_code == ERRORS[error.error].status


@pytest.mark.parametrize("frame", [*get_args(ClientFrame), *get_args(ServerFrame)])
def test_every_frame_has_a_section_with_an_example(frame: type[msgspec.Struct]) -> None:
    tag = str(frame.__struct_config__.tag)

    examples = re.findall(r"```json\n(.*?)```", sections()[tag], re.DOTALL)

    key = "action" if frame in get_args(ClientFrame) else "type"
    assert any(json.loads(example)[key] == tag for example in examples)
    for name in frame.__struct_encode_fields__:
        assert f"`{name}`" in sections()[tag] or f'"{name}"' in sections()[tag]


@pytest.mark.parametrize("name", registry.names)
def test_every_api_has_a_section_with_a_call_and_its_answer(name: str) -> None:
    assert any(
        len(block) > 1 and json.loads(block[0])["api"] == name and block[0] in sections()[name]
        for block in BLOCKS
    )


@pytest.mark.parametrize("api", list(registry), ids=lambda api: api.name)
def test_every_argument_is_described(api: Any) -> None:
    shared = CloseOptions.__struct_encode_fields__ if isinstance(api, ClosingApi) else ()
    options = TEXT.partition("### What all of them take")[2].partition("\n### ")[0]
    for key in api.args.__struct_encode_fields__:
        assert f"`{key}`" in (options if key in shared else sections()[api.name])


def test_every_part_of_an_order_of_place_multi_order_is_described() -> None:
    for key in MultiOrder.__struct_encode_fields__:
        assert f"`{key}`" in sections()["PlaceMultiOrder"]


@pytest.mark.parametrize("name", samples.CLOSING)
def test_every_key_of_ours_in_an_answer_is_described(name: str) -> None:
    described = TEXT.partition("### What all of them answer")[2].partition("\n### `")[0]
    for section in {name, "Flatten"}:  # whose answer other calls refer to
        described += sections()[section].partition("```json")[0]
    theirs = {"status", "data", "code", "msg"}  # described by their own documents
    answers = [samples.read_by_client(name), hand.answer(name, samples.DRY_RUN.world)]
    for answer in answers:
        for key in answer.keys() - theirs:
            assert f"`{key}`" in described
        for leg in answer["legs"]:
            assert all(f"`{key}`" in described for key in leg)


# --- tables --------------------------------------------------------------------------------------


def test_the_table_of_errors_is_the_code() -> None:
    expected = [
        [f"`{code}`", str(error.status), error.remedy.value, error.meaning]
        for code, error in ERRORS.items()
    ]

    assert rows("code", "number", "what to do", "meaning") == expected


def test_the_table_of_close_codes_is_the_code() -> None:
    expected = [
        [str(code.value), "yes" if code.may_retry else "no", code.meaning] for code in CloseCode
    ]

    assert rows("code", "come back by yourself", "meaning") == expected


def test_the_table_of_limits_is_the_code() -> None:
    defaults = Limits()
    expected = {
        f"`{name}`": f"{getattr(defaults, name):g}"
        if isinstance(getattr(defaults, name), float)
        else str(getattr(defaults, name)).lower()
        for name in Limits.__struct_fields__
    }

    assert {row[0]: row[1] for row in rows("setting", "default", "")} == expected


def test_the_table_of_deepcoins_numbers_is_the_code() -> None:
    expected = [
        [f"`{reason}`", str(code), message] for reason, (code, message) in REFUSED_BECAUSE.items()
    ]

    assert rows("the venue's reason", "`errorCode`", "`errorMsg`") == expected


def test_the_table_of_events_is_the_code() -> None:
    source = Path(progress.__file__).read_text(encoding="utf-8")
    words = re.findall(r'event="(\w+)"|record,\s*"(\w+)"', source)
    known = {first or second for first, second in words} | {end.value for end in OrderEnd}
    known |= {"verified", "snapshot"}  # chosen by the record
    told = {
        word for row in rows("event", "what happened") for word in re.findall(r"`(\w+)`", row[0])
    }

    assert told == known


def test_the_table_of_roles_is_the_code() -> None:
    columns = (
        Permission.READ,
        Permission.TRADE,
        Permission.CLOSE,
        Permission.OVERRIDE,
        Permission.HALT,
        Permission.RELEASE,
        Permission.ADMINISTER,
        Permission.APPROVE,
        Permission.ALONE,
    )
    asked = hand.asked()
    expected = []
    for role in Role:
        principal: Principal = msgspec.structs.replace(asked.principal, roles=frozenset({role}))
        marks = ["yes" if principal.may(permission) else "" for permission in columns]
        expected.append([f"`{role.value}`", *marks])

    assert [row[: len(columns) + 1] for row in rows(*_ROLE_HEADING)] == expected


_ROLE_HEADING = (
    "role",
    "reads",
    "opens risk",
    "closes and cancels",
    "overrides fences, resolves orders",
    "halts",
    "releases",
    "administers",
    "is a second person",
    "goes alone",
)


_RIGHTS = dict(zip(_ROLE_HEADING[1:], Permission, strict=True))


def test_the_table_of_rights_is_the_code() -> None:
    told = {right: (roles, calls) for right, roles, calls in rows("right", "roles", "calls")}

    assert set(told) == set(_RIGHTS) - {"reads"}
    for right, (roles, calls) in told.items():
        permission = _RIGHTS[right]
        allowed = [role.value for role in Role if permission in permissions_of({role})]
        assert re.findall(r"`(\w+)`", roles) == allowed
        named = {name for name in re.findall(r"`(\w+)`", calls) if registry.find(name)}
        assert named == {api.name for api in registry if api.permission is permission}, right


def test_the_table_of_channels_is_the_code() -> None:
    items = {
        "positions": events.PositionItem,
        "orders": events.OrderItem,
        "executions": events.ExecutionItem,
        "operations": events.OperationItem,
        "alerts": events.AlertItem,
        "audit": events.AuditItem,
    }
    told = {row[0].strip("`"): re.findall(r"`(\w+)`", row[1]) for row in rows(*_CHANNEL_HEADING)}

    assert told == {name: list(item.__struct_encode_fields__) for name, item in items.items()}


_CHANNEL_HEADING = ("channel", "items", "who")
