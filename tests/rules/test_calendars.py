"""The calendars of exchanges, as a maintained library knows them."""

from __future__ import annotations

import subprocess
import sys
from datetime import date

import pytest

from rpcserver.domain.errors import InvalidRequest
from rpcserver.rules.calendars import trades_on

pytestmark = pytest.mark.anyio


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"  # calendars are loaded beside the event loop, in a thread


async def test_an_exchange_has_its_holidays() -> None:
    trades = await trades_on("XNYS")

    assert trades(date(2026, 3, 3))
    assert not trades(date(2026, 12, 25))
    assert not trades(date(2026, 3, 7))
    assert trades(date(2099, 1, 1)), "beyond the calendar: better flat than not"


async def test_a_calendar_that_does_not_exist_is_named() -> None:
    with pytest.raises(InvalidRequest, match=r"calendar: 'XNYSE'.*did you mean 'XNYS'"):
        await trades_on("XNYSE")


async def test_without_a_calendar_every_day_counts() -> None:
    trades = await trades_on(None)

    assert trades(date(2026, 12, 25))


def test_nothing_loads_the_library_before_a_rule_names_a_calendar() -> None:
    program = "import rpcserver.app, sys; sys.exit('exchange_calendars' in sys.modules)"

    assert subprocess.run([sys.executable, "-c", program], check=False, timeout=60).returncode == 0
