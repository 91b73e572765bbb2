"""The verifier port: every message is judged by a fresh, confined child process (`verify_child`).

The child is started isolated (`-I`): neither the working directory nor PYTHON* variables nor a user's
site-packages can plant a module in it. It gets no HOME, no credentials and no descriptor but its pipe.
"""

from __future__ import annotations

import math
import sys
from typing import TYPE_CHECKING, Final

from tidegate_agent.adapters import verify_messages
from tidegate_agent.adapters.child_process import ChildError, ask
from tidegate_agent.errors import RefusedError
from tidegate_agent.model import Verdict
from tidegate_schemas import jsontext, limits
from tidegate_schemas.codes import Code, TidegateError

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from tidegate_agent.model import Follow
    from tidegate_wire.trust.policy import SignerPolicy

MODULE: Final = "tidegate_agent.adapters.verify_child"
MEMORY_MIB: Final = 512
"""Address space for a child. Measured need: 75 MiB, of which 56 MiB become resident."""

TIMEOUT_S: Final = 60.0
"""Seconds for a child: 0.6 s on a server, and a hundred times that for the slowest board under load."""

# Plugins of pydantic are found through installed packages; none has business in a verifier.
_ENVIRONMENT: Final = {"LC_ALL": "C.UTF-8", "PYDANTIC_DISABLE_PLUGINS": "__all__"}


class ChildVerifier:
    """Verifies in a child process.

    Args:
        root: the path of the pinned trusted root, or `default` for the public-good one. Read by each child
            anew, so that a new root counts from the next message on.
        signers: who may sign, by `Follow.key`.
        timeout_s: seconds for one child.
        memory_mib: address space for one child, MiB.
        python: the interpreter that runs the child.
    """

    def __init__(
        self,
        root: Path | str,
        signers: Mapping[str, SignerPolicy],
        timeout_s: float = TIMEOUT_S,
        memory_mib: int = MEMORY_MIB,
        python: str = sys.executable,
    ) -> None:
        self._root = str(root)
        self._signers = dict(signers)
        self._timeout_s = timeout_s
        self._memory_mib = memory_mib
        self._python = python

    def verify(self, follow: Follow, payload: bytes) -> Verdict:
        """See Verifier.verify."""
        question = self._question(follow, payload)
        try:
            raw = ask(
                self._command(),
                question,
                environment=_ENVIRONMENT,
                timeout_s=self._timeout_s,
                cap=verify_messages.MESSAGE_BYTES,
            )
        except ChildError as error:
            raise _no_verdict(str(error)) from error
        return _verdict(raw)

    def _command(self) -> list[str]:
        limits_for_child = [str(self._memory_mib), str(math.ceil(self._timeout_s))]
        return [self._python, "-I", "-B", "-X", "utf8", "-m", MODULE, *limits_for_child]

    def _question(self, follow: Follow, payload: bytes) -> bytes:
        policy = self._signers.get(follow.key)
        if policy is None:
            raise RefusedError(Code.TRUST_POLICY_EMPTY, f"no signer is trusted for {follow.key}")
        if len(payload) > limits.STATEMENT_BYTES:
            text = f"the message has more than {limits.STATEMENT_BYTES} bytes"
            raise RefusedError(Code.STATEMENT_OVERSIZE, text)
        signers = tuple(
            verify_messages.TrustedSigner(identity=one.identity, issuer=one.issuer) for one in policy.any_of
        )
        return verify_messages.VerifyRequest(
            message=verify_messages.to_text(payload),
            root=self._root,
            signers=signers,
            product=follow.product,
            channel=follow.channel,
        ).to_json()


def _verdict(raw: bytes) -> Verdict:
    answer = _answer(raw)
    if isinstance(answer, verify_messages.Refused):
        raise RefusedError(answer.code, answer.reason)
    return Verdict(
        verify_messages.to_bytes(answer.payload), answer.identity, answer.issuer, answer.signed_at_least
    )


def _answer(raw: bytes) -> verify_messages.Answer:
    try:
        jsontext.parse(raw, verify_messages.MESSAGE_BYTES)
        return verify_messages.ANSWER.validate_json(raw)
    # A ValueError of pydantic, a TidegateError of jsontext: an answer that is not whole is none.
    except (ValueError, TidegateError) as error:
        raise _no_verdict("its answer cannot be read") from error


def _no_verdict(how: str) -> RefusedError:
    return RefusedError(Code.VERIFY_FAILED, f"the verifying process gave no verdict: {how}")
