"""No verdict is a refusal; and the genuine message is not lost by it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.trust.checks import Start, takes_up
from tests.trust.releases import the_truth
from tests.trust.verifying import InProcessVerifier, verifier_with
from tidegate_agent.errors import RefusedError
from tidegate_schemas.codes import Code

if TYPE_CHECKING:
    from tests.trust.forge import Forge
    from tidegate_agent.model import Follow, Verdict


class Flaky:
    """A verifier whose first child dies without a verdict, as under memory pressure or load."""

    def __init__(self, verifier: InProcessVerifier) -> None:
        self._verifier = verifier
        self._died = False

    def verify(self, follow: Follow, payload: bytes) -> Verdict:
        """See Verifier.verify."""
        if not self._died:
            self._died = True
            raise RefusedError(Code.VERIFY_FAILED, "the verifying process gave no verdict: it was killed")
        return self._verifier.verify(follow, payload)

    def verify_request(self, payload: bytes) -> Verdict:
        """See Verifier.verify_request."""
        return self._verifier.verify_request(payload)


def test_a_genuine_message_whose_child_died_is_judged_when_it_comes_again(forge: Forge, start: Start) -> None:
    message = forge.signing("v1", the_truth()).message()
    host = start(forge.beliefs, verifier=Flaky(verifier_with(forge.beliefs)))
    host.hear(message)
    takes_up(host, message)
