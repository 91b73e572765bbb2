"""A bundle with a certificate: sigstore-python's verification, and what it leaves out (steps 2 and 3).

Importing this costs 0.4 s and 55 MB, most of it sigstore-python: the agent does so in a child process only.
No network, no file beyond the root that was loaded, no clock and no HOME are used.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from cryptography.hazmat.primitives.asymmetric import ec
from sigstore.models import Bundle as SigstoreBundle

from tidegate_schemas.codes import Code
from tidegate_wire.trust.case import Case
from tidegate_wire.trust.diagnosis import diagnose
from tidegate_wire.trust.evidence import read_evidence
from tidegate_wire.trust.gate import Gate
from tidegate_wire.trust.signed import SignatureError, Signed

if TYPE_CHECKING:
    from tidegate_wire.trust.bundle import Bundle
    from tidegate_wire.trust.policy import SignerPolicy
    from tidegate_wire.trust.root import PinnedRoot


def verify(bundle: Bundle, raw: bytes, root: PinnedRoot, policy: SignerPolicy) -> Signed:
    """Verify a bundle against root and policy.

    2. `verify_dsse` of sigstore-python: time of signing, certificate chain, SCT, key usage, policy, log
       entry, signature, and that the entry is about this signature.
    3. Only authorities and logs of the root that were valid at the time of signing take part in 2. The
       library does not see to it, so the root is narrowed before it is handed over; and the signer's key is
       EC P-256, the only kind that Sigstore's clients make.

    Args:
        bundle: as it was read strictly.
        raw: the same, for the library to read.
        root: whose keys are believed.
        policy: who may sign.

    Raises:
        TidegateError: any doubt, with a `signature.*` or `trust.*` code.
        MemoryError: there was too little memory to tell.
    """
    case = Case(bundle, read_evidence(bundle), root, policy)
    _check_key(case)  # 3
    verifier, gate = case.verifier(), Gate(policy)  # 3
    try:
        payload_type, payload = verifier.verify_dsse(SigstoreBundle.from_json(raw), gate)  # 2
    except MemoryError:
        raise  # says something about this process, and nothing about the bundle
    # Not only sigstore's own errors: ValueError, binascii.Error, TypeError and AttributeError leak out of it
    # over hostile bundles, and an error that is let through is a statement that is neither true nor false.
    except Exception as error:
        raise diagnose(case, gate, error) from error
    envelope = bundle.dsse_envelope
    if not gate.passed or (payload_type, payload) != (envelope.payload_type, envelope.payload):
        raise SignatureError(Code.SIGNATURE_INVALID, "the bundle was read in two different ways")
    evidence = case.evidence
    return Signed(payload, evidence.identity, evidence.issuer, gate.passed, evidence.not_before)


def _check_key(case: Case) -> None:
    key = case.evidence.key
    if not isinstance(key, ec.EllipticCurvePublicKey) or not isinstance(key.curve, ec.SECP256R1):
        text = f"the certificate of {case.evidence.signer} is for another kind of key than EC P-256"
        raise SignatureError(Code.SIGNATURE_MALFORMED, text)
