"""What podman is asked for: which images there are, what is known of them, which containers run them."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Final, TypeVar

from pydantic import BaseModel, Field, TypeAdapter, ValidationError

from tidegate_agent.engines.podman.failures import failure_of
from tidegate_agent.engines.tool import Tool
from tidegate_agent.errors import EngineError
from tidegate_schemas.codes import Code
from tidegate_wire.registry.digest import hex_of

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from tidegate_agent.engines.podman.ledger import Kept

_Parsed = TypeVar("_Parsed")
_TIMEOUT_S: Final = 120.0
_REMOVAL_S: Final = 600.0
_ABSENT: Final = 1
_TAGS: Final = "localhost/tidegate/"


class _RootFs(BaseModel):
    layers: list[str] | None = Field(default=None, alias="Layers")


class Found(BaseModel):
    """An image as `podman image inspect` tells it."""

    image_id: str = Field(alias="Id")
    architecture: str = Field(default="", alias="Architecture")
    tags: list[str] | None = Field(default=None, alias="RepoTags")
    names: list[str] | None = Field(default=None, alias="RepoDigests")
    root: _RootFs = Field(default=_RootFs(), alias="RootFS")

    @property
    def digests(self) -> set[str]:
        """The digests of its manifests and of the indexes that it was chosen from."""
        return {name.rpartition("@")[2] for name in self.names or ()}

    @property
    def layers(self) -> tuple[str, ...]:
        """The diff_ids of its layers, lowest first."""
        return tuple(self.root.layers or ())


class _Container(BaseModel):
    image_id: str = Field(alias="ImageID")


_IMAGES: Final = TypeAdapter(list[Found])
_CONTAINERS: Final = TypeAdapter(list[_Container])


class Images:
    """podman's storage, as one user has it.

    Args:
        command: the command that runs podman.
        environment: its variables.
        label: names the tags that keep what is tidegate's from `podman image prune`.
    """

    def __init__(self, command: Sequence[str], environment: Mapping[str, str], label: str) -> None:
        self._tool = Tool(command, environment)
        self._tags = f"{_TAGS}{label}"

    def exists(self, name: str) -> bool:
        """Whether an image of that name is there. Raises EngineError."""
        output = self._tool.run("image", "exists", name, timeout_s=_TIMEOUT_S)
        if output.status not in (0, _ABSENT):
            raise failure_of(output.stderr, f"podman cannot look for {name}", Code.ENGINE_OUTPUT)
        return output.status == 0

    def find(self, name: str) -> Found | None:
        """What is known of an image; None when it is not there. Raises EngineError."""
        words = ("image", "inspect", name)
        try:
            found = self._tool.json(*words, code=Code.ENGINE_OUTPUT, timeout_s=_TIMEOUT_S)
        except EngineError:
            # Its exit status is the same for what is not there and for what cannot be read.
            if not self.exists(name):
                return None
            raise
        return self._parsed(words, lambda: _IMAGES.validate_python(found)[0])

    def has_of_others(self, name: str) -> bool:
        """Whether an image is there that no unit of tidegate's brought. Raises EngineError."""
        found = self.find(name)
        return found is not None and not any(tag.startswith(_TAGS) for tag in found.tags or ())

    def root(self) -> Path:
        """Where the storage lies. Raises EngineError."""
        words = ("info", "--format", "{{.Store.GraphRoot}}")
        output = self._tool.check(*words, code=Code.ENGINE_OUTPUT, timeout_s=_TIMEOUT_S)
        return Path(output.stdout.decode(errors="replace").strip())

    def running(self, unit: str) -> set[str]:
        """The images of the containers that a unit has started and that run, by id. Raises EngineError."""
        words = ("ps", "--filter", f"label=PODMAN_SYSTEMD_UNIT={unit}", "--format", "json")
        found = self._tool.json(*words, code=Code.ENGINE_OUTPUT, timeout_s=_TIMEOUT_S)
        return {one.image_id for one in self._parsed(words, lambda: _CONTAINERS.validate_python(found))}

    def protect(self, image_id: str, digest: str) -> None:
        """Tag an image, so that it does not look left over. Raises EngineError."""
        words = ("tag", image_id, self._tag(digest))
        self._tool.check(*words, code=Code.STAGE_FAILED, timeout_s=_TIMEOUT_S)

    def remove(self, digest: str, kept: Kept) -> bool:
        """Give an image up: our tag, and the image itself where it is ours and nobody else's too.

        Returns:
            False when a container still uses it, so that it has to be tried again another day.

        Raises:
            EngineError: podman cannot be asked.
        """
        self._untag(self._tag(digest))
        found = self.find(kept.name)
        if found is None or not kept.ours or found.tags:
            return True
        return self._untag(kept.name)

    def _tag(self, digest: str) -> str:
        return f"{self._tags}:{hex_of(digest)}"

    def _untag(self, name: str) -> bool:
        """Take a name away, and with the last one the image; never one that a container uses."""
        output = self._tool.run("image", "rm", name, timeout_s=_REMOVAL_S)
        return output.status == 0 or not self.exists(name)

    def _parsed(self, words: Sequence[str], parse: Callable[[], _Parsed]) -> _Parsed:
        try:
            return parse()
        except (ValidationError, IndexError) as error:
            reason = f"`{self._tool.words(*words)}` printed JSON of another form"
            raise EngineError(Code.ENGINE_OUTPUT, reason) from error
