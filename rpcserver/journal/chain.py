"""
The hash chain: each entry's hash covers the hash before it, its place, and its bytes.

    hash = SHA-256( previous hash | audit_seq, 8 bytes, big-endian | body, UTF-8 )

The hash before the first entry is 32 zero bytes. A chain shows what was edited, taken out of the
middle or put into another order. It cannot show that its end was cut off: for that one needs a
*witness*, a head that somebody kept elsewhere; every final frame gives its reader one.

A chain whose front was pruned begins at its *anchor*, and an entry of its own says what went.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from hashlib import sha256
from typing import NamedTuple

from rpcserver.core.entries import ChainReport, Entry, Head
from rpcserver.core.pruning import Pruned
from rpcserver.core.records import Record, decode_record, encode_record

GENESIS = Head(audit_seq=0, audit_hash=bytes(32).hex())
_PRUNED = '{"kind":"pruned"'  # how the body of such an entry begins


class Link(NamedTuple):
    """One entry of the chain, sealed: a row of the table `records`."""

    audit_seq: int
    audit_hash: bytes
    body: str

    @property
    def head(self) -> Head:
        return Head(audit_seq=self.audit_seq, audit_hash=self.audit_hash.hex())

    @property
    def entry(self) -> Entry:
        return Entry(
            audit_seq=self.audit_seq,
            audit_hash=self.audit_hash.hex(),
            record=decode_record(self.body.encode()),
        )


def seal(records: Iterable[Record], after: Head) -> list[Link]:
    """Chain *records* to the entry *after* which they come."""
    links = []
    audit_hash = bytes.fromhex(after.audit_hash)
    for audit_seq, record in enumerate(records, after.audit_seq + 1):
        body = encode_record(record)
        audit_hash = sha256(audit_hash + audit_seq.to_bytes(8, "big") + body).digest()
        links.append(Link(audit_seq, audit_hash, body.decode()))
    return links


def entries(links: Sequence[Link], records: Sequence[Record]) -> list[Entry]:
    """What was sealed, as it is told: without decoding what was just encoded."""
    return [
        Entry(audit_seq=link.audit_seq, audit_hash=link.audit_hash.hex(), record=record)
        for link, record in zip(links, records, strict=True)
    ]


class Walk:
    """
    A walk along the chain that stops at the first broken link.

    Args:
        start: Where it begins; trusted, unless it is an anchor.
        witness: A head that was once told, which the chain must contain.
        is_anchor: Everything up to *start* was pruned: the chain itself must say so.
    """

    def __init__(
        self, start: Head = GENESIS, *, witness: Head | None = None, is_anchor: bool = False
    ) -> None:
        self._audit_seq = start.audit_seq
        self._audit_hash = bytes.fromhex(start.audit_hash)
        self._anchor = start if is_anchor else GENESIS
        self._told = witness
        self._witness = witness if witness and witness.audit_seq > start.audit_seq else None
        self._pruned: Pruned | None = None  # the newest that was passed
        self._walked = 0
        self._first_broken: int | None = None
        self._detail = ""

    @property
    def is_intact(self) -> bool:
        return self._first_broken is None

    @property
    def anchor(self) -> Head:
        return self._anchor

    @property
    def head(self) -> Head:
        """How far the chain is intact."""
        return Head(audit_seq=self._audit_seq, audit_hash=self._audit_hash.hex())

    def follow(self, links: Iterable[Link]) -> None:
        for link in links:
            if not self.is_intact:
                return
            self._step(link)

    def finish(self) -> ChainReport:
        """The end of the chain was reached; a witness beyond it shows that it was cut off."""
        witness = self._witness
        if witness is not None and witness.audit_seq > self._audit_seq and self.is_intact:
            self.stop(f"the chain ends here, but entry {witness.audit_seq} was once told")
        if self.is_intact and self._anchor.audit_seq:
            self._account_for_the_front()
        return ChainReport(
            intact=self.is_intact,
            records=self._walked,
            head=self.head,
            first_broken=self._first_broken,
            detail=self._detail,
        )

    def stop(self, detail: str) -> None:
        """The entry after the last good one is broken, for a reason the walk cannot see itself."""
        self._first_broken = self._audit_seq + 1
        self._detail = detail

    def _account_for_the_front(self) -> None:
        """What was taken off the front is what the newest word on it says, or it was stolen."""
        anchor, pruned, told = self._anchor, self._pruned, self._told
        spoken = pruned.through if pruned is not None else 0
        if anchor.audit_seq > spoken:
            self._first_broken = spoken + 1
            self._detail = f"no entry says why entries up to {anchor.audit_seq} are gone"
        elif pruned and anchor.audit_seq == spoken and pruned.audit_hash != anchor.audit_hash:
            self._first_broken = spoken
            self._detail = f"the chain does not continue entry {spoken}, which was pruned last"
        elif told and told.audit_seq == anchor.audit_seq and told != anchor:
            self._first_broken = told.audit_seq
            self._detail = f"entry {told.audit_seq} is not the one that was told"
        else:
            self._detail = f"entries up to {anchor.audit_seq} were pruned: see their archives"

    def _step(self, link: Link) -> None:
        expected = self._audit_seq + 1
        if link.audit_seq != expected:
            self.stop(f"entry {expected} is missing: entry {link.audit_seq} comes next")
            return
        sealed = sha256(self._audit_hash + expected.to_bytes(8, "big") + link.body.encode())
        if sealed.digest() != link.audit_hash:
            self.stop(f"entry {expected} is not what was sealed")
            return
        if self._witness is not None and self._witness.audit_seq == expected:
            if self._witness.audit_hash != link.audit_hash.hex():
                self.stop(f"entry {expected} is not the one that was told: the chain was rewritten")
                return
            self._witness = None
        if link.body.startswith(_PRUNED):
            record = link.entry.record
            assert isinstance(record, Pruned), "its kind says so"
            self._pruned = record
        self._audit_seq, self._audit_hash = expected, link.audit_hash
        self._walked += 1
