"""
Any args, for every api: they are understood, or refused with a code of protocol.md.

No socket: decoding, names, numbers and the wording of the refusal alone.
"""

from __future__ import annotations

import json

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rpcserver.apis.catalogue import registry
from rpcserver.apis.decoding import decode_args
from rpcserver.apis.registry import Api, Ask, CloseTerms, ClosingApi
from rpcserver.domain.errors import InvalidRequest
from rpcserver.wire.codec import encode_final
from rpcserver.wire.errors import ERRORS
from tests.apis import hand
from tests.fuzz.hostile import args_of, written

DETAIL_MAX = 4096  # characters: a refusal is for people
BY = hand.asked(grants=("Sim101", "user123"))


def heard(api: Api, text: str) -> CloseTerms | Ask | InvalidRequest:
    """What *api* makes of args, or why it refuses them; anything else is a bug."""
    try:
        args = decode_args(api.args, text.encode())
        return api.terms(args, BY) if isinstance(api, ClosingApi) else api.ask(args, BY)
    except InvalidRequest as refusal:
        return refusal


@pytest.mark.parametrize("api", list(registry), ids=lambda api: api.name)
@settings(settings.get_profile("fuzz"))
@given(data=st.data())
def test_any_args_are_understood_or_refused(api: Api, data: st.DataObject) -> None:
    found = heard(api, written(data.draw(args_of(api))))

    if isinstance(found, InvalidRequest):
        assert found.code in ERRORS
        assert len(found.detail) <= DETAIL_MAX
        assert json.loads(encode_final("id", api.refuse(found)))["id"] == "id"
    if isinstance(found, CloseTerms):
        assert set(found.scope.accounts) <= {each.ref for each in BY.accounts}
        assert msgspec.msgpack.decode(msgspec.msgpack.encode(found), type=CloseTerms) == found
