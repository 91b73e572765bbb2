"""A child that is kept: what its word is worth once it has read something. Real processes.

The liar is a child that a message took over: from then on it answers what it likes.
"""

from __future__ import annotations

import json
import sys
from typing import TYPE_CHECKING

import pytest

from tests.support.bundles import PERSON, POLICY, a_message
from tests.support.statements import NOON, a_statement
from tidegate_agent.adapters.kept_child import Keeping
from tidegate_agent.adapters.screening_child import ScreeningChild
from tidegate_agent.adapters.verifier_child import ChildVerifier, VerifyingChild
from tidegate_agent.errors import RefusedError
from tidegate_agent.model import Follow
from tidegate_publisher.devstack.sigstore import LocalSigstore
from tidegate_schemas.codes import Code

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

FOLLOW = Follow("os", "stable")
LONG = Keeping(answers=1000, idle_s=60, life_s=60)

GENUINE = {"ok": True, "payload": "Zm9yZ2Vk", "signers": [{"identity": "a", "issuer": "b"}], "enough": True}
FALSE = {"ok": False, "code": "signature.invalid", "reason": "says the kept one"}
BROKEN = {"ok": False, "code": "verify.failed", "reason": "says the kept one"}
TRUE = {"ok": False, "code": "signature.identity", "reason": "says the fresh one"}

CHILD = """
import sys
from tidegate_agent.adapters import frames
read, write = sys.stdin.buffer.read, sys.stdout.buffer.write
with open({log!r}, "a+") as log:
    log.write("started\\n")
    log.seek(0)
    place = len(log.readlines())
for answer in {kept!r} if place == 1 else [{fresh!r}] * 10:
    nonce, length = frames.read_header(read(frames.HEADER_BYTES))
    read(length)
    write(frames.pack(nonce, answer.encode()))
    sys.stdout.flush()
"""


class Children:
    """A screening child whose first process gives scripted answers, and whose later ones say TRUE."""

    def __init__(self, folder: Path, kept: list[dict[str, object] | str]) -> None:
        self._log = folder / "log"
        self._log.touch()
        answers = [one if isinstance(one, str) else json.dumps(one) for one in kept]
        script = folder / "child.py"
        script.write_text(CHILD.format(kept=answers, log=str(self._log), fresh=json.dumps(TRUE)))
        program = folder / "python"
        program.write_text(f'#!/bin/sh\nexec {sys.executable} -I {script} "$@"\n')
        program.chmod(0o700)
        self.screening = ScreeningChild(VerifyingChild(None, python=str(program)), LONG)
        self._verifier = ChildVerifier(self.screening, {FOLLOW.key: POLICY})

    def say(self) -> str:
        """What comes of a message: `genuine`, or the refusal's reason."""
        try:
            self._verifier.verify(FOLLOW, b"{}")
        except RefusedError as error:
            return error.reason
        return "genuine"

    @property
    def asked(self) -> int:
        """How many fresh children were started after the first."""
        return self._log.read_text().count("started") - 1


@pytest.fixture
def children(tmp_path: Path) -> Iterator[Callable[..., Children]]:
    made: list[Children] = []

    def make(*kept: dict[str, object] | str) -> Children:
        made.append(Children(tmp_path, list(kept)))
        return made[-1]

    yield make
    for one in made:
        one.screening.close()


def test_the_first_word_counts_as_that_of_a_fresh_child(children: Callable[..., Children]) -> None:
    here = children(GENUINE)
    assert (here.say(), here.asked) == ("genuine", 0)


def test_what_a_child_refuses_is_refused_however_much_it_has_read(children: Callable[..., Children]) -> None:
    here = children(FALSE, FALSE, FALSE)
    assert [here.say() for _ in range(3)] == ["says the kept one"] * 3
    assert here.asked == 0


@pytest.mark.parametrize(
    "late", [GENUINE, BROKEN, "not JSON", '{"ok": true}'], ids=["genuine", "no verdict", "text", "half"]
)
def test_anything_else_that_a_used_child_says_is_asked_of_a_fresh_one(
    children: Callable[..., Children], late: dict[str, object] | str
) -> None:
    here = children(FALSE, late, GENUINE)
    assert here.say() == "says the kept one"
    assert (here.say(), here.asked) == ("says the fresh one", 1)
    assert (here.say(), here.asked) == ("says the fresh one", 1), "it has taken the other's place"


def test_a_used_child_that_dies_takes_no_message_with_it(children: Callable[..., Children]) -> None:
    here = children(FALSE)
    assert here.say() == "says the kept one"
    assert (here.say(), here.asked) == ("says the fresh one", 1)


@pytest.mark.parametrize("first", [BROKEN, "not JSON"])
def test_a_fresh_child_without_a_verdict_is_not_asked_twice(
    children: Callable[..., Children], first: dict[str, object] | str
) -> None:
    here = children(first)
    here.say()
    assert here.asked == 0


def test_genuine_messages_among_rubbish(tmp_path: Path) -> None:
    sigstore = LocalSigstore.create(NOON)
    root = tmp_path / "trusted_root.json"
    root.write_text(sigstore.trusted_root_json())
    screening = ScreeningChild(VerifyingChild(root), LONG)
    verifier = ChildVerifier(screening, {FOLLOW.key: POLICY})
    genuine = a_message(sigstore, a_statement(sequence=3).to_json())
    stranger = a_message(LocalSigstore.create(NOON), a_statement(sequence=4).to_json())
    try:
        for message, code in (
            (b"rubbish", Code.STATEMENT_MALFORMED),
            (stranger, Code.SIGNATURE_ROOT),
            (b"x" * 60_000, Code.STATEMENT_MALFORMED),
        ):
            with pytest.raises(RefusedError) as caught:
                verifier.verify(FOLLOW, message)
            assert caught.value.code is code
            assert verifier.verify(FOLLOW, genuine).identity == PERSON
        # A new root counts from the next message on, for a child that is kept too.
        root.write_text(LocalSigstore.create(NOON).trusted_root_json())
        with pytest.raises(RefusedError) as caught:
            verifier.verify(FOLLOW, genuine)
        assert caught.value.code is Code.SIGNATURE_ROOT
    finally:
        screening.close()
