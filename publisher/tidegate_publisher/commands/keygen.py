"""`tidegate keygen`."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import TYPE_CHECKING

import click

from tidegate_publisher.options.key import PASSWORD
from tidegate_publisher.options.speech import output_options

if TYPE_CHECKING:
    from tidegate_publisher.output import Output


@click.command(short_help="Make a key pair for signing without Sigstore.")
@click.argument("out", type=click.Path(path_type=Path), metavar="OUT")
@output_options
def keygen(out: Path, output: Output) -> None:
    """Make a key pair for signing without Sigstore: OUT.key and OUT.pub, EC P-256 in PEM form.

    For fleets that no Sigstore reaches. Sign with --key OUT.key; give OUT.pub to hosts, as `key` of a signer.
    At its end it prints the lines of a signers.toml with this key, which --signers and hosts take.
    Set TIDEGATE_KEY_PASSWORD to encrypt OUT.key. Nothing tells when a key signed, and nobody but you can
    withdraw it: keep it where only the release job is, and see `tidegate sign` for what needs no keeping.

    \b
    Examples:
      tidegate keygen release
      tidegate sign release.yaml --sequence 42 --key release.key -o bundle.json

    Refuses to overwrite: a lost key cannot be made again.
    """  # noqa: D301 -- \b is click's mark for lines that stay as they are
    from tidegate_publisher.adapters.key_file import make_pair  # noqa: PLC0415 -- cryptography, 0.1 s

    if not out.parent.is_dir() or not out.name:
        raise click.UsageError(f"there is no folder {out.parent}")
    password = os.environ.get(PASSWORD) or None
    pair = make_pair(out, password)
    if password is None:
        output.note(f"{pair.private} is not encrypted: whoever reads it can sign ({PASSWORD} encrypts)")
    rows = [
        ("private key", str(pair.private)),
        ("public key", str(pair.public)),
        ("fingerprint", f"SHA256:{pair.fingerprint}"),
    ]
    signers = signers_toml(pair.public)
    document = {
        "privateKey": str(pair.private),
        "publicKey": str(pair.public),
        "fingerprint": pair.fingerprint,
        "encrypted": password is not None,
        "signers": signers,
    }
    output.result(rows, document)
    if not output.as_json:
        output.text(f"\nWho trusts this key says so in a signers.toml beside it:\n\n{signers.rstrip()}", {})


def signers_toml(public: Path) -> str:
    """The lines that trust a public key; they stand in a file in the same folder."""
    return f"[[signers]]\nname = {_toml(public.stem)}\nkey = {_toml(public.name)}\n"


def _toml(text: str) -> str:
    # TOML's basic strings are JSON's, but for a few escapes that json.dumps does not use.
    return json.dumps(text, ensure_ascii=False).replace("\x7f", "\\u007F")
