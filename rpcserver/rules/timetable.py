"""Flattening at a time of day: one task a rule, which sleeps until it is due."""

from __future__ import annotations

import anyio
import msgspec
from loguru import logger

from rpcserver.core.standing import DirectiveSet
from rpcserver.domain.directive import Rule
from rpcserver.domain.errors import InvalidRequest
from rpcserver.domain.rule import FlattenAt
from rpcserver.rules.acting import Actor
from rpcserver.rules.calendars import trades_on
from rpcserver.rules.calling import flatten_request
from rpcserver.rules.schedule import (
    Missed,
    Occasion,
    Owed,
    Trades,
    every_day,
    following,
    owed,
    retry_after,
)

LONGEST_SLEEP = 20.0  # seconds: after so long the clock on the wall is looked at again
CLOSE_DEADLINE = 60.0
SPENT_KEYS = frozenset({"idempotency_conflict", "idempotency_expired"})


async def keep_time(actor: Actor, rule: Rule, terms: FlattenAt, record: DirectiveSet) -> None:
    """Do what a rule owes whenever it is due, until cancelled."""
    trades = await _trades(actor, rule, terms)
    while True:
        now = actor.now()
        due = owed(
            terms,
            settled=actor.mark(rule).day,
            laid_down=record.at,
            now=now,
            trades=trades,
        )
        match due:
            case Owed(occasion):
                await _flatten(actor, rule, occasion)
                await _settle(actor, rule, occasion)
            case Missed(occasion):
                detail = (
                    f"{rule.rule_id}: nothing was flattened on {occasion.name}: "
                    f"{terms.until} passed while the server was not there"
                )
                await actor.alert("schedule_missed", detail, actor.accounts_of(rule))
                await _settle(actor, rule, occasion)
            case None:
                then = following(terms, now, trades)
                left = (then.at - now).total_seconds() if then is not None else LONGEST_SLEEP
                await anyio.sleep(min(max(left, 0.001), LONGEST_SLEEP))


async def _flatten(actor: Actor, rule: Rule, occasion: Occasion) -> None:
    """Close, and close again, until it is flat or the second deadline has passed."""
    logger.info("a rule flattens", rule=rule.rule_id, day=occasion.name)
    attempt, failed = 1, ""
    while (left := (occasion.until - actor.now()).total_seconds()) > 0:
        request = flatten_request(
            rule,
            actor.accounts,
            # The time is part of it: a rule set anew the same day was not done yet.
            key=f"{rule.name}:{occasion.at:%Y-%m-%dT%H%M%S}:{attempt}",
            deadline=min(left, CLOSE_DEADLINE),
            why=f"rule {rule.rule_id} of {occasion.name}, attempt {attempt}",
        )
        try:
            report = await actor.close(request)
        except InvalidRequest as error:
            failed = str(error)
            attempt += error.code in SPENT_KEYS  # somebody else's operation has this key
        else:
            if report.flat:
                return
            failed = f"{report.operation_id} is not flat"
            attempt += 1
        left = (occasion.until - actor.now()).total_seconds()
        await anyio.sleep(min(retry_after(attempt), max(left, 0.0)))
    detail = f"{rule.rule_id} of {occasion.name}: not flat by its second deadline: {failed}"
    await actor.alert("schedule_failed", detail, actor.accounts_of(rule))


async def _settle(actor: Actor, rule: Rule, occasion: Occasion) -> None:
    await actor.keep(msgspec.structs.replace(actor.mark(rule), day=occasion.day))


async def _trades(actor: Actor, rule: Rule, terms: FlattenAt) -> Trades:
    try:
        return await trades_on(terms.calendar)
    except InvalidRequest as error:  # it was known when the rule was laid down
        detail = f"{rule.rule_id}: {error}; every day counts now"
        await actor.alert("schedule_uncertain", detail, actor.accounts_of(rule))
        return every_day
