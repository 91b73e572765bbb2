"""Configuration files below a temporary directory, laid out as /usr/lib, /run and /etc are."""

from __future__ import annotations

import textwrap
from typing import TYPE_CHECKING

import pytest

from tidegate_agent.config import InvalidConfigError, load

if TYPE_CHECKING:
    from pathlib import Path

    from tidegate_agent.config import Loaded
    from tidegate_schemas.codes import Code

MINIMAL = """
[bus]
url = "mqtts://broker.example"
[trust]
root = "/etc/tidegate/trusted_root.json"
[[follow]]
product = "kiosk"
channel = "stable"
[[follow.signers]]
identity = "https://github.com/example/kiosk/.github/workflows/release.yml@refs/heads/main"
issuer = "https://token.actions.githubusercontent.com"
source_repository_id = "123456789"
[follow.embedded]
directory = "/srv/kiosk"
"""


class ConfigTree:
    """The three directories, below a temporary one."""

    def __init__(self, root: Path) -> None:
        self.directories = (root / "usr", root / "run", root / "etc")

    def put(self, place: str, name: str, text: str) -> Path:
        file = self.directories[("usr", "run", "etc").index(place)] / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(textwrap.dedent(text), encoding="utf-8")
        return file

    def load(self) -> Loaded:
        return load(self.directories)

    def problems(self) -> list[tuple[Code, str]]:
        with pytest.raises(InvalidConfigError) as caught:
            self.load()
        return [(problem.code, str(problem)) for problem in caught.value.problems]
