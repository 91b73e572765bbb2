"""--json and --quiet: how a command speaks."""

from __future__ import annotations

import click

from tidegate_publisher.options.declare import group
from tidegate_publisher.output import Output

output_options = group(
    "output",
    Output,
    (
        click.option("--json", "as_json", is_flag=True, help="Results and errors as JSON on stdout."),
        click.option("--quiet", "-q", is_flag=True, help="No progress and no notes on stderr."),
    ),
    ("as_json", "quiet"),
)
