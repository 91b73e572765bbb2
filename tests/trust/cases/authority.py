"""Cases 7 to 9: genuine in all but who issued the signer's certificate."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Any

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding

from tests.trust.beliefs import RELEASER, in_instance
from tests.trust.case import Scene, bad
from tests.trust.leaves import replacing
from tidegate_publisher.devstack.sigstore.bundle import to_bytes
from tidegate_publisher.devstack.sigstore.ca import Issuer
from tidegate_publisher.devstack.sigstore.entry import encode
from tidegate_schemas.codes import Code

if TYPE_CHECKING:
    from tests.trust.forge import Forge, Signing
    from tests.trust.leaves import Edit
    from tidegate_publisher.devstack.sigstore import LocalSigstore
    from tidegate_publisher.devstack.sigstore.trust import RekorVersion


def _made_by(instance: LocalSigstore, forge: Forge, rekor: RekorVersion) -> Scene:
    """Signed in another instance; who believes in that one believes it."""
    return Scene(forge.signing(rekor, by=instance).message(), forge.beliefs, in_instance(instance))


def _with_leaf(edit: Edit, forge: Forge, rekor: RekorVersion) -> Scene:
    return Scene(forge.signing(rekor, edit=edit).message(), forge.beliefs)


@bad(Code.SIGNATURE_ROOT)
def case_07a_another_instance(forge: Forge, rekor: RekorVersion) -> Scene:
    """All of it made in another Sigstore."""
    return _made_by(forge.stranger, forge, rekor)


@bad(Code.SIGNATURE_ROOT)
def case_07b_authority_of_another_instance(forge: Forge, rekor: RekorVersion) -> Scene:
    """Certified in another Sigstore, logged and stamped in ours."""
    theirs = forge.stranger.material
    return _made_by(forge.instance(root=theirs.root, intermediate=theirs.intermediate), forge, rekor)


@bad(Code.SIGNATURE_ROOT)
def case_08_look_alike_authority(forge: Forge, rekor: RekorVersion) -> Scene:
    """Another key under all else that our authority has: name, serial number, key id; a root like ours."""
    ours = forge.sigstore.material
    root = _look_alike(ours.root, ours.root, None)
    intermediate = _look_alike(ours.intermediate, ours.root, root)
    pointing_at_ours = replacing(_key_id_of(ours.intermediate), critical=False)
    instance = forge.instance(root=root, intermediate=intermediate)
    message = forge.signing(rekor, by=instance, edit=pointing_at_ours).message()
    return Scene(message, forge.beliefs, in_instance(instance))


def _key_id_of(issuer: Issuer) -> x509.AuthorityKeyIdentifier:
    found = issuer.certificate.extensions.get_extension_for_class(x509.SubjectKeyIdentifier)
    return x509.AuthorityKeyIdentifier.from_issuer_subject_key_identifier(found.value)


def _look_alike(model: Issuer, model_parent: Issuer, parent: Issuer | None) -> Issuer:
    """Every field of the model's certificate, about another key, signed by `parent` or by itself."""
    key = ec.generate_private_key(ec.SECP384R1())
    like = model.certificate
    builder = x509.CertificateBuilder(
        like.issuer,
        like.subject,
        key.public_key(),
        like.serial_number,
        like.not_valid_before_utc,
        like.not_valid_after_utc,
    )
    assert model_parent.certificate.subject == like.issuer
    for extension in like.extensions:
        builder = builder.add_extension(extension.value, extension.critical)
    signer = parent or Issuer(like, key)
    return Issuer(signer.finish(builder), key)


def _signed_by_a_leaf(forge: Forge, rekor: RekorVersion) -> tuple[Signing, Issuer]:
    """A stranger with a genuine certificate certifies the releaser with it."""
    key = ec.generate_private_key(ec.SECP256R1())
    stranger = dataclasses.replace(RELEASER, san="https://stranger.example/ci")
    genuine = forge.signing(rekor, key=key, identity=stranger).certificate
    issuer = Issuer(genuine, key)
    return forge.signing(rekor, ca=issuer), issuer


@bad(Code.SIGNATURE_ROOT)
def case_09a_leaf_issued_by_leaf(forge: Forge, rekor: RekorVersion) -> Scene:
    """The releaser's certificate, issued with a genuine certificate that may issue nothing."""
    signing, _ = _signed_by_a_leaf(forge, rekor)
    return Scene(signing.message(), forge.beliefs)


@bad(Code.SIGNATURE_MALFORMED)
def case_09b_leaf_issued_by_leaf_with_its_chain(forge: Forge, rekor: RekorVersion) -> Scene:
    """The same, with both certificates in the bundle."""
    signing, issuer = _signed_by_a_leaf(forge, rekor)
    data = signing.parts().data()
    material: dict[str, Any] = data["verificationMaterial"]
    encoded = encode(issuer.certificate.public_bytes(Encoding.DER))
    chain = [material.pop("certificate"), {"rawBytes": encoded}]
    material["x509CertificateChain"] = {"certificates": chain}
    return Scene(to_bytes(data), forge.beliefs)


@bad(Code.SIGNATURE_ROOT)
def case_09c_authority_as_signer(forge: Forge, rekor: RekorVersion) -> Scene:
    """The signer's certificate is an authority's."""
    return _with_leaf(replacing(x509.BasicConstraints(ca=True, path_length=0), critical=True), forge, rekor)
