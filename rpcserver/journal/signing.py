"""
Signed heads: what makes a witness of the audit hold against whoever owns the database.

A head that somebody kept elsewhere shows that the chain's end was cut off or written anew
(chain.py). Signed with a key of the server it also shows that the server told it, and nobody made
it up. Whoever holds both the database and the key can still rewrite everything after the newest
head that is kept elsewhere: so heads leave the machine in every final frame, in the log and by
webhook.

    signature = Ed25519( key, "rpcserver audit head SEQ:HASH" in ASCII )

Ed25519 signs deterministically: an answer that is repeated is the same, byte for byte.
"""

from __future__ import annotations

import os
from pathlib import Path

from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
    load_pem_private_key,
    load_pem_public_key,
)

from rpcserver.core.entries import Head
from rpcserver.domain.errors import RpcServerError
from rpcserver.journal.directory import sync_directory

KEY_FILE = "audit.key"  # PEM, for its owner alone
PUBLIC_KEY_FILE = "audit.pub"  # PEM, for everybody: keep a copy elsewhere


class SigningKeyUnusable(RpcServerError):
    """The key of the audit, or its public half, cannot be read: put the right file there."""

    def __init__(self, path: Path, why: str) -> None:
        super().__init__(path, why)
        self.path = path
        self.why = why

    def __str__(self) -> str:
        return f"{self.path}: {self.why}"


class Notary:
    """Signs heads with one server's key."""

    def __init__(self, key: Ed25519PrivateKey) -> None:
        self._key = key
        self.public_key = key.public_key().public_bytes_raw().hex()

    def sign(self, head: Head) -> str:
        """The signature of *head*, in hexadecimal."""
        return self._key.sign(_message(head)).hex()


def open_notary(directory: Path) -> Notary:
    """
    The notary of a data directory, with a key made at its first start.

    Raises:
        SigningKeyUnusable: There is a key, and it cannot be read or is no Ed25519 key.
    """
    path = directory / KEY_FILE
    if not path.exists():
        key = Ed25519PrivateKey.generate()
        pem = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
        _write(path, pem)
    else:
        key = _private_key(path)
    public = directory / PUBLIC_KEY_FILE
    pem = key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    if not public.exists() or public.read_bytes() != pem:
        _write(public, pem)
    return Notary(key)


def read_public_key(path: Path) -> str:
    """
    The public key in a PEM file, or in a data directory, in hexadecimal.

    Raises:
        SigningKeyUnusable: There is none.
    """
    file = path / PUBLIC_KEY_FILE if path.is_dir() else path
    try:
        key = load_pem_public_key(file.read_bytes())
    except OSError as exc:
        raise SigningKeyUnusable(file, f"cannot be read: {exc.strerror}") from exc
    except (ValueError, UnsupportedAlgorithm) as exc:
        raise SigningKeyUnusable(file, "expected a public key in PEM") from exc
    if not isinstance(key, Ed25519PublicKey):
        raise SigningKeyUnusable(file, "expected an Ed25519 key")
    return key.public_bytes_raw().hex()


def is_signed(head: Head, signature: str, public_key: str) -> bool:
    """Whether *signature* of *head* was made by the owner of *public_key*, both hexadecimal."""
    try:
        key = Ed25519PublicKey.from_public_bytes(bytes.fromhex(public_key))
        key.verify(bytes.fromhex(signature), _message(head))
    except (InvalidSignature, ValueError):
        return False
    return True


def _message(head: Head) -> bytes:
    return f"rpcserver audit head {head.audit_seq}:{head.audit_hash}".encode()


def _private_key(path: Path) -> Ed25519PrivateKey:
    try:
        key = load_pem_private_key(path.read_bytes(), password=None)
    except OSError as exc:
        raise SigningKeyUnusable(path, f"cannot be read: {exc.strerror}") from exc
    except (ValueError, TypeError, UnsupportedAlgorithm) as exc:
        raise SigningKeyUnusable(path, "expected a private key in PEM, without password") from exc
    if not isinstance(key, Ed25519PrivateKey):
        raise SigningKeyUnusable(path, "expected an Ed25519 key")
    return key


def _write(path: Path, content: bytes) -> None:
    """
    All of it or none: a key cut off in the middle would stop every later start.

    For the owner alone, like everything in the data directory: others are handed a copy.
    """
    draft = path.with_name(f"{path.name}.new")
    file = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(file, "wb") as stream:
        os.fchmod(stream.fileno(), 0o600)
        stream.write(content)
        stream.flush()
        os.fsync(stream.fileno())
    draft.replace(path)
    sync_directory(path.parent)
