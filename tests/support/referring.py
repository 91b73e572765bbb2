"""Lists of referrers from a fake registry: what the contract tests on them share."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.fakes.registry import FakeRegistry, answering
from tests.support.attaching import (
    BUNDLE_V03,
    Artifact,
    artifact,
    fallback_tag,
    index_of,
)
from tests.support.images import describe
from tests.support.pulling import IMAGE
from tidegate_schemas.codes import TidegateError
from tidegate_wire.registry.digest import digest_of
from tidegate_wire.registry.media_types import OCI_INDEX, OCI_MANIFEST

if TYPE_CHECKING:
    from tests.fakes.registry import Trick
    from tidegate_wire.registry.source import ImageSource

ABOUT_IMAGE = describe(IMAGE.manifest, OCI_MANIFEST)
BUNDLE = artifact(ABOUT_IMAGE, b"bundle", BUNDLE_V03)
TAG = fallback_tag(IMAGE.digest)
PATH = f"/v2/app/referrers/{IMAGE.digest}"


def put_artifacts(registry: FakeRegistry, *artifacts: Artifact) -> None:
    for made in artifacts:
        registry.manifests[made.digest] = made.manifest
        registry.blobs |= {digest_of(blob): blob for blob in made.blobs}


def listing(*entries: object, **headers: str) -> Trick:
    """An answer of the referrers API."""
    return answering(200, index_of(entries), Content_Type=OCI_INDEX, **headers)


def referrers_of_image(source: ImageSource) -> list[str]:
    return [entry.digest for entry in source.referrers(IMAGE.digest, BUNDLE_V03)]


def list_refusal(source: ImageSource) -> TidegateError:
    with pytest.raises(TidegateError) as caught:
        source.referrers(IMAGE.digest, BUNDLE_V03)
    return caught.value


def entry(number: int, **changed: object) -> dict[str, object]:
    """A line of a list; nobody has what it is about."""
    return {
        "mediaType": OCI_MANIFEST,
        "digest": digest_of(b"%d" % number),
        "size": 500,
        "artifactType": BUNDLE_V03,
        **changed,
    }
