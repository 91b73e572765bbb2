"""Names that do not resolve, connections that are refused, servers that come back: and mirrors meanwhile."""

from __future__ import annotations

import random
import subprocess
import sys
from pathlib import Path

import pytest

from tests.fakes.pacing import FakeTime
from tests.fakes.registry import FakeRegistry, dropping_after, fake_registry
from tests.faults.extent import everything
from tests.support.pulling import CONTENT, IMAGE, fetch, mirror_of, pulling
from tests.support.scissors import Cut, Scissors
from tidegate_schemas.codes import Code
from tidegate_wire.registry.opening import open_source
from tidegate_wire.registry.reference import parse_reference
from tidegate_wire.registry.settings import RegistrySettings

ROOT = Path(__file__).parents[3]


ASK_WITHOUT_A_NETWORK = """
from tests.fakes.pacing import FakeTime
from tidegate_schemas.codes import TidegateError
from tidegate_wire.registry.opening import open_source
from tidegate_wire.registry.reference import parse_reference
from tidegate_wire.registry.settings import RegistrySettings

time = FakeTime()
source = open_source(parse_reference("registry.example/app"), RegistrySettings(), time.pacing())
try:
    source.resolve("latest")
except TidegateError as error:
    print(error.code, time.slept, error.reason)
"""


@pytest.mark.real("bwrap")
def test_a_name_that_does_not_resolve_is_tried_again_and_is_unreachable() -> None:
    alone = ("bwrap", "--dev-bind", "/", "/", "--unshare-net", sys.executable, "-c", ASK_WITHOUT_A_NETWORK)
    done = subprocess.run(alone, capture_output=True, text=True, timeout=120, check=False, cwd=ROOT)
    assert done.stdout.startswith(f"{Code.IMAGE_UNREACHABLE} [1.0, 2.0, 4.0, 8.0]"), done.stderr
    assert "resolve" in done.stdout
    assert "registry.example" in done.stdout


def test_a_server_that_refuses_connections_at_first_is_asked_until_it_is_there(
    registry: FakeRegistry, tmp_path: Path, store: Path
) -> None:
    between = Scissors(registry.port, listening=False)

    class Patience(FakeTime):
        def sleep(self, seconds: float) -> None:
            super().sleep(seconds)
            if len(self.slept) == 3:
                between.listen()

    time = Patience()
    with between:
        conf = f'[[registry]]\nlocation = "localhost:{between.port}"\ninsecure = true\n'
        (tmp_path / "registries.conf").write_text(conf)
        settings = RegistrySettings(registries_conf=tmp_path / "registries.conf")
        place = parse_reference(f"localhost:{between.port}/app")
        source = open_source(place, settings, time.pacing())
        assert source.manifest(IMAGE.digest) == IMAGE.manifest
        assert fetch(source, store) == CONTENT
    assert time.slept == [1.0, 2.0, 4.0]


@pytest.mark.parametrize("seed", range(100 if everything() else 8))
def test_servers_that_break_off_in_turn_bring_the_blob_together(
    registry: FakeRegistry, tmp_path: Path, time: FakeTime, store: Path, seed: int
) -> None:
    chance = random.Random(seed)  # noqa: S311 - chooses tests, guards nothing
    breaks = [chance.randrange(1, 150_000) for _ in range(4)]
    with fake_registry() as first, fake_registry() as second:
        servers = [first, second, registry]
        for place, after in enumerate(breaks):
            servers[place % 3].once("/blobs/", dropping_after(after, CONTENT))
        for mirror in (first, second):
            mirror.blobs.update(registry.blobs)
        source = pulling(registry, tmp_path, time, mirror_of(first) + mirror_of(second))
        counts: list[int] = []
        assert fetch(source, store, counts) == CONTENT
        begun = [
            int((seen.headers.get("Range") or "bytes=0-").removeprefix("bytes=").partition("-")[0])
            for server in servers
            for seen in server.requests("/blobs/")
        ]
    assert sum(counts) == len(CONTENT)
    # Each of the four breaks was gone on from by the next server, at exactly that byte.
    assert sorted(begun) == [sum(breaks[:done]) for done in range(5)]


def test_a_mirror_that_is_cut_off_in_the_middle_is_replaced_where_it_stood(
    registry: FakeRegistry, tmp_path: Path, time: FakeTime, store: Path
) -> None:
    with fake_registry() as mirror:
        mirror.blobs.update(registry.blobs)
        # The first two connections find out that it speaks plain HTTP.
        with Scissors(mirror.port, [Cut(10_000, "end")] * 2 + [Cut(300_000, "reset")] * 9) as between:
            place = f'[[registry.mirror]]\nlocation = "localhost:{between.port}"\ninsecure = true\n'
            counts: list[int] = []
            assert fetch(pulling(registry, tmp_path, time, place), store, counts) == CONTENT
    (asked,) = registry.requests("/blobs/")
    start = int(asked.headers["Range"].removeprefix("bytes=").partition("-")[0])
    assert 0 < start <= 300_000
    assert sum(counts) == len(CONTENT)
