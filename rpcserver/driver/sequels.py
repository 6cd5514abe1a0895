"""
The order that follows a close: who waits for the venue's word on it, and what the journal knows.

Whether it was placed is decided in the core, once; here it is only waited for and told.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import anyio
import msgspec

from rpcserver.core.commands import SubmitOrder
from rpcserver.core.records import OperationFinished
from rpcserver.core.report import OperationReport
from rpcserver.core.reporting import placement_of
from rpcserver.domain.ids import ClientOrderId, OperationId, sequel_order_id
from rpcserver.driver.performer import VenueCommand
from rpcserver.driver.ports import Journal


class Sequels:
    """Orders that were sent as the last act of an operation of this life, until they are known."""

    def __init__(self) -> None:
        self._sent: dict[ClientOrderId, anyio.Event] = {}

    def ended(self, finished: OperationFinished, report: OperationReport | None) -> None:
        """An operation's end is durable, and with it the order that follows it, if one does."""
        if finished.unplaced is None and report is not None and _may_have_one(report):
            self._sent[sequel_order_id(finished.operation_id)] = anyio.Event()

    def answered_by(self, command: VenueCommand) -> Callable[[], None] | None:
        """How to tell whoever waits for *command*; None: nobody does."""
        if isinstance(command, SubmitOrder) and command.order.client_order_id in self._sent:
            return partial(self.heard, command.order.client_order_id)
        return None

    def heard(self, name: ClientOrderId) -> None:
        """What the venue said of it is durable."""
        if (sent := self._sent.pop(name, None)) is not None:
            sent.set()

    def give_up(self) -> None:
        """Nobody will hear any more."""
        for name in tuple(self._sent):
            self.heard(name)

    async def answered(self, operation_id: OperationId) -> None:
        """Wait until something is known of the order that follows, or that nothing is."""
        if (sent := self._sent.get(sequel_order_id(operation_id))) is not None:
            await sent.wait()


async def with_placement(journal: Journal, report: OperationReport) -> OperationReport:
    """The report with what became of the order that follows, as far as it is durable."""
    if report.finished_at is None or report.placement is not None or not _may_have_one(report):
        return report
    entries = await journal.order(sequel_order_id(report.operation_id))
    placement = placement_of(entry.record for entry in entries)
    return msgspec.structs.replace(report, placement=placement)


def _may_have_one(report: OperationReport) -> bool:
    return report.request.sequel is not None and not report.request.dry_run
