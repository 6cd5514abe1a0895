"""
The log: one line a fact, for people or as JSON, whoever says it.

```python
with open_log(sys.stderr, level="INFO", form=LogForm.JSON, redactor=Redactor(secrets)):
    logger.info("order accepted", order=name)   # a constant text; what varies is a field
```

What the standard library and other packages log comes the same way, from warnings upward.
"""

from __future__ import annotations

import enum
import logging
import re
import traceback
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from datetime import UTC
from typing import TYPE_CHECKING, TextIO

import msgspec
from loguru import logger
from websockets.exceptions import ConnectionClosed, InvalidHandshake

from rpcserver.monitoring.redaction import Redactor

if TYPE_CHECKING:
    from loguru import Message, Record

THIRD_PARTY_LEVEL = logging.WARNING  # below it websockets tells every frame, tokens included
LOGURUS_OWN = 0  # the sink it begins with, if nobody took it away
HANDSHAKES = "websockets.server"

_PLAIN = re.compile(r"[\w.:@/+*,()\[\]-]+")
_encoder = msgspec.json.Encoder(enc_hook=str, decimal_format="string", order="deterministic")


class LogForm(enum.Enum):
    """Who reads the log."""

    TEXT = "text"  # people
    JSON = "json"  # programs: an object a line


@contextmanager
def open_log(stream: TextIO, *, level: str, form: LogForm, redactor: Redactor) -> Iterator[None]:
    """
    Let everything that is logged go to *stream*, from *level* upward, until the block is left.

    Nothing passes that *redactor* would blot out.
    """
    line = _json_line if form is LogForm.JSON else _text_line

    def write(message: Message) -> None:
        stream.write(redactor.text(line(message.record, redactor)) + "\n")
        stream.flush()

    with suppress(ValueError):
        logger.remove(LOGURUS_OWN)
    sink = logger.add(write, level=level, format="{message}", backtrace=False, diagnose=False)
    try:
        with _standard_logging_too():
            yield
    finally:
        logger.remove(sink)


# --- lines -------------------------------------------------------------------------------------


def _text_line(record: Record, redactor: Redactor) -> str:
    fields = redactor.fields(record["extra"])
    told = "".join(f"  {name}={_shown(value)}" for name, value in fields.items())
    # A message of another package may have several lines; only tracebacks may, here.
    message = record["message"].replace("\r", "\\r").replace("\n", "\\n")
    head = f"{_time(record)} {record['level'].name:<8} {message}{told}"
    cause = _cause(record)
    return head if cause is None else f"{head}\n{cause}"


def _json_line(record: Record, redactor: Redactor) -> str:
    line: dict[str, object] = redactor.fields(record["extra"]) | {
        "time": _time(record),
        "level": record["level"].name.lower(),
        "message": redactor.text(record["message"]),
        "where": f"{record['name']}:{record['line']}",
    }
    if (cause := _cause(record)) is not None:
        line["exception"] = redactor.text(cause)  # before line ends are written as letters
    return _encoder.encode(line).decode()


def _time(record: Record) -> str:
    return f"{record['time'].astimezone(UTC):%Y-%m-%dT%H:%M:%S.%f}"[:-3] + "Z"


def _shown(value: object) -> str:
    """*value* in one word: what clients chose must not look like a line of ours."""
    match value:
        case None:
            return "null"
        case bool():
            return str(value).lower()
        case int() | float():
            return str(value)
        case str() if _PLAIN.fullmatch(value):
            return value
        case str() | Mapping() | list() | tuple():
            return _encoder.encode(value).decode()
        case _:
            return _shown(str(value))


def _cause(record: Record) -> str | None:
    exception = record["exception"]
    if exception is None or exception.value is None:
        return None
    return "".join(traceback.format_exception(exception.value)).rstrip("\n")


# --- the standard library ----------------------------------------------------------------------


@contextmanager
def _standard_logging_too() -> Iterator[None]:
    """Lead what goes to `logging`, and Python's own warnings, to our log."""
    root = logging.getLogger()
    before: tuple[list[logging.Handler], int] = (root.handlers[:], root.level)
    root.handlers[:] = [_Intercepting(THIRD_PARTY_LEVEL)]
    root.setLevel(THIRD_PARTY_LEVEL)
    logging.captureWarnings(True)
    try:
        yield
    finally:
        logging.captureWarnings(False)
        root.handlers[:], level = before
        root.setLevel(level)


class _Intercepting(logging.Handler):
    """Says again to our log what was said to the standard library's."""

    def emit(self, record: logging.LogRecord) -> None:
        said = logger.bind(logger=record.name)
        error = record.exc_info[1] if record.exc_info else None
        if record.name == HANDSHAKES and _is_stranger(error):
            said.info("handshake failed", error=f"{type(error).__name__}: {error}")
            return
        said.opt(exception=error).log(_level(record), record.getMessage())


def _level(record: logging.LogRecord) -> str | int:
    try:
        return logger.level(record.levelname).name
    except ValueError:
        return record.levelno  # a level that another package made up


def _is_stranger(error: BaseException | None) -> bool:
    """Whether somebody knocked who speaks no WebSocket, or left again: no error of ours."""
    while error is not None:
        if isinstance(error, InvalidHandshake | ConnectionClosed | OSError | EOFError):
            return True
        error = error.__cause__
    return False
