"""The proof: what was held before, what is left, and which reading of the venue says so."""

from __future__ import annotations

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from rpcserver.cli.answers import Answer, Leg, Plan, PlannedLeg
from rpcserver.cli.board import outcome_text
from rpcserver.cli.exits import Exit, of_answer
from rpcserver.cli.output import clock, moment, plain, table

LINES_MAX = 60

_VERDICTS: dict[Exit, tuple[str, str]] = {
    Exit.OK: (" FLAT ", "bold white on green"),
    Exit.TARGET_REACHED: (" TARGET REACHED, NOT FLAT ", "bold black on yellow"),
    Exit.NOT_FLAT: (" NOT FLAT ", "bold white on red"),
    Exit.UNKNOWN: (" UNKNOWN ", "bold white on red"),
    Exit.MARKET_CLOSED: (" NOT FLAT: MARKET CLOSED ", "bold black on yellow"),
    Exit.CANCELLED: (" CANCELLED, NOT FLAT ", "bold black on yellow"),
    Exit.REFUSED: (" REFUSED: NOTHING WAS DONE ", "bold white on red"),
}


def proof(answer: Answer) -> RenderableType:
    """Draw a final answer: the verdict, every leg, and the evidence."""
    parts: list[RenderableType] = [_verdict(answer)]
    if answer.legs:
        parts.append(_legs(answer))
    parts += (
        Text.assemble(
            (" account not read ", "bold white on red"),
            f"  {failure.venue}:{failure.account}  {failure.detail}",
        )
        for failure in answer.failures
    )
    if answer.unprotected:
        parts.append(
            Text(
                "unprotected: a protective order was canceled and its position is not flat",
                style="bold red",
            )
        )
    parts.append(_evidence(answer))
    return Group(*parts)


def _verdict(answer: Answer) -> Text:
    verdict = Text.assemble(_VERDICTS[of_answer(answer)])
    if answer.proven_at is not None and answer.flat:
        verdict.append(f"  proven at {moment(answer.proven_at)} by reading the venue")
    if of_answer(answer) is Exit.OK and not answer.legs and not answer.legs_omitted:
        verdict.append("  there was nothing to close")
    if answer.error is not None:
        verdict.append(f"  {answer.error}", "bold").append(f"  {answer.detail}")
    return verdict


def _legs(answer: Answer) -> Table:
    amounts = (">before", ">closed", ">after", ">average")
    evidence = ("outcome", "proven at (UTC)", "why")
    drawn = table("leg", "instrument", "account", "side", *amounts, *evidence)
    shown = sorted(answer.legs, key=lambda leg: (leg.outcome in ("flat", "excluded"), leg.leg))
    for leg in shown[:LINES_MAX]:
        drawn.add_row(*_leg(leg))
    hidden = len(shown) - LINES_MAX
    if hidden > 0 or answer.legs_omitted:
        rest = max(hidden, 0) + answer.legs_omitted
        drawn.add_row("", Text(f"… and {rest} more", style="dim"))
    return drawn


def _leg(leg: Leg) -> tuple[RenderableType, ...]:
    why = leg.detail or leg.reason
    if leg.flipped:
        why = f"FLIPPED to the other side. {why}"
    if leg.unprotected:
        why = f"UNPROTECTED. {why}"
    after = Text(plain(leg.remaining), style="green" if not leg.remaining else "bold red")
    if leg.outcome == "unknown":
        after = Text("?", style="bold red")
    return (
        str(leg.leg),
        leg.instrument,
        leg.account,
        leg.side,
        plain(leg.quantity),
        plain(leg.closed),
        after,
        plain(leg.average_price),
        outcome_text(leg.outcome),
        clock(leg.proven_at),
        why,
    )


def _evidence(answer: Answer) -> Text:
    took = "" if answer.duration_ms is None else f"  took {answer.duration_ms} ms"
    return Text(
        f"{answer.operation_id}{took}  audit {answer.audit_seq}:{answer.audit_head}",
        style="dim",
    )


def plan(proposed: Plan) -> RenderableType:
    """Draw a dry run: what would be sent, and nothing that could be read as done."""
    amounts = (">held", ">close", ">leave", ">cancel orders")
    drawn = table(
        *("leg", "instrument", "account", "side", *amounts, "market", "note"),
        title="would be closed",
    )
    for leg in proposed.legs[:LINES_MAX]:
        drawn.add_row(*_planned(leg))
    rest = max(len(proposed.legs) - LINES_MAX, 0) + proposed.legs_omitted
    if rest:
        drawn.add_row("", Text(f"… and {rest} more", style="dim"))
    parts: list[RenderableType] = [drawn] if proposed.legs else [Text("nothing to close")]
    parts += (
        Text(f"not read: {failure.venue}:{failure.account}  {failure.detail}", style="bold red")
        for failure in proposed.failures
    )
    if proposed.error is not None:
        parts.append(Text(f"{proposed.error}  {proposed.detail}", style="bold red"))
    if proposed.more_matches:
        parts.append(Text(f"{proposed.more_matches} more positions match and are left alone"))
    return Group(*parts)


def _planned(leg: PlannedLeg) -> tuple[RenderableType, ...]:
    market = "" if leg.market is None else leg.market.phase
    note = "excluded" if leg.excluded else "another operation is at work on it" * leg.joined
    return (
        str(leg.leg),
        leg.instrument,
        leg.account,
        leg.side,
        plain(leg.quantity),
        plain(leg.planned_quantity),
        plain(leg.target),
        str(len(leg.cancels)) if leg.cancels else "",
        Text(market, style="" if market in ("", "open") else "bold yellow"),
        note or leg.reason,
    )
