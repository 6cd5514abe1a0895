"""
The board: what a person watches while positions are closed.

It takes progress steps one by one, keeps the newest word about each leg, and draws an overall
bar and as many legs as fit, the troubled ones first: what failed or cannot be known must never
scroll out of sight.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from decimal import Decimal

from rich.console import Group, RenderableType
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from rpcclient import Progress
from rpcserver.cli.output import plain

ZERO = Decimal(0)
BAR_WIDTH = 18
LINES_MIN = 3

GOOD = frozenset({"flat", "reduced", "excluded"})
BAD = frozenset({"partial", "rejected", "dust", "cancelled", "waiting_market"})
_STYLES = {
    "flat": "bold green",
    "reduced": "green",
    "excluded": "dim",
    "dust": "yellow",
    "partial": "bold red",
    "rejected": "bold red",
    "cancelled": "yellow",
    "waiting_market": "bold yellow",
    "unknown": "bold white on red",
}
_WORDS = {
    "sending": "sending",
    "working": "working",
    "filled": "filling",
    "canceling": "canceling orders",
    "fence_passed": "orders canceled",
    "position_adopted": "position re-read",
    "resolved": "resolved",
    "gate_closed": "no new risk",
    "gate_opened": "order settled",
    "canceled": "order canceled",
    "expired": "order expired",
    "rejected": "order rejected",
    "never_existed": "order never existed",
    "unsent": "not sent",
}


def style_of(outcome: str) -> str:
    """How an outcome looks."""
    return _STYLES.get(outcome, "bold red")


def outcome_text(outcome: str | None) -> Text:
    """An outcome as it stands in every table: FLAT, UNKNOWN, …"""
    word = outcome or "running"
    return Text(f" {word.upper().replace('_', ' ')} ", style=style_of(word))


class LegLine:
    """What is known of one leg."""

    def __init__(self, number: int) -> None:
        self.number = number
        self.account = ""
        self.instrument = ""
        self.side = ""
        self.start: Decimal | None = None  # of the position, unsigned
        self.remaining: Decimal | None = None
        self.price: Decimal | None = None
        self.state = "waiting"
        self.outcome: str | None = None
        self.is_unknown = False
        self.why = ""

    def take(self, step: Progress) -> None:
        """Bring the line up to date."""
        self.account = step.account or self.account
        self.instrument = step.instrument or self.instrument
        self.side = step.side or self.side
        self.price = step.average_price or self.price
        is_emptied = step.event == "filled" and step.remaining == 0
        self.state = "filled, verifying" if is_emptied else _WORDS.get(step.event, step.event)
        self.why = step.detail or step.reason or ""
        if step.event == "leg_ended":
            self.outcome = step.outcome or "unknown"
            self._see(step.remaining, step.filled)
        elif step.event == "filled" and step.remaining is not None:
            self._see(step.remaining, step.quantity)
        elif step.event == "sending" and self.start is None:
            self.start = self.remaining = step.quantity
        self.is_unknown = step.event == "unknown" or self.outcome == "unknown"

    def _see(self, remaining: Decimal | None, closed: Decimal | None) -> None:
        if remaining is None:
            return
        self.start = max(self.start or ZERO, remaining + (closed or ZERO))
        self.remaining = remaining

    @property
    def rank(self) -> int:
        """What a person must see first."""
        if self.is_unknown:
            return 0
        if self.outcome in BAD:
            return 1
        return 3 if self.outcome in GOOD else 2

    @property
    def word(self) -> Text:
        if self.outcome is not None:
            return outcome_text(self.outcome)
        if self.is_unknown:
            return outcome_text("unknown")
        return Text(f" {self.state}", style="cyan")

    @property
    def bar(self) -> RenderableType:
        if self.outcome == "flat":
            return _bar(1, 1, "green")
        total, left = self.start or ZERO, self.remaining or ZERO
        style = "red" if self.rank < 2 else "cyan"
        return _bar(float(total - left) if total else 0.0, float(total) or 1.0, style)


class Board:
    """Every leg of one operation, and how far they are together."""

    def __init__(self, title: str) -> None:
        self.title = title
        self.operation_id = ""
        self.done = 0
        self.total = 0
        self.seq = 0
        self.phase = "reading the accounts"
        self._legs: dict[int, LegLine] = {}
        self._unread: list[str] = []

    def take(self, step: Progress) -> None:
        """Take one step."""
        self.operation_id, self.seq = step.operation_id, step.seq
        self.done, self.total = max(self.done, step.done), max(self.total, step.total)
        match step.event:
            case "account_failed":
                self._unread.append(f"{step.venue}:{step.account}  {step.detail or ''}")
            case "plan_completed":
                self.phase = "closing"
            case "cancel_requested":
                self.phase = "cancelling what was not yet sent"
            case "deadline_passed":
                self.phase = "deadline passed: canceling what is live"
            case "recovered":
                self.phase = "going on after a restart: asking about every order first"
            case "verified":
                self.phase = "reading the accounts again"
            case _ if step.leg is not None:
                if step.leg not in self._legs:
                    self._legs[step.leg] = LegLine(step.leg)
                self._legs[step.leg].take(step)

    @property
    def legs(self) -> Sequence[LegLine]:
        """Every leg, those that a person must see first in front."""
        return sorted(self._legs.values(), key=lambda leg: (leg.rank, leg.number))

    def render(self, height: int = 24) -> RenderableType:
        """Draw the board on so many lines."""
        lines = max(LINES_MIN, height - 6 - len(self._unread))
        return Group(self._head(), *self._unread_lines(), self._table(lines))

    def _head(self) -> RenderableType:
        head = Table.grid(padding=(0, 1))
        head.add_column(no_wrap=True)
        head.add_column(width=BAR_WIDTH * 2)
        head.add_column(no_wrap=True)
        is_bad = any(leg.rank < 2 for leg in self._legs.values()) or bool(self._unread)
        head.add_row(
            Text(self.title, style="bold"),
            _bar(self.done, self.total or 1, "red" if is_bad else "green", BAR_WIDTH * 2),
            Text(f"{self.done}/{self.total} legs  ", style="bold") + self._tally(),
        )
        head.add_row(Text(self.operation_id, style="dim"), Text(self.phase, style="dim"), Text(""))
        return head

    def _tally(self) -> Text:
        counts = Counter(
            leg.outcome or ("unknown" if leg.is_unknown else "running")
            for leg in self._legs.values()
        )
        tally = Text()
        for outcome, count in counts.items():
            style = "cyan" if outcome == "running" else style_of(outcome)
            tally.append(f"{count} {outcome.replace('_', ' ')}", style=style).append("  ")
        return tally

    def _unread_lines(self) -> list[RenderableType]:
        return [
            Text.assemble((" account not read ", "bold white on red"), f"  {line}")
            for line in self._unread
        ]

    def _table(self, lines: int) -> RenderableType:
        table = Table.grid(padding=(0, 1))
        for justify in ("right", "left", "left", "left", "left", "right", "right", "left"):
            table.add_column(justify=justify, no_wrap=True)
        table.add_column(overflow="ellipsis", no_wrap=True, style="dim")
        legs = self.legs
        for leg in legs[:lines]:
            table.add_row(
                Text(str(leg.number), style="dim"),
                leg.instrument,
                Text(leg.account, style="dim"),
                leg.side,
                leg.bar,
                f"{plain(leg.remaining)} left",
                "" if leg.price is None else f"@ {plain(leg.price)}",
                leg.word,
                leg.why,
            )
        if len(legs) > lines:
            table.add_row("", Text(f"… and {len(legs) - lines} more", style="dim"))
        return table


def _bar(completed: float, total: float, style: str, width: int = BAR_WIDTH) -> ProgressBar:
    return ProgressBar(
        completed=completed,
        total=total,
        width=width,
        complete_style=style,
        finished_style=style,
    )
