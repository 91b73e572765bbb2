"""What was genuinely signed: by a local Sigstore and by keys that nobody has any more.

`seeds.py` made them once and forgot the keys, so nothing else can ever be genuine. Only files are named here:
what is fuzzed must not be imported before atheris can instrument it.
"""

from __future__ import annotations

from functools import cache
from pathlib import Path

FOLDER = Path(__file__).with_name("genuine")
BUNDLES = FOLDER / "bundles"
ROOT = FOLDER / "trusted_root.json"
PUBLIC_KEY = FOLDER / "release.pem"
DEVICE_KEY = FOLDER / "device.pem"
SIGNED_EVENT = FOLDER.parent / "corpus" / "events" / "signed.json"
IMAGE = "sha256:" + "a" * 64
"""The image whose signature is looked for."""

SECOND = "second@example.org"
"""Who has to cosign."""


@cache
def messages() -> tuple[bytes, ...]:
    """All messages, also those by a stranger and for another channel: parts for a forger."""
    return tuple(path.read_bytes() for path in sorted(BUNDLES.iterdir()))
