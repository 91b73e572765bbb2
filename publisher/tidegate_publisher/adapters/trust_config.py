"""Which Sigstore is used: the public good instance, or a private one by its client trust config."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Final

from tidegate_schemas import jsontext
from tidegate_schemas.codes import Code, TidegateError
from tidegate_wire.trust.root import PUBLIC_GOOD, PinnedRoot, load_root, parse_root

if TYPE_CHECKING:
    from pathlib import Path

MAX_BYTES: Final = 512 * 1024


def read_trust_config(path: Path) -> str:
    """A client trust config's text, checked to be JSON of that type.

    Raises:
        TidegateError: CONFIG_MISSING when it cannot be read, CONFIG_VALUE when it is something else.
    """
    return json.dumps(_read(path))


def trusted_root_of(trust_config: Path | None, trusted_root: Path | None) -> PinnedRoot:
    """The root to verify against: the file that hosts pin, else the trust config's, else the public good one.

    As on hosts, the word `public-good` in place of the file names the public good one.

    Raises:
        TidegateError: CONFIG_*, TRUST_ROOT_MISSING.
    """
    if trusted_root is not None:
        return load_root(PUBLIC_GOOD if str(trusted_root) == PUBLIC_GOOD else trusted_root)
    if trust_config is None:
        return load_root(PUBLIC_GOOD)
    return parse_root(json.dumps(_read(trust_config)["trustedRoot"]).encode(), str(trust_config))


def _read(path: Path) -> dict[str, object]:
    try:
        with path.open("rb") as file:
            raw = file.read(MAX_BYTES + 1)
    except OSError as error:
        raise TidegateError(
            Code.CONFIG_MISSING, f"--trust-config {path} cannot be read: {error.strerror}"
        ) from error
    try:
        content = jsontext.parse(raw, MAX_BYTES)
    except TidegateError as error:
        raise TidegateError(Code.CONFIG_VALUE, f"--trust-config {path}: {error.reason}") from error
    if not isinstance(content, dict) or not {"trustedRoot", "signingConfig"} <= content.keys():
        reason = f"--trust-config {path} is no client trust config: it lacks trustedRoot or signingConfig"
        raise TidegateError(Code.CONFIG_VALUE, reason)
    return content
