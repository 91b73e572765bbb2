"""One bundle, verified: steps 1 to 3 of the order of verification, whatever was signed.

Two ways lead here, and the policy says which one is open: certificates (`keyless`, with sigstore-python) or
key pairs (`keys`). A bundle of the other kind is refused.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from tidegate_schemas import limits
from tidegate_schemas.codes import Code
from tidegate_schemas.statement import PAYLOAD_TYPE, StatementError
from tidegate_wire.trust import keys
from tidegate_wire.trust.root import RootError
from tidegate_wire.trust.shape import parse_bundle, parse_key_bundle
from tidegate_wire.trust.words import shown

if TYPE_CHECKING:
    from tidegate_wire.trust.bundle import Envelope
    from tidegate_wire.trust.policy import SignerPolicy
    from tidegate_wire.trust.root import PinnedRoot
    from tidegate_wire.trust.signed import Signed


def verify_bundle(
    raw: bytes, *, root: PinnedRoot | None, policy: SignerPolicy, cap: int = limits.STATEMENT_BYTES
) -> Signed:
    """Verify one bundle around an in-toto statement.

    Args:
        raw: the bundle.
        root: whose keys are believed; a policy of key pairs needs none.
        policy: who may sign. One of them is enough here: `quorum` counts.
        cap: the largest bundle in bytes.

    Raises:
        TidegateError: any doubt, with a `signature.*`, `statement.*` or `trust.*` code.
        MemoryError: there was too little memory to tell. Nothing else.
    """
    if policy.with_keys:
        by_key = parse_key_bundle(raw, cap)  # 1, shape of 2
        _check_type(by_key.dsse_envelope)  # 4
        return keys.verify(by_key.dsse_envelope, policy)  # 2
    if root is None:
        raise RootError("certificates cannot be verified without a trusted root")
    # 0.4 s and 55 MB, which a fleet with key pairs never pays.
    from tidegate_wire.trust import keyless  # noqa: PLC0415

    bundle = parse_bundle(raw, cap)  # 1, shape of 2
    signed = keyless.verify(bundle, raw, root, policy)  # 2 and 3
    _check_type(bundle.dsse_envelope)  # 4
    return signed


def _check_type(envelope: Envelope) -> None:
    if envelope.payload_type != PAYLOAD_TYPE:
        text = f"the signed content is {shown(envelope.payload_type)}, not {PAYLOAD_TYPE!r}"
        raise StatementError(Code.STATEMENT_TYPE, text)
