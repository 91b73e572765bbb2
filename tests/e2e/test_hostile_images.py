"""Images that are signed and genuine, and yet must do no harm. All tests use one agent."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from tests.fakes.registry import Exchange, FakeRegistry, Trick, answering
from tests.support.images import TestImage, image, noise
from tests.support.layouts import directory, file, hardlink, symlink
from tests.support.site import Images, Site, site
from tests.support.waiting import wait_until
from tidegate_schemas.codes import Code
from tidegate_schemas.events import Step
from tidegate_schemas.statement import Image

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tidegate_publisher.devstack.sigstore import LocalSigstore

pytestmark = pytest.mark.real("mosquitto")

MAX_BYTES = 20_000_000
MAX_ENTRIES = 2_000


@dataclass
class World:
    """A site that runs its first version, and a registry that does as it is told."""

    site: Site
    registry: FakeRegistry
    outside: Path

    def announce(self, digest: str, *, pulled: bool = False) -> None:
        """Announce an image of the layout, or of the registry."""
        places = (f"{self.registry.host}/app",) if pulled else (self.site.channel.reference,)
        self.site.channel.announce(digest, image=Image(references=places))

    def state(self) -> tuple[Any, ...]:
        """All that a bad image must leave as it was."""
        status = self.site.host.follow()
        kept = (status.current, status.staged, status.previous, status.quarantined)
        return kept, self.site.host.stored(), self.site.host.stored_bytes(), self.site.host.switches

    def outsiders(self) -> list[Path]:
        """What lies around the store."""
        return sorted(path for path in self.outside.rglob("*") if path.is_file())


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory, sigstore: LocalSigstore) -> Iterator[World]:
    folder = tmp_path_factory.mktemp("hostile")
    outside, conf = folder / "outside", folder / "registries.conf"
    outside.mkdir()
    (outside / "precious").write_text("as it was")
    limits = {"max_image_bytes": MAX_BYTES, "max_image_entries": MAX_ENTRIES}
    with FakeRegistry() as registry:
        conf.write_text(f'[[registry]]\nlocation = "{registry.host}"\ninsecure = true\n')
        more = {"registries_conf": str(conf)}
        with site(folder, sigstore, embedded=more, tables={"stage": limits}) as here:
            first = here.images.release("1")
            here.channel.announce(first)
            here.watcher.wait_for(Step.SUCCEEDED, first)
            yield World(here, registry, outside)


def built(*layer: Any, diff_id: str | None = None) -> Callable[[Images, Path], str]:
    """An image of one layer; `OUT` in a link's target stands for the folder outside."""

    def build(images: Images, outside: Path) -> str:
        items = [_aimed(item, outside) for item in layer]
        return images.layer(items, diff_id=diff_id).build("bad")

    return build


def _aimed(item: Any, outside: Path) -> Any:
    return type(item)(**{**vars(item), "link": item.link.replace("OUT", str(outside))})


def damaged(images: Images, _: Path) -> str:
    """An image whose layer was altered where it lies."""
    digest = images.release("damaged")
    blob = images.blob_path(images.document(digest)["layers"][1]["digest"])
    blob.write_bytes(blob.read_bytes()[:-1] + b"!")
    return digest


ZEROS = [file(f"zeros/{number}", bytes(5_000_000)) for number in range(10)]
MANY = [file(f"many/{number}") for number in range(MAX_ENTRIES + 10)]

BAD: dict[str, tuple[Code, Callable[[Images, Path], str]]] = {
    "climbs out": (Code.IMAGE_HOSTILE, built(file("../../../outside/evil", b"x"))),
    "climbs out of a folder": (Code.IMAGE_HOSTILE, built(file("usr/../../outside/evil", b"x"))),
    "links to a file outside": (Code.IMAGE_HOSTILE, built(hardlink("mine", "../../outside/precious"))),
    "links to a file outside by its path": (Code.IMAGE_MALFORMED, built(hardlink("mine", "OUT/precious"))),
    "unpacks to far too much": (Code.IMAGE_TOO_LARGE, built(*ZEROS)),
    "has far too many files": (Code.IMAGE_TOO_LARGE, built(*MANY)),
    "is damaged where it lies": (Code.IMAGE_DIGEST_MISMATCH, damaged),
    "is not what its configuration says": (
        Code.IMAGE_DIGEST_MISMATCH,
        built(directory("a"), diff_id="sha256:" + "0" * 64),
    ),
}


