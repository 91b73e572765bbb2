"""The device key behind a process: each call is answered by a fresh child (`sign_child`).

A child costs about 0.15 s, so events are signed in batches. One that hangs is killed when its time is up.
"""

from __future__ import annotations

import base64
import binascii
import json
import os
import sys
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from tidegate_agent.adapters.child_process import ChildError, ask
from tidegate_agent.errors import PinRefusedError
from tidegate_agent.model import Signatures
from tidegate_schemas import jsontext
from tidegate_schemas.codes import Code, TidegateError

if TYPE_CHECKING:
    from collections.abc import Sequence

MODULE: Final = "tidegate_agent.adapters.sign_child"
TIMEOUT_S: Final = 60.0
"""Seconds for a child: sixteen signatures by a token that takes two seconds for each, and as much again."""

ANSWER_BYTES: Final = 64 * 1024
"""The largest answer: sixteen signatures need 2 KiB."""


@dataclass(frozen=True, slots=True)
class KeyFile:
    """A private key in a file."""

    file: Path


@dataclass(frozen=True, slots=True)
class KeyInToken:
    """A key pair in a PKCS#11 token; see `device_key_pkcs11.TokenDeviceKey`."""

    module: Path
    token: str
    label: str
    pin_file: Path


class ChildSigner:
    """Implements `ports.EventSigner`.

    Args:
        place: where the key is.
        timeout_s: seconds for one child.
        python: the interpreter that runs the child.
    """

    def __init__(
        self, place: KeyFile | KeyInToken, timeout_s: float = TIMEOUT_S, python: str = sys.executable
    ) -> None:
        self._place = place
        self._timeout_s = timeout_s
        self._python = python
        self._refused: tuple[int, ...] | None = None

    def sign(self, payloads: Sequence[bytes]) -> Signatures:
        """See EventSigner.sign."""
        self._spare_the_token()
        try:
            return self._signatures("sign", payloads)
        except PinRefusedError:
            self._refused = self._pin_seen()
            raise

    def create_in_token(self) -> Signatures:
        """Make the pair inside the token, and tell which key it is. Raises as `sign` does."""
        return self._signatures("create", ())

    def generate(self) -> bytes:
        """A new private key for a file, PEM. Raises as `sign` does."""
        return _bytes_of(self._answer({"do": "generate"}), "pem")

    def _spare_the_token(self) -> None:
        """Do not ask again with a PIN that was refused: the token would lock itself for good."""
        if self._refused is not None and self._refused == self._pin_seen():
            reason = "the token refused the PIN; it is asked again when the PIN file has changed"
            raise PinRefusedError(Code.EVENT_SIGNING, reason)

    def _pin_seen(self) -> tuple[int, ...] | None:
        try:
            found = self._place.pin_file.stat() if isinstance(self._place, KeyInToken) else None
        except OSError:
            return None
        return None if found is None else (found.st_ino, found.st_mtime_ns, found.st_size)

    def _signatures(self, do: str, payloads: Sequence[bytes]) -> Signatures:
        key = {name: str(value) for name, value in asdict(self._place).items()}
        texts = [base64.b64encode(one).decode() for one in payloads]
        answer = self._answer({"do": do, "key": key, "payloads": texts})
        signatures = answer.get("signatures")
        if not isinstance(signatures, list) or len(signatures) != len(payloads):
            raise _no_answer("its answer cannot be read")
        decoded = tuple(_bytes_of({"one": each}, "one") for each in signatures)
        return Signatures(_bytes_of(answer, "public"), decoded)

    def _answer(self, request: dict[str, Any]) -> dict[str, Any]:
        command = [self._python, "-I", "-B", "-X", "utf8", "-m", MODULE]
        try:
            raw = ask(
                command,
                json.dumps(request).encode(),
                environment=_environment(token=isinstance(self._place, KeyInToken)),
                timeout_s=self._timeout_s,
                cap=ANSWER_BYTES,
            )
            answer = jsontext.parse(raw, ANSWER_BYTES)
        except ChildError as error:
            raise _no_answer(str(error)) from error
        except jsontext.JsonError as error:
            raise _no_answer("its answer cannot be read") from error
        if not isinstance(answer, dict):
            raise _no_answer("its answer cannot be read")
        if "code" in answer:
            kind = PinRefusedError if answer.get("pin") is True else TidegateError
            raise kind(Code(answer["code"]), str(answer.get("reason")))
        return answer


def _environment(*, token: bool) -> dict[str, str]:
    """A token's library is configured by the environment (SOFTHSM2_CONF, TPM2_PKCS11_STORE and the like)."""
    if token:
        return dict(os.environ)
    place = os.environ.get("CREDENTIALS_DIRECTORY")
    return {"LC_ALL": "C.UTF-8"} | ({} if place is None else {"CREDENTIALS_DIRECTORY": place})


def _bytes_of(answer: dict[str, Any], name: str) -> bytes:
    try:
        return base64.b64decode(answer[name], validate=True)
    except (KeyError, TypeError, ValueError, binascii.Error) as error:
        raise _no_answer("its answer cannot be read") from error


def _no_answer(how: str) -> TidegateError:
    return TidegateError(Code.EVENT_SIGNING, f"the signing process gave no answer: {how}")
