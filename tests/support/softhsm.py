"""A real PKCS#11 token in software, below a directory of the test's own."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING, Final

from tests.conftest import find_program
from tidegate_agent.adapters.signer_child import KeyInToken

if TYPE_CHECKING:
    import pytest

PIN: Final = "4711-0815"
_MODULES: Final = (
    Path("/usr/lib/softhsm/libsofthsm2.so"),
    Path("/usr/lib64/softhsm/libsofthsm2.so"),
    Path("/usr/lib64/pkcs11/libsofthsm2.so"),
)


class SoftHsm:
    """One token, initialised, without a key.

    Attributes:
        place: where a key pair with the label `device-key` would be.
        environment: what a process needs that uses the token.
    """

    def __init__(self, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        tokens = folder / "tokens"
        tokens.mkdir(parents=True)
        config = folder / "softhsm2.conf"
        config.write_text(f"directories.tokendir = {tokens}\nobjectstore.backend = file\nlog.level = ERROR\n")
        self.environment = {"SOFTHSM2_CONF": str(config)}
        monkeypatch.setenv("SOFTHSM2_CONF", str(config))
        program = find_program("softhsm2-util")
        assert program is not None
        subprocess.run(
            [program, "--init-token", "--free", "--label", "tidegate", "--pin", PIN, "--so-pin", "12345678"],
            check=True,
            capture_output=True,
            env={**os.environ, **self.environment},
        )
        pin_file = folder / "pin"
        pin_file.write_text(f"{PIN}\n")
        pin_file.chmod(0o600)
        module = next(path for path in _MODULES if path.exists())
        self.place = KeyInToken(module, "tidegate", "device-key", pin_file)
