"""What a generation says about itself, in `generation.json` beside its `rootfs`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pydantic import BaseModel, ConfigDict, ValidationError

from tidegate_agent.errors import EngineError
from tidegate_schemas.codes import Code

if TYPE_CHECKING:
    from pathlib import Path

_FILE = "generation.json"
ROOTFS = "rootfs"
CONFIG = "config.json"


class GenerationInfo(BaseModel):
    """A generation's own account, written before the generation gets its name: whole or absent.

    Attributes:
        announced: the digest that was asked for, of an index or of a manifest.
        manifest: the digest of the manifest that was unpacked; the same, unless an index was announced.
        layers: the diff_ids, lowest first.
        files: regular files in the tree.
        exposed: paths that others than the agent may write to, see `Metadata.exposes`; None: never counted.
        notes: what this user or file system could not make, and how often.
    """

    model_config = ConfigDict(frozen=True, strict=True, extra="forbid")

    announced: str
    manifest: str
    arch: str
    layers: tuple[str, ...]
    files: int
    exposed: int | None = None
    notes: dict[str, int] = {}


def write_info(folder: Path, info: GenerationInfo) -> None:
    """Write it into a generation's folder."""
    (folder / _FILE).write_text(info.model_dump_json(indent=2) + "\n", encoding="utf-8")


def read_info(folder: Path) -> GenerationInfo | None:
    """Read it, or None when there is no such generation.

    Raises:
        EngineError: DISK_IO when it is damaged.
    """
    try:
        return GenerationInfo.model_validate_json((folder / _FILE).read_bytes())
    except FileNotFoundError:
        return None
    except ValidationError as error:
        raise EngineError(Code.DISK_IO, f"{folder / _FILE} is damaged; remove {folder}") from error
