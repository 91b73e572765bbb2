"""--listen and its kin: the page of what was collected, and who may read it."""

from __future__ import annotations

import contextlib
import ipaddress
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING

import click

from tidegate_fleet.web.listening import Listen
from tidegate_publisher.extras import needs
from tidegate_publisher.options.declare import group
from tidegate_publisher.options.duration import read_duration
from tidegate_schemas.codes import TidegateError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from prometheus_client import CollectorRegistry

    from tidegate_fleet.history import History
    from tidegate_fleet.web.doors.door import Door
    from tidegate_fleet.web.serving import Served

Network = ipaddress.IPv4Network | ipaddress.IPv6Network

_FILE = click.Path(exists=True, dir_okay=False, path_type=Path)


@dataclass(frozen=True, slots=True)
class Page:
    """What was given of it."""

    listen: Listen | None
    public_names: tuple[str, ...]
    title: str
    silent_after: timedelta
    login_header: str | None
    trusted_proxies: tuple[Network, ...]
    token_file: Path | None
    no_login: bool
    tls_cert: Path | None
    tls_key: Path | None

    @contextlib.contextmanager
    def served(self, history: History, metrics: CollectorRegistry | None = None) -> Iterator[Served | None]:
        """Serve it until the end of the block; None where nobody asked for it.

        Args:
            history: what it shows.
            metrics: what `/metrics` tells; None: the fleet alone, out of `history`.

        Raises:
            TidegateError: CONFIG_EXTRA, PAGE_LISTEN, PAGE_UNSAFE.
            click.UsageError: the options do not say who may read.
        """
        if self.listen is None:
            self._refuse_the_rest()
            yield None
            return
        with needs("fleet"):
            from tidegate_fleet.web.app import create_app  # noqa: PLC0415 -- an extra
            from tidegate_fleet.web.serving import Tls, serve  # noqa: PLC0415 -- the same
            from tidegate_fleet.web.site import Site  # noqa: PLC0415 -- the same
        if (self.tls_cert is None) != (self.tls_key is None):
            raise click.UsageError("--tls-cert and --tls-key go together")
        tls = Tls(self.tls_cert, self.tls_key) if self.tls_cert and self.tls_key else None
        site = Site(self.title, frozenset(self.public_names), self.silent_after)
        app = create_app(history, login=self._door(), site=site, metrics=metrics)
        with serve(app, self.listen, tls) as served:
            yield served

    def _door(self) -> Door:
        from tidegate_fleet.web.doors.header_door import HeaderDoor  # noqa: PLC0415 -- an extra
        from tidegate_fleet.web.doors.open_door import OpenDoor  # noqa: PLC0415 -- the same
        from tidegate_fleet.web.doors.token_door import TokenDoor, read_token  # noqa: PLC0415 -- the same

        ways = [self.login_header is not None, self.token_file is not None, self.no_login]
        if sum(ways) != 1:
            raise click.UsageError(
                "say who may read: --no-login (this machine alone), --token-file FILE "
                "or --login-header HEADER (a proxy that logs people in)"
            )
        if self.trusted_proxies and self.login_header is None:
            raise click.UsageError("--trusted-proxy goes with --login-header")
        if self.login_header is not None:
            return HeaderDoor(self.login_header, self.trusted_proxies)
        return OpenDoor() if self.token_file is None else TokenDoor(read_token(self.token_file))

    def _refuse_the_rest(self) -> None:
        logins = (self.login_header, self.token_file, self.trusted_proxies, self.tls_cert, self.public_names)
        if self.no_login or any(logins):
            raise click.UsageError("there is no page without --listen")


def _read_listen(ctx: click.Context, param: click.Parameter, value: str | None) -> Listen | None:
    try:
        return None if value is None else Listen.read(value)
    except TidegateError as error:
        raise click.BadParameter(error.reason, ctx, param) from error


def _read_networks(
    ctx: click.Context, param: click.Parameter, values: tuple[str, ...]
) -> tuple[Network, ...]:
    try:
        return tuple(ipaddress.ip_network(value) for value in values)
    except ValueError as error:
        raise click.BadParameter(
            f"{error}: give an address, or a network such as 10.0.0.0/8", ctx, param
        ) from error


page_options = group(
    "page",
    Page,
    (
        click.option(
            "--listen",
            envvar="TIDEGATE_LISTEN",
            show_envvar=True,
            callback=_read_listen,
            metavar="ADDRESS:PORT",
            help="Serve the page and its API here: 127.0.0.1:8080, [::1]:8080 or unix:/run/tidegate.sock.",
        ),
        click.option(
            "--public-name",
            "public_names",
            multiple=True,
            metavar="NAME",
            help="A host name that people reach the page by; repeat for several. Addresses need none.",
        ),
        click.option("--title", default="tidegate", metavar="TEXT", help="What the fleet is called."),
        click.option(
            "--silent-after",
            default="30m",
            show_default=True,
            callback=read_duration,
            metavar="DURATION",
            help="How long a host that activates may say nothing.",
        ),
        click.option(
            "--login-header",
            metavar="HEADER",
            help="Believe the proxy in front who logged in: the header with the user's name.",
        ),
        click.option(
            "--trusted-proxy",
            "trusted_proxies",
            multiple=True,
            callback=_read_networks,
            metavar="NETWORK",
            help="An address or network of such proxies; repeat for several.  [default: this machine]",
        ),
        click.option(
            "--token-file",
            type=_FILE,
            envvar="TIDEGATE_TOKEN_FILE",
            show_envvar=True,
            help="Let those in who know the token in this file, which others cannot read.",
        ),
        click.option(
            "--no-login", is_flag=True, help="Let everybody in; only where this machine alone listens."
        ),
        click.option("--tls-cert", type=_FILE, help="Speak TLS with this certificate and its chain (PEM)."),
        click.option("--tls-key", type=_FILE, help="The certificate's key (PEM)."),
    ),
    (
        *("listen", "public_names", "title", "silent_after", "login_header", "trusted_proxies"),
        *("token_file", "no_login", "tls_cert", "tls_key"),
    ),
)
