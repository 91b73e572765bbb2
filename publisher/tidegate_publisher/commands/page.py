"""`tidegate page`."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click
from loguru import logger

from tidegate_publisher.extras import needs
from tidegate_publisher.options.page import Page, page_options
from tidegate_publisher.options.speech import output_options
from tidegate_publisher.options.store import store_option
from tidegate_publisher.service import log_to_stderr, stopped_by_signals

if TYPE_CHECKING:
    from tidegate_publisher.output import Output


@click.command(short_help="Show what was collected as a web page.")
@store_option
@page_options
@output_options
def page(*, store: str, page: Page, output: Output) -> None:
    """Show what was collected as a web page with an HTTP API: the fleet, each release, each host, live.

    It reads the database that `tidegate collect` writes, and can change nothing. `collect --listen` serves
    the same; a page of its own runs elsewhere, and several may run beside each other. The API is described at
    /api/v1/openapi.json.

    Who may read has to be said: people whom a proxy logs in (--login-header), those who know a token
    (--token-file), or everybody on this machine (--no-login).

    \b
    Examples:
      tidegate page --listen 127.0.0.1:8080 --no-login
      tidegate page --listen [::1]:8080 --token-file page.token --public-name fleet.example
      tidegate page --listen 10.0.0.5:8080 --login-header X-Remote-User --trusted-proxy 10.0.0.2 \\
        --public-name fleet.example --store 'postgresql+psycopg://reader@db.example/fleet'

    Refuses to start where anybody could read or name himself a user. SIGTERM ends it in order, with exit
    code 0.
    """  # noqa: D301 -- \b is click's mark for lines that stay as they are
    if page.listen is None:
        raise click.UsageError("Missing option '--listen': where to serve the page")
    with needs("fleet"):
        from tidegate_fleet.store.connect import open_store  # noqa: PLC0415 -- an extra
        from tidegate_fleet.store.reader import StoredHistory  # noqa: PLC0415 -- the same
    log_to_stderr(quiet=output.quiet)
    with stopped_by_signals() as stop, open_store(store, make=False) as opened:
        with page.served(StoredHistory(opened)) as served:
            if served is not None:
                output.result([("page", served.address)], {"page": served.address})
            stop.wait()
        logger.info("Ended")
