"""Words from outside, made fit for events, the journal and a terminal. PURE."""

from __future__ import annotations


def harmless(text: str) -> str:
    """Text without control characters and lone surrogates; line ends and tabs stay.

    A control character can forge what a terminal shows. A lone surrogate, which JSON may spell as an escape
    (RFC 8259, section 8.2), cannot be written as UTF-8: an event that held one could never be sent.
    """
    if text.isprintable():
        return text
    return "".join(
        each if each.isprintable() or each in "\n\t" else "\N{REPLACEMENT CHARACTER}" for each in text
    )


def one_line(text: str) -> str:
    """Harmless text in which each line end is a mark: it cannot pretend to be several lines of ours."""
    return harmless(text).replace("\n", "\N{RETURN SYMBOL}").replace("\t", " ")
