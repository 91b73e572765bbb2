"""How a host's events are signed, if they are."""

from __future__ import annotations

from typing import Annotated, Self

from pydantic import Field, model_validator

from tidegate_agent.config.scalars import File, refused
from tidegate_agent.config.tables import Table
from tidegate_schemas.codes import Code


class Pkcs11Settings(Table):
    """A device key in a PKCS#11 token: a TPM, a smart card, an HSM. Needs `tidegate[pkcs11]`.

    Attributes:
        module: the token's library.
        token: the token's label.
        label: the label of the key pair, EC P-256.
        pin_file: the user PIN, one line; nobody but the agent may read it.
    """

    module: File
    token: Annotated[str, Field(min_length=1, max_length=64)]
    label: Annotated[str, Field(min_length=1, max_length=256)]
    pin_file: File


class EventsSettings(Table):
    """What the host tells. With a device key every event is signed, and none is sent without.

    Attributes:
        device_key: a private key, EC P-256 in PEM form; `tidegate-agent device-key --create` makes it.
        pkcs11: a key in a token instead.
    """

    device_key: File | None = None
    pkcs11: Pkcs11Settings | None = None

    @model_validator(mode="after")
    def _has_one_key(self) -> Self:
        if self.device_key is not None and self.pkcs11 is not None:
            raise refused(Code.CONFIG_VALUE, "expected either device_key or a table pkcs11, not both")
        return self
