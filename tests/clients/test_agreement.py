"""The client knows the protocol by heart; here its tables are held against the server's."""

from __future__ import annotations

import pytest

from rpcclient.apis import Repeat, repeat_of
from rpcclient.client import ending
from rpcserver.apis.catalogue import registry
from rpcserver.apis.registry import Api, ClosingApi
from rpcserver.wire.close_codes import CloseCode


@pytest.mark.parametrize("api", list(registry), ids=lambda api: str(api.name))
def test_every_api_is_repeated_as_the_server_bears_it(api: Api) -> None:
    if isinstance(api, ClosingApi):
        expected = Repeat.CLOSING
    else:
        expected = Repeat.READ if api.read_only else Repeat.ORDER

    assert repeat_of(api.name) is expected


@pytest.mark.parametrize("code", list(CloseCode))
def test_every_close_code_is_taken_as_the_server_means_it(code: CloseCode) -> None:
    assert (ending(code, "") is None) is code.may_retry
