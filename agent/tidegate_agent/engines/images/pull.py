"""What an image consists of, and bringing it here: from the first reference that has it."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple, TypeVar

from tidegate_agent.engines.images.limits import Limits, malformed, too_large
from tidegate_schemas.codes import Code, TidegateError
from tidegate_wire.registry.descriptor import MAX_CONFIG_BYTES, Descriptor, Index
from tidegate_wire.registry.download import fetch_blob
from tidegate_wire.registry.media_types import layer_compression
from tidegate_wire.registry.parsing import parse_config, parse_manifest, parse_manifest_or_index
from tidegate_wire.registry.platform import select_platform

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tidegate_agent.engines.images.meter import Meter
    from tidegate_agent.model import ImageTarget
    from tidegate_wire.registry.source import ImageSource

_T = TypeVar("_T")
# The fault lies with this host: no other registry would mend it.
_OWN = frozenset({Code.DISK_FULL, Code.DISK_IO})


class Layer(NamedTuple):
    """One layer: what to fetch, and what must come out of it."""

    blob: Descriptor
    diff_id: str


class Image(NamedTuple):
    """An image's parts. `config` is its configuration as it was signed, for whoever runs it."""

    manifest: str
    config: bytes
    layers: tuple[Layer, ...]


class Puller:
    """Reads one target's image from its references, each opened when it is first needed."""

    def __init__(
        self,
        target: ImageTarget,
        open_source: Callable[[str], ImageSource],
        folder: Path,
        meter: Meter,
    ) -> None:
        self._target = target
        self._open_source = open_source
        self._folder = folder
        self._meter = meter
        self._sources: dict[str, ImageSource] = {}

    def image(self, limits: Limits) -> Image:
        """Read manifest and configuration.

        Raises:
            TidegateError: an `image.*` or `reference.*` code.
        """
        digest = self._target.digest
        document = parse_manifest_or_index(self._manifest(digest), digest)
        if isinstance(document, Index):
            digest = select_platform(document, self._target.arch).digest
            document = parse_manifest(self._manifest(digest), digest)
        if len(document.layers) > limits.layers:
            raise too_large(f"the image has {len(document.layers)} layers, more than {limits.layers}")
        for layer in document.layers:
            layer_compression(layer.media_type)
        if document.config.size > MAX_CONFIG_BYTES:
            raise too_large(f"the image's configuration has {document.config.size} bytes")
        raw = self.fetch(document.config).read_bytes()
        config = parse_config(raw, document.config)
        if config.architecture != self._target.arch:
            reason = f"the image is for {config.architecture}, this host is {self._target.arch}"
            raise TidegateError(Code.IMAGE_PLATFORM, reason)
        if len(config.rootfs.diff_ids) != len(document.layers):
            raise malformed("manifest and configuration disagree on the number of layers")
        layers = tuple(map(Layer, document.layers, config.rootfs.diff_ids))
        return Image(digest, raw, layers)

    def fetch(self, blob: Descriptor) -> Path:
        """Bring a verified blob into the folder, taking up what is there of it.

        Raises:
            TidegateError: the first reference's error, if all fail.
        """
        meter = self._meter
        return self._try(
            lambda source: fetch_blob(source, blob, self._folder, meter.fetched, meter.cancelled)
        )

    def _manifest(self, digest: str) -> bytes:
        return self._try(lambda source: source.manifest(digest))

    def _try(self, action: Callable[[ImageSource], _T]) -> _T:
        failures: list[TidegateError] = []
        for reference in self._target.references:
            try:
                return action(self._source(reference))
            except TidegateError as error:
                if error.code in _OWN:
                    raise
                # No other reference is asked when nobody waits any more, or the time is up.
                self._meter.check()
                failures.append(error)
        if not failures:
            raise TidegateError(Code.REFERENCE_INVALID, f"no reference says where {self._target.digest} is")
        raise TidegateError(failures[0].code, "; ".join(failure.reason for failure in failures))

    def _source(self, reference: str) -> ImageSource:
        if reference not in self._sources:
            self._sources[reference] = self._open_source(reference)
        return self._sources[reference]
