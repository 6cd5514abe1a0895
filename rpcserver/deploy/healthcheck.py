"""
Ask the server of this machine whether it lives: `python -m rpcserver.deploy.healthcheck`.

It reads the same settings as the server beside it, and exits with 0 or 1. It asks `/livez`, not
`/readyz`: to start a server anew helps one that hangs, and no venue that is away.
"""

from __future__ import annotations

import os
import ssl
import sys
import urllib.error
import urllib.request
from collections.abc import Mapping

from rpcserver.settings import Settings, SettingsError, load_settings

TIMEOUT = 4.0  # seconds
ANY = {"0.0.0.0": "127.0.0.1", "::": "::1", "": "127.0.0.1"}  # listened at, and asked at


def main(environ: Mapping[str, str]) -> int:
    """The exit code: 0 if the server answered."""
    try:
        url = address(load_settings(None, environ, {}))
        with urllib.request.urlopen(url, timeout=TIMEOUT, context=_trusting()) as answer:
            return 0 if answer.status == 200 else 1
    except SettingsError as problems:
        sys.stderr.write(f"{problems}\n")
    except (urllib.error.URLError, OSError) as error:
        sys.stderr.write(f"{error}\n")
    return 1


def address(settings: Settings) -> str:
    """Where to ask."""
    host = ANY.get(settings.host, settings.host)
    host = f"[{host}]" if ":" in host else host
    return f"{'https' if settings.is_encrypted else 'http'}://{host}:{settings.port}/livez"


def _trusting() -> ssl.SSLContext:
    """The certificate bears the name that others call it by; nothing secret is sent here."""
    context = ssl.create_default_context()
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return context


if __name__ == "__main__":
    sys.exit(main(os.environ))
