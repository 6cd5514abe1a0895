"""The page at `/`: served from memory under a policy that lets nothing else in."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import httpx
import pytest
from websockets.asyncio.client import connect

from rpcserver.server.dashboard import dashboard_pages
from rpcserver.server.settings import ServerSettings
from tests.server.conftest import a_server
from tests.server.fakes import FakeEngine

pytestmark = pytest.mark.anyio

HTML = (
    '<meta property="csp-nonce" nonce="__CSP_NONCE__"><script src="/assets/app-1a2b.js"></script>'
)
SCRIPT = "export const flat = true;\n" * 20_000
PIXEL = b"\x89PNG\r\n\x1a\n" + bytes(64)


@pytest.fixture
def built(tmp_path: Path) -> Path:
    """A directory as Vite leaves it."""
    directory = tmp_path / "dashboard"
    (directory / "assets").mkdir(parents=True)
    (directory / "index.html").write_text(HTML)
    (directory / "favicon.svg").write_text("<svg xmlns='http://www.w3.org/2000/svg'/>")
    (directory / "assets" / "app-1a2b.js").write_text(SCRIPT)
    (directory / "assets" / "mark-3c4d.png").write_bytes(PIXEL)
    (tmp_path / "admin.token").write_text("a secret beside it")
    return directory


@asynccontextmanager
async def a_browser(engine: FakeEngine, directory: Path) -> AsyncIterator[httpx.AsyncClient]:
    settings = ServerSettings(port=0, pages=dashboard_pages(directory))
    async with (
        a_server(engine, settings=settings) as server,
        httpx.AsyncClient(base_url=f"http://127.0.0.1:{server.port}", trust_env=False) as browser,
    ):
        yield browser


def policy_of(answer: httpx.Response) -> dict[str, list[str]]:
    """What the answer lets the page do, by directive."""
    directives = answer.headers["Content-Security-Policy"].split("; ")
    return {name: rest for name, *rest in (directive.split() for directive in directives)}


async def test_the_page_is_there_and_so_is_the_socket(engine: FakeEngine, built: Path) -> None:
    async with a_browser(engine, built) as browser:
        answer = await browser.get("/?from=bookmark")

        assert answer.status_code == 200
        assert answer.headers["Content-Type"] == "text/html; charset=utf-8"
        assert "/assets/app-1a2b.js" in answer.text
        url = f"ws://127.0.0.1:{browser.base_url.port}/"
        async with connect(url, proxy=None) as socket:
            await socket.send('{"action":"auth","token":"trader"}')
            assert "authenticated" in str(await socket.recv())


async def test_nothing_may_be_loaded_from_elsewhere(engine: FakeEngine, built: Path) -> None:
    async with a_browser(engine, built) as browser:
        page = await browser.get("/")
        script = await browser.get("/assets/app-1a2b.js")

    policy = policy_of(page)
    assert policy["default-src"] == policy["base-uri"] == policy["form-action"] == ["'none'"]
    assert policy["frame-ancestors"] == ["'none'"]
    assert policy["script-src"] == policy["connect-src"] == policy["font-src"] == ["'self'"]
    assert policy["img-src"] == ["'self'", "data:"]
    assert not any("unsafe" in word or "*" in word for words in policy.values() for word in words)
    assert policy_of(script)["script-src"] == ["'self'"]
    for answer in (page, script):
        assert answer.headers["X-Content-Type-Options"] == "nosniff"
        assert answer.headers["Referrer-Policy"] == "no-referrer"
        assert answer.headers["Cross-Origin-Opener-Policy"] == "same-origin"
        assert "camera=()" in answer.headers["Permissions-Policy"]


async def test_every_answer_has_a_nonce_of_its_own(engine: FakeEngine, built: Path) -> None:
    nonces = set()
    async with a_browser(engine, built) as browser:
        for _ in range(3):
            answer = await browser.get("/")
            [in_page] = re.findall(r'nonce="([^"]{24,})"', answer.text)
            assert policy_of(answer)["style-src"] == ["'self'", f"'nonce-{in_page}'"]
            assert answer.headers["Cache-Control"] == "no-store"
            nonces.add(in_page)
    assert len(nonces) == 3
    assert "__CSP_NONCE__" not in nonces


async def test_what_never_changes_is_kept_and_the_rest_is_asked_for_again(
    engine: FakeEngine, built: Path
) -> None:
    async with a_browser(engine, built) as browser:
        script = await browser.get("/assets/app-1a2b.js")
        icon = await browser.get("/favicon.svg")

    assert script.headers["Cache-Control"] == "public, max-age=31536000, immutable"
    assert script.headers["Content-Type"] == "text/javascript; charset=utf-8"
    assert icon.headers["Cache-Control"] == "no-cache"
    assert icon.headers["Content-Type"] == "image/svg+xml"


@pytest.mark.parametrize(
    ("encodings", "is_packed"),
    [
        ("gzip, deflate, br, zstd", True),
        ("br;q=1.0, GZIP; q=0.5", True),
        ("gzip;q=0", False),
        ("gzip; q=0.000, br", False),
        ("x-gzip, br", False),
        ("", False),
    ],
)
async def test_a_script_is_sent_packed_to_whoever_takes_it_so(
    engine: FakeEngine, built: Path, encodings: str, is_packed: bool
) -> None:
    async with a_browser(engine, built) as browser:
        headers = {"Accept-Encoding": encodings}
        answer = await browser.get("/assets/app-1a2b.js", headers=headers)
        picture = await browser.get("/assets/mark-3c4d.png", headers=headers)

    assert answer.text == SCRIPT
    assert answer.headers["Vary"] == "Accept-Encoding"
    assert answer.headers.get("Content-Encoding") == ("gzip" if is_packed else None)
    assert (int(answer.headers["Content-Length"]) < len(SCRIPT)) is is_packed
    assert picture.content == PIXEL
    assert "Content-Encoding" not in picture.headers


@pytest.mark.parametrize(
    "path",
    [
        "/index.html",
        "/assets",
        "/assets/",
        "/assets/app-0000.js",
        "/assets/../../admin.token",
        "/assets/..%2f..%2fadmin.token",
        "/%2e%2e/admin.token",
        "/../admin.token",
        "//admin.token",
        "/admin.token",
        "/ASSETS/app-1a2b.js",
    ],
)
async def test_only_what_was_built_is_there(engine: FakeEngine, built: Path, path: str) -> None:
    async with a_browser(engine, built) as browser:
        url = httpx.URL(str(browser.base_url), raw_path=path.encode())
        answer = await browser.get(url)

    assert answer.status_code == 404
    assert "secret" not in answer.text


async def test_without_a_build_the_page_says_how(engine: FakeEngine, tmp_path: Path) -> None:
    async with a_browser(engine, tmp_path / "nothing") as browser:
        answer = await browser.get("/")

    assert answer.status_code == 200
    assert answer.headers["Content-Type"] == "text/plain; charset=utf-8"
    assert "make dashboard" in answer.text


async def test_a_build_that_cannot_be_read_keeps_no_server_from_starting(
    engine: FakeEngine, built: Path
) -> None:
    (built / "index.html").unlink()
    (built / "index.html").mkdir()

    async with a_browser(engine, built) as browser:
        assert "make dashboard" in (await browser.get("/")).text
