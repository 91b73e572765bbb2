"""Cases 24 to 28: genuine in all but when it was signed, and by whose clock, and under whose key."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Final

from cryptography.hazmat.primitives.asymmetric import ec

from tests.trust.beliefs import RELEASER, in_instance
from tests.trust.case import Scene, bad
from tests.trust.releases import SIGNED
from tests.trust.roots import Kind, also_naming
from tidegate_publisher.devstack.sigstore.ca import Issuer, LeafRequest
from tidegate_publisher.devstack.sigstore.dsse import sign_envelope
from tidegate_publisher.devstack.sigstore.tsa import stamping_certificate
from tidegate_schemas.codes import Code

if TYPE_CHECKING:
    from tests.trust.forge import Forge
    from tidegate_publisher.devstack.sigstore import LocalSigstore
    from tidegate_publisher.devstack.sigstore.trust import RekorVersion

_DAY: Final = timedelta(days=1)
_MOST_TIMESTAMPS: Final = 32


@bad(Code.SIGNATURE_TIMESTAMP)
def case_24a_signed_after_the_certificate(forge: Forge, rekor: RekorVersion) -> Scene:
    """A second after its end, as the log (v1) or the time-stamp authority (v2) truly says."""
    signing = forge.signing(rekor, logged=SIGNED + timedelta(minutes=10, seconds=1))
    return Scene(signing.message(), forge.beliefs)


@bad(Code.SIGNATURE_TIMESTAMP)
def case_24b_signed_before_the_certificate(forge: Forge, rekor: RekorVersion) -> Scene:
    """A second before its start."""
    return Scene(forge.signing(rekor, logged=SIGNED - timedelta(seconds=1)).message(), forge.beliefs)


@bad(Code.SIGNATURE_TIMESTAMP, "v2")
def case_25a_no_timestamp(forge: Forge, rekor: RekorVersion) -> Scene:
    return Scene(forge.signing(rekor).parts().replace(timestamps=()).message(), forge.beliefs)


@bad(Code.SIGNATURE_TIMESTAMP, "v2")
def case_25b_a_time_that_nobody_signed(forge: Forge, rekor: RekorVersion) -> Scene:
    """A time in the log entry in place of a time-stamp."""
    parts = forge.signing(rekor).parts().replace(timestamps=())
    return Scene(parts.with_entry(integrated_time=int(SIGNED.timestamp())).message(), forge.beliefs)


@bad(Code.SIGNATURE_TIMESTAMP, "v2")
def case_25c_a_promise_that_rekor_v2_never_makes(forge: Forge, rekor: RekorVersion) -> Scene:
    """The same with a promise in the form of Rekor v1."""
    parts = forge.signing(rekor).parts().replace(timestamps=())
    time = int(SIGNED.timestamp())
    promise = forge.sigstore.rekor_v1.promise(parts.entry.body, time, parts.entry.log_index)
    return Scene(parts.with_entry(integrated_time=time, promise=promise).message(), forge.beliefs)


@bad(Code.SIGNATURE_TIMESTAMP, "v2")
def case_26a_timestamp_of_another_signature(forge: Forge, rekor: RekorVersion) -> Scene:
    """Of the same content by the same key."""
    signing = forge.signing(rekor)
    other = sign_envelope(signing.payload, signing.key).signatures[0]
    return Scene(signing.parts().replace(timestamps=(signing.stamp(other),)).message(), forge.beliefs)


@bad(Code.SIGNATURE_TIMESTAMP)
def case_26b_one_timestamp_twice(forge: Forge, rekor: RekorVersion) -> Scene:
    signing = forge.signing(rekor)
    return Scene(signing.parts().replace(timestamps=(signing.stamp(),) * 2).message(), forge.beliefs)


@bad(Code.SIGNATURE_TIMESTAMP)
def case_26c_too_many_timestamps(forge: Forge, rekor: RekorVersion) -> Scene:
    """All of them genuine; each costs a certificate path."""
    signing = forge.signing(rekor)
    stamps = tuple(signing.stamp() for _ in range(_MOST_TIMESTAMPS + 1))
    return Scene(signing.parts().replace(timestamps=stamps).message(), forge.beliefs)


@bad(Code.SIGNATURE_TIMESTAMP, "v2")
def case_27a_untrusted_timestamp_authority(forge: Forge, rekor: RekorVersion) -> Scene:
    theirs = forge.stranger.material
    instance = forge.instance(tsa_root=theirs.tsa_root, tsa=theirs.tsa)
    return Scene(forge.signing(rekor, by=instance).message(), forge.beliefs, in_instance(instance))


@bad(Code.SIGNATURE_TIMESTAMP, "v2")
def case_27b_timestamp_authority_retired(forge: Forge, rekor: RekorVersion) -> Scene:
    theirs = forge.stranger.material
    instance = forge.instance(tsa_root=theirs.tsa_root, tsa=theirs.tsa)
    return _outside_window(instance, "timestampAuthorities", forge, rekor, end=True)


@bad(Code.SIGNATURE_TIMESTAMP, "v2")
def case_27c_timestamp_authority_not_yet_in_use(forge: Forge, rekor: RekorVersion) -> Scene:
    theirs = forge.stranger.material
    instance = forge.instance(tsa_root=theirs.tsa_root, tsa=theirs.tsa)
    return _outside_window(instance, "timestampAuthorities", forge, rekor, end=False)


@bad(Code.SIGNATURE_TIMESTAMP, "v2")
def case_27d_certificate_of_the_timestamp_authority_ended(forge: Forge, rekor: RekorVersion) -> Scene:
    """The root still names it; its certificate ended the day before."""
    root, key = forge.sigstore.material.tsa_root, ec.generate_private_key(ec.SECP256R1())
    started = SIGNED - timedelta(days=3651)
    return _stamped_by(Issuer(stamping_certificate(root, key, started), key), forge, rekor)


@bad(Code.SIGNATURE_TIMESTAMP, "v2")
def case_27e_certificate_not_for_timestamps(forge: Forge, rekor: RekorVersion) -> Scene:
    """A certificate under the right root, for code signing."""
    key = ec.generate_private_key(ec.SECP256R1())
    request = LeafRequest(key.public_key(), RELEASER, SIGNED - _DAY, lifetime=2 * _DAY)
    return _stamped_by(Issuer(forge.sigstore.material.tsa_root.issue(request, None), key), forge, rekor)


def _stamped_by(tsa: Issuer, forge: Forge, rekor: RekorVersion) -> Scene:
    """Stamped under a certificate that the host's root names, beside the one in use."""
    instance = forge.instance(tsa=tsa)
    beliefs = also_naming(forge.sigstore, instance, "timestampAuthorities")
    return Scene(forge.signing(rekor, by=instance).message(), beliefs)


