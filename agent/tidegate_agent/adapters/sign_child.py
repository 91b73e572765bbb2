"""The signing child: reads one request from stdin, prints one answer to stdout, and ends.

Run by `signer_child` as `python -I -m tidegate_agent.adapters.sign_child`. It is a process of its own, so
that the private key is never in the daemon's memory, a token's library can hang or crash without harm, and
the daemon need not load cryptography. Request and answer are JSON objects with bytes in base64:

    {"do": "sign", "key": {"file": …}, "payloads": […]}, or as key {"module", "token", "label", "pin_file"}
    {"public": …, "signatures": […]} or {"code": …, "reason": …, "pin": whether the token refused the PIN}

`"do": "create"` makes the pair in the token first; `"do": "generate"` answers `{"pem": …}`, a new key.
"""

from __future__ import annotations

import base64
import json
import os
import resource
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from tidegate_agent.errors import PinRefusedError
from tidegate_schemas.codes import Code, TidegateError

if TYPE_CHECKING:
    from tidegate_agent.ports import EventSigner

REASON: Final = 1000
"""Characters of a reason."""


def main() -> int:
    """Read, sign, answer. The exit code is 0 when there is an answer."""
    # What a crash leaves on disk would hold the key.
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    sys.stdout.write(json.dumps(_answer(json.load(sys.stdin))) + "\n")
    sys.stdout.flush()
    return 0


def _answer(request: dict[str, Any]) -> dict[str, Any]:
    try:
        return _generate() if request["do"] == "generate" else _sign(request)
    except TidegateError as error:
        refused = isinstance(error, PinRefusedError)
        return {"code": error.code, "reason": error.reason[:REASON], "pin": refused}
    # Whatever else went wrong in a token's library, the parent needs to be told.
    except Exception as error:  # noqa: BLE001
        reason = f"the signing process broke: {type(error).__name__}: {error}"
        return {"code": Code.EVENT_SIGNING, "reason": reason[:REASON], "pin": False}


def _generate() -> dict[str, Any]:
    from tidegate_agent.adapters.device_key_file import new_key  # noqa: PLC0415 - cryptography

    return {"pem": base64.b64encode(new_key()).decode()}


def _sign(request: dict[str, Any]) -> dict[str, Any]:
    signer = _signer(request["key"], create=request["do"] == "create")
    made = signer.sign([base64.b64decode(one) for one in request["payloads"]])
    signatures = [base64.b64encode(one).decode() for one in made.signatures]
    return {"public": base64.b64encode(made.public_key).decode(), "signatures": signatures}


def _signer(key: dict[str, str], *, create: bool) -> EventSigner:
    place = os.environ.get("CREDENTIALS_DIRECTORY")
    credentials = None if place is None else Path(place)
    if "file" in key:
        from tidegate_agent.adapters.device_key_file import FileDeviceKey  # noqa: PLC0415 - cryptography

        return FileDeviceKey(Path(key["file"]), credentials)
    from tidegate_agent.adapters.device_key_pkcs11 import TokenDeviceKey  # noqa: PLC0415 - an optional library

    token = TokenDeviceKey(
        Path(key["module"]), key["token"], key["label"], Path(key["pin_file"]), credentials
    )
    if create:
        token.create()
    return token


if __name__ == "__main__":
    sys.exit(main())
