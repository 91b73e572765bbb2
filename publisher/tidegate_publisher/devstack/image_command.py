"""`tidegate dev image`: a folder becomes an image that can be announced."""

from __future__ import annotations

import platform
from pathlib import Path

import click

from tidegate_publisher.devstack.folder_image import pack_folder
from tidegate_wire.registry.platform import own_architecture


@click.command("image", short_help="Pack a folder into an OCI image layout.")
@click.argument("folder", type=click.Path(exists=True, file_okay=False, path_type=Path))
@click.option(
    "--into",
    "layout",
    type=click.Path(file_okay=False, path_type=Path),
    default=Path("images"),
    show_default=True,
    help="The OCI layout; made if it is not there.",
)
@click.option("--tag", default="latest", show_default=True, help="The image's name in the layout.")
@click.option("--arch", default=None, help="In Go's names: amd64, arm64.  [default: this machine's]")
def image_command(folder: Path, layout: Path, tag: str, arch: str | None) -> None:
    """Pack a folder into an OCI image layout and print the reference to announce.

    The content becomes the image's root, owned by root and without times: the same content has the same
    digest. For real releases use what builds your images; the layout can be pushed with
    `skopeo copy oci:LAYOUT:TAG docker://…`.

    \b
    Example:
      tidegate dev image ./app --into ./images --tag 1
    """  # noqa: D301 -- \b is click's mark for lines that stay as they are
    digest = pack_folder(folder, layout, tag, arch or own_architecture(platform.machine()))
    click.echo(f"oci:{layout.resolve()}@{digest}")
