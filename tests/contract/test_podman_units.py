"""The units that docs/engines/podman.md shows, run by the engine on the real podman.

What quadlet makes of the first is kept in tests/golden (`quadlet -dryrun` of podman 5.4.2). Where
this machine has quadlet, it is asked too.
"""

from __future__ import annotations

import re
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.support.podman_site import PodmanSite

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).parents[2]
GOLDEN = (ROOT / "tests/golden/podman-5.4-kiosk.service").read_text()
QUADLET, PLAIN = re.findall(
    r"```ini\n(\[Unit\].*?)```", (ROOT / "docs/engines/podman.md").read_text(), re.DOTALL
)
GENERATOR = Path("/usr/libexec/podman/quadlet")

# This machine's podman need not have networks, nor a manager that delegates cgroups; podman 4.3 leaves the
# file with the container's id behind.
ADAPTED = (
    (r"--publish[= ]\S+", ""),
    ("--cgroups=split", "--cgroups=disabled"),
    (r"(?m)^ExecStart=", r"ExecStartPre=/bin/rm -f %t/%N.cid\nExecStart="),
)


@pytest.fixture
def site(tmp_path: Path) -> Iterator[PodmanSite]:
    with PodmanSite(tmp_path) as site:
        yield site


@pytest.mark.real("podman")
@pytest.mark.real("crun")
@pytest.mark.real("docker-registry")
@pytest.mark.parametrize("text", [PLAIN, GOLDEN], ids=["plain", "quadlet"])
def test_the_documented_unit_is_updated_and_taken_back(site: PodmanSite, text: str) -> None:
    for pattern, adapted in ADAPTED:
        text = re.sub(pattern, adapted, text)
    site.host.install(text, "kiosk.service")
    engine = site.engine(unit="kiosk.service")
    first, second = site.build("1"), site.build("2")
    for digest in (first, second):
        engine.stage(site.target(digest), lambda _: None, lambda: False)
        engine.activate(digest)
        assert site.host.running() == [site.name(digest)]
    engine.rollback(first)
    assert site.host.running() == [site.name(first)]


def test_quadlet_passes_the_pins_variable_on() -> None:
    command = re.search(r"(?m)^ExecStart=(.*)$", GOLDEN)
    assert command is not None
    assert command[1].split()[-1] == "${TIDEGATE_IMAGE}"
    assert "Image=${TIDEGATE_IMAGE}" in QUADLET


@pytest.mark.skipif(not GENERATOR.exists(), reason="podman before 4.4 has no quadlet")
def test_this_machines_quadlet_passes_it_on_too(tmp_path: Path) -> None:
    (tmp_path / "kiosk.container").write_text(QUADLET)
    made = subprocess.run(
        [GENERATOR, "-dryrun"],
        env={"QUADLET_UNIT_DIRS": str(tmp_path)},
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    command = re.search(r"(?m)^ExecStart=(.*)$", made)
    assert command is not None
    assert command[1].split()[-1] == "${TIDEGATE_IMAGE}"
