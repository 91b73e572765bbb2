"""Signers' certificates that Fulcio would not issue, complete with a genuine proof of the CT log."""

from __future__ import annotations

from collections.abc import Callable, MutableMapping
from typing import TYPE_CHECKING

from cryptography import x509

from tidegate_publisher.devstack.sigstore.ctlog import CtLog, sct_extension
from tidegate_publisher.devstack.sigstore.keys import public_key_id

if TYPE_CHECKING:
    from tidegate_publisher.devstack.sigstore.ca import Issuer

Extensions = MutableMapping[x509.ObjectIdentifier, tuple[x509.ExtensionType, bool]]
"""Extensions by their ids, each with whether it is critical."""

Edit = Callable[[Extensions], object]
"""Alters them in place."""


def reissue(
    ca: Issuer, ctlog: CtLog | None, precertificate: x509.Certificate, edit: Edit
) -> x509.Certificate:
    """The certificate with altered extensions, signed by the same authority and vouched for by the log."""
    extensions: Extensions = {
        extension.oid: (extension.value, extension.critical) for extension in precertificate.extensions
    }
    edit(extensions)
    start = precertificate.not_valid_before_utc
    lifetime = precertificate.not_valid_after_utc - start
    builder = ca.begin(precertificate.subject, precertificate.public_key(), start, lifetime)
    for value, critical in extensions.values():
        builder = builder.add_extension(value, critical)
    plain = ca.finish(builder)
    if ctlog is None:
        return plain
    sct = ctlog.sign(plain.tbs_certificate_bytes, public_key_id(ca.key.public_key()), start)
    return ca.finish(builder.add_extension(sct_extension([sct]), critical=False))


def replacing(value: x509.ExtensionType, *, critical: bool) -> Edit:
    """Puts this extension in the place of the one of its kind."""

    def edit(extensions: Extensions) -> None:
        extensions[value.oid] = (value, critical)

    return edit


def dropping(kind: type[x509.ExtensionType]) -> Edit:
    """Leaves an extension out."""
    return lambda extensions: extensions.pop(kind.oid)
