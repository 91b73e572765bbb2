"""The agent's own words: text for people, JSON lines, or lines for systemd's journal.

Nothing secret is written: variables in tracebacks are left out, and credentials in URLs are masked. What
comes from outside cannot forge a line: control characters are escaped.
"""

from __future__ import annotations

import json
import logging
import os
import re
import sys
import traceback
from datetime import UTC
from typing import TYPE_CHECKING, Any, Final, Literal, TextIO

from loguru import logger

if TYPE_CHECKING:
    from collections.abc import Callable

    from loguru import Message, Record

Format = Literal["text", "json", "journal"]

_CREDENTIALS: Final = re.compile(r"(?<=://)[^/@\s]*@")
_PRIORITIES: Final = ((50, 2), (40, 3), (30, 4), (25, 5), (20, 6))
"""loguru's levels and the priorities of sd-daemon(3); everything below is debug, 7."""


def configure(level: str, form: Format, stream: TextIO = sys.stderr) -> None:
    """Send everything that is logged, by libraries too, to one stream. For the command line only.

    Args:
        level: the least important level: debug, info, warning or error.
        form: how lines look. "text" becomes "journal" where systemd has connected the stream to its journal.
        stream: where lines go.
    """
    chosen: Format = "journal" if form == "text" and leads_to_journal(stream) else form
    logger.remove()
    logger.add(sink(chosen, stream), level=level.upper(), format="{message}", backtrace=False, diagnose=False)
    logging.basicConfig(handlers=[_FromLibraries()], level=logging.WARNING, force=True)


def sink(form: Format, stream: TextIO) -> Callable[[Message], None]:
    """What loguru hands its messages to."""
    write = {"text": _text, "json": _json, "journal": _journal}[form]

    def _sink(message: Message) -> None:
        stream.write(write(message.record) + "\n")
        stream.flush()

    return _sink


def leads_to_journal(stream: TextIO) -> bool:
    """Whether systemd connected this stream to its journal (systemd.exec(5), JOURNAL_STREAM)."""
    try:
        status = os.fstat(stream.fileno())
    except (OSError, ValueError):
        return False
    return os.environ.get("JOURNAL_STREAM") == f"{status.st_dev}:{status.st_ino}"


class _FromLibraries(logging.Handler):
    """Passes on what libraries say through the standard library's logging."""

    def emit(self, record: logging.LogRecord) -> None:
        level = record.levelname if record.levelname in logging.getLevelNamesMapping() else record.levelno
        # The library's text is an argument, not the template: its braces are its own.
        logger.opt(exception=record.exc_info).log(level, "{}: {}", record.name, record.getMessage())


def _text(record: Record) -> str:
    moment = record["time"].astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
    return "\n".join([f"{moment} {record['level'].name:<8} {_sentence(record)}", *_traceback(record)])


def _journal(record: Record) -> str:
    priority = next((each for least, each in _PRIORITIES if record["level"].no >= least), 7)
    return "\n".join(f"<{priority}>{line}" for line in [_sentence(record), *_traceback(record)])


def _json(record: Record) -> str:
    fields: dict[str, Any] = {
        "time": record["time"].astimezone(UTC).isoformat().replace("+00:00", "Z"),
        "level": record["level"].name.lower(),
        "message": _masked(record["message"]),
        **{f"_{key}" if key in {"time", "level", "message"} else key: value for key, value in _extra(record)},
    }
    if lines := _traceback(record):
        fields["traceback"] = "\n".join(lines)
    # A path may hold bytes that are no UTF-8, which Python keeps as lone surrogates; JSON cannot.
    return json.dumps(fields, ensure_ascii=False).encode(errors="backslashreplace").decode()


def _sentence(record: Record) -> str:
    words = [record["message"], *(f"{key}={value}" for key, value in _extra(record))]
    return _one_line(_masked(" ".join(words)))


def _extra(record: Record) -> list[tuple[str, str]]:
    return [(key, _masked(str(value))) for key, value in record["extra"].items()]


def _traceback(record: Record) -> list[str]:
    """The traceback's lines: places and the error's own words, no variables."""
    error = record["exception"]
    if error is None or error.value is None:
        return []
    text = "".join(traceback.format_exception(error.value))
    return [_one_line(_masked(line)) for line in text.splitlines()]


def _masked(text: str) -> str:
    return _CREDENTIALS.sub("***@", text)


def _one_line(text: str) -> str:
    """Text in which every control character is written out."""
    if text.isprintable():
        return text
    return "".join(each if each.isprintable() else each.encode("unicode_escape").decode() for each in text)
