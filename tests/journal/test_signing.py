"""Signed heads: made once, kept for their owner, checked by anybody, and telling of a cut end."""

from __future__ import annotations

import shutil
import stat
import subprocess
from pathlib import Path

import pytest

from rpcserver.core.entries import Head
from rpcserver.journal.signing import (
    KEY_FILE,
    PUBLIC_KEY_FILE,
    SigningKeyUnusable,
    is_signed,
    open_notary,
    read_public_key,
)

HEAD = Head(audit_seq=7, audit_hash="9b" * 32)


def test_the_key_is_made_once_and_for_its_owner_alone(tmp_path: Path) -> None:
    first, again = open_notary(tmp_path), open_notary(tmp_path)

    assert stat.S_IMODE((tmp_path / KEY_FILE).stat().st_mode) == 0o600
    assert first.public_key == again.public_key == read_public_key(tmp_path)
    assert first.sign(HEAD) == again.sign(HEAD)


def test_a_signature_is_of_one_head_and_one_key(tmp_path: Path) -> None:
    (other := tmp_path / "other").mkdir()
    notary, stranger = open_notary(tmp_path), open_notary(other)
    signature = notary.sign(HEAD)

    assert is_signed(HEAD, signature, notary.public_key)
    assert not is_signed(HEAD, signature, stranger.public_key)
    assert not is_signed(Head(audit_seq=8, audit_hash="9b" * 32), signature, notary.public_key)
    assert not is_signed(Head(audit_seq=7, audit_hash="9c" * 32), signature, notary.public_key)
    assert not is_signed(HEAD, "no hexadecimal", notary.public_key)
    assert not is_signed(HEAD, signature, "abcd")


def test_a_lost_public_half_is_written_again(tmp_path: Path) -> None:
    notary = open_notary(tmp_path)
    (tmp_path / PUBLIC_KEY_FILE).unlink()

    open_notary(tmp_path)

    assert read_public_key(tmp_path / PUBLIC_KEY_FILE) == notary.public_key


@pytest.mark.parametrize("content", [b"", b"-----BEGIN PRIVATE KEY-----\nAAAA\n"])
def test_a_key_that_is_none_stops_the_start_and_is_not_overwritten(
    tmp_path: Path, content: bytes
) -> None:
    (tmp_path / KEY_FILE).write_bytes(content)

    with pytest.raises(SigningKeyUnusable, match=r"audit\.key: expected a private key"):
        open_notary(tmp_path)

    assert (tmp_path / KEY_FILE).read_bytes() == content


def test_a_public_key_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(SigningKeyUnusable, match=r"audit\.pub: cannot be read"):
        read_public_key(tmp_path)
    (tmp_path / "some.pem").write_text("nothing")
    with pytest.raises(SigningKeyUnusable, match="expected a public key"):
        read_public_key(tmp_path / "some.pem")


def test_another_program_checks_it_as_protocol_md_says(tmp_path: Path) -> None:
    openssl = shutil.which("openssl")
    assert openssl is not None, "every machine that builds this has it"
    notary = open_notary(tmp_path)
    (tmp_path / "head").write_text(f"rpcserver audit head {HEAD.audit_seq}:{HEAD.audit_hash}")
    (tmp_path / "signature").write_bytes(bytes.fromhex(notary.sign(HEAD)))
    command = [openssl, *["pkeyutl", "-verify", "-rawin", "-pubin", "-inkey", "audit.pub"]]

    checked = subprocess.run(
        [*command, *["-in", "head", "-sigfile", "signature"]],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )

    assert checked.returncode == 0, checked.stderr
