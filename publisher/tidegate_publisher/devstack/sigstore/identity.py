"""From a token's claims to what a Fulcio certificate says about its holder: the SAN and the extensions.

Source: fulcio docs/oid-info.md (arc 1.3.6.1.4.1.57264.1) and its mapping for each kind of issuer.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from cryptography import x509
from cryptography.hazmat import asn1

if TYPE_CHECKING:
    from tidegate_publisher.devstack.sigstore.claims import Claims

FULCIO_ARC = "1.3.6.1.4.1.57264.1"
# Up to .6 the value is the bare string; from .8 on it is a DER UTF8String.
LAST_BARE = 6

ISSUER, ISSUER_V2 = 1, 8
(WORKFLOW_TRIGGER, WORKFLOW_SHA, WORKFLOW_NAME, WORKFLOW_REPOSITORY, WORKFLOW_REF) = range(2, 7)
BUILD_SIGNER_URI, BUILD_SIGNER_DIGEST, RUNNER_ENVIRONMENT = 9, 10, 11
SOURCE_URI, SOURCE_DIGEST, SOURCE_REF, SOURCE_ID, SOURCE_OWNER_URI, SOURCE_OWNER_ID = range(12, 18)
BUILD_CONFIG_URI, BUILD_CONFIG_DIGEST, BUILD_TRIGGER, RUN_INVOCATION_URI, SOURCE_VISIBILITY = range(18, 23)
TOKEN_SUBJECT = 24


@dataclass(frozen=True, slots=True)
class Identity:
    """Who a certificate is for.

    Attributes:
        san: the subject alternative name: a URI if it holds `://`, else an e-mail address.
        issuer: the OIDC issuer that vouches for it; None leaves both issuer extensions out.
        extensions: more Fulcio extensions, by the last number of their OID.
    """

    san: str
    issuer: str | None
    extensions: Mapping[int, str] = field(default_factory=dict)

    def general_name(self) -> x509.GeneralName:
        """The SAN in X.509's terms."""
        if "://" in self.san:
            return x509.UniformResourceIdentifier(self.san)
        return x509.RFC822Name(self.san)

    def x509_extensions(self) -> list[x509.UnrecognizedExtension]:
        """All Fulcio extensions, in the order of their OIDs."""
        values = dict(self.extensions)
        if self.issuer is not None:
            values |= {ISSUER: self.issuer, ISSUER_V2: self.issuer}
        return [fulcio_extension(number, values[number]) for number in sorted(values)]


def fulcio_extension(number: int, value: str) -> x509.UnrecognizedExtension:
    """Encode one extension of Fulcio's arc, in the old form or the new one as its number asks."""
    oid = x509.ObjectIdentifier(f"{FULCIO_ARC}.{number}")
    encoded = value.encode() if number <= LAST_BARE else asn1.encode_der(value)
    return x509.UnrecognizedExtension(oid, encoded)


def identity_of(claims: Claims) -> Identity:
    """The identity that Fulcio would certify for these claims.

    Raises:
        ValueError: a claim that is needed is missing or not a string.
    """
    if "job_workflow_ref" in claims:
        return _github(claims)
    if "ci_config_ref_uri" in claims:
        return _gitlab(claims)
    if "email" in claims:
        if claims.get("email_verified") is not True:
            raise ValueError("the token's email is not verified (claim email_verified)")
        return Identity(_text(claims, "email"), _text(claims, "iss"))
    return Identity(_text(claims, "sub"), _text(claims, "iss"))


def _text(claims: Claims, name: str) -> str:
    value = claims.get(name)
    if not isinstance(value, str) or not value:
        raise ValueError(f"the token has no claim {name!r}, or it is not a string")
    return value


def _github(claims: Claims) -> Identity:
    server = "https://github.com"
    repository = f"{server}/{_text(claims, 'repository')}"
    signer = f"{server}/{_text(claims, 'job_workflow_ref')}"
    run = f"{repository}/actions/runs/{_text(claims, 'run_id')}/attempts/{_text(claims, 'run_attempt')}"
    extensions = {
        WORKFLOW_TRIGGER: _text(claims, "event_name"),
        WORKFLOW_SHA: _text(claims, "sha"),
        WORKFLOW_NAME: _text(claims, "workflow"),
        WORKFLOW_REPOSITORY: _text(claims, "repository"),
        WORKFLOW_REF: _text(claims, "ref"),
        BUILD_SIGNER_URI: signer,
        BUILD_SIGNER_DIGEST: _text(claims, "job_workflow_sha"),
        RUNNER_ENVIRONMENT: _text(claims, "runner_environment"),
        SOURCE_URI: repository,
        SOURCE_DIGEST: _text(claims, "sha"),
        SOURCE_REF: _text(claims, "ref"),
        SOURCE_ID: _text(claims, "repository_id"),
        SOURCE_OWNER_URI: f"{server}/{_text(claims, 'repository_owner')}",
        SOURCE_OWNER_ID: _text(claims, "repository_owner_id"),
        BUILD_CONFIG_URI: f"{server}/{_text(claims, 'workflow_ref')}",
        BUILD_CONFIG_DIGEST: _text(claims, "workflow_sha"),
        BUILD_TRIGGER: _text(claims, "event_name"),
        RUN_INVOCATION_URI: run,
        SOURCE_VISIBILITY: _text(claims, "repository_visibility"),
        TOKEN_SUBJECT: _text(claims, "sub"),
    }
    return Identity(signer, _text(claims, "iss"), extensions)


def _gitlab(claims: Claims) -> Identity:
    server = "https://gitlab.com"
    project = f"{server}/{_text(claims, 'project_path')}"
    config = f"https://{_text(claims, 'ci_config_ref_uri')}"
    heads = "heads" if _text(claims, "ref_type") == "branch" else "tags"
    extensions = {
        BUILD_SIGNER_URI: config,
        BUILD_SIGNER_DIGEST: _text(claims, "ci_config_sha"),
        RUNNER_ENVIRONMENT: _text(claims, "runner_environment"),
        SOURCE_URI: project,
        SOURCE_DIGEST: _text(claims, "sha"),
        SOURCE_REF: f"refs/{heads}/{_text(claims, 'ref')}",
        SOURCE_ID: _text(claims, "project_id"),
        SOURCE_OWNER_URI: f"{server}/{_text(claims, 'namespace_path')}",
        SOURCE_OWNER_ID: _text(claims, "namespace_id"),
        BUILD_CONFIG_URI: config,
        BUILD_CONFIG_DIGEST: _text(claims, "ci_config_sha"),
        BUILD_TRIGGER: _text(claims, "pipeline_source"),
        RUN_INVOCATION_URI: f"{project}/-/jobs/{_text(claims, 'job_id')}",
        SOURCE_VISIBILITY: _text(claims, "project_visibility"),
        TOKEN_SUBJECT: _text(claims, "sub"),
    }
    return Identity(config, _text(claims, "iss"), extensions)
