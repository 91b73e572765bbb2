"""Reading a Containerfile far enough to check it: instructions, stages, what is copied and what is run."""

from __future__ import annotations

import re
import shlex
from dataclasses import dataclass, field

KNOWN = {"ARG", "COPY", "ENV", "FROM", "LABEL", "RUN"}


@dataclass
class Stage:
    """One stage.

    Attributes:
        base: what it begins with, as written.
        name: what other stages call it.
        copies: sources, destination and the stage copied from (None is the build's context).
        runs: the shell's commands.
    """

    base: str
    name: str | None
    copies: list[tuple[list[str], str, str | None]] = field(default_factory=list)
    runs: list[str] = field(default_factory=list)


def stages(text: str) -> list[Stage]:
    """The stages of a Containerfile; AssertionError for anything that is not understood."""
    found: list[Stage] = []
    for word, rest in _instructions(text):
        assert word in KNOWN, f"{word} is not understood"
        if word == "FROM":
            matched = re.fullmatch(r"(\S+)(?: AS (\S+))?", rest)
            assert matched is not None, rest
            found.append(Stage(matched[1], matched[2]))
        elif word == "RUN":
            found[-1].runs.append(rest)
        elif word == "COPY":
            words = shlex.split(rest)
            source = words.pop(0).removeprefix("--from=") if words[0].startswith("--from=") else None
            assert len(words) >= 2, rest
            found[-1].copies.append((words[:-1], words[-1], source))
        else:
            assert word != "ARG" or not found, "an ARG before FROM is what FROM can use"
    return found


def _instructions(text: str) -> list[tuple[str, str]]:
    joined = re.sub(r"\\\n", "", "\n".join(line for line in text.splitlines() if not line.startswith("#")))
    lines = [line.strip() for line in joined.splitlines() if line.strip()]
    return [(word, rest.strip()) for word, _, rest in (line.partition(" ") for line in lines)]
