"""The verifier port: every message is judged by a confined child process (`verify_child`).

`VerifyingChild` starts a fresh one for each question; `ScreeningChild`, beside, keeps one for a while.
The child is started isolated (`-I`): neither the working directory nor PYTHON* variables nor a user's
site-packages can plant a module in it. It gets no HOME, no credentials and no descriptor but its pipes.
"""

from __future__ import annotations

import math
import sys
from typing import TYPE_CHECKING, Final

from tidegate_agent.adapters import verify_messages
from tidegate_agent.adapters.child_process import ChildError, ask
from tidegate_agent.adapters.kept_child import KeptChild
from tidegate_agent.errors import RefusedError
from tidegate_agent.model import Verdict
from tidegate_schemas import jsontext, limits
from tidegate_schemas.codes import Code, TidegateError

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from tidegate_agent.adapters.kept_child import Keeping
    from tidegate_agent.adapters.screening_child import ScreeningChild
    from tidegate_agent.model import Follow
    from tidegate_wire.trust.policy import SignerPolicy

MODULE: Final = "tidegate_agent.adapters.verify_child"
MEMORY_MIB: Final = 512
"""Address space for a child. Measured need: 75 MiB, of which 56 MiB become resident."""

TIMEOUT_S: Final = 60.0
"""Seconds for a child: 0.6 s on a server, and a hundred times that for the slowest board under load."""

# Plugins of pydantic are found through installed packages; none has business in a verifier.
_ENVIRONMENT: Final = {"LC_ALL": "C.UTF-8", "PYDANTIC_DISABLE_PLUGINS": "__all__"}


class VerifyingChild:
    """Asks a child process; one process for one question.

    Args:
        root: the path of the trusted root, or `public-good`; None where only key pairs are trusted. Read by
            each child anew, so that a new root counts from the next message on.
        timeout_s: seconds for one child.
        memory_mib: address space for one child, MiB.
        python: the interpreter that runs the child.
    """

    def __init__(
        self,
        root: Path | str | None,
        timeout_s: float = TIMEOUT_S,
        memory_mib: int = MEMORY_MIB,
        python: str = sys.executable,
    ) -> None:
        self._root = None if root is None else str(root)
        self._timeout_s = timeout_s
        limits_for_child = [str(memory_mib), str(math.ceil(timeout_s))]
        self._command = [python, "-I", "-B", "-X", "utf8", "-m", MODULE, *limits_for_child]

    def kept(self, keeping: Keeping) -> KeptChild:
        """Such a child that answers several questions, within the limits of one for all of them."""
        return KeptChild(
            [*self._command, "serve"],
            environment=_ENVIRONMENT,
            timeout_s=self._timeout_s,
            cap=verify_messages.ANSWER_BYTES,
            keeping=keeping,
        )

    def question(self, about: verify_messages.Subject) -> bytes:
        """What a child is asked about something."""
        return verify_messages.VerifyRequest(about=about, root=self._root).to_json()

    def judge(self, about: verify_messages.Subject) -> verify_messages.Genuine:
        """The child's word on something.

        Raises:
            RefusedError: it is not genuine, or there is no verdict (VERIFY_FAILED).
        """
        try:
            raw = ask(
                self._command,
                self.question(about),
                environment=_ENVIRONMENT,
                timeout_s=self._timeout_s,
                cap=verify_messages.ANSWER_BYTES,
            )
        except ChildError as error:
            raise no_verdict(str(error)) from error
        return genuine(raw)


class ChildVerifier:
    """The verifier port.

    Args:
        child: who is asked.
        signers: who may sign statements, by `Follow.key`.
        host: this host's id.
        operators: who may send it requests; None is nobody.
    """

    def __init__(
        self,
        child: VerifyingChild | ScreeningChild,
        signers: Mapping[str, SignerPolicy],
        host: str = "",
        operators: SignerPolicy | None = None,
    ) -> None:
        self._child = child
        self._signers = dict(signers)
        self._host = host
        self._operators = operators

    def verify(self, follow: Follow, payload: bytes) -> Verdict:
        """See Verifier.verify."""
        policy = self._signers.get(follow.key)
        if policy is None:
            raise RefusedError(Code.TRUST_POLICY_EMPTY, f"no signer is trusted for {follow.key}")
        about = verify_messages.AboutStatement(
            message=_message(payload), policy=policy, product=follow.product, channel=follow.channel
        )
        return _verdict(self._child.judge(about))

    def verify_request(self, payload: bytes) -> Verdict:
        """See Verifier.verify_request."""
        if self._operators is None:
            raise RefusedError(Code.REQUEST_UNWELCOME, "nobody is named who may send requests to this host")
        about = verify_messages.AboutRequest(
            message=_message(payload), policy=self._operators, host=self._host
        )
        return _verdict(self._child.judge(about))


def _message(payload: bytes) -> str:
    if len(payload) > limits.STATEMENT_BYTES:
        text = f"the message has more than {limits.STATEMENT_BYTES} bytes"
        raise RefusedError(Code.STATEMENT_OVERSIZE, text)
    return verify_messages.to_text(payload)


def _verdict(answer: verify_messages.Genuine) -> Verdict:
    return Verdict(
        payload=verify_messages.to_bytes(answer.payload),
        identity=" and ".join(one.identity for one in answer.signers),
        issuer=" and ".join(dict.fromkeys(one.issuer for one in answer.signers)),
        signed_at_least=answer.signed_at_least,
        enough=answer.enough,
    )


def genuine(raw: bytes) -> verify_messages.Genuine:
    """A child's answer, where it is that something is genuine.

    Raises:
        RefusedError: it is another one; or cannot be read, which is no verdict.
    """
    try:
        jsontext.parse(raw, verify_messages.ANSWER_BYTES)
        answer = verify_messages.ANSWER.validate_json(raw)
    # A ValueError of pydantic, a TidegateError of jsontext: an answer that is not whole is none.
    except (ValueError, TidegateError) as error:
        raise no_verdict("its answer cannot be read") from error
    if isinstance(answer, verify_messages.Refused):
        raise RefusedError(answer.code, answer.reason)
    return answer


def no_verdict(how: str) -> RefusedError:
    """The refusal of what could not be judged."""
    return RefusedError(Code.VERIFY_FAILED, f"the verifying process gave no verdict: {how}")
