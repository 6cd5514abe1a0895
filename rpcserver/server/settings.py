"""What the listener is told."""

from __future__ import annotations

import enum
import ipaddress
import ssl
from collections.abc import Callable, Mapping

import msgspec

from rpcserver.core.events import Noticed
from rpcserver.domain.errors import RpcServerError
from rpcserver.server.limits import Limits
from rpcserver.server.ports import Notary
from rpcserver.server.second_person import SecondPersonRule


class Page(msgspec.Struct, frozen=True, kw_only=True):
    """What is answered to a plain HTTP request."""

    status: int = 200
    content_type: str = "text/plain; charset=utf-8"
    body: bytes = b""
    gzipped: bytes | None = None  # the same body, for whoever takes it so
    headers: Mapping[str, str] = {}


Pages = Mapping[str, Callable[[], Page]]
"""Plain HTTP answers by exact path: `/livez`, `/metrics`, … Called for every request."""


class PageAccess(enum.Enum):
    """Who may read the private pages, beside whoever sits at this machine."""

    LOOPBACK = "loopback"  # nobody
    TOKEN = "token"  # whoever shows a bearer token
    OPEN = "open"  # anybody


class ServerSettings(msgspec.Struct, frozen=True, kw_only=True):
    """Where to listen, whom to let in, and what they may use up. Durations in seconds."""

    host: str = "127.0.0.1"
    port: int = 8787  # 0: any free one
    tls: ssl.SSLContext | None = None
    insecure: bool = False  # without TLS beyond this machine: tokens travel in the clear
    origins: tuple[str, ...] = ()  # of browsers' pages, beside the server's own host
    limits: Limits = Limits()
    second_person: SecondPersonRule = SecondPersonRule()
    venue_timeout: float = 10.0  # for one reading of one venue
    quote_interval: float = 1.0  # between two readings of what anyone watches
    token_check_interval: float = 30.0  # how often live tokens are asked about again
    connections_max: int = 10_000
    pages: Pages = {}  # for everybody
    private_pages: Pages = {}  # for whom `page_access` lets in
    page_access: PageAccess = PageAccess.LOOPBACK
    notary: Notary | None = None  # signs the heads that answers bear
    alarm: Callable[[Noticed], None] = lambda _alert: None  # takes errors of the server's own


class WouldBeInsecure(RpcServerError):
    """Tokens would travel in the clear to other machines: give TLS, or allow it explicitly."""

    def __init__(self, host: str) -> None:
        super().__init__(host)
        self.host = host

    def __str__(self) -> str:
        return f"{self.host} is reachable from other machines and there is no TLS"


def check_secure(settings: ServerSettings) -> None:
    """
    Refuse to listen beyond this machine without TLS, unless it was allowed.

    Raises:
        WouldBeInsecure: It was not.
    """
    if settings.tls is None and not settings.insecure and not is_loopback(settings.host):
        raise WouldBeInsecure(settings.host)


def is_loopback(host: str) -> bool:
    """Whether *host* is this very machine."""
    if host.casefold() == "localhost":
        return True
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        return False
    if isinstance(address, ipaddress.IPv6Address) and address.ipv4_mapped is not None:
        return address.ipv4_mapped.is_loopback
    return address.is_loopback
