"""From a request to its answer, in the verifying child. The steps themselves are `tidegate_wire.trust`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tidegate_agent.adapters.verify_messages import (
    AboutImage,
    AboutRequest,
    AboutStatement,
    Genuine,
    SignerName,
    VerifyRequest,
    to_bytes,
    to_text,
)
from tidegate_wire.trust.image import verify_image
from tidegate_wire.trust.root import load_root
from tidegate_wire.trust.verify import Vouched, verify_request, verify_statement

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tidegate_wire.trust.root import PinnedRoot
    from tidegate_wire.trust.signed import Signed


def judge(request: VerifyRequest) -> Genuine:
    """Verify what is asked about.

    Raises:
        TidegateError: any doubt.
    """
    root = None if request.root is None else load_root(request.root)
    about = request.about
    match about:
        case AboutStatement():
            statement = verify_statement(
                to_bytes(about.message),
                root=root,
                policy=about.policy,
                product=about.product,
                channel=about.channel,
            )
            return _content(statement)
        case AboutRequest():
            message = to_bytes(about.message)
            return _content(verify_request(message, root=root, policy=about.policy, host=about.host))
        case AboutImage():
            return _image(about, root)


def _content(vouched: Vouched) -> Genuine:
    return Genuine(
        payload=to_text(vouched.payload),
        signers=_names(vouched.signers),
        enough=vouched.enough,
        signed_at_least=vouched.signed_at_least,
    )


def _image(about: AboutImage, root: PinnedRoot | None) -> Genuine:
    bundles = [to_bytes(one) for one in about.bundles]
    simple = [(to_bytes(payload), to_bytes(signature)) for payload, signature in about.simple]
    signed = verify_image(bundles, simple, digest=about.digest, root=root, policy=about.policy)
    return Genuine(signers=_names(signed), enough=True, signed_at_least=None)


def _names(signed: Sequence[Signed]) -> tuple[SignerName, ...]:
    return tuple(SignerName(identity=one.identity, issuer=one.issuer) for one in signed)
