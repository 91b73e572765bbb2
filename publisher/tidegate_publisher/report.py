"""A statement as people and machines are shown it."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any, Final

from tidegate_publisher.durations import format_duration
from tidegate_publisher.unknown_fields import unknown_fields
from tidegate_schemas.base import rfc3339

_HOUR: Final = timedelta(hours=1)
_MINUTE: Final = timedelta(minutes=1)
NOTE_LINES: Final = 20
"""So many lines of a release's notes are shown."""

if TYPE_CHECKING:
    from datetime import datetime

    from tidegate_publisher.announce import Outcome
    from tidegate_publisher.output import Rows
    from tidegate_publisher.ports import Verified
    from tidegate_schemas.rollout import Wave
    from tidegate_schemas.statement import ChannelStatement


def statement_rows(statement: ChannelStatement, now: datetime) -> Rows:
    """What a statement says, in labelled rows; what is not said is left out."""
    said = statement.predicate
    rollout = said.rollout
    rows = [
        ("channel", [f"{said.product}/{said.channel}"]),
        ("sequence", [str(said.sequence)]),
        ("version", [said.version]),
        ("image", [f"{name}@{statement.digest}" for name in said.image.references]),
        ("subject", _subject(statement)),
        ("platforms", [f"{arch} {digest}" for arch, digest in said.image.platforms.items()]),
        ("state", [rollout.state.value]),
        ("waves", [_wave(wave) for wave in rollout.waves]),
        ("urgency", [said.urgency.value + (f", deadline {rfc3339(said.deadline)}" if said.deadline else "")]),
        ("requires", [_requires(statement)]),
        ("floor", [str(said.floor) if said.floor else ""]),
        ("issued", [rfc3339(said.issued_at)]),
        ("expires", [f"{rfc3339(said.expires)} ({_distance(said.expires, now)})"]),
        ("critical", [", ".join(said.critical)]),
        ("unknown fields", unknown_fields(statement)),
        ("notes", _notes(said.notes)),
    ]
    return [(label, "\n".join(map(_one_line, lines))) for label, lines in rows if any(lines)]


def _one_line(text: str) -> str:
    """What has to be one line: a line end in a version must not make a row of its own."""
    return text.replace("\n", "\N{REPLACEMENT CHARACTER}")


def _notes(notes: str) -> list[str]:
    """As many lines as leave the rest on the screen."""
    lines = notes.split("\n")
    more = len(lines) - NOTE_LINES
    return [*lines[:NOTE_LINES], f"… and {more} lines more"] if more > 0 else lines


def _subject(statement: ChannelStatement) -> list[str]:
    """The subject where it says more than the image's row does: another name, other digests."""
    subject = statement.subject[0]
    names = {None, "", *statement.predicate.image.references}
    others = [f"{kind}:{value}" for kind, value in subject.digest.items() if kind != "sha256"]
    return [*([] if subject.name in names else [str(subject.name)]), *others]


def statement_document(statement: ChannelStatement) -> dict[str, Any]:
    """What a statement says, for a machine: the predicate as it is signed, and the digest."""
    return {
        **statement.predicate.model_dump(mode="json", exclude_none=True),
        "digest": statement.digest,
    }


def verified_document(verified: Verified) -> dict[str, Any]:
    """A verified statement for a machine, with its signers; `signer` is the first of them."""
    signers = [{"identity": one.identity, "issuer": one.issuer} for one in verified.signers]
    return {
        **statement_document(verified.statement),
        "signer": signers[0],
        "signers": signers,
        "signersNeeded": verified.needed,
    }


def signer_rows(verified: Verified) -> Rows:
    """Who signed, one a line; and how many are needed, where it is more than one."""
    rows = [("signer", "\n".join(_one_line(str(one)) for one in verified.signers))]
    if verified.needed > 1:
        rows.append(("signers", f"{verified.standing} of {verified.needed} needed"))
    return rows


def outcome_rows(outcome: Outcome, now: datetime, what: str) -> Rows:
    """What came of a command, for a person.

    Args:
        outcome: what came of it.
        now: the present moment.
        what: the word for a change: `announced`, `held`.
    """
    verified = outcome.signed.verified
    head = what if outcome.changed else "unchanged"
    return [
        ("result", head),
        *statement_rows(verified.statement, now),
        *signer_rows(verified),
    ]


def outcome_document(outcome: Outcome) -> dict[str, Any]:
    """What came of a command, for a machine."""
    document = {**verified_document(outcome.signed.verified), "changed": outcome.changed}
    if outcome.image is not None and outcome.image.tag is not None:
        document["resolvedTag"] = outcome.image.tag
    return document


def _wave(wave: Wave) -> str:
    share = "all hosts" if wave.fraction == 1 else f"{wave.fraction * 100:.4g} % of hosts"
    labels = "".join(f", {key}={value}" for key, value in wave.labels.items())
    opens = "open" if wave.open else f"opens {rfc3339(wave.opens_at)}" if wave.opens_at else "closed"
    return f"{wave.name}: {share}{labels}, {opens}"


def _requires(statement: ChannelStatement) -> str:
    wanted = statement.predicate.requires
    parts = [", ".join(wanted.arch), *(f"{key}={value}" for key, value in wanted.labels.items())]
    if wanted.minimum_sequence is not None:
        parts.append(f"sequence {wanted.minimum_sequence} or later")
    return "; ".join(part for part in parts if part)


def _distance(moment: datetime, now: datetime) -> str:
    # A statement of 14 days that was signed two seconds ago shall not read as one of 13.
    left = moment - now
    if left > _HOUR:
        left = round(left / _MINUTE) * _MINUTE
    return f"in {format_duration(left)}" if moment > now else f"{format_duration(-left)} ago: EXPIRED"
