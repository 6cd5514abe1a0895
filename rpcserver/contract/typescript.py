"""The protocol as TypeScript: types of what travels, and the tables a client decides by."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from typing import Any, Final

from rpcserver.contract.protocol import GENERATED, Protocol
from rpcserver.contract.shapes import REFERENCE, Schema
from rpcserver.contract.words import OUTCOMES, PROGRESS_EVENTS
from rpcserver.wire.close_codes import CloseCode
from rpcserver.wire.errors import ERRORS

_IDENTIFIER: Final = re.compile(r"[A-Za-z_]\w*")


def typescript(protocol: Protocol) -> str:
    """One module that imports nothing."""
    parts = [
        f"// {GENERATED}\n",
        _union("ProgressEvent", PROGRESS_EVENTS, "What a step of an operation says."),
        _union("Outcome", OUTCOMES, "How a leg ended."),
        _table(
            "ERRORS",
            {
                code: {"status": row.status, "remedy": row.remedy.value}
                for code, row in ERRORS.items()
            },
            "Every error code, its HTTP-like number, and what the caller may do.",
        ),
        _alias("ErrorCode", "keyof typeof ERRORS", "A code of the table of errors."),
        _table(
            "CLOSE_CODES",
            {
                str(code.value): {"name": code.name, "mayRetry": code.may_retry}
                for code in CloseCode
            },
            "Every code the server closes with, and whether coming back can help.",
        ),
        _table(
            "APIS",
            {call.name: call.repeat for call in protocol.calls},
            "Every api, and what a lost answer means: ask again, resend by key, or never resend.",
        ),
        _alias("ApiName", "keyof typeof APIS", "The name of an api."),
        *(_definition(name, schema) for name, schema in protocol.defs.items()),
        _alias(
            "ClientFrame",
            _either(protocol.from_client.values()),
            "Every frame of a client, by `action`.",
        ),
        _alias(
            "ServerFrame",
            _either(s for kind, s in protocol.from_server.items() if kind != "final"),
            "Every frame of the server, by `type`, but the final answer: it has none.",
        ),
        _members(
            "ArgsByApi", {call.name: _type(call.args) for call in protocol.calls}, "Args by api."
        ),
        _members(
            "AnswerByApi",
            {call.name: _type(call.answer) for call in protocol.calls},
            "Answers by api.",
        ),
        _alias("ArgsOf<Api extends ApiName>", "ArgsByApi[Api]", "The args of one api."),
        _alias("AnswerOf<Api extends ApiName>", "AnswerByApi[Api]", "The answer of one api."),
        _alias(
            "ClosingApiName",
            "{ [Api in ApiName]: (typeof APIS)[Api] extends 'closing' ? Api : never }[ApiName]",
            "An api that opens an operation.",
        ),
    ]
    return "\n".join(parts)


def _definition(name: str, schema: Mapping[str, Any]) -> str:
    doc = str(schema.get("description", ""))
    if schema.get("type") != "object":
        return _alias(name, _type(schema), doc)
    required = schema["required"]
    members = {
        (key if key in required else f"{key}?"): _type(member)
        for key, member in schema["properties"].items()
    }
    return _members(name, members, doc)


def _type(schema: Mapping[str, Any]) -> str:
    """*schema* as a TypeScript type."""
    match schema:
        case {"$ref": str(reference)}:
            return reference.removeprefix(REFERENCE)
        case {"const": value}:
            return _literal(value)
        case {"enum": list(values)} | {"x-anyCase": list(values)}:
            return _words(values)
        case {"anyOf": list(options)}:
            return _either(options)
        case {"type": "array", "items": items}:
            item = _type(items)
            return f"readonly ({item})[]" if " " in item else f"readonly {item}[]"
        case {"type": "array", "prefixItems": items}:
            return f"readonly [{', '.join(_type(item) for item in items)}]"
        case {"type": "object", "additionalProperties": dict(values)}:
            return f"Readonly<Record<string, {_type(values)}>>"
        case {"type": "object"}:
            return "Readonly<Record<string, unknown>>"
        case {"type": "integer" | "number"}:
            return "number"
        case {"type": str(name)}:
            return name
        case _:
            return "unknown"


def _words(values: list[object]) -> str:
    if values == list(PROGRESS_EVENTS):
        return "ProgressEvent"
    return "ErrorCode" if values == list(ERRORS) else " | ".join(map(_literal, values))


def _either(schemas: Iterable[Schema]) -> str:
    return " | ".join(dict.fromkeys(_type(schema) for schema in schemas))


def _union(name: str, words: Iterable[str], doc: str) -> str:
    return _alias(name, " | ".join(map(_literal, dict.fromkeys(words))), doc)


def _alias(name: str, text: str, doc: str) -> str:
    return f"/** {doc} */\nexport type {name} = {text};\n"


def _members(name: str, members: Mapping[str, str], doc: str) -> str:
    lines = "".join(f"  readonly {_key(key)}: {text};\n" for key, text in members.items())
    return f"/** {doc} */\nexport interface {name} {{\n{lines}}}\n"


def _table(name: str, table: Mapping[str, object], doc: str) -> str:
    lines = "".join(f"  {_key(key)}: {json.dumps(row)},\n" for key, row in table.items())
    return f"/** {doc} */\nexport const {name} = {{\n{lines}}} as const;\n"


def _key(key: str) -> str:
    bare = key.removesuffix("?")
    mark = key[len(bare) :]
    return key if _IDENTIFIER.fullmatch(bare) else json.dumps(bare) + mark


def _literal(value: object) -> str:
    return json.dumps(value)
