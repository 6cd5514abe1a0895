"""
Pages of a read: an answer stays within one frame, whatever an account holds.

A page is a run of rows in their one order. Whoever asks for nothing in particular gets everything
that fits, in the shape they know; where there is more, `next` says so and goes into `after`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Final, TypeVar

from msgspec import UNSET

from rpcserver.apis.arguments import Args, WordFilter, word
from rpcserver.domain.errors import InvalidRequest

ROWS_MAX: Final = 500  # of about a kilobyte each at the most, in a frame of 512 KiB

Row = TypeVar("Row")


class Paged(Args, frozen=True, kw_only=True):
    """The args of a read that may be long."""

    limit: int = ROWS_MAX
    after: WordFilter = UNSET


def page(
    rows: Sequence[Row], args: Paged, name: Callable[[Row], str]
) -> tuple[Sequence[Row], dict[str, object]]:
    """
    The rows that are shown, and what an answer says of the others: nothing, where there are none.

    Raises:
        InvalidRequest: `limit` is out of bounds, or there is no row that `after` names.
    """
    if not 0 < args.limit <= ROWS_MAX:
        raise InvalidRequest("invalid_argument", f"limit: 1 to {ROWS_MAX}")
    first = 0
    if (after := word(args.after)) is not None:
        found = [place for place, row in enumerate(rows) if name(row) == after]
        if not found:
            raise InvalidRequest("invalid_argument", f"after: there is no {after!r} any more")
        first = found[0] + 1
    shown = rows[first : first + args.limit]
    if first + len(shown) >= len(rows):
        return shown, {}
    return shown, {"next": name(shown[-1]), "total": len(rows)}
