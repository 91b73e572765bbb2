"""One statement, several signers: who counts, who does not, and what fewer can do."""

from __future__ import annotations

import json
from itertools import permutations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support.bundles import a_message, root_of
from tests.support.statements import NOON, a_statement
from tidegate_publisher.devstack.sigstore import DEVELOPMENT_ISSUER, LocalSigstore
from tidegate_schemas.codes import Code, TidegateError
from tidegate_schemas.rollout import RolloutState
from tidegate_wire.trust.cosigned import MAX_BUNDLES, MEDIA_TYPE, join, quorum, split
from tidegate_wire.trust.policy import SignerPolicy, exactly
from tidegate_wire.trust.signed import Signed
from tidegate_wire.trust.verify import Verified, verify_statement

ANN, BEN, CAT, EVE = (f"{name}@example.org" for name in ("ann", "ben", "cat", "eve"))
TWO_OF_THREE = SignerPolicy(
    tuple(exactly(one, DEVELOPMENT_ISSUER, one.partition("@")[0]) for one in (ANN, BEN, CAT)), threshold=2
)
PAYLOAD = a_statement().to_json()


def _statement(state: RolloutState) -> bytes:
    statement = a_statement()
    rollout = statement.predicate.rollout.model_copy(update={"state": state})
    predicate = statement.predicate.model_copy(update={"rollout": rollout})
    return statement.model_copy(update={"predicate": predicate}).to_json()


def _verify(sigstore: LocalSigstore, *bundles: bytes) -> Verified:
    raw = join(bundles)
    return verify_statement(raw, root=root_of(sigstore), policy=TWO_OF_THREE, product="os", channel="stable")


def _refused(sigstore: LocalSigstore, *bundles: bytes) -> Code:
    with pytest.raises(TidegateError) as caught:
        _verify(sigstore, *bundles)
    return caught.value.code


def _by(sigstore: LocalSigstore, *people: str, payload: bytes = PAYLOAD) -> list[bytes]:
    return [a_message(sigstore, payload, email=person) for person in people]


def test_two_of_three_are_enough_in_any_order(sigstore: LocalSigstore) -> None:
    for pair in permutations((ANN, BEN, CAT), 2):
        found = _verify(sigstore, *_by(sigstore, *pair))
        assert found.enough
        assert found.identity == " and ".join(pair)
        assert found.signed_at_least == NOON


def test_one_is_too_few(sigstore: LocalSigstore) -> None:
    assert _refused(sigstore, *_by(sigstore, ANN)) is Code.SIGNATURE_THRESHOLD


def test_who_signs_twice_counts_once(sigstore: LocalSigstore) -> None:
    assert _refused(sigstore, *_by(sigstore, ANN, ANN)) is Code.SIGNATURE_THRESHOLD


def test_a_stranger_does_not_count_and_does_not_harm(sigstore: LocalSigstore) -> None:
    assert _refused(sigstore, *_by(sigstore, ANN, EVE)) is Code.SIGNATURE_THRESHOLD
    assert _verify(sigstore, *_by(sigstore, EVE, ANN, CAT)).identity == f"{ANN} and {CAT}"


def test_strangers_alone_are_refused_for_who_they_are(sigstore: LocalSigstore) -> None:
    assert _refused(sigstore, *_by(sigstore, EVE, "x" + ANN)) is Code.SIGNATURE_IDENTITY


def test_signatures_of_different_content_do_not_add_up(sigstore: LocalSigstore) -> None:
    other = _by(sigstore, BEN, payload=a_statement(sequence=9).to_json())
    assert _refused(sigstore, *_by(sigstore, ANN), *other) is Code.SIGNATURE_MALFORMED


@pytest.mark.parametrize("state", [RolloutState.HELD, RolloutState.REVOKED])
def test_one_can_stop_a_release(sigstore: LocalSigstore, state: RolloutState) -> None:
    found = _verify(sigstore, *_by(sigstore, BEN, payload=_statement(state)))
    assert not found.enough
    assert _verify(sigstore, *_by(sigstore, ANN, BEN, payload=_statement(state))).enough


@pytest.mark.parametrize("state", [RolloutState.HELD, RolloutState.REVOKED])
def test_a_stranger_cannot_stop_a_release(sigstore: LocalSigstore, state: RolloutState) -> None:
    assert _refused(sigstore, *_by(sigstore, EVE, payload=_statement(state))) is Code.SIGNATURE_IDENTITY


@pytest.mark.parametrize(
    "content",
    [
        {"mediaType": MEDIA_TYPE},
        {"mediaType": MEDIA_TYPE, "bundles": []},
        {"mediaType": MEDIA_TYPE, "bundles": {}},
        {"mediaType": MEDIA_TYPE, "bundles": [{}], "more": 1},
        {"mediaType": MEDIA_TYPE, "bundles": [{}] * (MAX_BUNDLES + 1)},
    ],
)
def test_a_cosigned_message_of_another_shape_is_refused(content: dict[str, object]) -> None:
    with pytest.raises(TidegateError) as caught:
        split(json.dumps(content).encode())
    assert caught.value.code is Code.SIGNATURE_MALFORMED


def test_cosigned_messages_do_not_nest(sigstore: LocalSigstore) -> None:
    inner = json.loads(join(_by(sigstore, ANN, BEN)))
    nested = json.dumps({"mediaType": MEDIA_TYPE, "bundles": [inner]}).encode()
    assert _refused(sigstore, nested) is Code.SIGNATURE_MALFORMED


def test_what_is_joined_is_what_was_signed(sigstore: LocalSigstore) -> None:
    bundles = _by(sigstore, ANN, BEN)
    assert [json.loads(one) for one in split(join(bundles))] == [json.loads(one) for one in bundles]
    assert split(join(bundles[:1])) == (bundles[0],)


def test_a_workflow_at_two_tags_is_one_signer() -> None:
    both = frozenset({0, 1})
    tags = [Signed(b"", f"https://ci.example/w.yml@refs/tags/v{n}", "i", both) for n in (1, 2)]
    assert quorum(tags) == 1
    people = [Signed(b"", f"{name}@refs/example.org", "i", both) for name in ("ann", "ben")]
    assert quorum(people) == 2


def _signed(person: int, stands_for: frozenset[int]) -> Signed:
    return Signed(b"", str(person), "", stands_for)


@given(
    st.dictionaries(st.integers(0, 5), st.frozensets(st.integers(0, 4), min_size=1), min_size=1, max_size=5)
)
def test_the_quorum_is_the_largest_matching(matches: dict[int, frozenset[int]]) -> None:
    def largest(people: list[int], taken: frozenset[int]) -> int:
        if not people:
            return 0
        rest = people[1:]
        using = [1 + largest(rest, taken | {one}) for one in matches[people[0]] - taken]
        return max([largest(rest, taken), *using])

    signed = [_signed(person, places) for person, places in matches.items()]
    assert quorum(signed) == largest(list(matches), frozenset())
    assert quorum(signed + signed) == quorum(signed)
