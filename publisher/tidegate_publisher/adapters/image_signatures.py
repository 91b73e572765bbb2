"""An image's own signatures, looked for where hosts look, and verified with the code that hosts run."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tidegate_publisher.ports import SignerId
from tidegate_wire.registry.opening import open_source
from tidegate_wire.registry.reference import parse_reference
from tidegate_wire.trust.image_search import FoundSignatures, search

if TYPE_CHECKING:
    from collections.abc import Callable

    from tidegate_wire.registry.settings import RegistrySettings
    from tidegate_wire.trust.policy import ImagePolicy
    from tidegate_wire.trust.root import PinnedRoot


class RegistryImageSignatures:
    """See ports.ImageSignatures.

    Args:
        root: reads the trusted root; not called when only key pairs are trusted.
        policy: who has to have signed, and what.
        settings: credentials, mirrors, proxies and limits, as container tools honour them.
    """

    def __init__(
        self, root: Callable[[], PinnedRoot], policy: ImagePolicy, settings: RegistrySettings
    ) -> None:
        self._root = root
        self._policy = policy
        self._settings = settings

    def require(self, references: tuple[str, ...], digest: str) -> tuple[SignerId, ...]:
        """See ports.ImageSignatures.require."""
        from tidegate_wire.trust.image import verify_image  # noqa: PLC0415 -- cryptography, 0.1 s

        root = None if self._policy.signers.with_keys else self._root()

        def judge(found: FoundSignatures) -> tuple[SignerId, ...]:
            signed = verify_image(found.bundles, found.simple, digest=digest, root=root, policy=self._policy)
            return tuple(dict.fromkeys(SignerId(one.identity, one.issuer) for one in signed))

        return search(
            references,
            digest,
            source=lambda reference: open_source(parse_reference(reference), self._settings),
            judge=judge,
            policy=self._policy,
        )
