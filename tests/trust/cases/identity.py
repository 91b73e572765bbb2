"""Cases 1 to 6: genuine in all but who signed."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING

from cryptography import x509

from tests.trust.beliefs import RELEASER, Beliefs, in_instance, trusting, trusting_identity, trusting_workflow
from tests.trust.case import Scene, bad
from tests.trust.leaves import Extensions, replacing
from tidegate_publisher.devstack.sigstore import email_claims, github_claims
from tidegate_publisher.devstack.sigstore.identity import (
    ISSUER_V2,
    SOURCE_ID,
    Identity,
    fulcio_extension,
    identity_of,
)
from tidegate_schemas.codes import Code

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tests.trust.forge import Forge
    from tidegate_publisher.devstack.sigstore.trust import RekorVersion

_STRANGERS_ISSUER = "https://issuer.example"


def _signed_by(identity: Identity, forge: Forge, rekor: RekorVersion) -> Scene:
    """Signed by somebody else; who trusts them believes it."""
    message = forge.signing(rekor, identity=identity).message()
    return Scene(message, forge.beliefs, in_instance(forge.sigstore, trusting_identity(identity)))


def _named(san: str) -> Identity:
    return dataclasses.replace(RELEASER, san=san)


@bad(Code.SIGNATURE_IDENTITY)
def case_01a_another_workflow(forge: Forge, rekor: RekorVersion) -> Scene:
    """Another workflow of the same repository at the same tag."""
    return _signed_by(identity_of(github_claims("example/os", "test.yml", "refs/tags/v2")), forge, rekor)


@bad(Code.SIGNATURE_IDENTITY)
def case_01b_a_person(forge: Forge, rekor: RekorVersion) -> Scene:
    """A person whom the same issuer is said to have vouched for."""
    assert RELEASER.issuer is not None
    return _signed_by(identity_of(email_claims("release@example.org", RELEASER.issuer)), forge, rekor)


@bad(Code.SIGNATURE_IDENTITY)
def case_01c_other_letter_case(forge: Forge, rekor: RekorVersion) -> Scene:
    """The trusted name, but for capitals."""
    return _signed_by(_named(RELEASER.san.replace("/example/os/", "/Example/OS/")), forge, rekor)


@bad(Code.SIGNATURE_MALFORMED)
def case_01d_two_names(forge: Forge, rekor: RekorVersion) -> Scene:
    """One certificate for a stranger and for the releaser: an `in` would find the trusted one."""
    names = [x509.UniformResourceIdentifier(name) for name in ("https://stranger.example/ci", RELEASER.san)]
    edit = replacing(x509.SubjectAlternativeName(names), critical=True)
    return Scene(forge.signing(rekor, edit=edit).message(), forge.beliefs)


@bad(Code.SIGNATURE_MALFORMED)
def case_01e_another_kind_of_name(forge: Forge, rekor: RekorVersion) -> Scene:
    """The trusted text as the name of a host, which Fulcio never gives."""
    name = x509.SubjectAlternativeName([x509.DNSName(RELEASER.san)])
    return Scene(forge.signing(rekor, edit=replacing(name, critical=True)).message(), forge.beliefs)


@bad(Code.SIGNATURE_IDENTITY)
def case_02a_san_prefix(forge: Forge, rekor: RekorVersion) -> Scene:
    """A name that the trusted one begins with."""
    return _signed_by(_named(RELEASER.san[:-1]), forge, rekor)


@bad(Code.SIGNATURE_IDENTITY)
def case_02b_san_suffix(forge: Forge, rekor: RekorVersion) -> Scene:
    """A name that begins with the trusted one."""
    return _signed_by(_named(RELEASER.san + "0"), forge, rekor)


@bad(Code.SIGNATURE_IDENTITY)
def case_02c_san_within(forge: Forge, rekor: RekorVersion) -> Scene:
    """A name that holds the trusted one in its midst."""
    return _signed_by(_named(f"https://evil.example/?{RELEASER.san}#"), forge, rekor)


@bad(Code.SIGNATURE_IDENTITY)
def case_02d_san_with_an_end_of_line(forge: Forge, rekor: RekorVersion) -> Scene:
    """The trusted name and a line feed, before which a `$` would match."""
    return _signed_by(_named(RELEASER.san + "\n"), forge, rekor)


@bad(Code.SIGNATURE_IDENTITY)
def case_03a_wrong_issuer(forge: Forge, rekor: RekorVersion) -> Scene:
    """The trusted name, vouched for by somebody else."""
    return _signed_by(dataclasses.replace(RELEASER, issuer=_STRANGERS_ISSUER), forge, rekor)


@bad(Code.SIGNATURE_IDENTITY)
def case_03b_issuer_in_the_old_extension(forge: Forge, rekor: RekorVersion) -> Scene:
    """The trusted issuer in the deprecated extension .1.1, another in the one that counts, .1.8."""
    edit = replacing(fulcio_extension(ISSUER_V2, _STRANGERS_ISSUER), critical=False)
    message = forge.signing(rekor, edit=edit).message()
    return Scene(message, forge.beliefs, in_instance(forge.sigstore, trusting(issuer=_STRANGERS_ISSUER)))


@bad(Code.SIGNATURE_IDENTITY)
def case_03c_no_issuer(forge: Forge, rekor: RekorVersion) -> Scene:
    """The trusted issuer in the deprecated extension .1.1 alone."""

    def edit(extensions: Extensions) -> None:
        del extensions[fulcio_extension(ISSUER_V2, "").oid]

    return Scene(forge.signing(rekor, edit=edit).message(), forge.beliefs)


@bad(Code.SIGNATURE_IDENTITY)
def case_03d_issuer_prefix(forge: Forge, rekor: RekorVersion) -> Scene:
    """An issuer whose name begins with the trusted one's."""
    return _signed_by(dataclasses.replace(RELEASER, issuer=f"{RELEASER.issuer}.evil.example"), forge, rekor)


