"""Pressing the button: show what would be closed, ask, close exactly that, show the proof."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from uuid import uuid4

import msgspec

from rpcclient import ClientError, RpcClient, RpcError
from rpcserver.cli.answers import Plan, read
from rpcserver.cli.connection import complain
from rpcserver.cli.exits import Exit
from rpcserver.cli.output import Output
from rpcserver.cli.proof import plan
from rpcserver.cli.watching import conclude, follow


class Press(msgspec.Struct, frozen=True, kw_only=True):
    """One press of one button."""

    api: str
    args: Mapping[str, object]
    is_confirmed: bool = False  # --yes: no plan, no question
    is_dry: bool = False  # --dry-run: the plan alone
    key: str | None = None


async def press(
    client: RpcClient, pressed: Press, output: Output, ask: Callable[[str], bool]
) -> Exit:
    """
    Carry *pressed* out.

    What is confirmed is what is done: the plan that was shown is named by its hash, and the
    server refuses if the positions have changed since.
    """
    args = dict(pressed.args)
    if pressed.is_dry:
        return conclude(await client.call(pressed.api, {**args, "dryRun": True}), output)
    if not pressed.is_confirmed:
        proposed = read(await client.call(pressed.api, {**args, "dryRun": True}), Plan)
        output.show(plan(proposed))
        if proposed.error is not None:
            return Exit.REFUSED
        if not ask(_question(proposed)):
            output.complain("declined", "nothing was done")
            return Exit.DECLINED
        if proposed.planned and proposed.plan_hash is not None:
            args["planHash"] = proposed.plan_hash
    key = pressed.key or f"cli-{uuid4().hex}"
    try:
        operation = await client.start(pressed.api, args, key=key)
    except RpcError as exc:
        if exc.code == "approval_required" and "approvalCode" in exc.data:
            output.remark(f"once it is confirmed, follow it with: rpcserver attach --key {key}")
        return complain(output, exc)
    except ClientError as exc:
        output.remark(f"it may have been accepted; find out with: rpcserver attach --key {key}")
        return complain(output, exc, accepted=True)
    return await follow(operation, pressed.api, output)


def _question(proposed: Plan) -> str:
    legs = sum(1 for leg in proposed.legs if not leg.excluded) + proposed.legs_omitted
    what = "this position" if legs == 1 else f"these {legs} positions"
    if legs == 0:
        what = "nothing (and prove it)"
    if proposed.failures:
        return f"Some accounts could not be read. Close {what} and whatever else is found there?"
    return f"Close {what}?"
