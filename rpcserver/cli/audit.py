"""The audit: is the chain whole, and may I have a copy?"""

from __future__ import annotations

import asyncio
import re
import sys
from collections.abc import Sequence
from contextlib import nullcontext
from pathlib import Path
from typing import Annotated, TextIO

import typer
from rich.text import Text

from rpcclient import RpcClient
from rpcserver.app import JOURNAL_FILE
from rpcserver.cli import exit_log, options, pruning
from rpcserver.cli.answers import Chain, read
from rpcserver.cli.connection import directory_of
from rpcserver.cli.exits import Exit
from rpcserver.cli.output import Output
from rpcserver.cli.served import Server, served
from rpcserver.core.entries import ChainReport, Head
from rpcserver.journal.chain import Walk
from rpcserver.journal.errors import JournalUnusable
from rpcserver.journal.export import NotAnExport, export_chain, read_export
from rpcserver.journal.reader import open_reader
from rpcserver.journal.signing import SigningKeyUnusable, is_signed, read_public_key

commands = typer.Typer(help="Look into the audit, verify it, export it.", no_args_is_help=True)
commands.command()(exit_log.query)
commands.command("export-csv")(exit_log.export_csv)
commands.command()(pruning.prune)


@commands.command()
@served
def verify(
    server: Server,
    export: Annotated[
        list[Path] | None,
        typer.Option(
            "--export",
            help="Verify an exported file instead; given several times, archives in sequence. "
            "With --offline, that the journal continues them, too.",
        ),
    ] = None,
    offline: Annotated[
        bool, typer.Option("--offline", help="Read the journal itself, without a server.")
    ] = False,
    witness: Annotated[
        str | None,
        typer.Option(
            metavar="SEQ:HASH[:SIGNATURE]",
            help="The audit head some answer told: it must be in the chain, unchanged. "
            "Only a witness shows that an end was cut off.",
        ),
    ] = None,
    public_key: Annotated[
        str | None,
        typer.Option(
            metavar="HEX|FILE",
            help="What a witness's signature is checked with; by default audit.pub of the data "
            "directory, which whoever owns that directory could have changed.",
        ),
    ] = None,
) -> None:
    """Walk the whole hash chain of the audit."""
    output, directory = server.output, directory_of(server.connection.data_dir)
    head, signature = _told(witness)
    if head is not None and signature:
        key = _key(public_key, directory)
        if not is_signed(head, signature, key):
            output.complain("not_the_servers", f"the key never signed {head.audit_seq} like that")
            raise typer.Exit(Exit.UNHEALTHY)
    path = directory / JOURNAL_FILE
    if export and not offline:
        raise typer.Exit(_conclude(_verify_exports(export, head), output))
    if offline or head is not None:
        try:
            report = asyncio.run(_verify_journal(path, head, export or ()))
        except JournalUnusable as exc:
            output.complain("journal_unusable", str(exc))
            raise typer.Exit(Exit.UNHEALTHY) from exc
        except _WitnessArchived as exc:
            output.complain("witness_archived", str(exc))
            raise typer.Exit(Exit.UNKNOWN) from exc
        raise typer.Exit(_conclude(report, output))

    async def work(client: RpcClient) -> Exit:
        return _conclude(read(await client.call("VerifyAudit"), Chain), output)

    server.talk(work)


@commands.command("export")
def export_audit(
    out: Annotated[
        Path | None, typer.Argument(help="Where to write it; without it to stdout.")
    ] = None,
    after: Annotated[int, typer.Option(min=0, help="Only entries after this one.")] = 0,
    data_dir: options.DataDir = None,
) -> None:
    """
    Write the audit as lines of JSON, read from the journal itself, also while a server runs.

    Anyone can check the copy: `rpcserver audit verify --export FILE`.
    """
    output = Output(is_json=False)
    path = directory_of(data_dir) / JOURNAL_FILE
    try:
        with out.open("w", encoding="utf-8") if out else nullcontext(sys.stdout) as stream:
            head = asyncio.run(_export(path, stream, after))
            stream.flush()
    except (JournalUnusable, OSError) as exc:
        output.complain("cannot_export", str(exc))
        raise typer.Exit(Exit.ERROR) from exc
    output.remark(f"head {head.audit_seq}:{head.audit_hash}")


