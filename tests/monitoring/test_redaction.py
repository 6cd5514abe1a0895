"""What is secret never reaches the log, in whatever words it stands there."""

from __future__ import annotations

import json
import secrets

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rpcserver.monitoring.redaction import BLOT, Redactor, is_secret, secrets_of

TOKEN = "kP3v_8-xQ2mZrT7yLwNcB1dFgHjKsA0uEoViXq5W9tM"  # as long as ours are
WORD = "hunter2-hunter2"  # of no shape at all

REDACTOR = Redactor()


@pytest.mark.parametrize(
    "line",
    [
        "Authorization: Bearer {}",
        "authorization: bearer {}",
        "Authorization: Basic {}",
        'authorization="{}"',
        "Authorization: {}",
        "Cookie: session={}; theme=dark",
        '{{"action":"auth","token":"{}"}}',
        "{{'action': 'auth', 'token': '{}'}}",
        '"{{\\"action\\":\\"auth\\",\\"token\\":\\"{}\\"}}"',
        '{{"action":"auth","token":"{}',
        "GET /ws/stream?token={}&x=1 HTTP/1.1",
        "connecting to wss://desk:{}@venue.example/ws",
        "api_key={} apiKey",
        '"apiKey": "{}"',
        "webhook_secret={}",
        "password={}",
    ],
)
@pytest.mark.parametrize("secret", [TOKEN, WORD])
def test_what_stands_where_secrets_stand_is_blotted_out(line: str, secret: str) -> None:
    told = REDACTOR.text(line.format(secret))

    assert secret not in told
    assert secret[:6] not in told
    assert BLOT in told


@pytest.mark.parametrize("around", ["{}", "token {} is wrong", "({})", "{}.", '["{}"]', "\n{}\n"])
def test_a_token_of_ours_is_known_by_its_shape(around: str) -> None:
    for _ in range(20):
        token = secrets.token_urlsafe(32)
        assert token not in REDACTOR.text(around.format(token))


@given(st.text(min_size=4, max_size=30), st.text(max_size=30), st.text(max_size=30))
def test_what_is_known_to_be_secret_is_blotted_out_anywhere(
    secret: str, before: str, after: str
) -> None:
    told = Redactor([secret]).text(before + secret + after)

    assert secret not in told or secret in BLOT * 3 or secret in before + BLOT + after


@pytest.mark.parametrize(
    "line",
    [
        "operation ended  operation=op-0123456789abcdef0123 success=true",
        "client came  principal=desk remote=127.0.0.1:50412",
        "9b1d6e0c4f7a9b1d6e0c4f7a9b1d6e0c4f7a9b1d6e0c4f7a9b1d6e0c4f7a0000",
        "token_id=tok-2 client_order_id=cb1fc8d4e1a84d29ae38fea964aaac8c",
        "the token is wrong",
    ],
)
def test_what_is_no_secret_stays(line: str) -> None:
    assert REDACTOR.text(line) == line


def test_fields_are_known_by_their_names() -> None:
    fields: dict[str, object] = {
        "token": "x",
        "webhook_secret": "y",
        "Authorization": ["z"],
        "token_id": "tok-2",
        "keys": 3,
    }

    assert REDACTOR.fields(fields) == {
        "token": BLOT,
        "webhook_secret": BLOT,
        "Authorization": BLOT,
        "token_id": "tok-2",
        "keys": 3,
    }


@given(st.dictionaries(st.sampled_from(["token", "detail", "note"]), st.just(TOKEN), min_size=1))
def test_a_line_stays_json_whatever_is_blotted_out(fields: dict[str, str]) -> None:
    told = json.loads(REDACTOR.text(json.dumps(fields)))

    assert told.keys() == fields.keys()
    assert set(told.values()) == {BLOT}


class Webhook(msgspec.Struct, frozen=True):
    url: str = "https://desk.example"
    signing_secret: str = "s3cr3t-s3cr3t"


class Some(msgspec.Struct, frozen=True):
    port: int = 1
    password: str | None = None
    webhook: Webhook = Webhook()


def test_settings_say_by_name_what_is_secret() -> None:
    assert list(secrets_of(Some())) == ["s3cr3t-s3cr3t"]
    assert is_secret("venue.api_key")
    assert not is_secret("tls_key"), "a path"
    assert not is_secret("calls_per_second")
