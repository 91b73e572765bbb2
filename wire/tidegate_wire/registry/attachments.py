"""What was attached to an image: bundles, attestations, signatures, as artifacts that refer to its digest.

Nothing here says that an attachment is genuine; only that these are its bytes and that it claims to be about
this digest. Who verifies it must find the digest again in what was signed.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from tidegate_schemas.codes import Code, TidegateError
from tidegate_wire.registry.download import read_blob
from tidegate_wire.registry.parsing import parse_manifest

if TYPE_CHECKING:
    from collections.abc import Callable

    from tidegate_wire.registry.descriptor import Descriptor
    from tidegate_wire.registry.source import ImageSource

MAX_ATTACHMENT_BYTES = 256 * 1024
MAX_ATTACHMENTS = 16
# cosign's have 1 KiB. What any pusher may have written is not parsed at the size of an image's manifest.
MAX_ARTIFACT_MANIFEST_BYTES = 64 * 1024
# About the source, not about one attachment: what could not be asked for is not what is not there.
NO_ANSWER = frozenset({Code.IMAGE_UNREACHABLE, Code.IMAGE_UNAUTHORIZED})


@dataclass(frozen=True, slots=True)
class Attachments:
    """What was found.

    Attributes:
        contents: each attachment's bytes, in the source's order.
        skipped: one sentence for each that is not among them, for a person.
    """

    contents: tuple[bytes, ...]
    skipped: tuple[str, ...]


def fetch_attachments(
    source: ImageSource,
    digest: str,
    artifact_type: str,
    *,
    max_bytes: int = MAX_ATTACHMENT_BYTES,
    max_count: int = MAX_ATTACHMENTS,
    first: Callable[[Descriptor], bool] = lambda _: False,
) -> Attachments:
    """Everything of one type that is attached to a manifest.

    For each referrer:

    1. Its manifest has the digest that the list says.
    2. Its subject is `digest`, and its type is `artifact_type`.
    3. It has exactly one layer, of the media type `artifact_type`, of at most `max_bytes`.
    4. That layer has the size and digest that the manifest says.

    One that breaks a rule is skipped: anybody who may push can add one, and must not hide the others by it.

    Args:
        source: the image's repository.
        digest: the manifest or index that things are attached to.
        artifact_type: for example `application/vnd.dev.sigstore.bundle.v0.3+json`.
        max_bytes: how large one may be.
        max_count: how many referrers are looked at, good or bad, in the source's order.
        first: which of them are looked at before the others. It decides the order and nothing else: what it
            sees is as good as whoever pushed it.

    Raises:
        TidegateError: IMAGE_UNREACHABLE, IMAGE_UNAUTHORIZED, and what ImageSource.referrers raises.
    """
    referrers = sorted(source.referrers(digest, artifact_type), key=lambda entry: not first(entry))
    contents: list[bytes] = []
    skipped: list[str] = []
    for referrer in referrers[:max_count]:
        try:
            blob = _attached_blob(source, referrer.digest, digest, artifact_type)
            contents.append(read_blob(source, blob, max_bytes))
        except TidegateError as error:
            if error.code in NO_ANSWER:
                raise
            skipped.append(f"{referrer.digest} was skipped: {error.reason}")
    if len(referrers) > max_count:
        skipped.append(f"{len(referrers) - max_count} more were skipped: only {max_count} are looked at")
    return Attachments(tuple(contents), tuple(skipped))


def _attached_blob(source: ImageSource, referrer: str, digest: str, artifact_type: str) -> Descriptor:
    """The one layer of an artifact that is about a digest."""
    raw = source.manifest(referrer)
    if len(raw) > MAX_ARTIFACT_MANIFEST_BYTES:
        raise TidegateError(
            Code.IMAGE_TOO_LARGE, f"its manifest has more than {MAX_ARTIFACT_MANIFEST_BYTES} bytes"
        )
    manifest = parse_manifest(raw, referrer)
    if manifest.subject is None or manifest.subject.digest != digest:
        raise _unfit(f"it does not refer to {digest}")
    if manifest.effective_artifact_type != artifact_type:
        raise _unfit(f"it is a {manifest.effective_artifact_type}, not a {artifact_type}")
    if len(manifest.layers) != 1:
        raise _unfit(f"it has {len(manifest.layers)} layers where one is needed")
    (layer,) = manifest.layers
    if layer.media_type != artifact_type:
        raise _unfit(f"its layer is a {layer.media_type}, not a {artifact_type}")
    return layer


def _unfit(why: str) -> TidegateError:
    return TidegateError(Code.IMAGE_MALFORMED, why)
