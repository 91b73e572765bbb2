"""A real agent updates between two versions of a real Debian root, pulled from a real registry."""

from __future__ import annotations

import os
import subprocess
from typing import TYPE_CHECKING

import pytest

from tests.support.debian import CHANGES
from tests.support.layouts import ImageBuilder
from tests.support.registries import RealRegistry
from tests.support.site import site
from tests.support.skopeo import push
from tests.support.trees import differences, hard_links, scan
from tidegate_schemas.events import Step

if TYPE_CHECKING:
    from pathlib import Path

    from tidegate_publisher.devstack.sigstore import LocalSigstore

pytestmark = [
    pytest.mark.real("mmdebstrap"),
    pytest.mark.real("umoci"),
    pytest.mark.real("skopeo"),
    pytest.mark.real("docker-registry"),
    pytest.mark.real("mosquitto"),
    pytest.mark.timeout(600),  # the bootstrap alone takes half a minute on an idle machine
    pytest.mark.skipif(os.geteuid() != 0, reason="owners and devices need root"),
]


def unpacked(layout: Path, tag: str, folder: Path) -> Path:
    """The tree that umoci makes of an image."""
    copy = folder / "copy"
    subprocess.run(["/usr/bin/skopeo", "copy", "-q", f"oci:{layout}:{tag}", f"oci:{copy}:{tag}"], check=True)
    unpack = ["unpack", "--image", f"{copy}:{tag}", str(folder / "bundle")]
    subprocess.run(["/usr/bin/umoci", *unpack], check=True, capture_output=True)
    return folder / "bundle" / "rootfs"


def test_debian_is_updated_and_the_running_tree_is_what_umoci_unpacks(
    tmp_path: Path, layers: tuple[Path, Path], sigstore: LocalSigstore
) -> None:
    builder, conf = ImageBuilder(tmp_path / "debian", gzip_level=1), tmp_path / "registries.conf"
    for each in layers:
        builder.layer_from(each, "gzip")
    v1 = builder.build("v1")
    v2 = builder.upon(v1).layer(CHANGES, "zstd").build("v2", index=True)
    # Debian's umoci knows no zstd: it gets the same tars in gzip.
    builder.upon(v1).layer(CHANGES, "gzip").build("v2-gzip")
    with RealRegistry(tmp_path) as registry:
        place = f"{registry.host}/fleet/debian"
        conf.write_text(f'[[registry]]\nlocation = "{registry.host}"\ninsecure = true\n')
        push(builder.folder, "v1", place)
        push(builder.folder, "v2", place)
        with site(tmp_path, sigstore, reference=place, embedded={"registries_conf": str(conf)}) as here:
            here.channel.announce(v1)
            first = here.watcher.wait_for(Step.SUCCEEDED, v1, timeout_s=180)
            here.channel.announce(v2)
            second = here.watcher.wait_for(Step.SUCCEEDED, v2, timeout_s=120)

            assert first.data.bytes_fetched is not None
            assert second.data.bytes_fetched is not None
            assert second.data.bytes_fetched < first.data.bytes_fetched / 100
            assert here.host.switches == [v1, v2]
            theirs = unpacked(builder.folder, "v2-gzip", tmp_path)
            running = here.host.rootfs.resolve()
            found = scan(running)
            assert len(found) > 4_000
            assert differences(found, scan(theirs)) == []
            # Equal files share an inode here even where the image does not link them; the reverse never is.
            ours = hard_links(running)
            assert all(any(group <= each for each in ours) for group in hard_links(theirs))
