"""What a person configures about the broker."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Final, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, SecretStr, field_validator, model_validator

from tidegate_schemas.codes import Code, TidegateError
from tidegate_schemas.topics import DEFAULT_PREFIX, Topics
from tidegate_wire.mqtt.endpoint import Endpoint, parse_url

_DAY_S: Final = 24 * 3600
_PASSWORD_BYTES: Final = 4096

# TOML and YAML have no type for paths: a string is the only way to write one.
_File = Annotated[Path, Field(strict=False)]


class BusSettings(BaseModel):
    """The broker, how to prove who we are, and how the session behaves.

    Attributes:
        url: `mqtt://host:1883`, `mqtts://host:8883`, `ws://host/mqtt` or `wss://host/mqtt`.
        protocol: the MQTT version; "auto" tries 5, then 3.1.1.
        username: for brokers with passwords.
        password: better kept in `password_file`, which is read anew at every connection.
        password_file: one line, at most 4 KiB.
        ca: PEM file with the CAs that may vouch for the broker; the system's when absent.
        cert: PEM file with this client's certificate chain (mutual TLS).
        key: PEM file with its private key; may be left out when `cert` holds both.
        prefix: the first levels of every topic.
        session_expiry_s: how long the broker keeps the session of an absent client, in seconds.
        keepalive_s: the longest silence on the connection, in seconds.
        connect_timeout_s: how long each step of connecting may take, in seconds.
    """

    model_config = ConfigDict(frozen=True, strict=True, extra="forbid", hide_input_in_errors=True)

    url: str
    protocol: Literal["auto", "5", "3.1.1"] = "auto"
    username: str | None = Field(default=None, min_length=1, max_length=256)
    password: SecretStr | None = None
    password_file: _File | None = None
    ca: _File | None = None
    cert: _File | None = None
    key: _File | None = None
    prefix: str = DEFAULT_PREFIX
    session_expiry_s: int = Field(default=30 * _DAY_S, ge=0, le=2**32 - 1)
    keepalive_s: int = Field(default=60, ge=5, le=3600)
    connect_timeout_s: float = Field(default=20.0, gt=0, le=300)

    @property
    def endpoint(self) -> Endpoint:
        """The URL, taken apart."""
        return parse_url(self.url)

    @property
    def topics(self) -> Topics:
        """The topics below the prefix."""
        return Topics(self.prefix)

    @property
    def warnings(self) -> tuple[str, ...]:
        """What works but should not stay so, each a sentence for a person."""
        endpoint = self.endpoint
        secret = self.password is not None or self.password_file is not None
        if secret and not endpoint.tls and not endpoint.loopback:
            return (f"The broker's password goes to {endpoint.label} unencrypted; use mqtts:// or wss://.",)
        return ()

    def read_password(self) -> str | None:
        """The password, out of its file if there is one.

        Raises:
            TidegateError: CONFIG_MISSING if the file cannot be read, CONFIG_VALUE if it holds no password.
        """
        if self.password_file is None:
            return self.password.get_secret_value() if self.password else None
        try:
            with self.password_file.open("rb") as file:
                content = file.read(_PASSWORD_BYTES + 1)
        except OSError as error:
            reason = f"bus.password_file {self.password_file} cannot be read: {error.strerror}"
            raise TidegateError(Code.CONFIG_MISSING, reason) from error
        try:
            password = content.decode().removesuffix("\n").removesuffix("\r")
        except UnicodeDecodeError:
            password = ""
        if not password or "\n" in password or len(content) > _PASSWORD_BYTES:
            reason = f"bus.password_file {self.password_file} must hold one line of UTF-8 text up to 4 KiB"
            raise TidegateError(Code.CONFIG_VALUE, reason)
        return password

    @field_validator("url", "prefix")
    @classmethod
    def _well_formed(cls, value: str, info: object) -> str:
        # pydantic collects ValueErrors of all fields; a TidegateError would end it at the first one.
        try:
            if getattr(info, "field_name", None) == "url":
                parse_url(value)
            else:
                Topics(value)
        except TidegateError as error:
            raise ValueError(error.reason) from error
        return value

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        if self.password is not None and self.password_file is not None:
            raise ValueError("password and password_file exclude each other")
        if self.username is None and (self.password is not None or self.password_file is not None):
            raise ValueError("a password needs a username")
        if self.key is not None and self.cert is None:
            raise ValueError("key needs cert")
        if not self.endpoint.tls and (self.ca or self.cert):
            raise ValueError("ca and cert need a url that begins with mqtts:// or wss://")
        return self
