"""The protocol for machines: written into a source tree, or compared with what lies there."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from rpcserver.cli import options
from rpcserver.cli.exits import Exit
from rpcserver.cli.output import Output
from rpcserver.contract.files import generated_files


def schema(
    into: Annotated[
        Path, typer.Option("--into", help="The top of the tree to write `clients/...` into.")
    ] = Path(),
    check: Annotated[
        bool, typer.Option("--check", help="Write nothing; fail if a file is not as it should be.")
    ] = False,
    as_json: options.AsJson = False,
) -> int:
    """Write the protocol as JSON Schemas, an AsyncAPI document and TypeScript types."""
    output = Output(is_json=as_json)
    stale = [
        (path, text)
        for name, text in generated_files().items()
        if not (path := into / name).is_file() or path.read_text(encoding="utf-8") != text
    ]
    if check:
        for path, _ in stale:
            output.complain("stale", f"{path} is not what the code says: run `make generate`")
        return Exit.ERROR if stale else Exit.OK
    for path, text in stale:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
        output.remark(f"wrote {path}")
    return Exit.OK
