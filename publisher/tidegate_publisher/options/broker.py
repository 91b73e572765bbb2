"""--broker and its kin: which broker, and how to prove who we are."""

from __future__ import annotations

import contextlib
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
from pydantic import ValidationError

from tidegate_publisher.options.declare import group
from tidegate_schemas.codes import Code, TidegateError
from tidegate_schemas.statement import first_fault
from tidegate_schemas.topics import DEFAULT_PREFIX
from tidegate_wire.mqtt.settings import BusSettings

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tidegate_publisher.output import Output
    from tidegate_wire.mqtt.session import PublisherSession

_FILE = click.Path(dir_okay=False, path_type=Path)


@dataclass(frozen=True, slots=True)
class Broker:
    """The broker that was asked for, if one was.

    Attributes:
        values: the settings by BusSettings' names; those not given are missing. `url` may be several.
        timeout_s: how long connecting, acknowledgement and confirmation may take, each, in seconds.
    """

    values: dict[str, Any]
    timeout_s: float

    @property
    def settings(self) -> BusSettings:
        """The settings.

        Raises:
            click.UsageError: there is no URL.
            TidegateError: CONFIG_VALUE when they do not fit together.
        """
        if "url" not in self.values:
            raise click.UsageError("no broker is named: give --broker URL, or set TIDEGATE_BROKER")
        try:
            url, *others = self.values["url"].split(",")
            named = {**self.values, "url": url, "alternatives": others}
            return BusSettings(**named, connect_timeout_s=min(self.timeout_s, 300.0))
        except ValidationError as error:
            raise TidegateError(Code.CONFIG_VALUE, f"The broker's options: {first_fault(error)}") from error

    @contextlib.contextmanager
    def open(self, output: Output) -> Iterator[PublisherSession]:
        """A session on it."""
        from tidegate_wire.mqtt.session import PublisherSession  # noqa: PLC0415 -- only for who connects

        settings = self.settings
        for warning in settings.warnings:
            output.warn(warning)
        with contextlib.ExitStack() as stack:
            with output.phase(f"connecting to {settings.endpoint.label}"):
                session = stack.enter_context(PublisherSession(settings))
            yield session


def _build(**given: Any) -> Broker:  # noqa: ANN401 -- click's values, checked by BusSettings
    timeout = given.pop("timeout_s")
    return Broker({name: value for name, value in given.items() if value is not None}, timeout)


broker_options = group(
    "broker",
    _build,
    (
        click.option(
            "--broker",
            "url",
            envvar="TIDEGATE_BROKER",
            show_envvar=True,
            metavar="URL",
            help="mqtts://host:8883, mqtt://, wss:// or ws://; several of one cluster with commas.",
        ),
        click.option(
            "--broker-ca", "ca", type=_FILE, envvar="TIDEGATE_BROKER_CA", help="CAs that vouch for it (PEM)."
        ),
        click.option(
            "--broker-cert",
            "cert",
            type=_FILE,
            envvar="TIDEGATE_BROKER_CERT",
            help="Our certificate chain (PEM).",
        ),
        click.option(
            "--broker-key", "key", type=_FILE, envvar="TIDEGATE_BROKER_KEY", help="Its private key (PEM)."
        ),
        click.option(
            "--broker-user",
            "username",
            envvar="TIDEGATE_BROKER_USER",
            metavar="NAME",
            help="Our user name.",
        ),
        click.option(
            "--broker-password-file",
            "password_file",
            type=_FILE,
            envvar="TIDEGATE_BROKER_PASSWORD_FILE",
            help="A file with the password, one line.",
        ),
        click.option(
            "--prefix",
            envvar="TIDEGATE_PREFIX",
            metavar="LEVELS",
            help=f"The topics' first levels.  [default: {DEFAULT_PREFIX}]",
        ),
        click.option(
            "--mqtt",
            "protocol",
            type=click.Choice(["auto", "5", "3.1.1"]),
            default="auto",
            show_default=True,
            help="The protocol version.",
        ),
        click.option(
            "--timeout",
            "timeout_s",
            type=click.FloatRange(min=0.1, max=86400),
            default=30.0,
            show_default=True,
            metavar="SECONDS",
            help="How long each step with the broker may take.",
        ),
    ),
    ("url", "ca", "cert", "key", "username", "password_file", "prefix", "protocol", "timeout_s"),
)
