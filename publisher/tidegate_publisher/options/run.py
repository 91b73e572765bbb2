"""--run-id and its kin: which run of a rollout this is, and whose words count for it."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import timedelta
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING, Final

import click

from tidegate_publisher.options.declare import group
from tidegate_publisher.options.duration import read_duration
from tidegate_schemas.codes import Code, TidegateError
from tidegate_schemas.topics import check_host

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tidegate_publisher.options.device_keys import DeviceKeys

_FILE = click.Path(dir_okay=False, path_type=Path)
_RUN: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._/-]{0,99}")
_HOSTS_BYTES: Final = 128 * 1024 * 1024
_SHORTEST: Final = timedelta(minutes=1)
_LONGEST: Final = 100
_UNFIT: Final = re.compile(r"[^A-Za-z0-9._/-]")
_CI: Final = {
    "GITHUB_RUN_ID": ("github", "GITHUB_REPOSITORY", "GITHUB_JOB"),
    "CI_PIPELINE_ID": ("gitlab", "CI_PROJECT_PATH", "CI_JOB_NAME"),
}
"""What tells a pipeline, and with it where it is and its job: two jobs of one are not one run."""


@dataclass(frozen=True, slots=True)
class RunInput:
    """Which run it is, and until where.

    Attributes:
        run_id: as it was given; None takes the CI's.
        take_over: whether it may take the channel from another run.
        claim_for: how long each statement claims the channel.
        until: the wave to end with.
    """

    run_id: str | None
    take_over: bool
    claim_for: timedelta
    until: str | None

    def name(self, environment: Mapping[str, str], otherwise: str) -> str:
        """The run's id: as given, else the CI's, else the one given here."""
        if self.run_id is not None:
            return self.run_id
        for variable, (prefix, where, job) in _CI.items():
            if found := environment.get(variable):
                parts = (prefix, environment.get(where, ""), found, environment.get(job, ""))
                name = "-".join(_UNFIT.sub("_", part) for part in parts if part)
                return name if len(name) <= _LONGEST else sha256(name.encode()).hexdigest()
        return otherwise


def _read_run(ctx: click.Context, param: click.Parameter, value: str | None) -> str | None:
    if value is not None and not _RUN.fullmatch(value):
        raise click.BadParameter(f"{value[:80]!r} is not 1 to 100 letters, digits, . _ - and /", ctx, param)
    return value


def _read_claim(ctx: click.Context, param: click.Parameter, value: str) -> timedelta:
    found = read_duration(ctx, param, value)
    if found is None or found < _SHORTEST:
        raise click.BadParameter(
            "a claim lasts a minute at least: each renewal goes to every host", ctx, param
        )
    return found


run_options = group(
    "run",
    RunInput,
    (
        click.option(
            "--run-id",
            callback=_read_run,
            metavar="ID",
            help="Go on as this run.  [default: the CI's project, pipeline and job, else a new one]",
        ),
        click.option("--take-over", is_flag=True, help="Take the channel from another run."),
        click.option(
            "--claim-for",
            default="1h",
            show_default=True,
            callback=_read_claim,
            metavar="DURATION",
            help="How long each statement claims the channel; renewed after half of it.",
        ),
        click.option(
            "--until", "--wait", metavar="WAVE", help="End well when this wave is done.  [default: the last]"
        ),
    ),
    ("run_id", "take_over", "claim_for", "until"),
)

hosts_file_option = click.option(
    "--hosts-file",
    type=_FILE,
    help="Count only hosts that this file names, one a line; # begins a comment.",
)


def allowed_hosts(hosts_file: Path | None, device_keys: DeviceKeys) -> frozenset[str] | None:
    """The hosts that count: those of the file that have a device key, where both are given; None is all.

    Raises:
        TidegateError: CONFIG_MISSING, CONFIG_VALUE, HOST_ID.
    """
    named = None if hosts_file is None else _read_hosts(hosts_file)
    keyed = device_keys.hosts()
    if named is None or keyed is None:
        return keyed if named is None else named
    return named & keyed


def _read_hosts(path: Path) -> frozenset[str]:
    try:
        with path.open("rb") as file:
            content = file.read(_HOSTS_BYTES + 1)
    except OSError as error:
        raise TidegateError(Code.CONFIG_MISSING, f"{path} cannot be read: {error.strerror}") from error
    if len(content) > _HOSTS_BYTES:
        raise TidegateError(Code.CONFIG_VALUE, f"{path} has more than {_HOSTS_BYTES} bytes")
    lines = (line.partition("#")[0].strip() for line in content.decode(errors="replace").splitlines())
    return frozenset(check_host(line) for line in lines if line)
