"""Altering DER so that it stays DER: an element changes, and the lengths around it follow (X.690, 8.1)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator
    from random import Random

_CONSTRUCTED = 0x20
_DEPTH = 24


@dataclass(frozen=True, slots=True)
class Raw:
    """Bytes that stand for an element and are not looked into."""

    encoded: bytes

    def encode(self) -> bytes:
        """The bytes."""
        return self.encoded


@dataclass(frozen=True, slots=True)
class Element:
    """One element; `inner` is None where the content is not made of elements."""

    tag: int
    content: bytes
    inner: list[Element | Raw] | None

    def encoded_content(self) -> bytes:
        """The content as it is now."""
        return self.content if self.inner is None else b"".join(each.encode() for each in self.inner)

    def encode(self) -> bytes:
        """The element, with the lengths that it has now."""
        content = self.encoded_content()
        return bytes([self.tag]) + _length(len(content)) + content


def read(data: bytes, depth: int = 0) -> list[Element | Raw] | None:
    """The elements that follow each other in the bytes; None when it is not DER with short tags."""
    elements: list[Element | Raw] = []
    at = 0
    while at < len(data):
        found = _header(data, at)
        if found is None:
            return None
        start, end = found
        tag, content = data[at], data[start:end]
        inner = read(content, depth + 1) if tag & _CONSTRUCTED and depth < _DEPTH else None
        elements.append(Element(tag, content, inner))
        at = end
    return elements


def alter(data: bytes, random: Random) -> bytes:
    """The same DER with one element changed, dropped, doubled or put in another's place."""
    elements = read(data)
    if not elements:
        return data
    places = list(_places(elements))
    siblings, index = random.choice(places)
    chosen = siblings[index]
    match random.randrange(6):
        case 0:
            del siblings[index]
        case 1:
            siblings.insert(index, chosen)
        case 2:
            other, at = random.choice(places)
            # As bytes: an element that was put into itself would have no end.
            siblings[index] = Raw(other[at].encode())
        case 3:
            siblings[index] = Raw(bytes([random.randrange(256)]) + chosen.encode()[1:])
        case _:
            siblings[index] = _flipped(chosen, random)
    return b"".join(each.encode() for each in elements)


def _flipped(element: Element | Raw, random: Random) -> Element | Raw:
    """With one bit of its content changed."""
    if isinstance(element, Raw):
        return element
    changed = bytearray(element.encoded_content() or b"\0")
    changed[random.randrange(len(changed))] ^= 1 << random.randrange(8)
    return Element(element.tag, bytes(changed), None)


def _places(elements: list[Element | Raw]) -> Iterator[tuple[list[Element | Raw], int]]:
    for index, element in enumerate(elements):
        yield elements, index
        if isinstance(element, Element) and element.inner:
            yield from _places(element.inner)


def _header(data: bytes, at: int) -> tuple[int, int] | None:
    """Where the content of the element at `at` begins and ends."""
    if at + 2 > len(data):
        return None
    length, start = data[at + 1], at + 2
    if length >= 0x80:  # X.690, 8.1.3.5: the long form
        count = length & 0x7F
        length = int.from_bytes(data[start : start + count])
        start += count
        if not 1 <= count <= 4:  # more than any certificate needs
            return None
    return (start, start + length) if start + length <= len(data) else None


def _length(count: int) -> bytes:
    if count < 0x80:  # X.690, 8.1.3.4: the short form
        return bytes([count])
    octets = count.to_bytes((count.bit_length() + 7) // 8)
    return bytes([0x80 | len(octets)]) + octets
