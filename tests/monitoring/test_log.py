"""What the log looks like, and that everybody's words come the same way."""

from __future__ import annotations

import asyncio
import io
import json
import logging
import re
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from decimal import Decimal
from pathlib import Path

import pytest
from loguru import logger
from websockets.exceptions import InvalidMessage

from rpcserver.monitoring.log import LogForm, open_log
from rpcserver.monitoring.redaction import Redactor

TOKEN = "kP3v_8-xQ2mZrT7yLwNcB1dFgHjKsA0uEoViXq5W9tM"


@contextmanager
def a_log(form: LogForm = LogForm.TEXT, level: str = "INFO") -> Iterator[io.StringIO]:
    stream = io.StringIO()
    with open_log(stream, level=level, form=form, redactor=Redactor(["pass-word"])):
        yield stream


def objects(stream: io.StringIO) -> list[dict[str, object]]:
    return [json.loads(line) for line in stream.getvalue().splitlines()]


def test_people_read_a_line_a_fact() -> None:
    with a_log() as stream:
        logger.info("order accepted", order="c-1", price=Decimal("1.50"), done=True, left=None)

    assert re.fullmatch(
        r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z INFO     order accepted"
        r"  order=c-1  price=1\.50  done=true  left=null\n",
        stream.getvalue(),
    )


def test_programs_read_an_object_a_line() -> None:
    with a_log(LogForm.JSON) as stream:
        logger.warning("venue down", venue="paper", legs={"flat": 2}, where_to=Path("/x"))

    [line] = objects(stream)
    assert (line["level"], line["message"], line["venue"]) == ("warning", "venue down", "paper")
    assert line["legs"] == {"flat": 2}
    assert line["where_to"] == "/x"
    assert str(line["where"]).startswith(f"{__name__}:")
    assert str(line["time"]).endswith("Z")


@pytest.mark.parametrize("form", LogForm)
def test_what_clients_say_cannot_forge_a_line(form: LogForm) -> None:
    forged = 'desk"\r\n2026-01-01T00:00:00.000Z INFO     operation ended'
    with a_log(form) as stream:
        logger.info("client came", principal=forged)
        logging.getLogger("library").error("said\nby another", exc_info=False)

    assert len(stream.getvalue().splitlines()) == 2


@pytest.mark.parametrize("form", LogForm)
def test_an_error_brings_its_cause_without_the_values_of_variables(form: LogForm) -> None:
    def fail(secret: str) -> None:
        raise ValueError(f"refused:\n{secret}")

    with a_log(form) as stream:
        try:
            fail(TOKEN)
        except ValueError as error:
            logger.opt(exception=error).error("call failed", reference="abc")

    told = stream.getvalue()
    assert "ValueError: refused" in told
    assert TOKEN not in told


@pytest.mark.parametrize("form", LogForm)
def test_secrets_are_blotted_out_wherever_they_stand(form: LogForm) -> None:
    with a_log(form) as stream:
        logger.info("called", token="x" * 9, detail=f"Bearer {TOKEN}", nested={"deep": [TOKEN]})
        logging.getLogger("library").error("with %s and pass-word", TOKEN)

    told = stream.getvalue()
    assert TOKEN not in told
    assert "pass-word" not in told
    assert "xxx" not in told


def test_other_packages_are_heard_from_warnings_upward() -> None:
    with a_log(LogForm.JSON, level="DEBUG") as stream:
        logging.getLogger("websockets.server").debug("> HTTP/1.1 %s", TOKEN)
        logging.getLogger("websockets.server").info("connection rejected (200 OK)")
        logging.getLogger("asyncio").warning("Executing took %.3f seconds", 1.5)
        with warnings.catch_warnings():
            warnings.simplefilter("always")
            warnings.warn("old", DeprecationWarning, stacklevel=1)

    first, second = objects(stream)
    assert (first["logger"], first["level"]) == ("asyncio", "warning")
    assert first["message"] == "Executing took 1.500 seconds"
    assert second["logger"] == "py.warnings"


def test_braces_of_others_are_no_placeholders() -> None:
    with a_log(LogForm.JSON) as stream:
        logging.getLogger("library").error('{"a": {0}} {missing}')

    assert objects(stream)[0]["message"] == '{"a": {0}} {missing}'


def test_a_level_of_another_package_s_own_is_no_reason_to_fail() -> None:
    with a_log(LogForm.JSON) as stream:
        logging.getLogger("library").log(37, "odd")

    assert objects(stream)[0]["message"] == "odd"


def test_whoever_speaks_no_websocket_is_no_error_of_ours() -> None:
    with a_log(LogForm.JSON) as stream:
        try:
            try:
                raise EOFError("connection closed while reading HTTP request line")
            except EOFError as cause:
                raise InvalidMessage("did not receive a valid HTTP request") from cause
        except InvalidMessage:
            logging.getLogger("websockets.server").exception("opening handshake failed")
        try:
            raise ZeroDivisionError
        except ZeroDivisionError:
            logging.getLogger("websockets.server").exception("connection handler failed")

    knock, bug = objects(stream)
    assert (knock["level"], knock["message"]) == ("info", "handshake failed")
    assert "exception" not in knock
    assert bug["level"] == "error"
    assert "ZeroDivisionError" in str(bug["exception"])


def test_the_standard_library_s_log_is_as_it_was_afterwards() -> None:
    root = logging.getLogger()
    before = (root.handlers[:], root.level)
    with a_log():
        assert root.handlers != before[0]

    assert (root.handlers, root.level) == before


def test_a_task_that_dies_unseen_is_told() -> None:
    async def main() -> None:
        asyncio.get_running_loop().call_exception_handler({"message": "never retrieved"})

    with a_log(LogForm.JSON) as stream:
        asyncio.run(main())

    assert objects(stream)[0]["message"] == "never retrieved"
