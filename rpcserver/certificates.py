"""Certificates in files: what the server shows, and whom it trusts."""

from __future__ import annotations

import os
import ssl
from pathlib import Path

from rpcserver.domain.errors import RpcServerError


class CertificateUnusable(RpcServerError):
    """TLS was asked for, and there is none to be had from these files."""

    def __init__(self, certificate: Path, key: Path, why: str) -> None:
        super().__init__(certificate, key, why)
        self.certificate = certificate
        self.key = key
        self.why = why

    def __str__(self) -> str:
        return f"tls_certificate {self.certificate}, tls_key {self.key}: {self.why}"


def tls_context(certificate: Path, key: Path) -> ssl.SSLContext:
    """
    TLS 1.2 or newer, with a chain of certificates and its key, both in PEM.

    Raises:
        CertificateUnusable: A file cannot be read or used, or they do not belong together.
    """
    for file in (certificate, key):
        try:
            file.read_bytes()
        except OSError as exc:
            why = f"{file} cannot be read: {exc.strerror}"
            raise CertificateUnusable(certificate, key, why) from exc
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    try:
        # Without a password given, OpenSSL would ask the terminal for one.
        context.load_cert_chain(certificate, key, password=lambda: b"")
    except (ssl.SSLError, OSError) as exc:
        why = exc.strerror or "expected a certificate and its key, in PEM and without a password"
        raise CertificateUnusable(certificate, key, why) from exc
    return context


def can_be_read(path: Path) -> bool:
    """Whether there is such a file, and we may read it."""
    return path.is_file() and os.access(path, os.R_OK)


def why_untrusted(file: Path) -> str | None:
    """Why nobody can be trusted on the word of *file*; None: it holds certificates."""
    if not can_be_read(file):
        return "expected a file that can be read"
    try:
        ssl.create_default_context(cafile=file)
    except ssl.SSLError:
        return "expected certificates in PEM"
    return None
