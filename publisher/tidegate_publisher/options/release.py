"""The release file and the flags that stand over it."""

from __future__ import annotations

import functools
from dataclasses import dataclass
from typing import IO, TYPE_CHECKING, Any

import click

from tidegate_publisher.options.declare import group
from tidegate_publisher.release_file import load_release
from tidegate_schemas.codes import Code, TidegateError
from tidegate_schemas.rollout import RolloutState, Urgency
from tidegate_wire.yaml_document import MAX_BYTES

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from tidegate_publisher.ports import Resolver
    from tidegate_schemas.release import Release


@dataclass(frozen=True, slots=True)
class ReleaseInput:
    """A release file, the flags that were given, and what is asked of its image."""

    file: IO[bytes] | None
    overrides: dict[str, object]
    check_image: bool
    signed_image: bool

    def load(self, otherwise: Mapping[str, object] | None = None) -> Release:
        """Read file and flags.

        Args:
            otherwise: values for keys that neither of them has.

        Raises:
            TidegateError: CONFIG_SYNTAX, RELEASE_INVALID, REFERENCE_INVALID.
        """
        from tidegate_publisher.adapters.image_resolver import check_mirrors  # noqa: PLC0415 -- only when needed

        if self.file is None:
            release = load_release(b"", "the flags", self.overrides, otherwise)
        else:
            release = load_release(self._read(self.file), self.file.name, self.overrides, otherwise)
        check_mirrors(release.mirrors)
        return release

    @staticmethod
    def _read(file: IO[bytes]) -> bytes:
        try:
            return file.read(MAX_BYTES + 1)
        except OSError as error:
            reason = f"{file.name} cannot be read: {error.strerror}"
            raise TidegateError(Code.CONFIG_MISSING, reason) from error

    def resolver(self) -> Resolver:
        """What settles the image's content."""
        import os  # noqa: PLC0415 -- with the imports below

        from tidegate_publisher.adapters import image_resolver  # noqa: PLC0415 -- only when needed
        from tidegate_wire.registry.settings import RegistrySettings  # noqa: PLC0415 -- the same

        if not self.check_image:
            return image_resolver.DigestOnlyResolver()
        return image_resolver.RegistryResolver(RegistrySettings.from_environment(os.environ, os.getuid()))


_FLAGS: dict[str, str] = {
    "product": "product",
    "channel": "channel",
    "image": "image",
    "version": "version",
    "notes": "notes",
    "sequence": "sequence",
    "expires_in": "expires_in",
    "urgency": "urgency",
    "deadline": "deadline",
    "state": "rollout.state",
}


def _build(
    release: IO[bytes] | None,
    *,
    check_image: bool,
    require_image_signature: bool,
    **flags: Any,  # noqa: ANN401 -- click's
) -> ReleaseInput:
    overrides = {_FLAGS[name]: value for name, value in flags.items() if value is not None}
    return ReleaseInput(release, overrides, check_image, require_image_signature)


def _flag(name: str, text: str, **more: Any) -> Callable[[Any], Any]:  # noqa: ANN401 -- click's own arguments
    return functools.partial(click.option, f"--{name.replace('_', '-')}", name, help=text, **more)()


def _build_planned(release: IO[bytes] | None, **flags: Any) -> ReleaseInput:  # noqa: ANN401 -- click's
    return _build(release, check_image=False, require_image_signature=False, **flags)


_FILE = click.argument("release", type=click.File("rb"), required=False, metavar="[RELEASE.yaml]")
_PRODUCT = _flag("product", "Over the file's product.", metavar="NAME")
_CHANNEL = _flag("channel", "Over the file's channel.", metavar="NAME")
_VERSION = _flag("version", "Over the file's version.", metavar="TEXT")

planned_release_options = group(
    "release",
    _build_planned,
    (_FILE, _PRODUCT, _CHANNEL, _VERSION),
    ("release", "product", "channel", "version"),
)
"""What of a release counts before it is signed: where it goes, and its waves and gates."""

release_options = group(
    "release",
    _build,
    (
        _FILE,
        _PRODUCT,
        _CHANNEL,
        _flag("image", "Over the file's image: registry/repository@sha256:… or with a tag.", metavar="REF"),
        _VERSION,
        _flag("notes", "Over the file's notes.", metavar="TEXT"),
        _flag(
            "sequence", "The statement's place in the channel.  [default: the next]", type=int, metavar="N"
        ),
        _flag("expires_in", "How long hosts may act on it: 14d, 12h, P14D.", metavar="DURATION"),
        _flag(
            "urgency",
            "How much of its comfort a host may give up.",
            type=click.Choice([one.value for one in Urgency]),
        ),
        _flag("deadline", "With urgency: a moment such as 2026-03-02T12:00:00Z.", metavar="MOMENT"),
        _flag(
            "state",
            "Begin the rollout in this state.",
            type=click.Choice([one.value for one in RolloutState]),
        ),
        click.option(
            "--check-image/--no-check-image",
            default=True,
            help="Ask the registry whether the image is there, and for its platforms.  [default: check]",
        ),
        click.option(
            "--require-image-signature",
            is_flag=True,
            help="Refuse an image that --signers (or --key, or --identity) have not signed.",
        ),
    ),
    ("release", *_FLAGS, "check_image", "require_image_signature"),
)
