"""
The chain as lines of JSON, for auditors: one entry a line, checkable without the database.

    {"audit_seq":7,"audit_hash":"3f…","record":{…}}

`record` is the sealed body byte for byte, and the last field: what stands between `"record":` and
the line's final brace is what the hash covers (chain.py).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Protocol, TextIO

import msgspec

from rpcserver.core.entries import ChainReport, Head
from rpcserver.journal.chain import GENESIS, Link, Walk

_PAGE = 1000


class Chain(Protocol):
    """What can be exported: any journal of this package."""

    async def links(self, *, after: int = 0, limit: int = _PAGE) -> Sequence[Link]: ...


class NotAnExport(ValueError):
    """A line is not one of an export's."""


class _Line(msgspec.Struct, frozen=True):
    audit_seq: int
    audit_hash: str
    record: msgspec.Raw


_decoder = msgspec.json.Decoder(_Line)


async def export_chain(chain: Chain, out: TextIO, *, after: int = 0) -> Head:
    """
    Write every entry after *after* to *out*, and tell which was the last.

    Entries that are appended meanwhile are written too; nothing is held in memory.
    """
    head = GENESIS
    while links := await chain.links(after=after, limit=_PAGE):
        out.writelines(export_line(link) for link in links)
        head = links[-1].head
        after = head.audit_seq
    return head


def read_export(lines: Iterable[str]) -> Iterator[Link]:
    """
    The links that an export's *lines* hold.

    Raises:
        NotAnExport: A line is something else.
    """
    for number, text in enumerate(lines, 1):
        try:
            line = _decoder.decode(text)
            yield Link(line.audit_seq, bytes.fromhex(line.audit_hash), bytes(line.record).decode())
        except (msgspec.DecodeError, ValueError) as exc:
            raise NotAnExport(f"line {number}: {exc}") from exc


def verify_export(lines: Iterable[str], *, witness: Head | None = None) -> ChainReport:
    """
    Walk an export as `verify` walks the database; it must begin with the chain's first entry.

    Raises:
        NotAnExport: A line is something else.
    """
    walk = Walk(witness=witness)
    walk.follow(read_export(lines))
    return walk.finish()


def export_line(link: Link) -> str:
    """One entry, as an export writes it."""
    return (
        f'{{"audit_seq":{link.audit_seq},"audit_hash":"{link.audit_hash.hex()}",'
        f'"record":{link.body}}}\n'
    )
