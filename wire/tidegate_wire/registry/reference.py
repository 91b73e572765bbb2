"""Image references: where an image lies, by tag, by digest, or by both.

Two forms, told apart by the prefix `oci:`:

    host[:port]/repository[:tag][@sha256:…]        an image in a registry
    oci:/path[:tag][@sha256:…]                     an image in an OCI layout (a folder, or a tar of one)

Sources: the grammar of distribution's `reference` package for names, and the OCI distribution specification
1.1 ("Pulling manifests") for repository and tag. Short names are refused: which registry `app` means depends
on the host that reads it, so a signed statement must not say it.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from pathlib import PurePosixPath

from tidegate_schemas.codes import Code, TidegateError
from tidegate_wire.registry.digest import check_digest

MAX_REFERENCE = 1024
MAX_NAME = 255

_LABEL = r"(?:[a-zA-Z0-9]|[a-zA-Z0-9][a-zA-Z0-9-]{0,61}[a-zA-Z0-9])"
_HOST = re.compile(rf"(?:{_LABEL}(?:\.{_LABEL})*|\[[a-fA-F0-9:]{{2,39}}\])(?::([0-9]{{1,5}}))?")
_PART = r"[a-z0-9]+(?:(?:[._]|__|-+)[a-z0-9]+)*"
_REPOSITORY = re.compile(rf"{_PART}(?:/{_PART})*")
_TAG = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}")


@dataclass(frozen=True, slots=True)
class Reference:
    """An image in a registry.

    Attributes:
        host: registry host, with its port where one was given; lower case.
        repository: path of the repository in that registry.
        tag: the tag, if one was named.
        digest: the digest, if one was named; it decides, and a tag beside it is only for people.
    """

    host: str
    repository: str
    tag: str | None = None
    digest: str | None = None

    @property
    def name(self) -> str:
        """Host and repository, the part without tag and digest."""
        return f"{self.host}/{self.repository}"

    def at(self, digest: str) -> Reference:
        """The same repository, pinned to one digest."""
        return replace(self, digest=check_digest(digest))

    def __str__(self) -> str:
        return _spell(self.name, self.tag, self.digest)


@dataclass(frozen=True, slots=True)
class LayoutReference:
    """An image in an OCI layout.

    Attributes:
        path: absolute path of the layout's folder, or of a tar archive of one.
        tag: value of the annotation `org.opencontainers.image.ref.name` to choose by, if one was named.
        digest: the digest, if one was named; it decides.
    """

    path: PurePosixPath
    tag: str | None = None
    digest: str | None = None

    @property
    def name(self) -> str:
        """Prefix and path, the part without tag and digest."""
        return f"oci:{self.path}"

    def at(self, digest: str) -> LayoutReference:
        """The same layout, pinned to one digest."""
        return replace(self, digest=check_digest(digest))

    def __str__(self) -> str:
        return _spell(self.name, self.tag, self.digest)


AnyReference = Reference | LayoutReference


def parse_reference(text: str) -> AnyReference:
    """Read an image reference of either form.

    Args:
        text: the reference as written, at most 1024 characters.

    Raises:
        TidegateError: REFERENCE_INVALID, with what is wrong and what was expected.
    """
    if len(text) > MAX_REFERENCE:
        raise _invalid(text, f"it is longer than {MAX_REFERENCE} characters")
    if not text.isprintable() or " " in text:
        raise _invalid(text, "it holds blanks or characters that cannot be printed")
    if "://" in text:
        raise _invalid(text, "leave out the transport, docker:// for example")
    rest, digest = _split_digest(text)
    return _parse_layout(text, rest, digest) if text.startswith("oci:") else _parse_remote(text, rest, digest)


def check_tag(tag: str) -> str:
    """Return `tag` when it is one (OCI distribution specification 1.1, "Pulling manifests").

    Raises:
        TidegateError: REFERENCE_INVALID.
    """
    if _TAG.fullmatch(tag) is None:
        raise TidegateError(
            Code.REFERENCE_INVALID,
            f"'{tag[:120]}' is not a tag: up to 128 letters, digits, dots, dashes and underscores",
        )
    return tag


def _parse_remote(text: str, rest: str, digest: str | None) -> Reference:
    host, slash, path = rest.partition("/")
    if not slash or not _is_host(host):
        raise _invalid(
            text, "write the registry first, as in registry.example.com/app; short names are ambiguous"
        )
    matched = _HOST.fullmatch(host)
    if matched is None or not 0 < int(matched[1] or 443) < 65536:  # noqa: PLR2004 - TCP's highest port
        raise _invalid(text, f"'{host}' is not a host name with an optional port")
    repository, colon, tag = path.partition(":")
    if host.lower() in {"docker.io", "index.docker.io"}:
        host, repository = "docker.io", repository if "/" in repository else f"library/{repository}"
    if _REPOSITORY.fullmatch(repository) is None or len(host) + 1 + len(repository) > MAX_NAME:
        raise _invalid(
            text, f"'{repository}' is not a repository: lower-case words with . _ - between, joined by /"
        )
    return Reference(host.lower(), repository, check_tag(tag) if colon else None, digest)


def _parse_layout(text: str, rest: str, digest: str | None) -> LayoutReference:
    path, colon, tag = rest.removeprefix("oci:").partition(":")
    pure = PurePosixPath(path)
    if not pure.is_absolute() or ".." in pure.parts or str(pure) == "/":
        raise _invalid(text, "the layout's path must be absolute and without '..'")
    return LayoutReference(pure, check_tag(tag) if colon else None, digest)


def _split_digest(text: str) -> tuple[str, str | None]:
    rest, at, digest = text.partition("@")
    return (rest, check_digest(digest)) if at else (rest, None)


def _is_host(first: str) -> bool:
    """Whether the first part is a registry and not the start of a short name (distribution's rule)."""
    return "." in first or ":" in first or first.lower() == "localhost"


def _spell(name: str, tag: str | None, digest: str | None) -> str:
    return f"{name}{f':{tag}' if tag else ''}{f'@{digest}' if digest else ''}"


def _invalid(text: str, why: str) -> TidegateError:
    return TidegateError(Code.REFERENCE_INVALID, f"'{text[:120]}' is not an image reference: {why}")
