"""The console script. The publisher's libraries are an extra: a host that lacks them is told so."""

from __future__ import annotations

import sys
from importlib.util import find_spec

_EXTRA = ("click", "rich", "yaml")


def main() -> None:
    """Run `tidegate`."""
    missing = [name for name in _EXTRA if find_spec(name) is None]
    if missing:
        sys.stderr.write(
            f"error: tidegate's publisher needs {', '.join(missing)}, which this installation lacks\n"
            "  [config.missing]\n"
            "  pip install 'tidegate[publisher]'\n"
        )
        sys.exit(2)
    from tidegate_publisher.cli import cli  # noqa: PLC0415 -- only once its libraries are known to be there

    cli.main()