@pytest.mark.parametrize("name", BAD)
def test_an_image_that_does_this_is_refused_and_its_space_given_back(world: World, name: str) -> None:
    code, build = BAD[name]
    digest, before, around = build(world.site.images, world.outside), world.state(), world.outsiders()
    world.announce(digest)
    failed = world.site.watcher.wait_for(Step.FAILED, digest)
    assert failed.data.code is code, failed.data.reason
    assert world.state() == before
    assert world.outsiders() == around
    assert (world.outside / "precious").read_text() == "as it was"


def test_what_is_written_through_a_link_stays_inside(world: World) -> None:
    around, build = world.outsiders(), built(symlink("way", "OUT"), file("way/precious", b"x"))
    digest = build(world.site.images, world.outside)
    world.announce(digest)
    world.site.watcher.wait_for(Step.SUCCEEDED, digest)
    inside = world.site.host.rootfs / world.outside.relative_to("/") / "precious"
    assert inside.read_bytes() == b"x"
    assert world.outsiders() == around
    assert (world.outside / "precious").read_text() == "as it was"


Lie = Callable[[TestImage], tuple[str, Trick]]


def other_bytes(release: TestImage) -> tuple[str, Trick]:
    return release.layers[0].digest, answering(200, noise(release.layers[0].size, seed=1))


def more_bytes(release: TestImage) -> tuple[str, Trick]:
    return release.layers[0].digest, answering(200, noise(release.layers[0].size + 1))


def another_manifest(release: TestImage) -> tuple[str, Trick]:
    return release.digest, answering(200, image({"etc/version": b"evil"}).manifest)


def another_configuration(release: TestImage) -> tuple[str, Trick]:
    return release.config.digest, answering(200, bytes(release.config.size))


@pytest.mark.parametrize("lie", [other_bytes, more_bytes, another_manifest, another_configuration])
def test_a_registry_that_lies_is_not_believed(world: World, lie: Lie) -> None:
    release = image({f"usr/lib/{lie.__name__}": noise(400_000)}, {"etc/version": b"1"})
    world.registry.add(release.manifest, release.blobs)
    world.registry.always(*lie(release))
    before = world.state()
    world.announce(release.digest, pulled=True)
    failed = world.site.watcher.wait_for(Step.FAILED, release.digest)
    assert failed.data.code is Code.IMAGE_DIGEST_MISMATCH
    assert world.state() == before


def test_a_registry_that_drips_does_not_hold_up_a_newer_release(world: World) -> None:
    slow, quick = image({"usr/lib/slow": noise(2_000_000)}), image({"etc/version": b"quick"})
    layer, over = slow.layers[0], threading.Event()

    def drip(exchange: Exchange) -> None:
        exchange.start(200, Content_Length=str(layer.size))
        for at in range(0, layer.size, 2_000):
            exchange.write(slow.blobs[layer.digest][at : at + 2_000])
            if over.wait(0.05):
                break
        exchange.hang_up()

    for each in (slow, quick):
        world.registry.add(each.manifest, each.blobs)
    world.registry.always(layer.digest, drip)
    world.announce(slow.digest, pulled=True)
    try:
        wait_until(lambda: bool(world.registry.requests(layer.digest)), "the download has begun")
        world.announce(quick.digest, pulled=True)
        world.site.watcher.wait_for(Step.SUPERSEDED, slow.digest)
        world.site.watcher.wait_for(Step.SUCCEEDED, quick.digest, timeout_s=20)
    finally:
        over.set()
