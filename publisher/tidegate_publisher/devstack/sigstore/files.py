"""The files that a served instance leaves for its clients, beside its keys."""

from __future__ import annotations

import json
import shlex
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from tidegate_publisher.devstack.sigstore.material import read_capped
from tidegate_schemas.codes import Code, TidegateError

if TYPE_CHECKING:
    from tidegate_publisher.devstack.sigstore.instance import LocalSigstore
    from tidegate_publisher.devstack.sigstore.trust import RekorVersion


@dataclass(frozen=True, slots=True)
class InstanceFiles:
    """Where everything lies.

    Attributes:
        directory: the instance's directory.
    """

    directory: Path

    @property
    def keys(self) -> Path:
        """The directory of the private keys."""
        return self.directory / "keys"

    @property
    def trusted_root(self) -> Path:
        """What verifiers need."""
        return self.directory / "trusted_root.json"

    @property
    def signing_config(self) -> Path:
        """What signers need besides."""
        return self.directory / "signing_config.json"

    @property
    def trust_config(self) -> Path:
        """Both in one: sigstore's ClientTrustConfig."""
        return self.directory / "trust_config.json"

    @property
    def token(self) -> Path:
        """A script that prints an identity token."""
        return self.directory / "token"

    def write(self, sigstore: LocalSigstore, url: str, rekor: RekorVersion) -> None:
        """Write them for an instance served at `url`.

        Raises:
            OSError: the directory cannot be written.
        """
        replace(self.trusted_root, sigstore.trusted_root_json())
        replace(self.signing_config, sigstore.signing_config_json(url, rekor))
        replace(self.trust_config, sigstore.client_trust_config_json(url, rekor))
        directory = shlex.quote(str(self.directory.resolve()))
        replace(self.token, f'#!/bin/sh\nexec tidegate dev token --dir {directory} "$@"\n', mode=0o755)

    def issuer(self) -> str:
        """The identity provider's URL, as the instance was last served.

        Raises:
            TidegateError: there is no such instance.
        """
        try:
            config = json.loads(read_capped(self.signing_config))
            return str(config["oidcUrls"][0]["url"])
        except (OSError, ValueError, KeyError, IndexError, TypeError) as error:
            text = f"{self.directory} holds no local Sigstore; start one with `tidegate dev sigstore --dir`"
            raise TidegateError(Code.CONFIG_MISSING, text) from error


def replace(path: Path, content: str, mode: int = 0o644) -> None:
    """Write a file completely or not at all.

    Raises:
        OSError: it cannot be written.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(path.name + ".part")
    part.write_text(content)
    part.chmod(mode)
    part.replace(path)