def _by_job(claims: Mapping[str, object], forge: Forge, rekor: RekorVersion) -> Scene:
    """Signed by another CI job than the careful host trusts; who trusts exactly this name believes it."""
    identity = identity_of(claims)
    message = forge.signing(rekor, identity=identity).message()
    careful = Beliefs(forge.beliefs.root, trusting_workflow())
    return Scene(message, careful, in_instance(forge.sigstore, trusting_identity(identity)))


@bad(Code.SIGNATURE_IDENTITY)
def case_04a_another_source_repository(forge: Forge, rekor: RekorVersion) -> Scene:
    """The trusted workflow at the trusted tag, called from a stranger's repository: the SAN is the same."""
    workflow = RELEASER.san.removeprefix("https://github.com/")
    claims = github_claims("stranger/os", "ci.yml", "refs/tags/v2", job_workflow_ref=workflow)
    assert identity_of(claims).san == RELEASER.san
    return _by_job(claims, forge, rekor)


@bad(Code.SIGNATURE_IDENTITY)
def case_04b_repository_of_the_same_name(forge: Forge, rekor: RekorVersion) -> Scene:
    """A repository that was given up, and made anew by somebody else under its name."""
    return _by_job(github_claims("example/os", ref="refs/tags/v2", repository_id="666"), forge, rekor)


@bad(Code.SIGNATURE_IDENTITY)
def case_04c_repository_without_its_number(forge: Forge, rekor: RekorVersion) -> Scene:
    """A certificate that does not say which repository it was, but for its name."""
    silent = {number: text for number, text in RELEASER.extensions.items() if number != SOURCE_ID}
    message = forge.signing(rekor, identity=dataclasses.replace(RELEASER, extensions=silent)).message()
    return Scene(message, Beliefs(forge.beliefs.root, trusting_workflow()), forge.beliefs)


@bad(Code.SIGNATURE_IDENTITY)
def case_05a_branch_instead_of_tag(forge: Forge, rekor: RekorVersion) -> Scene:
    return _by_job(github_claims("example/os", ref="refs/heads/main"), forge, rekor)


@bad(Code.SIGNATURE_IDENTITY)
def case_05b_tagged_workflow_on_a_branch(forge: Forge, rekor: RekorVersion) -> Scene:
    """The workflow of the tag, called for what is on a branch."""
    workflow = RELEASER.san.removeprefix("https://github.com/")
    claims = github_claims("example/os", ref="refs/heads/main", job_workflow_ref=workflow)
    return _by_job(claims, forge, rekor)


@bad(Code.SIGNATURE_IDENTITY)
def case_05c_branch_named_like_a_tag(forge: Forge, rekor: RekorVersion) -> Scene:
    """The pattern fits the end of it."""
    return _by_job(github_claims("example/os", ref="refs/heads/refs/tags/v2"), forge, rekor)


@bad(Code.SIGNATURE_IDENTITY)
def case_05d_tag_with_more(forge: Forge, rekor: RekorVersion) -> Scene:
    """The pattern fits the beginning of it."""
    return _by_job(github_claims("example/os", ref="refs/tags/v2-rc1"), forge, rekor)


@bad(Code.SIGNATURE_IDENTITY)
def case_05e_tag_with_an_end_of_line(forge: Forge, rekor: RekorVersion) -> Scene:
    """The pattern fits the line."""
    return _by_job(github_claims("example/os", ref="refs/tags/v2\n"), forge, rekor)


@bad(Code.SIGNATURE_IDENTITY)
def case_05f_branch_that_ends_in_a_tag(forge: Forge, rekor: RekorVersion) -> Scene:
    """Branches may hold an `@`, which separates workflow and ref in the SAN: `x@refs/tags/v2`."""
    return _by_job(github_claims("example/os", ref="refs/heads/x@refs/tags/v2"), forge, rekor)


@bad(Code.TRUST_POLICY_EMPTY)
def case_06_empty_policy(forge: Forge, rekor: RekorVersion) -> Scene:
    """A host that was told of no signer: it believes nobody, not everybody."""
    return Scene(forge.signing(rekor).message(), Beliefs(forge.beliefs.root, None), forge.beliefs)
