"""
What people lay down and take back: journaled with who, from where and why, before it holds.

The halts among it are obeyed where orders are admitted (`clients.py`).
"""

from __future__ import annotations

from rpcserver.core.decision import Admitted, Pen, Refused
from rpcserver.core.events import CancelRequested, DirectiveRequested, LiftRequested
from rpcserver.core.operation import cancel_requested, requested
from rpcserver.core.standing import DirectiveLifted, DirectiveSet, Word
from rpcserver.domain.directive import Halt
from rpcserver.domain.principal import EVERY_ACCOUNT


def directive_requested(pen: Pen, event: DirectiveRequested) -> Admitted | Refused | None:
    """
    Let it stand; and open the close it asks for, in the same transaction.

    A crash finds both or neither, so that nothing is locked and not flattened, nor flattened twice.
    """
    reply = requested(pen, event.closing) if event.closing is not None else None
    if isinstance(reply, Refused):
        return reply
    word = event.word
    pen.write(
        DirectiveSet(
            at=pen.now.wall,
            mono=pen.now.mono,
            directive=event.directive,
            principal=word.principal,
            reason=word.reason,
            remote=word.remote,
        )
    )
    if isinstance(event.directive, Halt):
        _tell(pen, "halt_set", event.directive, word)
    return reply


def lift_requested(pen: Pen, event: LiftRequested) -> Refused | None:
    """Take back what stands, and stop what is at work for no other reason."""
    if (standing := pen.draft.directives.get(event.name)) is None:
        return Refused("unknown_directive", f"nothing stands under the name {event.name}")
    word = event.word
    pen.write(
        DirectiveLifted(
            at=pen.now.wall,
            mono=pen.now.mono,
            name=event.name,
            principal=word.principal,
            reason=word.reason,
            remote=word.remote,
        )
    )
    if isinstance(standing.directive, Halt):
        _tell(pen, "halt_released", standing.directive, word)
    for operation in tuple(pen.draft.operations.values()):
        if operation.request.owed_by == event.name:
            owing = CancelRequested(operation_id=operation.operation_id, principal=word.principal)
            cancel_requested(pen, owing)
    return None


def _tell(pen: Pen, code: str, halt: Halt, word: Word) -> None:
    """Tell people; whose grants are narrow is told to nobody who may have others."""
    scope = halt.scope
    said = f"{halt.halt_id}, {halt.level.value}"
    if scope.account is not None or EVERY_ACCOUNT in scope.grants:
        said = f"{said}, of {scope}, by {word.principal}: {word.reason}"
    pen.alert(code, said, account=scope.account)
