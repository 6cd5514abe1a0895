"""Everything that tells people by itself, built and run together."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path

import anyio

from rpcserver.alerting.cursor import Cursor
from rpcserver.alerting.heads import Heads, Notary
from rpcserver.alerting.herald import Herald
from rpcserver.alerting.market import MarketWatch, Thresholds
from rpcserver.alerting.posting import open_poster
from rpcserver.alerting.troubles import Failures, Links, Rejects
from rpcserver.alerting.webhook import Webhook
from rpcserver.core.entries import Entry, FoundAlert
from rpcserver.core.records import Noted
from rpcserver.driver.engine import Engine
from rpcserver.driver.sandboxes import known_sandboxes
from rpcserver.settings_alerts import AlertSettings, WebhookSettings


class Alerting:
    """What is told. Built by `open_alerting`."""

    def __init__(self, herald: Herald, heads: Heads, webhooks: Sequence[Webhook]) -> None:
        self.tell = herald.tell  # of troubles that may come again and again
        self._heads = heads
        self.webhooks = webhooks

    async def tell_the_rest(self, patience: float) -> None:
        """At a stop: the newest head, and what webhooks take within *patience* seconds."""
        self._heads.tell()
        with anyio.move_on_after(patience):
            async with anyio.create_task_group() as tasks:
                for webhook in self.webhooks:
                    tasks.start_soon(webhook.settled)

    def wake(self, entries: Sequence[Entry]) -> None:
        """For `Engine.subscribe`: webhooks read what is new."""
        alerts = [
            FoundAlert(entry.audit_seq, entry.record)
            for entry in entries
            if isinstance(entry.record, Noted) and entry.record.alert
        ]
        if alerts:
            for webhook in self.webhooks:
                webhook.wake(alerts)


@asynccontextmanager
async def open_alerting(
    engine: Engine,
    notary: Notary,
    data_dir: Path,
    *,
    alerts: AlertSettings,
    webhooks: Mapping[str, WebhookSettings],
) -> AsyncIterator[Alerting]:
    """Watch, tell, post and sign until the block is left. Webhooks' places are in *data_dir*."""
    herald = Herald(engine.feed, repeats=alerts.repeats, window=alerts.repeat_window)
    market = MarketWatch(
        engine.venues,
        herald,
        Thresholds(
            price_jump=alerts.price_jump,
            wide_spread=alerts.wide_spread,
            stale_quotes=alerts.stale_quotes,
        ),
        interval=alerts.look_interval,
    )
    rejects = Rejects(herald, share=alerts.reject_share, orders=alerts.reject_orders)
    links = Links(herald)
    failures = Failures(herald)
    async with AsyncExitStack() as stack:
        posting = [
            await stack.enter_async_context(_open_webhook(name, told, engine, herald, data_dir))
            for name, told in webhooks.items()
        ]
        heads = Heads(lambda: engine.journal.head, notary, posting, interval=alerts.head_interval)
        alerting = Alerting(herald, heads, posting)
        for stop in (
            engine.subscribe(alerting.wake),
            engine.subscribe(market.take),
            engine.subscribe(rejects.take),
            engine.watch(links.hear),
            engine.alerts(failures.take),
        ):
            stack.callback(stop)
        tasks = await stack.enter_async_context(anyio.create_task_group())
        tasks.start_soon(herald.run, name="count what was held back")
        tasks.start_soon(market.run, name="watch the markets")
        tasks.start_soon(heads.run, name="tell signed heads")
        for webhook in posting:
            tasks.start_soon(webhook.run, name=f"webhook {webhook.name}")
        try:
            yield alerting
        finally:
            tasks.cancel_scope.cancel()


@asynccontextmanager
async def _open_webhook(
    name: str, told: WebhookSettings, engine: Engine, herald: Herald, data_dir: Path
) -> AsyncIterator[Webhook]:
    async with open_poster(
        told.url, told.secret, timeout=told.timeout, ca_file=told.ca_file
    ) as poster:
        yield Webhook(
            name,
            poster,
            engine.journal,
            Cursor(data_dir, name),
            codes=told.codes,
            keep=told.keep,
            tell=lambda noticed: herald.tell(noticed, about=name),
            sandboxes=lambda: known_sandboxes(engine),
        )
