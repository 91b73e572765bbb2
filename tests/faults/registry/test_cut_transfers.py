"""Blobs whose transfer is cut anywhere: in headers, bodies, TLS handshakes and records, with FIN or RST.

Whatever is cut, the content is right in the end and no byte that was written down is asked for again.
"""

from __future__ import annotations

import contextlib
import json
import random
import ssl
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Literal

import pytest

from tests.fakes.pacing import FakeTime
from tests.fakes.registry import FakeRegistry, fake_registry
from tests.faults.extent import everything
from tests.support.images import describe, noise
from tests.support.pki import Authority
from tests.support.scissors import Cut, Scissors
from tidegate_schemas.codes import Code, TidegateError
from tidegate_wire.registry.download import fetch_blob
from tidegate_wire.registry.opening import open_source
from tidegate_wire.registry.reference import parse_reference
from tidegate_wire.registry.settings import RegistrySettings

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.fakes.registry import Exchange, Trick
    from tidegate_wire.registry.descriptor import Descriptor
    from tidegate_wire.registry.source import ImageSource

Framing = Literal["length", "chunked", "until the end"]
FRAMINGS: Final[tuple[Framing, ...]] = ("length", "chunked", "until the end")
SEEDS: Final = range(400 if everything() else 14)
HEADERS: Final = 400
"""More bytes than the headers of an answer have."""


@dataclass(frozen=True)
class Plan:
    """Some blobs, how the registry frames them, and where connections are cut."""

    sizes: tuple[int, ...]
    framing: Framing
    cuts: tuple[Cut, ...]


def a_plan(seed: int) -> Plan:
    chance = random.Random(seed)  # noqa: S311 - chooses tests, guards nothing
    sizes = tuple(chance.choice((1, 700, 70_000, 300_000)) + chance.randrange(5000) for _ in range(3))
    reach = sum(sizes) + HEADERS
    cuts = []
    for _ in range(chance.randrange(1, 12)):
        # Half of them near the beginning, where headers and handshakes are.
        after = chance.randrange(chance.choice((HEADERS, 5000, reach, reach)))
        cuts.append(Cut(after, chance.choice(("end", "reset"))))
    return Plan(sizes, chance.choice(FRAMINGS), tuple(cuts))


def framed(framing: Framing, content: bytes, asked: list[int]) -> Trick:
    """A trick that sends a blob from the asked byte on, framed so, and notes where that was."""

    def trick(exchange: Exchange) -> None:
        start = exchange.first_byte() or 0
        asked.append(start)
        headers = {"Content_Range": f"bytes {start}-{len(content) - 1}/{len(content)}"} if start else {}
        status, rest = (206 if start else 200), content[start:]
        if framing == "length":
            exchange.send(status, rest, **headers)
        elif framing == "chunked":
            exchange.start(status, Transfer_Encoding="chunked", **headers)
            for at in range(0, len(rest), 9000):
                piece = rest[at : at + 9000]
                exchange.write(b"%x\r\n%b\r\n" % (len(piece), piece))
            exchange.write(b"0\r\n\r\n")
        else:
            exchange.start(status, Connection="close", **headers)
            exchange.write(rest)
            exchange.hang_up()

    return trick


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority(tmp_path_factory.mktemp("pki"))


@pytest.fixture(params=["http", "https"])
def registry(request: pytest.FixtureRequest, authority: Authority) -> Iterator[FakeRegistry]:
    context = None
    if request.param == "https":
        leaf = authority.issue("localhost")
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(leaf.cert, leaf.key)
    with fake_registry(context) as running:
        yield running


def pulling(registry: FakeRegistry, port: int, folder: Path, authority: Authority) -> ImageSource:
    """A source that asks the registry through the scissors' port."""
    conf, place = folder / "registries.conf", f"localhost:{port}"
    conf.write_text("" if registry.context else f'[[registry]]\nlocation = "{place}"\ninsecure = true\n')
    (folder / "auth.json").write_text(json.dumps({"auths": {}}))
    settings = RegistrySettings(
        registries_conf=conf, auth_files=(folder / "auth.json",), ca_file=authority.ca
    )
    return open_source(parse_reference(f"{place}/app"), settings, FakeTime().pacing())


def fetch_with_patience(source: ImageSource, blob: Descriptor, store: Path, counts: list[int]) -> bytes:
    """Fetch a blob as the agent does: again when it is given up for now."""
    for _ in range(20):
        with contextlib.suppress(TidegateError):
            return fetch_blob(source, blob, store, counts.append, lambda: False).read_bytes()
    raise AssertionError("the blob never came")


@pytest.mark.parametrize("seed", SEEDS)
def test_no_byte_on_the_disk_is_asked_for_again_wherever_connections_are_cut(
    registry: FakeRegistry, tmp_path: Path, authority: Authority, seed: int
) -> None:
    plan = a_plan(seed)
    with Scissors(registry.port, plan.cuts) as between:
        source = pulling(registry, between.port, tmp_path, authority)
        for number, size in enumerate(plan.sizes):
            content = noise(size, seed=number)
            blob, asked, counts = describe(content), list[int](), list[int]()
            registry.always(f"/blobs/{blob.digest}", framed(plan.framing, content, asked))
            assert fetch_with_patience(source, blob, tmp_path, counts) == content
            assert sum(counts) == size
            # Each request begins where what had come ends.
            arrived = {0}
            for count in counts:
                arrived.add(max(arrived) + count)
            assert asked == sorted(asked)
            assert set(asked) <= arrived


@pytest.mark.parametrize("framing", FRAMINGS)
def test_the_end_of_a_cut_answer_is_never_taken_for_the_end_of_the_blob(
    registry: FakeRegistry, tmp_path: Path, authority: Authority, framing: Framing
) -> None:
    """Also where neither a length nor TLS's own goodbye says that more was to come (RFC 9112, section 8)."""
    content = noise(200_000)
    blob = describe(content)
    registry.always("/blobs/", framed(framing, content, []))
    with Scissors(registry.port, [Cut(20_000, "end")] * 12) as between:
        source = pulling(registry, between.port, tmp_path, authority)
        with pytest.raises(TidegateError) as caught:
            fetch_blob(source, blob, tmp_path, lambda _: None, lambda: False)
        assert caught.value.code is Code.IMAGE_UNREACHABLE
        assert f"of the {len(content)} of blob" in caught.value.reason


@pytest.mark.parametrize("registry", ["http"], indirect=True)
@pytest.mark.parametrize("after", [13, 17, 90, 113, 120, 150])
def test_headers_that_break_off_are_no_answer(
    registry: FakeRegistry, tmp_path: Path, authority: Authority, after: int
) -> None:
    """What was fetched stays: it is not the server's word that something else is wrong."""
    content = noise(9000)
    blob, asked = describe(content), list[int]()
    registry.always("/blobs/", framed("length", content, asked))
    partial = tmp_path / f"{blob.digest.removeprefix('sha256:')}.partial"
    partial.write_bytes(content[:5000])
    with Scissors(registry.port, [Cut(0, "end"), Cut(10_000, "end"), Cut(after, "end")]) as between:
        source = pulling(registry, between.port, tmp_path, authority)
        counts: list[int] = []
        assert fetch_blob(source, blob, tmp_path, counts.append, lambda: False).read_bytes() == content
        assert between.carried[2] == after
    assert asked == [5000, 5000]
    assert sum(counts) == 4000
