"""Cases 14 to 19: genuine in all but the transparency log's proof."""

from __future__ import annotations

import base64
import dataclasses
import json
from typing import TYPE_CHECKING

from tests.trust.beliefs import in_instance
from tests.trust.case import Scene, bad
from tidegate_publisher.devstack.sigstore.dsse import signing_function
from tidegate_schemas.codes import Code

if TYPE_CHECKING:
    from tests.trust.forge import Forge, Parts
    from tidegate_publisher.devstack.sigstore.entry import InclusionProof
    from tidegate_publisher.devstack.sigstore.trust import RekorVersion


def _heard(parts: Parts, forge: Forge) -> Scene:
    return Scene(parts.message(), forge.beliefs)


def _proof(parts: Parts) -> InclusionProof:
    assert parts.entry.proof is not None
    assert len(parts.entry.proof.hashes) > 1
    return parts.entry.proof


@bad(Code.SIGNATURE_LOG)
def case_14_no_log_entry(forge: Forge, rekor: RekorVersion) -> Scene:
    return _heard(forge.signing(rekor).parts().replace(entries=()), forge)


@bad(Code.SIGNATURE_LOG)
def case_15a_one_entry_twice(forge: Forge, rekor: RekorVersion) -> Scene:
    parts = forge.signing(rekor).parts()
    return _heard(parts.replace(entries=parts.entries * 2), forge)


@bad(Code.SIGNATURE_LOG)
def case_15b_two_entries(forge: Forge, rekor: RekorVersion) -> Scene:
    """Two entries of one log, both genuine and about this."""
    signing = forge.signing(rekor)
    entries = tuple(signing.log(signing.envelope, signing.certificate) for _ in range(2))
    return _heard(signing.parts().replace(entries=entries), forge)


@bad(Code.SIGNATURE_LOG)
def case_15c_entries_of_two_logs(forge: Forge, rekor: RekorVersion) -> Scene:
    """One entry of each log, both genuine and about this."""
    signing = forge.signing(rekor)
    other = dataclasses.replace(signing, rekor="v2" if rekor == "v1" else "v1")
    parts = signing.parts()
    return _heard(
        parts.replace(entries=(parts.entry, other.log(signing.envelope, signing.certificate))), forge
    )


@bad(Code.SIGNATURE_LOG)
def case_16_no_inclusion_proof(forge: Forge, rekor: RekorVersion) -> Scene:
    """On Rekor v1 the log's promise is still there: it is a promise, and no proof."""
    return _heard(forge.signing(rekor).parts().with_entry(proof=None), forge)


@bad(Code.SIGNATURE_LOG)
def case_17a_no_checkpoint(forge: Forge, rekor: RekorVersion) -> Scene:
    data = json.loads(forge.signing(rekor).message())
    del data["verificationMaterial"]["tlogEntries"][0]["inclusionProof"]["checkpoint"]
    return Scene(json.dumps(data).encode(), forge.beliefs)


@bad(Code.SIGNATURE_LOG)
def case_17b_empty_checkpoint(forge: Forge, rekor: RekorVersion) -> Scene:
    return _heard(forge.signing(rekor).parts().with_proof(checkpoint=""), forge)


@bad(Code.SIGNATURE_LOG)
def case_17c_unsigned_checkpoint(forge: Forge, rekor: RekorVersion) -> Scene:
    """The right size and root, and nobody's signature below them."""
    parts = forge.signing(rekor).parts()
    return _heard(parts.with_proof(checkpoint=_note(parts) + "\n"), forge)


def _note(parts: Parts) -> str:
    note, gap, _ = _proof(parts).checkpoint.partition("\n\n")
    assert gap
    return note + "\n"


def _countersigned(parts: Parts, forge: Forge, rekor: RekorVersion, hint: bytes) -> str:
    """The right note with a signature line by the stranger's log."""
    theirs = forge.stranger.material
    sign = theirs.rekor_v2.sign if rekor == "v2" else signing_function(theirs.rekor_v1)
    name = _proof(parts).checkpoint.splitlines()[-1].split(" ")[1]
    signature = base64.b64encode(hint + sign(_note(parts).encode())).decode()
    return f"{_note(parts)}\n\N{EM DASH} {name} {signature}\n"


