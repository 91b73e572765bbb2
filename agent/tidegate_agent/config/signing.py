"""What every list of signers in the configuration has to be, whatever they sign."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tidegate_agent.config.scalars import refused
from tidegate_schemas.codes import Code

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from tidegate_wire.trust.settings import SignerSettings


def require_signers(name: str, signers: Sequence[SignerSettings], threshold: int) -> None:
    """Require signers of one kind, and as many as the threshold asks for. `name` is their key.

    Raises:
        PydanticCustomError: CONFIG_VALUE.
    """
    if len({one.key is None for one in signers}) > 1:
        raise refused(Code.CONFIG_VALUE, f"expected {name} with keys or with certificates, not both")
    if len(signers) < threshold:
        raise refused(Code.CONFIG_VALUE, f"expected at least {threshold} {name}, as the threshold asks for")


def with_certificates(signers: Iterable[SignerSettings]) -> bool:
    """Whether one of them has a certificate, so that a trusted root is needed."""
    return any(one.key is None for one in signers)
