"""The record of a pruning: what was taken out of the journal, and where it is kept since."""

from __future__ import annotations

from rpcserver.core.recording import RecordBase
from rpcserver.domain.ids import PrincipalId


class Pruned(RecordBase, frozen=True, kw_only=True, tag="pruned"):
    """Every entry up to `through` goes. Durable before the first of them is deleted."""

    through: int  # audit_seq of the last that goes
    audit_hash: str  # of that entry, in hexadecimal: what the rest of the chain continues
    records: int  # how many go
    archive: str  # the name of the file that keeps them
    principal: PrincipalId | None = None  # who asked for it; None: the policy
    reason: str = ""

    @property
    def detail(self) -> str:
        """The same, for people."""
        first = self.through - self.records + 1
        return f"entries {first} to {self.through} are in {self.archive} ({self.reason})"
