"""--webhook and --otlp-endpoint: where a collector brings results."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import click

from tidegate_publisher.options.declare import group

if TYPE_CHECKING:
    from tidegate_fleet.outward.assembly import OutwardSettings

_WANTED = click.Choice(["results", "failures", "all"])
_FILE = click.Path(exists=True, dir_okay=False, path_type=Path)


@dataclass(frozen=True, slots=True)
class Outward:
    """What was given of it."""

    webhook: str | None
    webhook_url_file: Path | None
    webhook_events: str
    webhook_mode: str
    webhook_secret_file: Path | None
    webhook_header_file: Path | None
    webhook_ca: Path | None
    otlp_endpoint: str | None
    otlp_events: str
    otlp_traces: bool
    otlp_header_file: Path | None
    otlp_ca: Path | None
    outward_state: Path | None

    @property
    def settings(self) -> OutwardSettings | None:
        """The same for `outward.assembly.couriers`; None where nothing goes anywhere."""
        if self.webhook is not None and self.webhook_url_file is not None:
            raise click.UsageError("--webhook and --webhook-url-file say the same: give one of them")
        if (self.webhook, self.webhook_url_file, self.otlp_endpoint) == (None, None, None):
            return None
        from tidegate_fleet.outward.assembly import (  # noqa: PLC0415 - only when given
            OutwardSettings,
            Place,
            Wanted,
        )
        from tidegate_fleet.outward.posting import read_url  # noqa: PLC0415 - the same
        from tidegate_fleet.outward.webhook import Mode  # noqa: PLC0415 - the same

        hook = self.webhook if self.webhook_url_file is None else read_url(self.webhook_url_file)
        otlp = self.otlp_endpoint
        return OutwardSettings(
            webhook=None
            if hook is None
            else Place(hook, Wanted(self.webhook_events), self.webhook_ca, self.webhook_header_file),
            mode=Mode(self.webhook_mode),
            secrets=self.webhook_secret_file,
            otlp=None
            if otlp is None
            else Place(otlp, Wanted(self.otlp_events), self.otlp_ca, self.otlp_header_file),
            traces=self.otlp_traces,
            folder=self.outward_state,
        )


outward_options = group(
    "outward",
    Outward,
    (
        click.option(
            "--webhook",
            envvar="TIDEGATE_WEBHOOK",
            show_envvar=True,
            metavar="URL",
            help="Bring results here, as CloudEvents over HTTP: https, or http on loopback.",
        ),
        click.option(
            "--webhook-url-file",
            type=_FILE,
            envvar="TIDEGATE_WEBHOOK_URL_FILE",
            show_envvar=True,
            help="The same address out of a file that others cannot read, where it is a secret itself.",
        ),
        click.option(
            "--webhook-events",
            type=_WANTED,
            default="results",
            show_default=True,
            help="Which events: how updates ended, how they went wrong, or every step.",
        ),
        click.option(
            "--webhook-mode",
            type=click.Choice(["structured", "binary", "batched"]),
            default="structured",
            show_default=True,
            help="The CloudEvents content mode; batched brings up to 100 events in one request.",
        ),
        click.option(
            "--webhook-secret-file",
            type=_FILE,
            envvar="TIDEGATE_WEBHOOK_SECRET_FILE",
            show_envvar=True,
            help="Sign requests as Standard Webhooks with these secrets, whsec_..., one a line.",
        ),
        click.option(
            "--webhook-header-file", type=_FILE, help="More headers of its requests: Name: value, one a line."
        ),
        click.option("--webhook-ca", type=_FILE, help="PEM of the authorities that vouch for it."),
        click.option(
            "--otlp-endpoint",
            envvar="TIDEGATE_OTLP_ENDPOINT",
            show_envvar=True,
            metavar="URL",
            help="Bring results to a receiver of OTLP/HTTP; /v1/logs and /v1/traces are put behind it.",
        ),
        click.option(
            "--otlp-events", type=_WANTED, default="all", show_default=True, help="As --webhook-events."
        ),
        click.option(
            "--otlp-traces/--no-otlp-traces",
            default=True,
            show_default=True,
            help="A trace for each update that ended.",
        ),
        click.option(
            "--otlp-header-file",
            type=_FILE,
            help="More headers, such as Authorization: Name: value, one a line.",
        ),
        click.option("--otlp-ca", type=_FILE, help="PEM of the authorities that vouch for it."),
        click.option(
            "--outward-state",
            type=click.Path(file_okay=False, exists=True, path_type=Path),
            metavar="DIR",
            help="Remember here what was delivered, over restarts; needed with the options above.",
        ),
    ),
    (
        *(
            "webhook",
            "webhook_url_file",
            "webhook_events",
            "webhook_mode",
            "webhook_secret_file",
            "webhook_header_file",
        ),
        *("webhook_ca", "otlp_endpoint", "otlp_events", "otlp_traces", "otlp_header_file", "otlp_ca"),
        "outward_state",
    ),
)
