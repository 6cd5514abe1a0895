"""
The Structs of the wire as JSON Schemas (draft 2020-12).

A schema says what travels, not what the decoder bears: a filter admits `null` only to refuse it,
so no schema of args does; what an answer always has is required there, default or not.
"""

from __future__ import annotations

import enum
import inspect
from collections.abc import Mapping, Sequence
from typing import TypeAlias

import msgspec
from msgspec.inspect import (
    BoolType,
    CustomType,
    DateTimeType,
    DateType,
    DecimalType,
    DictType,
    EnumType,
    Field,
    FloatType,
    IntType,
    ListType,
    LiteralType,
    NoneType,
    RawType,
    StrType,
    StructType,
    TimeType,
    TupleType,
    Type,
    UnionType,
    VarTupleType,
)

Schema: TypeAlias = dict[str, object]
Words: TypeAlias = Mapping[type[msgspec.Struct], Mapping[str, Sequence[str]]]

REFERENCE = "#/$defs/"
ANY_CASE = "x-anyCase"  # words that are known whatever their case, as no `enum` can say


class Spelling(enum.Enum):
    """How a number that must be exact travels."""

    EITHER = "either"  # in args: a number, or a text with exactly its digits
    TEXT = "text"
    NUMBER = "number"


class Shapes:
    """
    Every Struct that was asked for, and what it is made of, by name.

    Args:
        words: Of a Struct's text keys, the words that they may be.
    """

    def __init__(self, words: Words) -> None:
        self.defs: dict[str, Schema] = {}
        self._words = words
        self._names: dict[type, str] = {}

    def of(self, kind: object, spelling: Spelling) -> Schema:
        """The schema of *kind*: of a Struct, a reference to its definition."""
        return self._schema(msgspec.inspect.type_info(kind), spelling)

    def add(self, name: str, schema: Schema) -> Schema:
        """Define *name* as *schema*, and return a reference to it."""
        assert name not in self.defs, f"two definitions have the name {name}"
        self.defs[name] = schema
        return {"$ref": REFERENCE + name}

    def _schema(self, kind: Type, spelling: Spelling) -> Schema:
        match kind:
            case StrType():
                return {"type": "string"}
            case BoolType():
                return {"type": "boolean"}
            case IntType():
                return {"type": "integer"}
            case FloatType():
                return {"type": "number"}
            case NoneType():
                return {"type": "null"}
            case DecimalType():
                return _decimal(spelling)
            case DateTimeType():
                return {"type": "string", "format": "date-time"}
            case DateType():
                return {"type": "string", "format": "date"}
            case TimeType():
                return {"type": "string"}  # of a zone named elsewhere: no offset, so no `time`
            case EnumType(cls=words):
                return {"enum": [member.value for member in words]}
            case LiteralType(values=values):
                return {"enum": list(values)}
            case ListType(item_type=item) | VarTupleType(item_type=item):
                return {"type": "array", "items": self._schema(item, spelling)}
            case TupleType(item_types=items):
                return {"type": "array", "prefixItems": [self._schema(i, spelling) for i in items]}
            case DictType(value_type=value):
                return {"type": "object", "additionalProperties": self._schema(value, spelling)}
            case UnionType(types=types):
                return self._union(types, spelling)
            case StructType(cls=cls):
                return self._struct(kind, cls, spelling)
            case RawType() if spelling is Spelling.EITHER:
                return {"type": "object"}
            case RawType() | CustomType() | msgspec.inspect.AnyType():
                return {}
        raise TypeError(f"{kind} has no schema yet: say here what it is on the wire")

    def _union(self, types: Sequence[Type], spelling: Spelling) -> Schema:
        told = [
            self._schema(each, spelling)
            for each in types
            if not (spelling is Spelling.EITHER and isinstance(each, NoneType))
        ]
        return told[0] if len(told) == 1 else {"anyOf": told}

    def _struct(self, kind: StructType, cls: type, spelling: Spelling) -> Schema:
        if cls not in self._names:
            name = cls.__name__
            if name in self._names.values():
                name = cls.__module__.rpartition(".")[2].title() + name
            self._names[cls] = name
            self.add(name, {})
            self.defs[name] |= self._object(kind, spelling)
        return {"$ref": REFERENCE + self._names[cls]}

    def _object(self, kind: StructType, spelling: Spelling) -> Schema:
        properties: dict[str, Schema] = {}
        required: list[str] = []
        if kind.tag_field is not None:
            properties[kind.tag_field] = {"const": kind.tag}
            required.append(kind.tag_field)
        words = self._words.get(kind.cls, {})
        in_any_case: Mapping[str, Sequence[str]] = getattr(kind.cls, "choices", {})
        for field in kind.fields:
            if spelling is Spelling.EITHER and _is_refused(field):
                continue
            schema = self._schema(field.type, spelling)
            if field.default is None and _omits_defaults(kind.cls):
                schema = _never_null(schema)
            if field.encode_name in words:
                _limit(schema, "enum", words[field.encode_name])
            if field.encode_name in in_any_case:
                _limit(schema, ANY_CASE, in_any_case[field.encode_name])
            properties[field.encode_name] = schema
            if _is_always_there(kind.cls, field, spelling):
                required.append(field.encode_name)
        schema = {
            "type": "object",
            "description": _first_paragraph(kind.cls),
            "properties": properties,
            "required": required,
        }
        if kind.forbid_unknown_fields:
            schema["additionalProperties"] = False
        return schema


def _decimal(spelling: Spelling) -> Schema:
    match spelling:
        case Spelling.EITHER:
            return {"anyOf": [{"type": "number"}, {"type": "string", "format": "decimal"}]}
        case Spelling.TEXT:
            return {"type": "string", "format": "decimal"}
        case Spelling.NUMBER:
            return {"type": "number"}


def _is_refused(field: Field) -> bool:
    """Whether a key is known only to be refused, whatever it says (`unexpected_filter`)."""
    kinds = field.type.types if isinstance(field.type, UnionType) else (field.type,)
    return any(isinstance(kind, CustomType) for kind in kinds)


def _is_always_there(cls: type, field: Field, spelling: Spelling) -> bool:
    if field.required or spelling is Spelling.EITHER:
        return field.required
    has_value = field.default is not msgspec.NODEFAULT or (
        field.default_factory is not msgspec.NODEFAULT
    )  # what is UNSET by default has neither, and may be absent
    return has_value and not _omits_defaults(cls)


def _omits_defaults(cls: type) -> bool:
    config: msgspec.structs.StructConfig = cls.__struct_config__  # type: ignore[attr-defined]
    return config.omit_defaults


def _never_null(schema: Schema) -> Schema:
    """*schema* of a key that is absent where it would be null."""
    told = [option for option in _options(schema) if option != {"type": "null"}]
    match told:
        case [dict() as only]:
            return only
        case []:
            return schema
        case _:
            return {"anyOf": told}


def _limit(schema: Schema, keyword: str, words: Sequence[str]) -> None:
    """Let the text in *schema*, or every text of its list, be one of *words*."""
    for part in (schema, schema.get("items"), *_options(schema)):
        if isinstance(part, dict) and part.get("type") == "string":
            part[keyword] = list(words)


def _options(schema: Schema) -> Sequence[object]:
    options = schema.get("anyOf", ())
    return options if isinstance(options, list) else ()


def _first_paragraph(cls: type) -> str:
    return " ".join((inspect.getdoc(cls) or "").split("\n\n")[0].split())
