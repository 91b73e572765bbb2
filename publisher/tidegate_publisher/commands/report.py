"""`tidegate report`."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from tidegate_publisher import wiring
from tidegate_publisher.extras import needs
from tidegate_publisher.options.digest import read_digest
from tidegate_publisher.options.duration import read_duration
from tidegate_publisher.options.into import into_option
from tidegate_publisher.options.speech import output_options
from tidegate_publisher.options.store import store_option
from tidegate_publisher.options.target import Target, read_target
from tidegate_schemas import limits

if TYPE_CHECKING:
    from datetime import timedelta
    from pathlib import Path

    from tidegate_publisher.output import Output


@click.command(short_help="Report on a release: one HTML file.")
@click.argument("target", callback=read_target, metavar="PRODUCT/CHANNEL")
@click.option("--digest", callback=read_digest, metavar="SHA256", help="The release with this image.")
@click.option("--version", metavar="TEXT", help="The release with this version.")
@click.option(
    "--sequence",
    type=click.IntRange(1, limits.SEQUENCE),
    help="The release that the statement with this sequence is about.",
)
@click.option(
    "--last", type=click.IntRange(1, 50), metavar="N", help="The channel's last N releases beside each other."
)
@store_option
@into_option("Write the page into this file.", required=False)
@click.option("--markdown", is_flag=True, help="Print a summary in Markdown.")
@click.option("--title", metavar="TEXT", help="A title of your own.")
@click.option(
    "--anonymous", is_flag=True, help="For the public: made-up names of hosts, and none of their words."
)
@click.option(
    "--silent-after",
    callback=read_duration,
    default="30m",
    show_default=True,
    metavar="DURATION",
    help="A host that activates and says nothing for so long is called silent.",
)
@output_options
def report(
    *,
    target: Target,
    digest: str | None,
    version: str | None,
    sequence: int | None,
    last: int | None,
    store: str,
    into: Path | None,
    markdown: bool,
    title: str | None,
    anonymous: bool,
    silent_after: timedelta,
    output: Output,
) -> None:
    """Report on a release: how it spread, what failed and why, what hosts waited for, who was slow.

    It is one HTML file for a release's page, out of what `tidegate collect` wrote down. It loads nothing and
    runs nothing, reads well on a phone and prints well. Without --digest, --version or --sequence it is about
    the channel's newest release. With --json the figures and every host's way are printed as one document;
    --markdown prints a summary for release notes or a job's page. Both go with -o, or without.

    \b
    Examples:
      tidegate report os/stable --store sqlite:///fleet.db -o report.html
      tidegate report os/stable --version 2.1 --anonymous -o report.html --markdown >> "$GITHUB_STEP_SUMMARY"
      tidegate report os/stable --json | jq .failed
      tidegate report os/stable --last 10 -o releases.html

    Refuses a release of which nothing was collected (report.no-release), and says which there are.
    """  # noqa: D301 -- \b is click's mark for lines that stay as they are
    if into is None and not markdown and not output.as_json:
        raise click.UsageError("say where to: -o FILE, --markdown or --json")
    if markdown and output.as_json:
        raise click.UsageError("--markdown and --json both print: give one of them")
    if last is not None and (digest, version, sequence) != (None, None, None):
        raise click.UsageError(
            "--last is about several releases: leave --digest, --version and --sequence out"
        )
    with needs("fleet"):
        from tidegate_fleet.report.selection import Wanted  # noqa: PLC0415 -- an extra, loaded when used
        from tidegate_publisher import reporting  # noqa: PLC0415 -- the same

        how = reporting.terms(wiring.clock.now(), silent_after, anonymous=anonymous)
        with reporting.opened(store) as history:
            made: reporting.Made
            with output.phase("reading the history"):
                if last is None:
                    made = reporting.release(history, target, Wanted(digest, version, sequence), how)
                else:
                    made = reporting.overview(history, target, last, how)
            if into is not None:
                with output.phase("drawing"):
                    reporting.write_page(made, title, into)
            if output.as_json:
                reporting.print_document(made)
        if markdown:
            click.echo(made.summary(title), nl=False)
        elif into is not None and not output.as_json:
            output.result(reporting.rows(made, into), {})
