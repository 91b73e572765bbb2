"""The product of the demo: a tiny application in three versions, the third of which was packed badly."""

from __future__ import annotations

import platform
from typing import Final

from tidegate_publisher.devstack.image import Image, Tree, build_image
from tidegate_wire.registry.platform import own_architecture

PRODUCT: Final = "hello"
CHANNEL: Final = "stable"

HEALTH_CHECK: Final = "app/health.sh"
"""The image's own check, as a path in its tree."""

VERSION_FILE: Final = "app/VERSION"

_BASE: Final[Tree] = {
    "app/hello.sh": """\
#!/bin/sh
app=$(dirname "$0")
. "$app/hello.conf"
echo "$greeting, this is version $(cat "$app/VERSION")"
""",
    HEALTH_CHECK: """\
#!/bin/sh
# Healthy is who can greet: the application is run, and has to find all that it needs.
app=$(dirname "$0")
if ! test -f "$app/hello.conf"; then
  echo "hello.conf is missing from the image"
  exit 1
fi
exec "$app/hello.sh"
""",
}


def sample_images(*, flawless: bool = False) -> dict[str, Image]:
    """The images by version, "1" to "3", for this machine's architecture.

    Args:
        flawless: pack the third version properly, too. The demo then does not see what it should.
    """
    architecture = own_architecture(platform.machine())
    return {
        version: build_image([_BASE, _release(version, complete=flawless or version != "3")], architecture)
        for version in ("1", "2", "3")
    }


def _release(version: str, *, complete: bool) -> Tree:
    tree = {VERSION_FILE: f"{version}\n"}
    return {**tree, "app/hello.conf": f'greeting="Hello from {version}"\n'} if complete else tree
