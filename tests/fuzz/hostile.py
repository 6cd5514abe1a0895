"""
What a client may send: nothing is too wrong.

Valid shapes with hostile values, taken from the registry's own Structs; mutated samples of calls
that work; JSON that is nothing of ours; text that is no JSON; bytes that are no text.
"""

from __future__ import annotations

import json
import typing
from collections.abc import Mapping
from decimal import Decimal
from typing import Any, get_args

import msgspec
from hypothesis import strategies as st

from rpcserver.apis.catalogue import registry
from rpcserver.apis.registry import Api
from rpcserver.wire.frames import ClientFrame
from tests.apis import samples

Json = Any  # what json.dumps takes

NAMES = ("Sim101", "sim102", "user123", "crypto1", "ES", "ES 12-25", "esz25", "MES 12-25", "CL",
         "NSE:INFY", "BTC-USDT-SWAP", "BTC/USDT", "paper", "*", "all", "SwapU", "long", "short",
         "MARKET", "LIMIT", "Buy", "filled", "1", "0.5", "2026-03-03T12:00:00Z")  # fmt: skip
SPITEFUL = ("", " ", "\x00", "null", "NaN", "-Infinity", "1e999", "-0", "0x10", "١٢", "\ud800",
            "\U0001f4a5" * 9, "‮drawkcab", "a" * 65, "b" * 2000, "'; --", "../../etc",
            "${x}", "{}", "\r\n", "9" * 40, "0." + "0" * 40 + "1", "ﬀ", "İ")  # fmt: skip
NUMBERS = (0, -1, 1, 2**31, 2**53 + 1, 2**63, -(2**64), 10**30, 0.1, -0.0, 1e-9, 1e12, 1e308)

texts = st.sampled_from(NAMES) | st.sampled_from(SPITEFUL) | st.text(max_size=20)
numbers = (
    st.sampled_from(NUMBERS)
    | st.integers()
    | st.floats()  # NaN and the infinities among them: json.dumps writes them, nobody reads them
    | st.integers(0, 20)
)
leaves = st.none() | st.booleans() | numbers | texts
anything: st.SearchStrategy[Json] = st.recursive(
    leaves,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(texts, inner, max_size=4),
    max_leaves=8,
)


# --- args ----------------------------------------------------------------------------------------


def _likely(kind: Any) -> st.SearchStrategy[Json]:
    """Values of the type that a key has, hostile ones among them."""
    found: list[st.SearchStrategy[Json]] = []
    for each in (kind, *get_args(kind)):
        origin = typing.get_origin(each)
        if each is str:
            found.append(texts)
        elif each is bool:
            found.append(st.booleans())
        elif each in (int, float, Decimal):
            found.append(numbers | st.integers(0, 20).map(str))
        elif origin in (tuple, list, frozenset, set):
            inner = get_args(each)[0]
            found.append(st.lists(_likely(inner), max_size=3))
        elif origin in (dict, Mapping):
            found.append(st.dictionaries(texts, numbers | texts, max_size=3))
        elif isinstance(each, type) and issubclass(each, msgspec.Struct):
            found.append(_struct(each))
    return st.one_of(*found) if found else leaves


def _struct(kind: type[msgspec.Struct]) -> st.SearchStrategy[Json]:
    """An object of *kind*: any of its keys, each mostly of its type."""
    fields = {
        field.encode_name: _likely(field.type) | _likely(field.type) | anything
        for field in msgspec.structs.fields(kind)
    }
    return st.fixed_dictionaries({}, optional=fields)


@st.composite
def _mutated(draw: st.DrawFn, args: str) -> Json:
    """A call that works, after a few accidents."""
    found: dict[str, Json] = json.loads(args)
    for _ in range(draw(st.integers(0, 3))):
        key = draw(st.sampled_from(sorted(found)) if found else texts)
        match draw(st.sampled_from(["drop", "replace", "nest", "rename", "add"])):
            case "drop":
                found.pop(key, None)
            case "replace":
                found[key] = draw(anything)
            case "nest":
                found[key] = [found.get(key)]
            case "rename":
                found[draw(st.sampled_from([key.upper(), f"{key}s", f" {key}"]))] = found.pop(
                    key, 1
                )
            case _:
                found[draw(texts)] = draw(anything)
    return found


def args_of(api: Api) -> st.SearchStrategy[Json]:
    """Args for one api: by its Struct, by its sample, or anything at all."""
    sample = samples.ALL[api.name].args
    return _struct(api.args) | _mutated(sample) | _mutated(sample) | anything


# --- frames --------------------------------------------------------------------------------------


def written(value: Json) -> str:
    """*value* as JSON text; lone surrogates are escaped, NaN stands there as it is."""
    return json.dumps(value)


@st.composite
def calls(draw: st.DrawFn) -> Json:
    """A call of any api; the connection gives it an id of its own."""
    api = draw(st.sampled_from(list(registry)))
    frame = {"action": "rpc", "id": "", "api": api.name, "args": draw(args_of(api))}
    if draw(st.integers(0, 4)) == 0:
        frame["idempotencyKey"] = draw(texts | anything)
    if draw(st.integers(0, 4)) == 0:
        frame["progress"] = draw(st.booleans() | leaves)
    return frame


@st.composite
def other_frames(draw: st.DrawFn) -> Json:
    """A frame of any action, its keys mostly of their types."""
    kind = draw(st.sampled_from(get_args(ClientFrame)))
    fields = {
        field.encode_name: _likely(field.type) | anything
        for field in msgspec.structs.fields(kind)
        if field.encode_name != "args"
    }
    keys: dict[str, Json] = draw(st.fixed_dictionaries({}, optional=fields))
    return {"action": str(kind.__struct_config__.tag), **keys}


broken = st.builds(
    lambda text, at, junk: text[:at] + junk + text[at:],
    calls().map(written),
    st.integers(0, 200),
    st.sampled_from(
        ["", "}", '"', ",", "[" * 2000, '{"a":' * 2000, "\x00", "\\ud800", "NaN", "//"]
    ),
)
"""JSON with something in the middle of it."""

twice = calls().map(written).map(lambda text: text[:-1] + ', "args": {}, "id": "again"}')
"""Every key may stand twice."""

raw: st.SearchStrategy[str | bytes] = st.one_of(
    other_frames().map(written),
    anything.map(written),
    broken,
    twice,
    st.text(st.characters(exclude_categories=["Cs"]), max_size=200),
    st.binary(max_size=200),
)
"""One WebSocket message that is no call, or hardly: text, or bytes."""
