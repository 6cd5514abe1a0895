"""A picture of the board and the proof, for documents: drawn from real frames, not painted."""

from __future__ import annotations

import io
import re
from collections.abc import Iterable

from rich._export_format import CONSOLE_SVG_FORMAT
from rich.console import Console

from rpcclient import Progress
from rpcserver.cli.answers import Answer
from rpcserver.cli.board import Board
from rpcserver.cli.proof import proof

_SELF_CONTAINED = re.sub(r"@font-face\s*{{.*?}}", "", CONSOLE_SVG_FORMAT, flags=re.DOTALL)
"""The library's drawing without the fonts it would fetch: a picture asks nobody for anything."""


def portrait(
    title: str, steps: Iterable[Progress], answer: Answer | None = None, *, width: int = 110
) -> str:
    """
    Draw the board after *steps*, and the proof below it if there is an *answer*, as SVG.

    *steps* are as a follower got them; leave some out at the end to show a board at work.
    """
    board = Board(title)
    for step in steps:
        board.take(step)
    console = Console(
        record=True, width=width, file=io.StringIO(), force_terminal=True, color_system="truecolor"
    )
    console.print(board.render(height=40))
    if answer is not None:
        console.print()
        console.print(proof(answer))
    return console.export_svg(title=f"rpcserver · {title}", code_format=_SELF_CONTAINED)
