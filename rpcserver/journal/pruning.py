"""
Which entries may go, and what goes with them: the same for every journal.

Only the front of the chain goes: entries older than a date, as far as nothing needs them. Needed
is what recovery would fold, and an operation is kept or goes as a whole, with whatever it joined
(law 37). What stands (halts, rules, a policy) would otherwise keep the chain since the day it was
laid down: so it is written down again, unchanged, and the new entry is what recovery folds.

Once an entry is durable that speaks of it, the front is deleted in chunks. Each is a transaction
that moves the *anchor* along: the head that the oldest entry continues.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from datetime import datetime

import msgspec

from rpcserver.core.entries import Head
from rpcserver.core.pruning import Pruned
from rpcserver.domain.errors import NotPrunable
from rpcserver.journal.chain import Link
from rpcserver.journal.changes import changes_of
from rpcserver.journal.writer import Statement

CHUNK = 100  # entries a transaction: it holds a commit up for some milliseconds
_PAGE = 1000

_FORGET = (
    "DELETE FROM records WHERE audit_seq <= ?",
    "DELETE FROM exits WHERE audit_seq <= ?",
    "DELETE FROM operations WHERE opened_by <= ?",
)
_FORGET_PLACE = "DELETE FROM places WHERE subject = ? AND seq = ? AND audit_seq = ?"
_MOVE_ANCHOR = "UPDATE pruned SET audit_seq = ?, audit_hash = ?"

Links = Callable[[int, int], Awaitable[Sequence[Link]]]  # after which entry, and how many at most
Spanning = Callable[[int], Awaitable[int | None]]


class _Dated(msgspec.Struct):
    at: datetime


_dated = msgspec.json.Decoder(_Dated)


async def older_than(before: datetime, links: Links, anchor: Head) -> int:
    """
    The last entry before the first that is not older.

    Entry by entry: a clock that was once set back must not hide what is younger behind it.
    """
    last = anchor.audit_seq
    while page := await links(last, _PAGE):
        for link in page:
            if _dated.decode(link.body).at >= before:
                return last
            last = link.audit_seq
    return last


async def down_to_whole_operations(through: int, spanning: Spanning) -> int:
    """
    At most *through*, and never through the middle of an operation.

    Whoever joined an operation did so before its end: so the joined go and stay together, too.

    Args:
        through: The last entry that might go.
        spanning: The first entry of the oldest operation that has one up to this, and one beyond.
    """
    while (opened_by := await spanning(through)) is not None:
        through = opened_by - 1
    return through


def deletion(links: Sequence[Link]) -> Sequence[Statement]:
    """The transaction that takes *links* off the front, and what the tables say of them."""
    last = links[-1]
    records = [link.entry.record for link in links]
    places = changes_of(records, links[0].audit_seq).places
    statements: list[Statement] = [(sql, [(last.audit_seq,)]) for sql in _FORGET]
    if places:
        statements.append((_FORGET_PLACE, places))
    statements.append((_MOVE_ANCHOR, [(last.audit_seq, last.audit_hash)]))
    return statements


def refuse_unless(record: Pruned, allowed: int, found: Head | None) -> None:
    """
    Hold a pruning to what may go, right before it is written down.

    Args:
        record: What is to be pruned.
        allowed: The last entry that nothing needs.
        found: The entry that *record* names, as it is in the chain.

    Raises:
        NotPrunable: It is not so.
    """
    if record.through > allowed:
        raise NotPrunable(f"entry {allowed + 1} is still needed")
    if found != Head(audit_seq=record.through, audit_hash=record.audit_hash):
        raise NotPrunable(f"entry {record.through} is not what was archived")
