"""Names out of an archive, made safe: only relative paths of plain components get through."""

from __future__ import annotations

from tidegate_agent.engines.images.limits import hostile, malformed, too_large

_COMPONENT_BYTES = 255  # NAME_MAX


def split_name(name: bytes, depth: int) -> tuple[bytes, ...]:
    """Split an entry's name into its components; `()` is the root itself.

    Leading `./`, doubled and trailing slashes are common and harmless. Absolute names and `..` are not.

    Args:
        name: the name as the archive spells it.
        depth: the most components allowed.

    Raises:
        EngineError: IMAGE_HOSTILE for names that lead out, IMAGE_MALFORMED, IMAGE_TOO_LARGE.
    """
    if name.startswith(b"/"):
        raise hostile(f"the absolute path {name!r} leads out of the image")
    if not name:
        raise malformed("a file has no name")
    return _components(name, depth)


def split_target(target: bytes, depth: int) -> tuple[bytes, ...]:
    """Split a hard link's target, which is a path inside the image; some builders begin it with a slash.

    Raises:
        EngineError: IMAGE_HOSTILE, IMAGE_MALFORMED, IMAGE_TOO_LARGE.
    """
    parts = _components(target, depth)
    if not parts:
        raise malformed("a hard link has no target")
    return parts


def _components(name: bytes, depth: int) -> tuple[bytes, ...]:
    if b"\0" in name:
        raise hostile(f"the path {name!r} holds a NUL")
    parts = tuple(part for part in name.split(b"/") if part not in (b"", b"."))
    if b".." in parts:
        raise hostile(f"the path {name!r} leads out of the image")
    if len(parts) > depth:
        raise too_large(f"a path has {len(parts)} components, more than {depth}")
    if any(len(part) > _COMPONENT_BYTES for part in parts):
        raise too_large(f"the path {name[:80]!r}... has a component longer than {_COMPONENT_BYTES} bytes")
    return parts
