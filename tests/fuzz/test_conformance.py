"""
RFC 6455, as the Autobahn cases have it, against our own listener.

Everything but the sixteen-megabyte messages of chapter 9, which `conformance.py` runs too.
"""

from __future__ import annotations

import pytest

from tests.fuzz.conformance import KNOWN, examine

CHAPTERS = ("1.*", "2.*", "3.*", "4.*", "5.*", "6.*", "7.*", "10.*")


@pytest.mark.anyio
async def test_the_listener_speaks_websocket() -> None:
    verdicts = await examine(CHAPTERS)

    assert len(verdicts) >= 240
    failed = {each.case for each in verdicts if not each.passed}
    assert failed == KNOWN.keys() & {each.case for each in verdicts}
