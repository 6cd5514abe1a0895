"""Signed heads that leave the machine by themselves: into the log, and to every webhook."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from typing import Protocol

import anyio
from loguru import logger

from rpcserver.alerting.webhook import HeadEvent, Webhook
from rpcserver.core.entries import Head


class Notary(Protocol):
    """Whoever signs heads."""

    @property
    def public_key(self) -> str: ...

    def sign(self, head: Head) -> str: ...


class Heads:
    """
    Tells the newest head again and again, unless nothing happened since.

    Args:
        newest: The head of the journal, durable.
        interval: In seconds.
    """

    def __init__(
        self,
        newest: Callable[[], Head],
        notary: Notary,
        webhooks: Sequence[Webhook],
        *,
        interval: float,
    ) -> None:
        self._newest = newest
        self._notary = notary
        self._webhooks = webhooks
        self._interval = interval
        self._told = 0  # audit_seq

    async def run(self) -> None:
        """Tell at once, and then for ever."""
        while True:
            self.tell()
            await anyio.sleep(self._interval)

    def tell(self) -> None:
        """Tell the newest head now, if it is new."""
        head = self._newest()
        if head.audit_seq in (0, self._told):
            return
        self._told = head.audit_seq
        signature = self._notary.sign(head)
        logger.info("audit head", seq=head.audit_seq, hash=head.audit_hash, signature=signature)
        event = HeadEvent(
            id=f"head-{head.audit_seq}",
            audit_seq=head.audit_seq,
            audit_head=head.audit_hash,
            audit_signature=signature,
            public_key=self._notary.public_key,
            at=datetime.now(UTC),
        )
        for webhook in self._webhooks:
            webhook.tell_head(event)
