"""What a person configures about the broker."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, SecretStr, field_validator, model_validator

from tidegate_schemas.codes import Code, TidegateError
from tidegate_schemas.topics import DEFAULT_PREFIX, Topics
from tidegate_wire.mqtt import backoff
from tidegate_wire.mqtt.endpoint import Endpoint, parse_url

if TYPE_CHECKING:
    from collections.abc import Callable

_DAY_S: Final = 24 * 3600
_PASSWORD_BYTES: Final = 4096
_ALTERNATIVES: Final = 16

# TOML and YAML have no type for paths: a string is the only way to write one.
_File = Annotated[Path, Field(strict=False)]


class BusSettings(BaseModel):
    """The broker, how to prove who we are, and how the session behaves.

    Attributes:
        url: `mqtt://host:1883`, `mqtts://host:8883`, `ws://host/mqtt` or `wss://host/mqtt`.
        alternatives: more URLs of the same cluster, or of bridged brokers; tried in turn, in an order that
            differs from host to host.
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
        reconnect_first_s: the longest first pause after a connection was lost, in seconds; doubled after each
            failure. A good value: three times hosts over connections that the broker takes in a second.
        reconnect_most_s: the longest pause of all, in seconds.
    """

    model_config = ConfigDict(frozen=True, strict=True, extra="forbid", hide_input_in_errors=True)

    url: str
    alternatives: Annotated[tuple[str, ...], Field(strict=False, max_length=_ALTERNATIVES)] = ()
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
    reconnect_first_s: float = Field(default=backoff.FIRST_S, gt=0, le=3600)
    reconnect_most_s: float = Field(default=backoff.CAP_S, ge=1, le=86400)

    @property
    def endpoint(self) -> Endpoint:
        """The URL, taken apart."""
        return parse_url(self.url)

    @property
    def each(self) -> tuple[BusSettings, ...]:
        """These settings for one broker each: that of `url` first."""
        urls = dict.fromkeys((self.url, *self.alternatives))
        return tuple(self.model_copy(update={"url": url, "alternatives": ()}) for url in urls)

    @property
    def topics(self) -> Topics:
        """The topics below the prefix."""
        return Topics(self.prefix)

    @property
    def warnings(self) -> tuple[str, ...]:
        """What works but should not stay so, each a sentence for a person."""
        if self.password is None and self.password_file is None:
            return ()
        endpoints = [one.endpoint for one in self.each]
        return tuple(
            f"The broker's password goes to {endpoint.label} unencrypted; use mqtts:// or wss://."
            for endpoint in endpoints
            if not endpoint.tls and not endpoint.loopback
        )

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

    @field_validator("url")
    @classmethod
    def _is_url(cls, url: str) -> str:
        _told(parse_url, url)
        return url

    @field_validator("alternatives")
    @classmethod
    def _are_urls(cls, urls: tuple[str, ...]) -> tuple[str, ...]:
        for url in urls:
            _told(parse_url, url)
        return urls

    @field_validator("prefix")
    @classmethod
    def _is_prefix(cls, prefix: str) -> str:
        _told(Topics, prefix)
        return prefix

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
        # Else whoever keeps a host from the one would have it speak in clear with the other.
        if len({one.endpoint.tls for one in self.each}) > 1:
            raise ValueError("url and alternatives must all be encrypted, or none of them")
        if self.reconnect_first_s > self.reconnect_most_s:
            raise ValueError("reconnect_first_s is longer than reconnect_most_s")
        return self


def _told(check: Callable[[str], object], value: str) -> None:
    # pydantic collects ValueErrors of all fields; a TidegateError would end it at the first one.
    try:
        check(value)
    except TidegateError as error:
        raise ValueError(error.reason) from error
