from __future__ import annotations

from decimal import Decimal

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rpcserver.domain.errors import InvalidRequest
from rpcserver.wire.codec import (
    RefusedFrame,
    check_strictly,
    decode_frame,
    encode,
    encode_final,
    encode_numbers,
    one_line,
)
from rpcserver.wire.errors import ERRORS
from rpcserver.wire.frames import (
    Accepted,
    Attach,
    Auth,
    Cancel,
    ClientFrame,
    Ping,
    PnlLine,
    PnlUpdate,
    Rpc,
    StreamPnl,
    Subscribe,
    Unsubscribe,
)


@pytest.mark.parametrize(
    ("text", "frame"),
    [
        ('{"action":"auth","token":"t"}', Auth(token="t")),
        (
            '{"action":"attach","id":"a","operationId":"op-1","after":4}',
            Attach(id="a", operation_id="op-1", after=4),
        ),
        ('{"action":"cancel","idempotencyKey":"k"}', Cancel(idempotency_key="k")),
        (
            '{"action":"subscribe","instruments":["ES 03-26"]}',
            Subscribe(instruments=("ES 03-26",)),
        ),
        ('{"action":"unsubscribe","channels":["orders"]}', Unsubscribe(channels=("orders",))),
        ('{"action":"streamPnl","enabled":true}', StreamPnl(enabled=True)),
        ('{"action":"ping"}', Ping()),
        ('{"action":"ping","whatever":{"a":[1]}}', Ping()),
    ],
)
def test_every_action_becomes_its_frame(text: str, frame: ClientFrame) -> None:
    assert decode_frame(text) == frame
    assert decode_frame(text.encode()) == frame


def test_a_call_keeps_its_args_raw() -> None:
    frame = decode_frame('{"action":"rpc","id":"r1","api":"Flatten","args":{"account": "Sim101"}}')

    assert isinstance(frame, Rpc)
    assert (frame.id, frame.api, frame.idempotency_key, frame.progress) == (
        "r1",
        "Flatten",
        None,
        True,
    )
    assert bytes(frame.args) == b'{"account": "Sim101"}'


def test_a_call_without_args_has_none() -> None:
    frame = decode_frame('{"action":"rpc","id":"r1","api":"ListAccounts"}')

    assert isinstance(frame, Rpc)
    assert bytes(frame.args) == b"{}"


_DEEP = 60_000


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"null",
        b"[]",
        b'"text"',
        b"{",
        b'{"action":"ping"} {}',
        b'{"action":"rpc","id":"a","api":NaN}',
        b'{"action":"rpc","id":"a","api":"x","args":{"a":Infinity}}',
        b'{"action":"rpc","id":"\\ud800","api":"x"}',
        b'{"action":"rpc","id":"a","api":"x","args":{"a":"\\ud800"}}',
        b'{"action":"rpc","id":"\xff","api":"x"}',
        '{"action":"rpc","id":"\ud800","api":"x"}',
        b"[" * _DEEP,
        b'{"a":' * _DEEP,
        b'{"action":"ping","a":' + b"[" * _DEEP + b"]" * _DEEP + b"}",
        b'{"action":"rpc","id":"a","api":"x","args":' + b"[" * _DEEP + b"]" * _DEEP + b"}",
    ],
    ids=lambda data: repr(data[:40]),
)
def test_what_is_no_json_object_is_malformed(data: bytes | str) -> None:
    with pytest.raises(RefusedFrame) as caught:
        decode_frame(data)

    assert caught.value.code == "malformed_frame"
    assert caught.value.is_malformed
    assert caught.value.request_id is None
    assert "\n" not in caught.value.detail


@pytest.mark.parametrize(
    ("text", "code", "request_id", "words"),
    [
        ('{"action":"rcp","id":"r1"}', "unknown_action", "r1", "did you mean `rpc`"),
        ('{"id":"r1"}', "unknown_action", "r1", "rpc, attach"),
        ('{"action":7}', "unknown_action", None, "action"),
        ('{"action":"rpc","api":"x"}', "invalid_id", None, "1 to 64"),
        ('{"action":"rpc","id":1,"api":"x"}', "invalid_id", None, "string"),
        ('{"action":"rpc","id":null,"api":"x"}', "invalid_id", None, "string"),
        ('{"action":"rpc","id":"","api":"x"}', "invalid_id", None, "string"),
        (f'{{"action":"rpc","id":"{"x" * 65}","api":"x"}}', "id_too_long", None, "64"),
        (f'{{"action":"rpc","id":"{"x" * 65}"}}', "id_too_long", None, "64"),
        ('{"action":"rpc","id":"r1"}', "missing_argument", "r1", "`api`"),
        ('{"action":"rpc","id":"r1","api":7}', "invalid_argument", "r1", "`api`: expected str"),
        (
            '{"action":"rpc","id":"r1","api":"x","progress":"no"}',
            "invalid_argument",
            "r1",
            "`progress`: expected bool",
        ),
        (
            '{"action":"rpc","id":"r1","api":"x","idempotencyKey":""}',
            "invalid_argument",
            "r1",
            "idempotencyKey",
        ),
        ('{"action":"auth"}', "missing_argument", None, "`token`"),
        ('{"action":"subscribe","instruments":"ES"}', "invalid_argument", None, "instruments"),
    ],
)
def test_a_wrong_frame_is_explained_to_the_call_it_belongs_to(
    text: str, code: str, request_id: str | None, words: str
) -> None:
    with pytest.raises(RefusedFrame) as caught:
        decode_frame(text)

    assert (caught.value.code, caught.value.request_id) == (code, request_id)
    assert not caught.value.is_malformed
    assert words in caught.value.detail
    assert code in ERRORS


