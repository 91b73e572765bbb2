"""Updates pulled from Debian's docker-registry: with a password, and through a mirror."""

from __future__ import annotations

import base64
import json
from typing import TYPE_CHECKING

import pytest

from tests.support.images import TestImage, image, noise
from tests.support.registries import RealRegistry, htpasswd
from tests.support.site import site
from tidegate_schemas.codes import Code
from tidegate_schemas.events import Step

if TYPE_CHECKING:
    from pathlib import Path

    from tidegate_publisher.devstack.sigstore import LocalSigstore

pytestmark = [pytest.mark.real("mosquitto"), pytest.mark.real("docker-registry")]

BASE = {"usr/lib/big": noise(3_000_000)}
V1 = image(BASE, {"etc/version": b"1"})
V2 = image(BASE, {"etc/version": b"2"})


def insecure(host: str, mirror: str | None = None, prefix: str | None = None) -> str:
    """The text of a registries.conf for plain HTTP on loopback."""
    text = f'[[registry]]\nprefix = "{prefix or host}"\nlocation = "{host}"\ninsecure = true\n'
    if mirror is not None:
        text += f'[[registry.mirror]]\nlocation = "{mirror}"\ninsecure = true\n'
    return text


def fill(registry: RealRegistry, *images: TestImage) -> None:
    """Put images into the repository fleet/os."""
    for index, each in enumerate(images):
        registry.push("fleet/os", each, f"v{index}")


def test_an_update_is_pulled_with_the_password_out_of_auth_json(
    tmp_path: Path, sigstore: LocalSigstore
) -> None:
    with RealRegistry(tmp_path) as open_one:
        fill(open_one, V1, V2)
    auth, conf = tmp_path / "auth.json", tmp_path / "registries.conf"
    auth.write_text("{}")
    with RealRegistry(tmp_path, htpasswd(tmp_path)) as registry:
        conf.write_text(insecure(registry.host))
        more = {"auth_file": str(auth), "registries_conf": str(conf)}
        with site(tmp_path, sigstore, reference=f"{registry.host}/fleet/os", embedded=more) as here:
            here.channel.announce(V1.digest)
            refused = here.watcher.wait_for(Step.FAILED, V1.digest)
            assert refused.data.code is Code.IMAGE_UNAUTHORIZED

            login = base64.b64encode(b"fleet:secret").decode()
            auth.write_text(json.dumps({"auths": {registry.host: {"auth": login}}}))
            for version, each in (("1", V1), ("2", V2)):
                here.channel.announce(each.digest)
                here.watcher.wait_for(Step.SUCCEEDED, each.digest)
                assert here.version() == version
            # The layer that both share is fetched once.
            fetched = here.watcher.wait_for(Step.SUCCEEDED, V2.digest).data.bytes_fetched
            assert fetched == V2.layers[-1].size + V2.config.size


def test_a_mirror_serves_what_the_registry_itself_never_could(
    tmp_path: Path, sigstore: LocalSigstore
) -> None:
    conf = tmp_path / "registries.conf"
    with RealRegistry(tmp_path) as mirror:
        fill(mirror, V1)
        conf.write_text(insecure("localhost:1", f"{mirror.host}", "registry.example"))
        more = {"registries_conf": str(conf)}
        with site(tmp_path, sigstore, reference="registry.example/fleet/os", embedded=more) as here:
            here.channel.announce(V1.digest)
            here.watcher.wait_for(Step.SUCCEEDED, V1.digest)
            assert here.version() == "1"
