"""The publisher as release CI runs it: the real console script, real brokers, a Sigstore served over HTTP."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.support.brokers import Broker, MosquittoBroker, NatsBroker
from tests.support.layouts import ImageBuilder, file
from tests.support.publisher import Publisher
from tidegate_publisher.devstack.sigstore.instance import LocalSigstore
from tidegate_publisher.devstack.sigstore.service.server import serve

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@pytest.fixture(scope="module")
def sigstore() -> LocalSigstore:
    return LocalSigstore.create()


@pytest.fixture(scope="module")
def sigstore_url(sigstore: LocalSigstore) -> Iterator[str]:
    with serve(sigstore) as url:
        yield url


@pytest.fixture(
    params=[
        pytest.param("mosquitto", marks=pytest.mark.real("mosquitto")),
        pytest.param("nats-server", marks=pytest.mark.real("nats-server")),
    ]
)
def broker(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Broker]:
    kind = MosquittoBroker if request.param == "mosquitto" else NatsBroker
    with kind(tmp_path) as running:
        yield running


@pytest.fixture
def mosquitto(tmp_path: Path) -> Iterator[Broker]:
    with MosquittoBroker(tmp_path) as running:
        yield running


@pytest.fixture
def publisher(tmp_path: Path, sigstore: LocalSigstore, sigstore_url: str, broker: Broker) -> Publisher:
    return Publisher.on(tmp_path, sigstore, sigstore_url, broker.url)


@pytest.fixture
def on_mosquitto(tmp_path: Path, sigstore: LocalSigstore, sigstore_url: str, mosquitto: Broker) -> Publisher:
    return Publisher.on(tmp_path, sigstore, sigstore_url, mosquitto.url)


@pytest.fixture
def images(tmp_path: Path) -> ImageBuilder:
    return ImageBuilder(tmp_path / "layout")


@pytest.fixture
def image(images: ImageBuilder) -> str:
    """A reference by tag."""
    images.layer([file("etc/os-release", b"ID=test\n")]).build(tag="v1")
    return f"oci:{images.folder}:v1"
