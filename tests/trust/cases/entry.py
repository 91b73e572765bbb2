"""Cases 20 to 23: genuine in all but what the transparency log's entry is about, and when."""

from __future__ import annotations

import dataclasses
from datetime import timedelta
from typing import TYPE_CHECKING

from cryptography.hazmat.primitives.asymmetric import ec

from tests.trust.case import Scene, bad
from tests.trust.releases import statement
from tidegate_publisher.devstack.sigstore.dsse import Envelope, sign_envelope
from tidegate_publisher.devstack.sigstore.rekor_v1 import RekorV1
from tidegate_schemas.codes import Code

if TYPE_CHECKING:
    from tests.trust.forge import Forge, Parts
    from tidegate_publisher.devstack.sigstore.trust import RekorVersion


def _heard(parts: Parts, forge: Forge) -> Scene:
    return Scene(parts.message(), forge.beliefs)


@bad(Code.SIGNATURE_LOG)
def case_20a_entry_of_another_signature(forge: Forge, rekor: RekorVersion) -> Scene:
    """Of the same content, by the same key, in the same log (CVE-2026-22703)."""
    signing = forge.signing(rekor)
    again = sign_envelope(signing.payload, signing.key)
    return _heard(signing.parts(signing.log(again, signing.certificate)), forge)


@bad(Code.SIGNATURE_LOG)
def case_20b_entry_of_another_release(forge: Forge, rekor: RekorVersion) -> Scene:
    """Of other content, by the same key."""
    signing = forge.signing(rekor)
    other = sign_envelope(statement(version="1.1"), signing.key)
    return _heard(signing.parts(signing.log(other, signing.certificate)), forge)


@bad(Code.SIGNATURE_LOG)
def case_20c_entry_of_another_signer(forge: Forge, rekor: RekorVersion) -> Scene:
    """All of it another's, and genuine."""
    other = forge.signing(rekor)
    return _heard(forge.signing(rekor).parts(other.parts().entry), forge)


@bad(Code.SIGNATURE_LOG)
def case_20d_entry_of_other_content(forge: Forge, rekor: RekorVersion) -> Scene:
    """This very signature, logged as that of other content: logs do not look."""
    signing = forge.signing(rekor)
    other = Envelope(statement(version="1.1"), signing.payload_type, signing.envelope.signatures)
    return _heard(signing.parts(signing.log(other, signing.certificate)), forge)


@bad(Code.SIGNATURE_LOG, "v1")
def case_20e_entry_of_two_signatures(forge: Forge, rekor: RekorVersion) -> Scene:
    """An entry of this signature and another: the log vouches for an envelope that nobody has seen."""
    signing = forge.signing(rekor)
    again = sign_envelope(signing.payload, signing.key).signatures
    both = dataclasses.replace(signing.envelope, signatures=signing.envelope.signatures + again)
    return _heard(signing.parts(signing.log(both, signing.certificate)), forge)


@bad(Code.SIGNATURE_LOG)
def case_21a_entry_of_another_certificate(forge: Forge, rekor: RekorVersion) -> Scene:
    """This signature, logged as by another certificate of the same signer and key."""
    signing = forge.signing(rekor)
    twin = forge.signing(rekor, key=signing.key).certificate
    assert twin != signing.certificate
    return _heard(signing.parts(signing.log(signing.envelope, twin)), forge)


@bad(Code.SIGNATURE_LOG)
def case_21b_entry_of_anothers_certificate(forge: Forge, rekor: RekorVersion) -> Scene:
    """This signature, logged as by the certificate of another key."""
    signing = forge.signing(rekor)
    other = forge.signing(rekor).certificate
    return _heard(signing.parts(signing.log(signing.envelope, other)), forge)


@bad(Code.SIGNATURE_TIMESTAMP, "v1")
def case_22a_no_promise(forge: Forge, rekor: RekorVersion) -> Scene:
    """Without it nobody has signed the time in the entry."""
    return _heard(forge.signing(rekor).parts().with_entry(promise=None), forge)


@bad(Code.SIGNATURE_LOG, "v1")
def case_22b_promise_forged(forge: Forge, rekor: RekorVersion) -> Scene:
    """Another key's promise about this entry, in the name of the log that hosts know."""
    parts = forge.signing(rekor).parts()
    impostor = RekorV1(ec.generate_private_key(ec.SECP256R1()))
    impostor.log_id = parts.entry.log_id
    assert parts.entry.integrated_time is not None
    promise = impostor.promise(parts.entry.body, parts.entry.integrated_time, parts.entry.log_index)
    return _heard(parts.with_entry(promise=promise), forge)


@bad(Code.SIGNATURE_LOG, "v1")
def case_22c_promise_of_another_entry(forge: Forge, rekor: RekorVersion) -> Scene:
    other = forge.signing(rekor).parts().entry
    return _heard(forge.signing(rekor).parts().with_entry(promise=other.promise), forge)


@bad(Code.SIGNATURE_LOG, "v1")
def case_23a_integrated_time_altered(forge: Forge, rekor: RekorVersion) -> Scene:
    """By a minute, within the certificate's validity."""
    parts = forge.signing(rekor).parts()
    assert parts.entry.integrated_time is not None
    return _heard(parts.with_entry(integrated_time=parts.entry.integrated_time + 60), forge)


@bad(Code.SIGNATURE_LOG, "v1")
def case_23b_late_signature_dated_back(forge: Forge, rekor: RekorVersion) -> Scene:
    """Logged a day after the certificate ended, as with a stolen key, and dated back into its validity."""
    signing = forge.signing(rekor)
    late = dataclasses.replace(signing, logged=signing.at + timedelta(days=1))
    return _heard(late.parts().with_entry(integrated_time=int(signing.at.timestamp()) + 60), forge)
