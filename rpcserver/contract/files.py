"""Which file holds which part of the protocol, and what it must say."""

from __future__ import annotations

from pathlib import PurePosixPath

from rpcserver.contract.documents import asyncapi_document, schema_document
from rpcserver.contract.protocol import gather
from rpcserver.contract.typescript import typescript


def generated_files() -> dict[PurePosixPath, str]:
    """Every generated file, from the top of the source tree, and its whole text."""
    protocol = gather()
    return {
        PurePosixPath("clients/protocol/schema.json"): schema_document(protocol),
        PurePosixPath("clients/protocol/asyncapi.json"): asyncapi_document(protocol),
        PurePosixPath("clients/typescript/src/generated/protocol.ts"): typescript(protocol),
    }
