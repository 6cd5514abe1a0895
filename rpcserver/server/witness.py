"""Signs what leaves: every answer with a head of the audit makes its reader a witness."""

from __future__ import annotations

import msgspec

from rpcserver.core.entries import ChainReport, Head
from rpcserver.core.report import OperationReport
from rpcserver.server.ports import Notary


class Witness:
    """
    The one place where heads are signed before they are told. Without a notary they are not.

    A signature depends on the head alone: an answer that is repeated is the same, byte for byte.
    """

    def __init__(self, notary: Notary | None) -> None:
        self._notary = notary

    def of_end(self, report: OperationReport) -> OperationReport:
        """The report of an operation, with the head of its end signed; it has none before."""
        if self._notary is None or not report.audit_head:
            return report
        head = Head(audit_seq=report.audit_seq, audit_hash=report.audit_head)
        return msgspec.structs.replace(report, audit_signature=self._notary.sign(head))

    def of_chain(self, report: ChainReport) -> ChainReport:
        """What a walk found, signed: also of a broken chain, for whoever looks into it."""
        if self._notary is None:
            return report
        return msgspec.structs.replace(
            report,
            signature=self._notary.sign(report.head),
            public_key=self._notary.public_key,
        )


UNSIGNED = Witness(None)