@bad(Code.SIGNATURE_LOG)
def case_18a_checkpoint_by_another_key(forge: Forge, rekor: RekorVersion) -> Scene:
    """Under the name and the key hint of the log that hosts know."""
    parts = forge.signing(rekor).parts()
    return _heard(
        parts.with_proof(checkpoint=_countersigned(parts, forge, rekor, parts.entry.log_id[:4])), forge
    )


@bad(Code.SIGNATURE_LOG)
def case_18b_checkpoint_with_another_hint(forge: Forge, rekor: RekorVersion) -> Scene:
    """Under the hint of the key that made it, which hosts do not know."""
    parts = forge.signing(rekor).parts()
    log = forge.stranger.rekor_v1 if rekor == "v1" else forge.stranger.rekor_v2
    return _heard(parts.with_proof(checkpoint=_countersigned(parts, forge, rekor, log.log_id[:4])), forge)


@bad(Code.SIGNATURE_LOG)
def case_18c_checkpoint_of_another_tree(forge: Forge, rekor: RekorVersion) -> Scene:
    """A genuine checkpoint of the same log, made one entry later."""
    signing = forge.signing(rekor)
    parts = signing.parts()
    newer = signing.log(signing.envelope, signing.certificate).proof
    assert newer is not None
    return _heard(parts.with_proof(checkpoint=newer.checkpoint), forge)


@bad(Code.SIGNATURE_LOG)
def case_18d_unknown_log(forge: Forge, rekor: RekorVersion) -> Scene:
    """All in order, in a log that hosts do not know."""
    name = "rekor_v1" if rekor == "v1" else "rekor_v2"
    instance = forge.instance(**{name: getattr(forge.stranger.material, name)})
    return Scene(forge.signing(rekor, by=instance).message(), forge.beliefs, in_instance(instance))


@bad(Code.SIGNATURE_LOG)
def case_19a_hash_altered(forge: Forge, rekor: RekorVersion) -> Scene:
    parts = forge.signing(rekor).parts()
    first, *others = _proof(parts).hashes
    return _heard(parts.with_proof(hashes=(bytes([first[0] ^ 1]) + first[1:], *others)), forge)


@bad(Code.SIGNATURE_LOG)
def case_19b_hashes_in_other_order(forge: Forge, rekor: RekorVersion) -> Scene:
    parts = forge.signing(rekor).parts()
    return _heard(parts.with_proof(hashes=_proof(parts).hashes[::-1]), forge)


@bad(Code.SIGNATURE_LOG)
def case_19c_path_too_short(forge: Forge, rekor: RekorVersion) -> Scene:
    parts = forge.signing(rekor).parts()
    return _heard(parts.with_proof(hashes=_proof(parts).hashes[:-1]), forge)


@bad(Code.SIGNATURE_LOG)
def case_19d_path_too_long(forge: Forge, rekor: RekorVersion) -> Scene:
    parts = forge.signing(rekor).parts()
    return _heard(parts.with_proof(hashes=(*_proof(parts).hashes, bytes(32))), forge)


@bad(Code.SIGNATURE_LOG)
def case_19e_index_altered(forge: Forge, rekor: RekorVersion) -> Scene:
    parts = forge.signing(rekor).parts()
    return _heard(parts.with_proof(log_index=_proof(parts).log_index - 1), forge)


@bad(Code.SIGNATURE_LOG)
def case_19f_size_altered(forge: Forge, rekor: RekorVersion) -> Scene:
    parts = forge.signing(rekor).parts()
    return _heard(parts.with_proof(tree_size=_proof(parts).tree_size + 1), forge)


@bad(Code.SIGNATURE_LOG)
def case_19g_root_altered(forge: Forge, rekor: RekorVersion) -> Scene:
    parts = forge.signing(rekor).parts()
    return _heard(parts.with_proof(root_hash=bytes(32)), forge)


@bad(Code.SIGNATURE_LOG, "v1")
def case_19h_index_of_the_entry_altered(forge: Forge, rekor: RekorVersion) -> Scene:
    """The one that the log's promise signs; on Rekor v2 nothing does, and nothing goes by it."""
    parts = forge.signing(rekor).parts()
    return _heard(parts.with_entry(log_index=parts.entry.log_index - 1), forge)
