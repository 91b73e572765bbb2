"""Rules about certificates: what holds, what does not, and rules that must not be made."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tidegate_schemas.codes import Code
from tidegate_wire.trust.policy import KeySigner, Signer, SignerPolicy, exactly
from tidegate_wire.trust.rules import AllOf, AnyOf, Claim, Is, Matches, PolicyError, pins, unmet

if TYPE_CHECKING:
    from collections.abc import Callable

    from tidegate_wire.trust.rules import Rule

TAG = "refs/tags/v1.2"
WORKFLOW = "https://github.com/acme/os/.github/workflows/release.yml"
CLAIMS = {
    Claim.IDENTITY: f"{WORKFLOW}@{TAG}",
    Claim.ISSUER: "https://issuer.example",
    Claim.WORKFLOW: WORKFLOW,
    Claim.WORKFLOW_REF: TAG,
    Claim.SOURCE_REPOSITORY: "https://github.com/acme/os",
    Claim.SOURCE_REPOSITORY_ID: "17",
}
ISSUER = Is(Claim.ISSUER, "https://issuer.example")


@pytest.mark.parametrize(
    "rule",
    [
        Is(Claim.SOURCE_REPOSITORY_ID, "17"),
        Matches(Claim.WORKFLOW_REF, r"refs/tags/v[0-9]+\.[0-9]+"),
        AllOf((ISSUER, Is(Claim.WORKFLOW, WORKFLOW))),
        AnyOf((Is(Claim.SOURCE_REPOSITORY_ID, "18"), Is(Claim.SOURCE_REPOSITORY_ID, "17"))),
    ],
    ids=str,
)
def test_what_holds(rule: Rule) -> None:
    assert unmet(rule, CLAIMS) == ()


@pytest.mark.parametrize(
    ("rule", "told"),
    [
        (Is(Claim.SOURCE_REPOSITORY_ID, "170"), "its source repository id is '17', not 170"),
        (Is(Claim.RUNNER, "github-hosted"), "its runner is none, not github-hosted"),
        (Matches(Claim.WORKFLOW_REF, r"refs/tags/v[0-9]+"), "not all of /refs/tags/v[0-9]+/"),
        (Matches(Claim.WORKFLOW_REF, r"refs/heads/.+"), "'refs/tags/v1.2'"),
        (Matches(Claim.WORKFLOW_REF, r"/tags/v1.2"), "'refs/tags/v1.2'"),
        (AllOf((ISSUER, Is(Claim.IDENTITY, WORKFLOW))), "identity"),
        (AnyOf((Is(Claim.WORKFLOW, "x"), AllOf((Is(Claim.ISSUER, "y"), Is(Claim.RUNNER, "z"))))), "workflow"),
    ],
)
def test_what_does_not_hold_is_said_in_words(rule: Rule, told: str) -> None:
    faults = unmet(rule, CLAIMS)
    assert len(faults) == 1
    assert told in faults[0]


@pytest.mark.parametrize(
    "make",
    [
        lambda: Is(Claim.ISSUER, ""),
        lambda: Matches(Claim.IDENTITY, ".*"),
        lambda: Matches(Claim.SOURCE_REPOSITORY, "https://github.com/acme/.*"),
        lambda: Matches(Claim.WORKFLOW_REF, "refs/tags/("),
        lambda: Matches(Claim.WORKFLOW_REF, ".*"),
        lambda: AllOf(()),
        lambda: AnyOf(()),
        lambda: Signer(Is(Claim.IDENTITY, "me@example.org")),
        lambda: Signer(ISSUER),
        lambda: Signer(AllOf((ISSUER, Is(Claim.WORKFLOW, WORKFLOW)))),
        lambda: Signer(AnyOf((ISSUER, Is(Claim.IDENTITY, "me@example.org")))),
        lambda: Signer(AllOf((ISSUER, Is(Claim.SOURCE_REPOSITORY, "https://github.com/acme/os")))),
        lambda: exactly("", "https://issuer.example"),
        lambda: SignerPolicy(()),
        lambda: SignerPolicy((exactly("a", "b"),), threshold=2),
        lambda: SignerPolicy((exactly("a", "b"),), threshold=0),
        lambda: SignerPolicy((exactly("a", "b"), KeySigner("k", "PEM"))),  # type: ignore[arg-type]
        lambda: SignerPolicy((exactly("a", "b"),) * 33),
    ],
)
def test_a_policy_that_leaves_open_whom_it_trusts_cannot_be_made(make: Callable[[], object]) -> None:
    with pytest.raises(PolicyError) as caught:
        make()
    assert caught.value.code is Code.TRUST_POLICY_EMPTY


def _rules() -> st.SearchStrategy[Rule]:
    claims = st.sampled_from(list(Claim))
    exact = st.builds(Is, claims, st.sampled_from(["a", "b", "17"]))
    return st.recursive(
        exact,
        lambda inner: st.one_of(
            st.builds(AllOf, st.lists(inner, min_size=1, max_size=3).map(tuple)),
            st.builds(AnyOf, st.lists(inner, min_size=1, max_size=3).map(tuple)),
        ),
        max_leaves=8,
    )


@given(_rules(), st.dictionaries(st.sampled_from(list(Claim)), st.sampled_from(["a", "b", "17"])))
def test_a_rule_that_pins_a_claim_holds_for_nobody_who_does_not_make_it(
    rule: Rule, claims: dict[Claim, str]
) -> None:
    if not unmet(rule, claims):
        assert all(claim in claims for claim in Claim if pins(rule, claim))


@given(_rules(), _rules(), st.dictionaries(st.sampled_from(list(Claim)), st.sampled_from(["a", "b", "17"])))
def test_rules_compose_as_logic_does(one: Rule, other: Rule, claims: dict[Claim, str]) -> None:
    first, second = not unmet(one, claims), not unmet(other, claims)
    assert (not unmet(AllOf((one, other)), claims)) == (first and second)
    assert (not unmet(AnyOf((one, other)), claims)) == (first or second)


class Guarded(dict[Claim, str]):
    """Claims of a stranger, whose ref nobody is to read: some patterns never come to an end on it."""

    def get(self, claim: Claim, default: str = "") -> str:  # type: ignore[override] # of all that dict has
        assert claim is not Claim.WORKFLOW_REF, "the ref was met with a pattern"
        return super().get(claim, default)


SLOW = Matches(Claim.WORKFLOW_REF, r"refs/tags/v([0-9]+\.?)+")
STRANGER = {**CLAIMS, Claim.ISSUER: "https://other.example", Claim.WORKFLOW_REF: f"refs/tags/v{'1' * 60}x"}
SAME_WORKFLOW = Is(Claim.WORKFLOW, WORKFLOW)


@pytest.mark.parametrize(
    "rule",
    [
        AllOf((SLOW, SAME_WORKFLOW, ISSUER)),
        AllOf((AllOf((SLOW, SAME_WORKFLOW)), ISSUER)),
        AllOf((AnyOf((SLOW, SAME_WORKFLOW)), ISSUER)),
        AnyOf((AllOf((SLOW, ISSUER)), AllOf((ISSUER, SAME_WORKFLOW, SLOW)))),
    ],
    ids=str,
)
def test_a_pattern_waits_until_all_else_holds(rule: Rule) -> None:
    faults = unmet(rule, Guarded(STRANGER))
    assert faults == ("its issuer is 'https://other.example', not https://issuer.example",)
    assert unmet(rule, CLAIMS) == ()
