"""Following an operation: the board while it runs, the proof and the exit code at its end."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator
from contextlib import contextmanager

from rich.live import Live
from rich.text import Text

from rpcclient import ClientError, Data, Operation, Progress, RpcError
from rpcserver.cli.answers import Answer, Plan, read
from rpcserver.cli.board import Board, outcome_text
from rpcserver.cli.connection import complain
from rpcserver.cli.exits import Exit, of_answer, of_plan
from rpcserver.cli.output import Output, plain
from rpcserver.cli.proof import plan, proof

REDRAW_INTERVAL = 0.1  # seconds


class Watch:
    """Tells each step: a board on a terminal, lines in a file, JSON to programs."""

    def __init__(self, output: Output, board: Board, live: Live | None) -> None:
        self._output = output
        self._board = board
        self._live = live
        self._drawn_at = 0.0

    def take(self, step: Progress) -> None:
        self._output.raw(step.line)
        self._board.take(step)
        if self._live is not None:
            if (now := time.monotonic()) - self._drawn_at >= REDRAW_INTERVAL:
                self._drawn_at = now
                self._live.update(self._board.render(self._output.console.height), refresh=True)
        elif (line := told_in_a_line(step)) is not None:
            self._output.show(line)


@contextmanager
def watching(output: Output, title: str) -> Iterator[Watch]:
    """Show a board for as long as the block runs; on a terminal it gives way to what follows."""
    board = Board(title)
    if output.is_json or not output.console.is_terminal:
        yield Watch(output, board, None)
        return
    with Live(
        board.render(output.console.height),
        console=output.console,
        auto_refresh=False,  # no thread: the board is only ever touched by one
        transient=True,
    ) as live:
        yield Watch(output, board, live)


def told_in_a_line(step: Progress) -> Text | None:
    """A step as one line, where lines are all there is; None for the smaller ones."""
    match step.event:
        case "leg_ended":
            line = Text(f"{step.done}/{step.total}  {step.instrument}  {step.account}  ")
            line.append_text(outcome_text(step.outcome))
            line.append(f"  {plain(step.remaining)} left")
            if step.average_price is not None:
                line.append(f"  @ {plain(step.average_price)}")
            return line.append(f"  {step.detail or step.reason or ''}")
        case "account_failed":
            return Text(f"account not read: {step.venue}:{step.account}  {step.detail or ''}")
        case "unknown":
            return Text(f"UNKNOWN  {step.instrument}  {step.account}  {step.detail or ''}")
        case _:
            return None


async def follow(operation: Operation, title: str, output: Output) -> Exit:
    """Follow *operation* to its end. Whatever interrupts us interrupts nothing at the server."""
    output.line(
        {
            "type": "attached" if operation.is_attached else "accepted",
            "operationId": operation.operation_id,
            "idempotencyKey": operation.key,
            "duplicate": operation.duplicate,
        }
    )
    if operation.duplicate:
        output.remark("this key was used before: this is what that operation does, or did")
    try:
        with watching(output, title) as watch:
            async for step in operation:
                watch.take(step)
        data = await operation.result()
    except asyncio.CancelledError:
        output.remark(_how_to_return(operation))
        raise
    except RpcError as exc:
        return complain(output, exc)
    except ClientError as exc:
        output.remark(_how_to_return(operation))
        return complain(output, exc, accepted=True)
    return conclude(data, output, request_id=operation.request_id)


def conclude(data: Data, output: Output, *, request_id: str = "") -> Exit:
    """Say how it ended, and return the exit code for it."""
    output.line({"id": request_id, "data": data})
    if data.get("dryRun") is True:
        proposed = read(data, Plan)
        output.show(plan(proposed))
        return of_plan(proposed)
    answer = read(data, Answer)
    output.show(proof(answer))
    return of_answer(answer)


def _how_to_return(operation: Operation) -> str:
    name = operation.operation_id or f"--key {operation.key}"
    return f"what was accepted goes on at the server; follow it with: rpcserver attach {name}"
