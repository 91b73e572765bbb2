"""The statement behind an update, judged once more by what the host trusts now.

An update can wait for weeks between its statement and its window. Meanwhile a signer can be taken out of
the policy, or a key out of the trusted root: what they signed shall not come up any more. So the message
itself is kept, and verified again right before activation.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from loguru import logger

from tidegate_agent.errors import RefusedError
from tidegate_schemas.codes import Code, TidegateError
from tidegate_schemas.statement import parse_statement

if TYPE_CHECKING:
    from tidegate_agent.model import Follow, Verdict
    from tidegate_agent.ports import Journal, Verifier

TRIES: Final = 3
"""How often a verifier is asked that gives no verdict, such as one that ran out of memory."""


class Warrant:
    """What entitles one follow's updates to be activated."""

    def __init__(self, follow: Follow, verifier: Verifier, journal: Journal) -> None:
        self._follow = follow
        self._verifier = verifier
        self._journal = journal

    def require(self, digest: str) -> None:
        """Require that the statement which announced this image still verifies. Takes about 0.6 s.

        Freshness is not asked again: an update whose statement has expired waits for a newer one.

        Raises:
            TidegateError: as Verifier.verify does, or SIGNATURE_THRESHOLD; JournalError when the disk does.
        """
        message = self._journal.message(self._follow, digest)
        if message is None:
            # Journals of schema 1 kept none: the word that was verified then has to do.
            logger.warning("{}: the statement of {} was not kept", self._follow.key, digest)
            return
        verdict = self._verdict(message)
        if not verdict.enough:
            raise RefusedError(Code.SIGNATURE_THRESHOLD, "too few of the signers needed stand behind it now")
        found = parse_statement(verdict.payload).digest
        if found != digest:
            raise RefusedError(
                Code.IMAGE_DIGEST_MISMATCH, f"the statement kept for {digest} is about {found}"
            )

    def _verdict(self, message: bytes) -> Verdict:
        for _ in range(TRIES - 1):
            try:
                return self._verifier.verify(self._follow, message)
            except TidegateError as error:
                if error.code is not Code.VERIFY_FAILED:
                    raise
        return self._verifier.verify(self._follow, message)
