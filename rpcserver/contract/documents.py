"""The bundle of JSON Schemas and the AsyncAPI document, as JSON texts."""

from __future__ import annotations

import json
from typing import Final

from rpcserver.contract.protocol import GENERATED, Protocol
from rpcserver.contract.shapes import REFERENCE, Schema

ASYNCAPI_VERSION: Final = "3.1.0"
PROTOCOL_VERSION: Final = "1.0.0"
_COMPONENT: Final = "#/components/schemas/"


def schema_document(protocol: Protocol) -> str:
    """JSON Schemas (2020-12) of everything: `$defs` by name, `calls` by api."""
    return _text(
        {
            "$comment": GENERATED,
            "$schema": "https://json-schema.org/draft/2020-12/schema",
            "$id": "urn:rpcserver:protocol",
            "title": "The protocol of rpcserver",
            "description": "Any one frame, of the client or of the server.",
            "anyOf": [*protocol.from_client.values(), *protocol.from_server.values()],
            "x-fromClient": protocol.from_client,
            "x-fromServer": protocol.from_server,
            "x-calls": {
                call.name: {"repeat": call.repeat, "args": call.args, "answer": call.answer}
                for call in protocol.calls
            },
            "$defs": protocol.defs,
        }
    )


def asyncapi_document(protocol: Protocol) -> str:
    """The protocol as AsyncAPI 3.1: one channel, what is sent there and what is answered."""
    calls = {
        f"call{call.name}": _message(
            f"A call of {call.name}",
            {
                "type": "object",
                "properties": {
                    "action": {"const": "rpc"},
                    "id": {"type": "string", "minLength": 1, "maxLength": 64},
                    "api": {"const": call.name},
                    "args": call.args,
                    "idempotencyKey": {"type": "string", "minLength": 1, "maxLength": 128},
                    "progress": {"type": "boolean", "default": True},
                },
                "required": ["action", "id", "api"],
            },
        )
        for call in protocol.calls
    }
    answers = {
        f"answer{call.name}": _message(
            f"The final answer of {call.name}",
            {
                "type": "object",
                "properties": {
                    "id": {"type": "string"},
                    "data": {"anyOf": [call.answer, {"$ref": REFERENCE + "ErrorData"}]},
                },
                "required": ["id", "data"],
            },
        )
        for call in protocol.calls
    }
    sent = {
        f"client{_title(action)}": _message(action, schema)
        for action, schema in protocol.from_client.items()
        if action != "rpc"
    } | calls
    told = {
        f"server{_title(kind)}": _message(kind, schema)
        for kind, schema in protocol.from_server.items()
        if kind != "final"
    } | answers
    document: Schema = {
        "x-generated": GENERATED,
        "asyncapi": ASYNCAPI_VERSION,
        "info": {
            "title": "rpcserver",
            "version": PROTOCOL_VERSION,
            "description": "Get flat, and prove it: one WebSocket, JSON text frames.",
        },
        "defaultContentType": "application/json",
        "servers": {
            "local": {
                "host": "127.0.0.1:8787",
                "protocol": "ws",
                "security": [{"$ref": "#/components/securitySchemes/token"}],
            }
        },
        "channels": {
            "stream": {
                "address": "/ws/stream",
                "description": "Frames in both directions, one JSON object each.",
                "messages": {
                    name: {"$ref": f"#/components/messages/{name}"} for name in (*sent, *told)
                },
            }
        },
        "operations": {
            "say": _operation("receive", "What clients say.", sent),
            "tell": _operation("send", "What the server tells.", told),
        },
        "components": {
            "securitySchemes": {"token": {"type": "http", "scheme": "bearer"}},
            "messages": sent | told,
            "schemas": protocol.defs,
        },
    }
    return _text(_moved(document))


def _message(title: str, payload: Schema) -> Schema:
    return {"title": title, "payload": payload}


def _operation(action: str, summary: str, messages: dict[str, Schema]) -> Schema:
    return {
        "action": action,
        "summary": summary,
        "channel": {"$ref": "#/channels/stream"},
        "messages": [{"$ref": f"#/channels/stream/messages/{name}"} for name in messages],
    }


def _moved(part: object) -> object:
    """*part* with its references to where AsyncAPI keeps definitions."""
    match part:
        case dict():
            return {
                key: value.replace(REFERENCE, _COMPONENT)
                if key == "$ref" and isinstance(value, str)
                else _moved(value)
                for key, value in part.items()
            }
        case list():
            return [_moved(each) for each in part]
        case _:
            return part


def _title(word: str) -> str:
    return word[:1].upper() + word[1:]


def _text(document: object) -> str:
    """JSON whose first line says where it comes from."""
    return json.dumps(document, indent=2, ensure_ascii=False).replace("{\n  ", "{ ", 1) + "\n"
