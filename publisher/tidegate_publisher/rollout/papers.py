"""A run's end on paper: JUnit XML for CI, Markdown for a job's summary. Pure.

Hosts chose the words of their failures: nothing of them may become markup.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final
from xml.etree import ElementTree as ET

from tidegate_publisher.output import printable
from tidegate_publisher.rollout.story import ADD_UP

if TYPE_CHECKING:
    from typing import Any

_NO_XML: Final = re.compile("[^\t\n -\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
_LONGEST: Final = 300
_FAILED: Final = frozenset({"failed", "late"})


def junit(document: dict[str, Any]) -> bytes:
    """One test case for each wave: closed ones are skipped, the one that failed is a failure.

    The one that was waited for when the run ended is an error: a run that did not end well is red.

    Args:
        document: as `story.Story.document` makes it.
    """
    waves = document["waves"]
    failed = [wave for wave in waves if wave["outcome"] in _FAILED]
    skipped = [wave for wave in waves if wave["outcome"] in {"closed", "open"}]
    suite = ET.Element(
        "testsuite",
        name=_clean(f"rollout {document['product']}/{document['channel']} {document.get('version', '')}"),
        tests=str(len(waves)),
        failures=str(len(failed)),
        errors=str(sum(wave["outcome"] == "stopped" for wave in waves)),
        skipped=str(len(skipped)),
    )
    for wave in waves:
        case = ET.SubElement(
            suite, "testcase", classname=f"{document['product']}.{document['channel']}", name=wave["name"]
        )
        words = _clean(wave.get("reason", ""))
        if wave["outcome"] in _FAILED:
            failure = ET.SubElement(case, "failure", message=words, type=document.get("code", "failed"))
            failure.text = "\n".join(_clean(line) for line in _failure_lines(document))
        elif wave["outcome"] == "stopped":
            ET.SubElement(case, "error", message=words, type=document.get("code", "error"))
        elif wave["outcome"] in {"closed", "open"}:
            ET.SubElement(case, "skipped", message=words or f"the wave is {wave['outcome']}")
        ET.SubElement(case, "system-out").text = _clean(_counts(wave))
    written: bytes = ET.tostring(suite, encoding="utf-8", xml_declaration=True)
    return written


def markdown(document: dict[str, Any]) -> str:
    """A heading, the outcome, a table of waves, a table of failures."""
    name = f"{document['product']}/{document['channel']} {document.get('version', '')}".strip()
    state = f", the release is {document['state']}" if "state" in document else ""
    lines = [
        f"### Rollout of {_code(name)}: {document['outcome']}{state}",
        "",
        _code(document["reason"]),
        "",
        f"| wave | outcome | known | {' | '.join(ADD_UP)} | silent | gone |",
        f"|---|---|{'--:|' * (len(ADD_UP) + 3)}",
    ]
    for wave in document["waves"]:
        counts = ("known", *ADD_UP, "silent", "gone")
        cells = [_code(wave["name"]), wave["outcome"], *(str(wave[count]) for count in counts)]
        lines.append(f"| {' | '.join(cells)} |")
    if document["failures"]:
        lines += ["", "| failures | hosts | newest reason |", "|---|--:|---|"]
        for code, found in document["failures"].items():
            lines.append(f"| {_code(code)} | {found['hosts']} | {_code(found['reason'])} |")
    return "\n".join([*lines, "", ""])


def _failure_lines(document: dict[str, Any]) -> list[str]:
    return [f"{one['hosts']} x {code}: {one['reason']}" for code, one in document["failures"].items()]


def _counts(wave: dict[str, Any]) -> str:
    return ", ".join(
        f"{key} {value}"
        for key, value in wave.items()
        if isinstance(value, int) and not isinstance(value, bool)
    )


def _clean(text: str) -> str:
    return _NO_XML.sub("\N{REPLACEMENT CHARACTER}", printable(text))


def _code(text: str) -> str:
    """Text as a code span: no markup in it counts, and it stays one cell of a table."""
    words = " ".join(printable(text).split())[:_LONGEST]
    return f"`{words.replace('`', chr(39)).replace('|', '/')}`" if words else ""
