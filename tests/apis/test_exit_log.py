"""The exit log's summary: an answer has an end, however many instruments were closed."""

from __future__ import annotations

import msgspec

from rpcserver.apis.audit import SUMMARY_MAX
from rpcserver.apis.queries import FoundExits
from rpcserver.domain.ids import InstrumentId
from rpcserver.settings import Limits
from tests.apis import samples


def test_a_summary_keeps_the_instruments_with_the_most_exits_and_counts_the_others() -> None:
    busy, quiet = InstrumentId("Z busy"), [InstrumentId(f"SYN{n:05}") for n in range(20_000)]
    exits = tuple(
        msgspec.structs.replace(samples.EXIT, instrument=name) for name in (*quiet, busy, busy)
    )

    data = samples.answered("QueryAudit", '{"summary":true}', FoundExits(exits[:1], exits))

    assert (data["summary"][0]["instrument"], data["summary"][0]["exits"]) == ("Z busy", 2)
    assert len(data["summary"]) == SUMMARY_MAX
    assert data["summaryOmitted"] == len(quiet) + 1 - SUMMARY_MAX
    assert data["summarized"] == len(exits)
    assert len(msgspec.json.encode(data)) < Limits().final_frame_bytes_max