def _outside_window(
    instance: LocalSigstore, kind: Kind, forge: Forge, rekor: RekorVersion, *, end: bool
) -> Scene:
    """Signed a day after a party of the root ended, or a day before it began; else that party is believed."""
    window = {"end": SIGNED - _DAY} if end else {"start": SIGNED + _DAY}
    message = forge.signing(rekor, by=instance).message()
    beliefs = also_naming(forge.sigstore, instance, kind, **window)
    return Scene(message, beliefs, also_naming(forge.sigstore, instance, kind))


def _with_authority(forge: Forge) -> LocalSigstore:
    theirs = forge.stranger.material
    return forge.instance(root=theirs.root, intermediate=theirs.intermediate)


def _with_ctlog(forge: Forge) -> LocalSigstore:
    return forge.instance(ctlog=forge.stranger.material.ctlog)


def _with_tlogs(forge: Forge) -> LocalSigstore:
    theirs = forge.stranger.material
    return forge.instance(rekor_v1=theirs.rekor_v1, rekor_v2=theirs.rekor_v2)


@bad(Code.SIGNATURE_ROOT)
def case_28a_authority_ended(forge: Forge, rekor: RekorVersion) -> Scene:
    return _outside_window(_with_authority(forge), "certificateAuthorities", forge, rekor, end=True)


@bad(Code.SIGNATURE_ROOT)
def case_28b_authority_not_yet_begun(forge: Forge, rekor: RekorVersion) -> Scene:
    return _outside_window(_with_authority(forge), "certificateAuthorities", forge, rekor, end=False)


@bad(Code.SIGNATURE_LOG)
def case_28c_ct_log_ended(forge: Forge, rekor: RekorVersion) -> Scene:
    return _outside_window(_with_ctlog(forge), "ctlogs", forge, rekor, end=True)


@bad(Code.SIGNATURE_LOG)
def case_28d_ct_log_not_yet_begun(forge: Forge, rekor: RekorVersion) -> Scene:
    return _outside_window(_with_ctlog(forge), "ctlogs", forge, rekor, end=False)


@bad(Code.SIGNATURE_LOG)
def case_28e_transparency_log_ended(forge: Forge, rekor: RekorVersion) -> Scene:
    return _outside_window(_with_tlogs(forge), "tlogs", forge, rekor, end=True)


@bad(Code.SIGNATURE_LOG)
def case_28f_transparency_log_not_yet_begun(forge: Forge, rekor: RekorVersion) -> Scene:
    return _outside_window(_with_tlogs(forge), "tlogs", forge, rekor, end=False)


@bad(Code.SIGNATURE_ROOT)
def case_28g_authority_ended_between_certificate_and_signature(forge: Forge, rekor: RekorVersion) -> Scene:
    """The certificate is older than the end, the signature is not."""
    instance = _with_authority(forge)
    signing = forge.signing(rekor, by=instance, logged=SIGNED + timedelta(minutes=5))
    ended = also_naming(forge.sigstore, instance, "certificateAuthorities", end=SIGNED + timedelta(minutes=2))
    whole = also_naming(forge.sigstore, instance, "certificateAuthorities")
    return Scene(signing.message(), ended, whole)
