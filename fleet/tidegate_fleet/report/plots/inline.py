"""From the file that matplotlib writes to an element of a page under a strict content security policy.

Style attributes become presentation attributes and classes (a policy without 'unsafe-inline' drops the
former, and a dark page needs other colours), ids become unique in the page, and what only a file needs goes.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

# Only what matplotlib wrote a moment ago is parsed here.
from xml.etree import ElementTree as ET

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from tidegate_fleet.report.plots.canvas import Caption

_SVG: Final = "{http://www.w3.org/2000/svg}"
_HREF: Final = "{http://www.w3.org/1999/xlink}href"
_LONG: Final = re.compile(r"-?\d+\.\d{2,}(?:e-?\d+)?")
_USED: Final = re.compile(r"url\(#([^)]+)\)")
_NUMBERS: Final = frozenset({"d", "x", "y", "width", "height", "transform", "points", "stroke-width"})
_DROPPED: Final = frozenset({"font", "font-family", "-inkscape-font-specification"})


def inline(drawing: str, name: str, kind: str, caption: Caption, classes: Mapping[str, str]) -> str:
    """Make a drawing part of a page.

    Args:
        drawing: an SVG file by matplotlib.
        name: what its ids begin with.
        kind: its class.
        caption: its text alternative.
        classes: the class for each colour that stands for one, `fill-` or `line-` before it.
    """
    root = ET.fromstring(drawing)  # noqa: S314 -- matplotlib's own
    for element in root.iter():
        _restyle(element, classes)
        _shorten(element)
    _prune(root)
    _rename(root, name)
    _describe(root, name, kind, caption)
    return _serialised(root)


def _prune(parent: ET.Element) -> None:
    for child in list(parent):
        _prune(child)
        if _is_idle(child):
            parent.remove(child)


def _is_idle(element: ET.Element) -> bool:
    """Whether it shows nothing: matplotlib's metadata, empty groups, patches without fill and line."""
    kind = element.tag.removeprefix(_SVG)
    if kind in {"g", "defs"}:
        return len(element) == 0
    return kind in {"metadata", "style"} or (
        kind == "path" and element.get("fill") == "none" and "class" not in element.attrib
    )


def _restyle(element: ET.Element, classes: Mapping[str, str]) -> None:
    words: list[str] = []
    declared = element.attrib.pop("style", "").split(";")
    for key, value in (each.split(":", 1) for each in declared if ":" in each):
        element.set(key.strip(), value.strip())
    for key, before in (("fill", "fill"), ("stroke", "line")):
        role = classes.get(element.get(key, ""))
        if role is not None:
            words.append(f"{before}-{role}")
            del element.attrib[key]
    for key in _DROPPED & element.attrib.keys():
        del element.attrib[key]
    if words:
        element.set("class", " ".join(words))


def _shorten(element: ET.Element) -> None:
    for key in _NUMBERS & element.attrib.keys():
        short = _LONG.sub(lambda found: f"{float(found[0]):.1f}".removesuffix(".0"), element.attrib[key])
        element.set(key, " ".join(short.split()))
    if element.get("transform", "").startswith("rotate(-0 "):
        del element.attrib["transform"]
    if element.text is not None and not element.text.strip():
        element.text = None
    element.tail = None


def _rename(root: ET.Element, name: str) -> None:
    """Ids that are referred to are numbered behind the plot's name; the others go."""
    used: dict[str, str] = {}
    for old in _references(root):
        used.setdefault(old, f"{name}-{len(used)}")
    for element in root.iter():
        old = element.attrib.pop("id", "")
        if old in used:
            element.set("id", used[old])
        target = element.attrib.pop(_HREF, "")
        if target:
            element.set("href", f"#{used[target.removeprefix('#')]}")
        for key, value in element.attrib.items():
            element.set(key, _USED.sub(lambda found: f"url(#{used[found[1]]})", value))


def _references(root: ET.Element) -> Iterator[str]:
    for element in root.iter():
        for value in element.attrib.values():
            yield from _USED.findall(value)
        if _HREF in element.attrib:
            yield element.attrib[_HREF].removeprefix("#")


def _describe(root: ET.Element, name: str, kind: str, caption: Caption) -> None:
    for key in ("width", "height", "version"):
        root.attrib.pop(key, None)
    root.set("class", kind)
    root.set("role", "img")
    root.set("aria-labelledby", f"{name}-title {name}-text")
    title, text = ET.Element(f"{_SVG}title"), ET.Element(f"{_SVG}desc")
    title.set("id", f"{name}-title")
    text.set("id", f"{name}-text")
    title.text, text.text = caption.title, caption.text
    root.insert(0, text)
    root.insert(0, title)


def _serialised(root: ET.Element) -> str:
    # In an HTML document SVG needs no namespaces, and a prefix would make its elements unknown ones.
    for element in root.iter():
        element.tag = element.tag.removeprefix(_SVG)
    return ET.tostring(root, encoding="unicode")
