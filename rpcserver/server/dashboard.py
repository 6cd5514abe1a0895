"""
The dashboard: the built page and what it is made of, as plain HTTP answers.

What Vite built is read once, at the start, and served from memory by exact path: no request names
a file, so none can name the wrong one. The page holds no secrets and is open to everybody; whoever
opens it signs in over the socket, as every other client.
"""

from __future__ import annotations

import gzip
import secrets
from collections.abc import Callable, Iterator
from pathlib import Path

from loguru import logger

from rpcserver.server.settings import Page, Pages

DIRECTORY = Path(__file__).parents[1] / "dashboard"  # `make dashboard` builds it
INDEX = "index.html"
NONCE_PLACE = b"__CSP_NONCE__"  # in the page's own text: where the nonce of each answer goes

_CONTENT_TYPES = {
    ".css": "text/css; charset=utf-8",
    ".html": "text/html; charset=utf-8",
    ".ico": "image/x-icon",
    ".js": "text/javascript; charset=utf-8",
    ".json": "application/json",
    ".png": "image/png",
    ".svg": "image/svg+xml",
    ".txt": "text/plain; charset=utf-8",
    ".webmanifest": "application/manifest+json",
    ".woff2": "font/woff2",
}
_PACKED_ALREADY = frozenset({".png", ".woff2"})
_HASHED = "assets"  # the folder of files whose names change with what is in them
_FOR_EVER = "public, max-age=31536000, immutable"

# No Strict-Transport-Security: it would speak for every port of this host, and for all its pages.
_HEADERS = {
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": (
        "accelerometer=(), camera=(), display-capture=(), geolocation=(), gyroscope=(), "
        "magnetometer=(), microphone=(), midi=(), payment=(), serial=(), usb=()"
    ),
}
_NOT_BUILT = b"""The server is at work; its dashboard was not built.

Build it with `make dashboard` in the source tree, and start the server again.
"""


def dashboard_pages(directory: Path = DIRECTORY) -> Pages:
    """
    The page at `/` and every file it is made of, as *directory* has them now.

    Where nothing was built, `/` says how to do that. Whatever is wrong with the files, there is
    a server: it closes positions without its dashboard too.
    """
    try:
        return _built(directory)
    except FileNotFoundError:
        logger.warning("the dashboard was not built", directory=str(directory))
    except OSError as exc:
        logger.error("the dashboard cannot be read", error=str(exc))
    return {"/": _not_built}


def _built(directory: Path) -> Pages:
    pages: dict[str, Callable[[], Page]] = {"/": _opened((directory / INDEX).read_bytes())}
    for path in _files(directory):
        name = path.relative_to(directory).as_posix()
        pages[f"/{name}"] = _constant(_file(path, is_hashed=name.startswith(f"{_HASHED}/")))
    return pages


def _files(directory: Path) -> Iterator[Path]:
    for path in sorted(directory.rglob("*")):
        if path.is_file() and path != directory / INDEX:
            yield path


def _opened(template: bytes) -> Callable[[], Page]:
    """The page itself, with a nonce that no answer before it had."""

    def page() -> Page:
        nonce = secrets.token_urlsafe(18)
        return Page(
            content_type=_CONTENT_TYPES[".html"],
            body=template.replace(NONCE_PLACE, nonce.encode()),
            headers={
                **_HEADERS,
                "Cache-Control": "no-store",
                "Content-Security-Policy": _policy(f"'self' 'nonce-{nonce}'"),
            },
        )

    return page


def _file(path: Path, *, is_hashed: bool) -> Page:
    body = path.read_bytes()
    packed = None if path.suffix in _PACKED_ALREADY else gzip.compress(body, mtime=0)
    return Page(
        content_type=_CONTENT_TYPES.get(path.suffix, "application/octet-stream"),
        body=body,
        gzipped=packed if packed is not None and len(packed) < len(body) else None,
        headers={
            **_HEADERS,
            "Cache-Control": _FOR_EVER if is_hashed else "no-cache",
            "Content-Security-Policy": _policy("'self'"),
        },
    )


def _policy(styles: str) -> str:
    """Nothing from elsewhere, nothing inline; the socket is of the same origin."""
    return (
        f"default-src 'none'; script-src 'self'; style-src {styles}; img-src 'self' data:; "
        "font-src 'self'; connect-src 'self'; base-uri 'none'; form-action 'none'; "
        "frame-ancestors 'none'"
    )


def _constant(page: Page) -> Callable[[], Page]:
    return lambda: page


def _not_built() -> Page:
    return Page(body=_NOT_BUILT, headers={**_HEADERS, "Cache-Control": "no-store"})
