"""What the channels tell, word by word."""

from __future__ import annotations

from decimal import Decimal

import msgspec
import pytest

from rpcserver.domain.instrument import Instrument
from rpcserver.server.items import encode_item, position_item
from tests.server.fakes import SIM101, a_position, an_instrument

MES = msgspec.structs.replace(an_instrument(), point_value=Decimal(5))
COIN_MARGINED = msgspec.structs.replace(MES, inverse=True, currency="BTC")


@pytest.mark.parametrize(
    ("instrument", "told"),
    [
        (MES, {"pointValue": "5", "currency": "USD"}),
        (COIN_MARGINED, {"currency": "BTC"}),  # its profit is no multiple of the price's way
        (None, {}),  # nobody has heard of it yet
    ],
)
def test_a_position_says_what_a_point_is_worth_where_points_have_a_worth(
    instrument: Instrument | None, told: dict[str, str]
) -> None:
    item = encode_item(position_item(a_position(SIM101), instrument, sandbox=True))

    worth = msgspec.json.decode(item, type=dict[str, object])
    assert {key: worth[key] for key in ("pointValue", "currency") if key in worth} == told
