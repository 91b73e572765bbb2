"""Whatever a source holds, it is entries and a plan, or refused with a code: never another exception."""

from __future__ import annotations

import tempfile
import tomllib
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.support.enrolling import TRUST, TRUST_YAML
from tidegate_agent.enrolment.plan import plan
from tidegate_agent.enrolment.source import read_sources
from tidegate_schemas.codes import TidegateError

WORDS = st.sampled_from(
    [
        "apiVersion: v1\n",
        "kind: ConfigMap\n",
        "kind: Secret\n",
        "kind: List\n",
        "data:\n",
        "  ",
        "- ",
        "---\n",
        "tidegate:\n",
        "bus:\n",
        "url: x\n",
        "a.toml: ",
        "ca.pem: ",
        "binaryData:\n",
        "items:\n",
        "{",
        "}",
        "[",
        "]",
        '"',
        "'",
        "|\n",
        ">-\n",
        ": ",
        "\n",
        "&a ",
        "*a",
        "!!str ",
        "2026-13-45\n",
        "YQ==\n",
        "\u2028",
        "\x85",
        "\t",
        "? ",
        "#c\n",
        "%YAML 1.2\n",
        "...\n",
        "\\ud800",
        "\x00",
        "=",
        "[[follow]]\n",
        "1e999\n",
        ".inf\n",
        "~\n",
    ]
)
TEXTS = st.lists(WORDS, max_size=30).map("".join)


def enrolled(name: str, content: bytes) -> None:
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / name).write_bytes(content)
        for source in (Path(folder), Path(folder, name)):
            try:
                files = plan(read_sources([source]), Path("/etc/tidegate"))
            except TidegateError:
                continue
            for place, planned in files.items():
                assert not place.is_absolute()
                assert ".." not in place.parts
                if place.suffix == ".toml":
                    tomllib.loads(planned.content.decode())


@pytest.mark.parametrize("name", ["a.yaml", "a.toml", "user-data"])
@settings(max_examples=100, deadline=None)
@given(content=st.binary(max_size=200) | TEXTS.map(str.encode))
def test_anything(name: str, content: bytes) -> None:
    enrolled(name, content)


@pytest.mark.parametrize(("name", "text"), [("a.yaml", TRUST_YAML), ("a.toml", TRUST)])
@settings(max_examples=100, deadline=None)
@given(data=st.data())
def test_something_with_a_piece_replaced(name: str, text: str, data: st.DataObject) -> None:
    start = data.draw(st.integers(0, len(text)))
    end = data.draw(st.integers(start, min(len(text), start + 20)))
    enrolled(
        name, (text[:start] + data.draw(WORDS | st.text(max_size=5)) + text[end:]).encode(errors="replace")
    )
