"""The image's own signature (step 8): found in the registry by the agent, verified by the confined child.

The agent reads lists and manifests with the parsers that read every image's; bundles go to the child unread.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Final

from loguru import logger

from tidegate_agent.adapters import verify_messages
from tidegate_agent.errors import RefusedError
from tidegate_schemas.codes import Code, TidegateError
from tidegate_wire.registry.source import Cancelled
from tidegate_wire.registry.watched import WatchedSource
from tidegate_wire.trust.image_search import FoundSignatures, ImageUnsignedError, search

if TYPE_CHECKING:
    from collections.abc import Callable

    from tidegate_agent.adapters.verifier_child import VerifyingChild
    from tidegate_agent.model import ImageTarget
    from tidegate_wire.registry.source import ImageSource
    from tidegate_wire.trust.policy import ImagePolicy

DEADLINE_S: Final = 600.0
"""Seconds for all repositories together. What is fetched from one has 8 MiB at most: 14 KiB/s."""


class RegistryImageSignatures:
    """The ImageSignatures port.

    Args:
        child: verifies what was found.
        policy: who has to have signed.
        source: opens a repository by a reference.
        clock: monotonic seconds.
    """

    def __init__(
        self,
        child: VerifyingChild,
        policy: ImagePolicy,
        source: Callable[[str], ImageSource],
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._child = child
        self._policy = policy
        self._source = source
        self._clock = clock

    def require(self, target: ImageTarget, cancelled: Callable[[], bool]) -> tuple[str, ...]:
        """See ImageSignatures.require. It does not matter in which repository the signature lies."""
        go_on = self._watch(target.digest, cancelled)

        def judge(found: FoundSignatures) -> tuple[str, ...]:
            go_on()
            answer = self._child.judge(self._question(found, target.digest))
            return tuple(f"{one.identity} ({one.issuer})" for one in answer.signers)

        try:
            signers = search(
                target.references,
                target.digest,
                source=lambda reference: WatchedSource(self._source(reference), go_on),
                judge=judge,
                policy=self._policy,
            )
        except ImageUnsignedError as unsigned:
            raise RefusedError(unsigned.code, unsigned.reason) from unsigned
        logger.info("{} is signed by {}", target.digest, " and ".join(signers))
        return signers

    def _watch(self, digest: str, cancelled: Callable[[], bool]) -> Callable[[], None]:
        until = self._clock() + DEADLINE_S

        def go_on() -> None:
            if cancelled():
                raise Cancelled
            if self._clock() >= until:
                text = f"the signatures of {digest} could not be fetched within {DEADLINE_S:g} s"
                raise TidegateError(Code.IMAGE_UNREACHABLE, text)

        return go_on

    def _question(self, found: FoundSignatures, digest: str) -> verify_messages.AboutImage:
        return verify_messages.AboutImage(
            bundles=tuple(map(verify_messages.to_text, found.bundles)),
            simple=tuple(
                (verify_messages.to_text(payload), verify_messages.to_text(signature))
                for payload, signature in found.simple
            ),
            policy=self._policy,
            digest=digest,
        )


class AnnouncementIsEnough:
    """The ImageSignatures port where the announcement's word for the digest is enough."""

    def require(self, target: ImageTarget, cancelled: Callable[[], bool]) -> tuple[str, ...]:
        """See ImageSignatures.require."""
        del target, cancelled
        return ()
