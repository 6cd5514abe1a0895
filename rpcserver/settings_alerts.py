"""Settings about whom the server tells what: when people are alerted, where to."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Iterator, Mapping, Set
from pathlib import Path
from typing import Annotated
from urllib.parse import urlsplit

import msgspec
from msgspec import Meta

from rpcserver.certificates import why_untrusted
from rpcserver.domain.alerts import CODES

NAME = re.compile(r"[a-z0-9][a-z0-9_-]{0,31}")

_Count = Annotated[int, Meta(ge=1, description="a whole number, at least 1")]
_Seconds = Annotated[
    float,
    Meta(gt=0, le=86_400, description="seconds, above 0, at most 86400", extra={"unit": "s"}),
]
_Share = Annotated[float, Meta(gt=0, le=1, description="a share, above 0, at most 1")]


def _for(what: str) -> Meta:
    return Meta(title=what)


class AlertSettings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """From where on people are alerted."""

    bulk_exit: Annotated[
        _Count, _for("positions of one account in one operation: from here on people are told")
    ] = 50
    reject_share: Annotated[
        _Share, _for("of a venue's last 100 orders refused: from here on people are told")
    ] = 0.2
    reject_orders: Annotated[
        _Count, _for("a venue must have answered so many orders before a share means anything")
    ] = 20
    price_jump: Annotated[
        _Share,
        _for("a price that moves so far between two looks, while it is closed, jumps"),
    ] = 0.02
    wide_spread: Annotated[
        _Share, _for("a spread wider than this share of the price, while it is closed, is abnormal")
    ] = 0.01
    stale_quotes: Annotated[
        _Seconds, _for("a quote of an open market older than this, while it is closed, is stale")
    ] = 30.0
    look_interval: Annotated[
        _Seconds, _for("between two looks at the markets of what is being closed")
    ] = 1.0
    repeats: Annotated[
        _Count, _for("the same trouble of the same subject is told so often in a window")
    ] = 3
    repeat_window: Annotated[
        _Seconds, _for("of repeats; what was held back is counted at its end")
    ] = 600.0
    head_interval: Annotated[
        _Seconds, _for("between two signed heads in the log and to webhooks, where one is new")
    ] = 300.0


class WebhookSettings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One receiver of alerts and signed heads; the name of its table is its own."""

    url: Annotated[
        str, Meta(min_length=1, description="an https address"), _for("that alerts are posted to")
    ]
    secret: Annotated[
        str,
        Meta(min_length=16, description="a text of at least 16 characters"),
        _for("of the signature that every body bears"),
    ]
    codes: Annotated[
        tuple[str, ...],
        Meta(description='a list such as ["exit_failed", "audit_head"]'),
        _for("which codes are posted; empty: all, and `audit_head`"),
    ] = ()
    timeout: Annotated[_Seconds, _for("for the receiver to answer")] = 5.0
    keep: Annotated[
        _Seconds, _for("what a failing receiver has not taken for so long is given up")
    ] = 86_400.0
    ca_file: Annotated[
        Path | None,
        Meta(description="a path"),
        _for("certificates to trust in PEM, beside the public ones"),
    ] = None


def webhook_contradictions(
    webhooks: Mapping[str, WebhookSettings], wrong: Set[str]
) -> Iterator[tuple[str, str]]:
    """
    What is wrong with which key that the type of a setting cannot tell, if it is not *wrong*
    already. Never a secret.
    """
    for name, webhook in webhooks.items():
        key = f"webhooks.{name}"
        if not NAME.fullmatch(name):
            yield key, "expected a name of a-z, 0-9, - and _, at most 32 characters"
        if f"{key}.url" not in wrong and (why := _useless_url(webhook.url)) is not None:
            yield f"{key}.url", why
        for code in webhook.codes:
            if code not in CODES and code != "audit_head":
                yield f"{key}.codes", f"there is no alert {code!r}; protocol.md lists them"
        if (file := webhook.ca_file) is not None and (why := why_untrusted(file)) is not None:
            yield f"{key}.ca_file", f"{why}, got {str(file)!r}"


def _useless_url(url: str) -> str | None:
    """Why nothing can be posted there in safety; the address itself may hold a secret."""
    try:
        parts = urlsplit(url)
        host, _ = parts.hostname, parts.port
    except ValueError:
        return "expected https://alerts.example/hook or the like"
    if parts.scheme not in ("https", "http") or not host:
        return "expected https://alerts.example/hook or the like"
    if parts.username is not None or parts.password is not None:
        return "expected no user and no password in it: bodies are signed"
    if parts.scheme == "http" and not _is_loopback(host):
        return "expected https: alerts would travel in the clear"
    return None


def _is_loopback(host: str) -> bool:
    try:
        return host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
