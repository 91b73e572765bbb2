"""The rules about who signs a channel's statements. Pure.

Which signers are needed only hosts know for sure. What is not said with a policy is taken from the statement
before: whoever trusted its signers has to trust those of the next one.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from tidegate_schemas.codes import Code, TidegateError
from tidegate_schemas.rollout import RolloutState

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tidegate_publisher.ports import SignerId, Verified


def lacking(verified: Verified) -> str:
    """That signers are missing, in words."""
    count = f"{verified.standing} of {verified.needed} signers needed"
    if verified.statement.predicate.rollout.state is RolloutState.ACTIVE:
        return f"{count}; have it countersigned with `tidegate countersign`"
    return f"{count} to let a release go on; this one only stops it, for which one is enough"


def require_same_signers(before: Verified, signers: Sequence[SignerId], *, all_of_them: bool) -> None:
    """Refuse a change of signers that nobody asked for; another ref of the same CI workflow is no change.

    Whoever trusted those before has to trust those now.

    Args:
        before: what the channel holds.
        signers: who signs the next statement, or will.
        all_of_them: whether all who signed before have to; where a release is only stopped, or others will
            sign too, one of them is enough.

    Raises:
        TidegateError: SIGNATURE_IDENTITY, none of those before signs; SIGNATURE_THRESHOLD, not all of them.
    """
    theirs, ours = ({persona(one) for one in some} for some in (before.signers, signers))
    named = " and ".join(map(str, signers))
    if not theirs & ours:
        reason = (
            f"The channel is signed by {before.signed_by}, but this statement by {named}: hosts that "
            "trust the first would refuse it. If hosts trust the new signer, say so with --identity and "
            "--issuer, or --signers"
        )
        raise TidegateError(Code.SIGNATURE_IDENTITY, reason)
    if all_of_them and not theirs <= ours:
        reason = (
            f"The channel is signed by {before.signed_by}, but this statement only by {named}: hosts "
            "may ask for all of them. Have it countersigned, or say with --signers who is needed"
        )
        raise TidegateError(Code.SIGNATURE_THRESHOLD, reason)


def require_foreknown(before: Verified, signer: SignerId | None, *, all_of_them: bool) -> None:
    """Find out before anything is signed that the signers agree: what is in a public log stays there.

    Args:
        before: what the channel holds. Anybody may have written it.
        signer: whom the signature will name; None when that cannot be known.
        all_of_them: as in `require_same_signers`.

    Raises:
        TidegateError: as `require_same_signers`; SIGNATURE_IDENTITY when the signer cannot be known.
    """
    if signer is None:
        reason = (
            f"The channel is signed by {before.signed_by}, and whether that is you can only be told after "
            "signing: say whom hosts trust, with --signers, --key, or --identity and --issuer"
        )
        raise TidegateError(Code.SIGNATURE_IDENTITY, reason)
    require_same_signers(before, (signer,), all_of_them=all_of_them)


def require_enough(verified: Verified) -> None:
    """Refuse to hand on what too few signers vouch for; they may put anything into a statement that stops.

    Raises:
        TidegateError: SIGNATURE_THRESHOLD.
    """
    if verified.enough:
        return
    said = verified.statement.predicate
    reason = (
        f"The statement with sequence {said.sequence} is {said.rollout.state} by {verified.standing} of "
        f"{verified.needed} signers: enough to stop a release, but what it says of image and floor only "
        f"{verified.signed_by} vouches for. Announce the release anew, from its release file: sign it at a "
        "higher sequence, have it countersigned, and announce it with --bundle"
    )
    raise TidegateError(Code.SIGNATURE_THRESHOLD, reason)


def persona(signer: SignerId) -> tuple[str, str]:
    """Who it is, whatever ref a CI workflow ran at."""
    return _without_ref(signer.identity), signer.issuer


def _without_ref(identity: str) -> str:
    # Fulcio writes a CI workflow's ref behind its path: https://github.com/o/r/.github/workflows/w.yml@refs/tags/v1
    return identity.partition("@refs/")[0] if "://" in identity else identity
