"""`tidegate verify-image`."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import click

from tidegate_publisher import wiring
from tidegate_publisher.options.key import KeyFile, own_key_options
from tidegate_publisher.options.speech import output_options
from tidegate_publisher.options.trust import Trust, trust_options

if TYPE_CHECKING:
    from tidegate_publisher.output import Output


@click.command("verify-image", short_help="Check an image's own signature as hosts do.")
@click.argument("image", metavar="IMAGE@DIGEST")
@click.option(
    "--predicate",
    "predicates",
    multiple=True,
    type=click.Choice(["signature", "provenance"]),
    help="What counts; repeat for both.  [default: as the signers file says, else both]",
)
@own_key_options
@trust_options
@output_options
def verify_image(
    *, image: str, predicates: tuple[str, ...], own_key: KeyFile | None, trust: Trust, output: Output
) -> None:
    """Check an image's own signature, where it lies in the registry, as hosts with image_signature do.

    It looks where hosts look: for cosign 3 bundles and artifact attestations that refer to the digest, and
    where keys are trusted also for cosign's older form. Who has to have signed is said by image_signers and
    image_threshold of the signers file, else by its signers; or by --key, or --identity and --issuer. A tag
    is resolved first, and you are told to what.

    \b
    Examples:
      tidegate verify-image registry.example/os@sha256:… --signers signers.toml
      tidegate verify-image registry.example/os:1.3 --predicate provenance --signers signers.toml

    Exit code 4 when it is not signed, or not by those.
    """  # noqa: D301 -- \b is click's mark for lines that stay as they are
    from tidegate_publisher.adapters.image_resolver import RegistryResolver  # noqa: PLC0415 -- urllib3
    from tidegate_wire.registry.settings import RegistrySettings  # noqa: PLC0415 -- the same

    trust = trust.beside(own_key)
    signatures = wiring.image_signatures(trust.image_policy(predicates), trust)
    with output.phase(f"resolving {image}"):
        found = RegistryResolver(RegistrySettings.from_environment(os.environ, os.getuid())).resolve(image)
    if found.tag is not None:
        output.note(f"{found.repository}:{found.tag} is {found.digest} now")
    with output.phase("verifying"):
        signers = signatures.require((found.repository,), found.digest)
    rows = [
        ("result", "verified"),
        ("image", f"{found.repository}@{found.digest}"),
        ("signer", "\n".join(map(str, signers))),
    ]
    document = {
        "verified": True,
        "image": found.repository,
        "digest": found.digest,
        "signers": [{"identity": one.identity, "issuer": one.issuer} for one in signers],
    }
    output.result(rows, document)
