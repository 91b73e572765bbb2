"""Where an image's own signatures are looked for: in each repository that has it, until one is accepted.

Nothing is verified here, and nothing expensive is imported: the agent hands what was found to its confined
child, the publisher verifies it itself. Both look in the same places, in the same order.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, TypeVar

from tidegate_schemas.codes import Code, TidegateError
from tidegate_wire.registry.attachments import NO_ANSWER, fetch_attachments
from tidegate_wire.registry.simple_signing import fetch_simple_signing, legacy_signature
from tidegate_wire.trust.policy import ATTACHMENT_BYTES, MAX_ATTACHMENTS
from tidegate_wire.trust.shape import MEDIA_TYPE

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from tidegate_wire.registry.descriptor import Descriptor
    from tidegate_wire.registry.source import ImageSource
    from tidegate_wire.trust.policy import ImagePolicy

# cosign writes it beside each bundle, in the manifest and in the list of referrers.
PREDICATE_ANNOTATION = "dev.sigstore.bundle.predicateType"
Verdict = TypeVar("Verdict")


class ImageUnsignedError(TidegateError):
    """Nothing that could be verified was found: IMAGE_UNSIGNED or IMAGE_SIGNATURE_FORMAT."""


@dataclass(frozen=True, slots=True)
class FoundSignatures:
    """What one repository holds about an image; nothing of it is verified.

    Attributes:
        bundles: Sigstore bundles, JSON.
        simple: payloads and signatures in cosign 2's form, by key pairs.
        outdated: whether there is a signature of cosign 2's that cannot be verified offline.
        skipped: a sentence for each attachment that is not among them.
    """

    bundles: tuple[bytes, ...] = ()
    simple: tuple[tuple[bytes, bytes], ...] = ()
    outdated: bool = False
    skipped: tuple[str, ...] = ()


@dataclass(slots=True)
class _Search:
    """What came of asking one repository after the other."""

    outdated: bool = False
    skipped: list[str] = field(default_factory=list)
    refusal: TidegateError | None = None
    silence: TidegateError | None = None

    def outcome(self, references: Sequence[str], digest: str) -> TidegateError:
        """Why the image does not count as signed. A repository that gave no answer leaves it open."""
        if self.silence is not None:
            return self.silence
        if self.refusal is not None:
            return self.refusal
        skipped = f" ({'; '.join(self.skipped[:3])})" if self.skipped else ""
        if self.outdated:
            text = (
                f"{digest} is signed in cosign 2's form, which cannot be verified offline{skipped}; "
                "sign it with cosign 3"
            )
            return ImageUnsignedError(Code.IMAGE_SIGNATURE_FORMAT, text)
        places = ", ".join(references)
        return ImageUnsignedError(Code.IMAGE_UNSIGNED, f"no signature of {digest} is in {places}{skipped}")


def search(
    references: Sequence[str],
    digest: str,
    *,
    source: Callable[[str], ImageSource],
    judge: Callable[[FoundSignatures], Verdict],
    policy: ImagePolicy,
) -> Verdict:
    """Look for an image's signatures until a repository has some that are accepted.

    It does not matter in which repository they lie: what was signed is the digest.

    Args:
        references: the repositories, in the order in which they are asked.
        digest: of the image as it was announced, `sha256:…`.
        source: opens a repository by its reference.
        judge: verifies what one repository holds, and raises TidegateError to refuse it.
        policy: what is looked for: cosign 2's form where key pairs are trusted, and which predicates first.

    Returns:
        What `judge` returned.

    Raises:
        TidegateError: in this order, the last repository's that gave no answer; the last refusal of `judge`.
        ImageUnsignedError: there is nothing to judge.
    """
    came = _Search()
    for reference in references:
        try:
            found = find_signatures(source(reference), digest, policy)
        except TidegateError as silence:
            came.silence = silence
            continue
        came.skipped.extend(found.skipped)
        came.outdated = came.outdated or found.outdated
        if not (found.bundles or found.simple):
            continue
        try:
            return judge(found)
        except TidegateError as refusal:
            came.refusal = refusal
    raise came.outcome(references, digest)


def find_signatures(source: ImageSource, digest: str, policy: ImagePolicy) -> FoundSignatures:
    """What one repository holds about an image.

    Raises:
        TidegateError: IMAGE_*, it gave no answer, or one that cannot be read.
    """
    attached = fetch_attachments(
        source,
        digest,
        MEDIA_TYPE,
        max_bytes=ATTACHMENT_BYTES,
        max_count=MAX_ATTACHMENTS,
        first=lambda entry: _says(entry) in policy.predicates,
    )
    if policy.signers.with_keys:
        simple, skipped = _simple(source, digest)
        return FoundSignatures(attached.contents, simple, skipped=attached.skipped + skipped)
    outdated = not attached.contents and legacy_signature(source, digest)
    return FoundSignatures(attached.contents, outdated=outdated, skipped=attached.skipped)


def _says(entry: Descriptor) -> str | None:
    """The predicate that a bundle claims to have: whoever could push may have written it."""
    return (entry.annotations or {}).get(PREDICATE_ANNOTATION)


def _simple(source: ImageSource, digest: str) -> tuple[tuple[tuple[bytes, bytes], ...], tuple[str, ...]]:
    """The signatures in cosign 2's form, and why there are none. Rubbish under their tag hides no bundles."""
    try:
        signed = fetch_simple_signing(source, digest)
    except TidegateError as error:
        if error.code in NO_ANSWER:
            raise
        return (), (f"the tag of cosign 2's signatures was skipped: {error.reason}",)
    return tuple((one.payload, one.signature) for one in signed if not one.has_certificate), ()
