"""`tidegate dev sigstore` runs a local Sigstore; `tidegate dev token` prints an identity token for it."""

from __future__ import annotations

import errno
import json
import signal
import threading
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING

import click

from tidegate_publisher.devstack.sigstore.claims import email_claims, github_claims, gitlab_claims
from tidegate_publisher.devstack.sigstore.files import InstanceFiles, replace
from tidegate_publisher.devstack.sigstore.instance import LocalSigstore
from tidegate_publisher.devstack.sigstore.service.server import serve, system_clock
from tidegate_schemas.codes import Code, TidegateError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tidegate_publisher.devstack.sigstore.trust import RekorVersion

DEFAULT_DIRECTORY = Path("tidegate-sigstore")
DEFAULT_PORT = 5557
DEFAULT_EMAIL = "developer@example.org"

_directory = click.option(
    "--dir",
    "directory",
    type=click.Path(file_okay=False, path_type=Path),
    default=DEFAULT_DIRECTORY,
    show_default=True,
    envvar="TIDEGATE_SIGSTORE_DIR",
    help="Where the instance keeps its keys and leaves files for clients.",
)


@click.command("sigstore")
@_directory
@click.option(
    "--port",
    type=click.IntRange(0, 65535),
    default=DEFAULT_PORT,
    show_default=True,
    help="TCP port on the loopback address; 0 picks a free one.",
)
@click.option(
    "--rekor",
    type=click.Choice(["v1", "v2"]),
    default="v1",
    show_default=True,
    help="The transparency log that signers are told to use. Both are served.",
)
@click.option(
    "--ready-file",
    type=click.Path(dir_okay=False, path_type=Path),
    help="Write {url, issuer, trusted_root, trust_config} to this file once requests are answered.",
)
def sigstore_command(directory: Path, port: int, rekor: RekorVersion, ready_file: Path | None) -> None:
    """Run a local Sigstore, for development only.

    It has all that signing and verifying needs: certificate authority, transparency logs, time-stamps and an
    identity provider that lets everybody be anybody. It therefore protects nothing: give its trusted root to
    test hosts only. Stopped and started again with the same --dir it keeps its keys, so that what was signed
    before still verifies.

    \b
    Example:
      tidegate dev sigstore --dir ./sigstore
    """  # noqa: D301 - \b is click's mark for a paragraph that keeps its line breaks
    files = InstanceFiles(directory)
    with _explained(directory, port):
        sigstore = LocalSigstore.open(files.keys)
        with serve(sigstore, port=port) as url, _until_stopped() as stopped:
            files.write(sigstore, url, rekor)
            _introduce(files, url, rekor)
            if ready_file is not None:
                replace(ready_file, json.dumps(_summary(files, url)))
            stopped.wait()


@click.command("token")
@_directory
@click.option("--email", help=f"Be a person with this address.  [default: {DEFAULT_EMAIL}]")
@click.option("--github", metavar="OWNER/REPO", help="Be a GitHub Actions job of this repository.")
@click.option("--gitlab", metavar="GROUP/PROJECT", help="Be a GitLab CI job of this project.")
@click.option(
    "--workflow", default="release.yml", show_default=True, help="With --github: the workflow file."
)
@click.option(
    "--ref", default="refs/heads/main", show_default=True, help="With --github or --gitlab: the ref."
)
@click.option("--issuer", help="With --email: the issuer to name.  [default: the instance's own URL]")
def token_command(  # noqa: PLR0913 - one parameter for each option
    *,
    directory: Path,
    email: str | None,
    github: str | None,
    gitlab: str | None,
    workflow: str,
    ref: str,
    issuer: str | None,
) -> None:
    """Print an identity token that the local Sigstore accepts.

    The token is signed with the key in --dir; the instance need not run, and the token holds for an hour.

    \b
    Examples:
      tidegate dev token --email me@example.org
      tidegate dev token --github acme/os --ref refs/tags/v1.2.3
    """  # noqa: D301 - \b is click's mark for a paragraph that keeps its line breaks
    if sum(choice is not None for choice in (email, github, gitlab)) > 1:
        raise click.UsageError("choose one of --email, --github and --gitlab")
    files = InstanceFiles(directory)
    own_issuer = files.issuer()
    if github is not None:
        claims = github_claims(github, workflow, ref)
    elif gitlab is not None:
        claims = gitlab_claims(gitlab, ref=ref)
    else:
        claims = email_claims(email or DEFAULT_EMAIL, issuer or own_issuer)
    provider = LocalSigstore.open(files.keys).oidc
    click.echo(provider.mint(claims, system_clock(), timedelta(hours=1)))


@contextmanager
def _explained(directory: Path, port: int) -> Iterator[None]:
    """Say in a sentence what the operating system refused."""
    try:
        yield
    except OSError as error:
        if error.errno in {errno.EADDRINUSE, errno.EADDRNOTAVAIL} or (
            error.errno == errno.EACCES and error.filename is None
        ):
            text = f"cannot listen on port {port} ({error.strerror}); choose another with --port, or 0"
            raise TidegateError(Code.CONFIG_VALUE, text) from error
        where = error.filename or directory
        raise TidegateError(Code.DISK_IO, f"cannot write {where}: {error.strerror}") from error


@contextmanager
def _until_stopped() -> Iterator[threading.Event]:
    """An event that SIGINT and SIGTERM set, so that the server is closed in order."""
    stopped = threading.Event()
    kept = {
        number: signal.signal(number, lambda *_: stopped.set()) for number in (signal.SIGINT, signal.SIGTERM)
    }
    try:
        yield stopped
    finally:
        for number, handler in kept.items():
            signal.signal(number, handler)


def _summary(files: InstanceFiles, url: str) -> dict[str, str]:
    return {
        "url": url,
        "issuer": files.issuer(),
        "trusted_root": str(files.trusted_root.resolve()),
        "trust_config": str(files.trust_config.resolve()),
    }


def _introduce(files: InstanceFiles, url: str, rekor: RekorVersion) -> None:
    """Tell a person where things are and what to try."""
    click.secho(
        "Local Sigstore, for DEVELOPMENT ONLY: anybody on this machine can sign as anybody.", fg="red"
    )
    click.echo(
        f"""
  address         {url}  (Rekor {rekor})
  for hosts       {files.trusted_root}
  for signing     {files.trust_config}
  issuer          {files.issuer()}

Try, in another terminal:
  tidegate sign release.yaml --trust-config {files.trust_config} \\
      --identity-token "$({files.token} --email {DEFAULT_EMAIL})"
  cosign sign-blob FILE --bundle FILE.sigstore.json --trusted-root {files.trusted_root} \\
      --signing-config {files.signing_config} --identity-token "$({files.token})"

Stop it with Ctrl-C; started again with --dir {files.directory} it has the same root."""
    )
