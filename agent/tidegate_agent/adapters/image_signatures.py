"""The image's own signature (step 8): found in the registry by the agent, verified by the confined child.

The agent reads lists and manifests with the parsers that read every image's; bundles go to the child unread.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from loguru import logger

from tidegate_agent.adapters import verify_messages
from tidegate_agent.errors import RefusedError
from tidegate_schemas.codes import Code, TidegateError
from tidegate_wire.registry.attachments import fetch_attachments
from tidegate_wire.registry.simple_signing import fetch_simple_signing, legacy_signature
from tidegate_wire.trust.policy import ATTACHMENT_BYTES, MAX_ATTACHMENTS
from tidegate_wire.trust.shape import MEDIA_TYPE

if TYPE_CHECKING:
    from collections.abc import Callable

    from tidegate_agent.adapters.verifier_child import VerifyingChild
    from tidegate_agent.model import ImageTarget
    from tidegate_wire.registry.source import ImageSource
    from tidegate_wire.trust.policy import ImagePolicy


@dataclass(slots=True)
class _Found:
    """What one repository holds about an image."""

    bundles: tuple[bytes, ...] = ()
    simple: tuple[tuple[bytes, bytes], ...] = ()
    outdated: bool = False
    skipped: tuple[str, ...] = ()

    @property
    def anything(self) -> bool:
        return bool(self.bundles or self.simple)


@dataclass(slots=True)
class _Search:
    """What came of asking one repository after the other."""

    outdated: bool = False
    skipped: list[str] = field(default_factory=list)
    refusal: TidegateError | None = None
    silence: TidegateError | None = None

    def outcome(self, target: ImageTarget) -> TidegateError:
        """Why the image does not count as signed. A repository that gave no answer leaves it open."""
        if self.silence is not None:
            return self.silence
        if self.refusal is not None:
            return self.refusal
        skipped = f" ({'; '.join(self.skipped[:3])})" if self.skipped else ""
        if self.outdated:
            text = (
                f"{target.digest} is signed in cosign 2's form, which cannot be verified offline{skipped}; "
                "sign it with cosign 3, or with `cosign sign --new-bundle-format`"
            )
            return RefusedError(Code.IMAGE_SIGNATURE_FORMAT, text)
        places = ", ".join(target.references)
        return RefusedError(Code.IMAGE_UNSIGNED, f"no signature of {target.digest} is in {places}{skipped}")


class RegistryImageSignatures:
    """The ImageSignatures port.

    Args:
        child: verifies what was found.
        policy: who has to have signed.
        source: opens a repository by a reference.
    """

    def __init__(
        self, child: VerifyingChild, policy: ImagePolicy, source: Callable[[str], ImageSource]
    ) -> None:
        self._child = child
        self._policy = policy
        self._source = source

    def require(self, target: ImageTarget) -> tuple[str, ...]:
        """See ImageSignatures.require. It does not matter in which repository the signature lies."""
        search = _Search()
        for reference in target.references:
            try:
                signers = self._ask(reference, target, search)
            except RefusedError as refusal:
                search.refusal = refusal
            except TidegateError as silence:
                search.silence = silence
            else:
                if signers:
                    logger.info("{} is signed by {}", target.digest, " and ".join(signers))
                    return signers
        raise search.outcome(target)

    def _ask(self, reference: str, target: ImageTarget, search: _Search) -> tuple[str, ...]:
        found = self._find(self._source(reference), target.digest)
        search.skipped.extend(found.skipped)
        search.outdated = search.outdated or found.outdated
        if not found.anything:
            return ()
        about = verify_messages.AboutImage(
            bundles=tuple(map(verify_messages.to_text, found.bundles)),
            simple=tuple(
                (verify_messages.to_text(payload), verify_messages.to_text(signature))
                for payload, signature in found.simple
            ),
            policy=self._policy,
            digest=target.digest,
        )
        return tuple(f"{one.identity} ({one.issuer})" for one in self._child.judge(about).signers)

    def _find(self, source: ImageSource, digest: str) -> _Found:
        attached = fetch_attachments(
            source, digest, MEDIA_TYPE, max_bytes=ATTACHMENT_BYTES, max_count=MAX_ATTACHMENTS
        )
        found = _Found(attached.contents, skipped=attached.skipped)
        if self._policy.signers.with_keys:
            simple = fetch_simple_signing(source, digest)
            found.simple = tuple((one.payload, one.signature) for one in simple if not one.has_certificate)
        elif not found.bundles:
            found.outdated = legacy_signature(source, digest)
        return found


class AnnouncementIsEnough:
    """The ImageSignatures port where the announcement's word for the digest is enough."""

    def require(self, target: ImageTarget) -> tuple[str, ...]:
        """See ImageSignatures.require."""
        del target
        return ()