def test_an_id_of_64_characters_is_good() -> None:
    frame = decode_frame(f'{{"action":"rpc","id":"{"é" * 64}","api":"x"}}')

    assert isinstance(frame, Rpc)
    assert frame.id == "é" * 64


_json = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=10,
)
_nearly = st.fixed_dictionaries(
    {},
    optional={
        "action": st.sampled_from(["rpc", "attach", "cancel", "auth", "ping", "nope"]) | _json,
        "id": st.text(max_size=80) | _json,
        "api": st.just("Flatten") | _json,
        "args": _json,
        "idempotencyKey": st.text(max_size=140) | _json,
        "after": _json,
        "instruments": _json,
    },
)


@given(st.binary() | st.text() | _nearly.map(msgspec.json.encode))
def test_no_bytes_bring_the_decoder_down(data: bytes | str) -> None:
    read = _read(data)

    if isinstance(read, RefusedFrame):
        assert read.code in ERRORS
        assert read.detail
    elif isinstance(read, Rpc | Attach):
        assert 1 <= len(read.id) <= 64


def _read(data: bytes | str) -> ClientFrame | RefusedFrame:
    try:
        return decode_frame(data)
    except RefusedFrame as refused:
        return refused


def test_a_key_that_stands_twice_is_refused_where_it_can_hurt() -> None:
    text = '{"action":"rpc","id":"a","api":"Flatten","args":{"account":"A","account":"B"}}'

    with pytest.raises(InvalidRequest, match="`account` stands twice") as caught:
        check_strictly(text, envelope=True)

    assert caught.value.code == "duplicate_key"


def test_an_option_beside_the_args_is_refused_where_it_can_hurt() -> None:
    text = '{"action":"rpc","id":"a","api":"FlattenEverything","args":{},"dryRun":true}'

    with pytest.raises(InvalidRequest, match="options belong in `args`") as caught:
        check_strictly(text, envelope=True)

    assert caught.value.code == "unknown_argument"
    check_strictly(text, envelope=False)


def test_numbers_of_any_length_do_not_stop_the_strict_reading() -> None:
    check_strictly('{"args":{"a":' + "9" * 10_000 + "}}", envelope=True)


def test_progress_speaks_in_strings_and_crosstrade_frames_in_numbers() -> None:
    pnl = PnlUpdate(
        epoch=1,
        accounts=[
            PnlLine(
                account="Sim101",
                venue="paper",
                currency="USD",
                unrealized_pnl=Decimal("12.50"),
                realized_pnl=Decimal(0),
                total_pnl=Decimal("12.50"),
                fees=Decimal(0),
                equity=Decimal(1),
                connected=True,
                sandbox=True,
            )
        ],
    )

    assert b'"type":"pnlUpdate"' in encode_numbers(pnl)
    assert b'"unrealizedPnl":12.50' in encode_numbers(pnl)
    assert b'"unrealizedPnl":"12.50"' in encode(pnl)


def test_accepted_says_who_asked_and_never_bears_an_id() -> None:
    text = encode(Accepted(request_id="r1", operation_id="op-1", duplicate=False))

    assert text == (b'{"type":"accepted","requestId":"r1","operationId":"op-1","duplicate":false}')


def test_the_final_answer_is_crosstrades_own() -> None:
    text = encode_final("r1", {"success": True, "price": Decimal("5774.25"), "text": "a\nb"})

    assert text == b'{"id":"r1","data":{"success":true,"price":5774.25,"text":"a\\nb"}}'


def test_args_are_kept_on_one_line() -> None:
    assert one_line(msgspec.Raw(b'{ "a" :\n [1,\r\n 2]}')) == '{"a":[1,2]}'