def _told(witness: str | None) -> tuple[Head | None, str]:
    """The head that a witness tells of, and its signature, if it has one."""
    if witness is None:
        return None, ""
    seq, _, rest = witness.partition(":")
    digest, _, signature = rest.lower().partition(":")
    if not (seq.isdecimal() and _is_hex(digest)) or (signature and not _is_hex(signature)):
        raise typer.BadParameter(
            f"--witness {witness}: expected SEQ:HASH or SEQ:HASH:SIGNATURE, as an answer tells it"
        )
    return Head(audit_seq=int(seq), audit_hash=digest), signature


def _key(public_key: str | None, data_dir: Path) -> str:
    if public_key is not None and _is_hex(public_key):
        return public_key
    try:
        return read_public_key(Path(public_key) if public_key is not None else data_dir)
    except SigningKeyUnusable as exc:
        raise typer.BadParameter(f"--public-key: {exc}") from exc


def _is_hex(text: str) -> bool:
    return re.fullmatch(r"[0-9a-fA-F]+", text) is not None


class _WitnessArchived(Exception):
    """The witness tells of an entry that was pruned: nothing was held against it."""


def _verify_exports(paths: Sequence[Path], witness: Head | None) -> Chain:
    walk = Walk(witness=witness)
    for path in paths:
        if (fault := _follow_file(walk, path)) is not None:
            return fault
    return _chain_of(walk.finish())


def _follow_file(walk: Walk, path: Path) -> Chain | None:
    """Walk on through a file; the verdict, if it is no export."""
    try:
        with path.open(encoding="utf-8") as lines:
            walk.follow(read_export(lines))
    except (NotAnExport, UnicodeDecodeError) as exc:
        return Chain(intact=False, detail=f"{path}: {exc}")
    except OSError as exc:
        raise typer.BadParameter(f"{path}: {exc.strerror}") from exc
    return None


async def _verify_journal(path: Path, witness: Head | None, archives: Sequence[Path] = ()) -> Chain:
    async with open_reader(path) as reader:
        report = await reader.verify(witness=witness)
        if not report.intact:
            return _chain_of(report)
        if not archives:
            if witness is not None and witness.audit_seq < (await reader.anchor()).audit_seq:
                raise _WitnessArchived(
                    f"entry {witness.audit_seq} is in an archive: name them all by --export, "
                    "the oldest first. The journal by itself is intact"
                )
            return _chain_of(report)
        walk = Walk(witness=witness)
        for archive in archives:
            if (fault := _follow_file(walk, archive)) is not None:
                return fault
        while walk.is_intact and (links := await reader.links(after=walk.head.audit_seq)):
            walk.follow(links)
        return _chain_of(walk.finish())


async def _export(path: Path, stream: TextIO, after: int) -> Head:
    async with open_reader(path) as reader:
        return await export_chain(reader, stream, after=after)


def _chain_of(report: ChainReport) -> Chain:
    return Chain(
        intact=report.intact,
        records=report.records,
        audit_seq=report.head.audit_seq,
        audit_head=report.head.audit_hash,
        first_broken=report.first_broken,
        detail=report.detail,
    )


def _witness_of(chain: Chain) -> str:
    """The head as `--witness` takes it."""
    signature = f":{chain.audit_signature}" if chain.audit_signature else ""
    return f"{chain.audit_seq}:{chain.audit_head}{signature}"


def _conclude(chain: Chain, output: Output) -> Exit:
    output.line({"data": chain})
    if chain.intact:
        verdict = Text.assemble(
            (" INTACT ", "bold white on green"),
            f"  {chain.records} records, head {_witness_of(chain)}",
            f"; {chain.detail}" if chain.detail else "",
        )
    else:
        where = "" if chain.first_broken is None else f" at entry {chain.first_broken}"
        verdict = Text.assemble((f" BROKEN{where} ", "bold white on red"), f"  {chain.detail}")
    output.show(verdict)
    return Exit.OK if chain.intact else Exit.UNHEALTHY
