"""What the agent writes about its work: three forms, no secrets, no forged lines."""

from __future__ import annotations

import io
import json
import os
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from loguru import logger

from tidegate_agent.adapters.logs import Format, leads_to_journal, sink

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator


@pytest.fixture
def written() -> Iterator[Callable[[Format], io.StringIO]]:
    """Begins to write in a form; loguru is as before afterwards."""
    handlers = []

    def _begin(form: Format) -> io.StringIO:
        stream = io.StringIO()
        handlers.append(
            logger.add(sink(form, stream), level="DEBUG", format="{message}", backtrace=False, diagnose=False)
        )
        return stream

    yield _begin
    for handler in handlers:
        logger.remove(handler)


def test_text_says_when_how_bad_and_what(written: Callable[[Format], io.StringIO]) -> None:
    stream = written("text")
    logger.bind(follow="kiosk/stable").warning("Staging failed")
    moment, level, rest = stream.getvalue().split(maxsplit=2)
    assert datetime.fromisoformat(moment).tzinfo is not None
    assert level == "WARNING"
    assert rest == "Staging failed follow=kiosk/stable\n"


def test_json_is_one_object_a_line(written: Callable[[Format], io.StringIO]) -> None:
    stream = written("json")
    logger.bind(follow="kiosk/stable", level="extra").info("Käse\nand more")
    [line] = stream.getvalue().splitlines()
    fields = json.loads(line)
    assert datetime.fromisoformat(fields.pop("time")).tzinfo is not None
    assert fields == {
        "level": "info",
        "message": "Käse\nand more",
        "follow": "kiosk/stable",
        "_level": "extra",
    }


@pytest.mark.parametrize(
    ("level", "priority"),
    [("DEBUG", 7), ("INFO", 6), ("SUCCESS", 5), ("WARNING", 4), ("ERROR", 3), ("CRITICAL", 2)],
)
def test_journal_lines_carry_their_priority(
    written: Callable[[Format], io.StringIO], level: str, priority: int
) -> None:
    stream = written("journal")
    logger.log(level, "Hello")
    assert stream.getvalue() == f"<{priority}>Hello\n"


def fail(password: str) -> None:
    raise ValueError(f"no luck at mqtt://kiosk:{len(password)}@broker")


@pytest.mark.parametrize("form", ["text", "json", "journal"])
def test_no_secrets_in_messages_extras_or_tracebacks(
    written: Callable[[Format], io.StringIO], form: Format
) -> None:
    stream = written(form)
    hidden = "hunter" + "2" * 3
    logger.bind(url=f"wss://kiosk:{hidden}@broker/mqtt").info("at {}", f"https://u:{hidden}@host/v2")
    try:
        fail(hidden)
    except ValueError:
        logger.exception("It failed")
    text = stream.getvalue()
    assert "https://***@host/v2" in text
    assert "wss://***@broker/mqtt" in text
    assert "mqtt://***@broker" in text
    assert "ValueError: no luck" in text
    assert "hunter" not in text


def test_every_line_of_a_traceback_has_the_priority(written: Callable[[Format], io.StringIO]) -> None:
    stream = written("journal")
    try:
        fail("")
    except ValueError:
        logger.exception("It failed")
    lines = stream.getvalue().splitlines()
    assert len(lines) > 3
    assert all(line.startswith("<3>") for line in lines)


@pytest.mark.parametrize("form", ["text", "journal"])
def test_foreign_text_cannot_forge_a_line(written: Callable[[Format], io.StringIO], form: Format) -> None:
    stream = written(form)
    logger.info("refused: {}", "x\n<0>2026-01-01 ERROR all is lost\x1b[2J\u2028\r")
    assert stream.getvalue().count("\n") == 1
    assert stream.getvalue().rstrip("\n").isprintable()


@pytest.mark.parametrize("form", ["text", "json", "journal"])
def test_bytes_that_are_no_text_can_be_written(
    written: Callable[[Format], io.StringIO], form: Format
) -> None:
    stream = written(form)
    logger.bind(path=os.fsdecode(b"/srv/\xff")).info("Laid out")
    assert stream.getvalue().encode()


def test_the_journal_is_known_by_device_and_inode(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    with Path(tmp_path / "journal").open("w", encoding="utf-8") as stream:
        status = os.fstat(stream.fileno())
        monkeypatch.setenv("JOURNAL_STREAM", f"{status.st_dev}:{status.st_ino}")
        assert leads_to_journal(stream)
        assert not leads_to_journal(io.StringIO())
        monkeypatch.setenv("JOURNAL_STREAM", f"{status.st_dev}:{status.st_ino + 1}")
        assert not leads_to_journal(stream)
