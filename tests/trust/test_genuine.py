"""Case 35, and what is unusual and genuine: nothing true is kept out."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import TYPE_CHECKING, Any, Final

import pytest

from tests.trust.beliefs import Beliefs, trusting_workflow
from tests.trust.checks import Start, takes_up
from tests.trust.releases import SIGNED, the_truth
from tests.trust.roots import also_naming

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.trust.forge import Forge, Signing
    from tidegate_publisher.devstack.sigstore.trust import RekorVersion

LEAF_LIFETIME: Final = timedelta(minutes=10)
MOST_BYTES: Final = 64 * 1024
MOST_TIMESTAMPS: Final = 32


@pytest.fixture(params=["v1", "v2"])
def rekor(request: pytest.FixtureRequest) -> RekorVersion:
    version: RekorVersion = request.param
    return version


def _the_truth_with(change: Callable[[dict[str, Any]], object]) -> bytes:
    content = json.loads(the_truth())
    change(content)
    return json.dumps(content).encode()


def test_case_35_subject_without_name(forge: Forge, start: Start, rekor: RekorVersion) -> None:
    """As cosign 3 writes it; in-toto v1 has the name optional."""
    payload = _the_truth_with(lambda content: content["subject"][0].pop("name"))
    assert b"registry.example/os" not in payload.partition(b'"predicate"')[0]
    takes_up(start(forge.beliefs), forge.signing(rekor, payload).message())


def test_a_subject_with_more_digests(forge: Forge, start: Start, rekor: RekorVersion) -> None:
    payload = _the_truth_with(lambda content: content["subject"][0]["digest"].update(sha512="a" * 128))
    takes_up(start(forge.beliefs), forge.signing(rekor, payload).message())


def test_a_field_of_a_later_version(forge: Forge, start: Start, rekor: RekorVersion) -> None:
    payload = _the_truth_with(lambda content: content["predicate"].update(mood="good"))
    takes_up(start(forge.beliefs), forge.signing(rekor, payload).message())


def test_a_message_of_the_largest_size(forge: Forge, start: Start, rekor: RekorVersion) -> None:
    takes_up(start(forge.beliefs), forge.signing(rekor, the_truth()).message().ljust(MOST_BYTES))


def test_as_many_timestamps_as_are_allowed(forge: Forge, start: Start, rekor: RekorVersion) -> None:
    signing = forge.signing(rekor, the_truth())
    stamps = tuple(signing.stamp() for _ in range(MOST_TIMESTAMPS))
    takes_up(start(forge.beliefs), signing.parts().replace(timestamps=stamps).message())


def test_a_timestamp_of_a_stranger_beside_a_good_time(
    forge: Forge, start: Start, rekor: RekorVersion
) -> None:
    """It proves nothing, and takes nothing away: a publisher may use an authority that not all hosts know."""
    signing = forge.signing(rekor, the_truth())
    parts = signing.parts()
    strangers = forge.stranger.tsa.stamp(signing.envelope.signatures[0], SIGNED)
    takes_up(start(forge.beliefs), parts.replace(timestamps=(*parts.timestamps, strangers)).message())


def test_a_checkpoint_with_a_witness(forge: Forge, start: Start, rekor: RekorVersion) -> None:
    """A second signature line, by somebody whom the host does not know (C2SP tlog-checkpoint)."""
    parts = forge.signing(rekor, the_truth()).parts()
    assert parts.entry.proof is not None
    line = "\N{EM DASH} witness.example d2l0bmVzcyBzaWduYXR1cmUgb3ZlciB0aGUgbm90ZQ==\n"
    witnessed = parts.with_proof(checkpoint=parts.entry.proof.checkpoint + line)
    takes_up(start(forge.beliefs), witnessed.message())


@pytest.mark.parametrize("after", [timedelta(0), LEAF_LIFETIME], ids=["first moment", "last moment"])
def test_signed_at_the_edge_of_the_certificate(
    forge: Forge, start: Start, rekor: RekorVersion, after: timedelta
) -> None:
    signing = forge.signing(rekor, the_truth(), logged=SIGNED + after)
    takes_up(start(forge.beliefs), signing.message())


def test_a_careful_host(forge: Forge, start: Start, rekor: RekorVersion) -> None:
    careful = Beliefs(forge.beliefs.root, trusting_workflow())
    takes_up(start(careful), forge.signing(rekor, the_truth()).message())


def _by_the_retired(forge: Forge, rekor: RekorVersion) -> Signing:
    theirs = forge.stranger.material
    retired = forge.instance(root=theirs.root, intermediate=theirs.intermediate, ctlog=theirs.ctlog)
    return forge.signing(rekor, the_truth(), by=retired)


def test_signed_while_the_retired_were_in_use(forge: Forge, start: Start, rekor: RekorVersion) -> None:
    """An authority and a CT log whose windows ended between signing and hearing."""
    signing = _by_the_retired(forge, rekor)
    end = SIGNED + timedelta(minutes=1)
    root = also_naming(forge.sigstore, signing.sigstore, "certificateAuthorities", end=end).root
    root["ctlogs"] = also_naming(forge.sigstore, signing.sigstore, "ctlogs", end=end).root["ctlogs"]
    host = start(Beliefs(root, forge.beliefs.policy), SIGNED + timedelta(days=3))
    takes_up(host, signing.message())
