"""The signers file: the same tables that hosts have, so that a release job verifies by the same policy.

Its keys are those of a host's [[follow]] that say who is trusted; docs/cli.md has an example.
"""

from __future__ import annotations

import difflib
import tomllib
from typing import TYPE_CHECKING, Annotated, Any, Final, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from tidegate_publisher.release_faults import expected, spell
from tidegate_schemas.codes import Code, TidegateError
from tidegate_wire.trust.cosigned import MAX_BUNDLES
from tidegate_wire.trust.policy import PREDICATES, ImagePolicy, SignerPolicy
from tidegate_wire.trust.rules import PolicyError
from tidegate_wire.trust.settings import SignerSettings, policy_of

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from pydantic_core import ErrorDetails

MAX_BYTES: Final = 64 * 1024

Predicate = Literal["signature", "provenance"]
_SHOWN: Final = 3


class SignersFile(BaseModel):
    """The keys of a host's [[follow]] that say who is trusted, under the same names.

    Attributes:
        signers: whose statements are believed.
        threshold: how many different signers have to stand behind one.
        image_signers: who has to have signed the image; the same as signers when absent.
        image_threshold: how many of them.
        image_predicates: which kinds of image signatures count.
    """

    model_config = ConfigDict(frozen=True, strict=True, extra="forbid")

    signers: Annotated[tuple[SignerSettings, ...], Field(strict=False, min_length=1)]
    threshold: int = Field(default=1, ge=1, le=MAX_BUNDLES)
    image_signers: Annotated[tuple[SignerSettings, ...], Field(strict=False)] = ()
    image_threshold: int = Field(default=1, ge=1, le=MAX_BUNDLES)
    image_predicates: Annotated[tuple[Predicate, ...], Field(strict=False, min_length=1)] = (
        "signature",
        "provenance",
    )

    def policy(self) -> SignerPolicy:
        """Who may sign statements. Raises TidegateError(TRUST_POLICY_EMPTY, TRUST_KEY_UNUSABLE)."""
        return policy_of(self.signers, self.threshold)

    def image_policy(self) -> ImagePolicy:
        """Who has to have signed an image. Raises as `policy`."""
        signers = policy_of(self.image_signers or self.signers, self.image_threshold)
        return ImagePolicy(signers, frozenset(PREDICATES[one] for one in self.image_predicates))


def read_signers(path: Path) -> SignersFile:
    """Read a signers file; both of its policies can be made.

    Raises:
        TidegateError: CONFIG_*, TRUST_POLICY_EMPTY, TRUST_KEY_UNUSABLE; each names the file, the key, and
            what was expected.
    """
    content = _parse(path)
    for name in ("signers", "image_signers"):
        _anchor_keys(content.get(name), path.absolute().parent)
    try:
        found = SignersFile.model_validate(content)
    except ValidationError as error:
        raise _fault(path, error) from error
    try:
        found.policy()
        found.image_policy()
    except PolicyError as error:
        raise TidegateError(error.code, f"{path}: {error.reason}") from error
    except TidegateError as error:
        raise TidegateError(error.code, f"{path}: {error.reason}") from error
    return found


def _parse(path: Path) -> dict[str, Any]:
    try:
        with path.open("rb") as file:
            raw = file.read(MAX_BYTES + 1)
    except OSError as error:
        reason = f"--signers {path} cannot be read: {error.strerror}"
        raise TidegateError(Code.CONFIG_MISSING, reason) from error
    if len(raw) > MAX_BYTES:
        raise TidegateError(Code.CONFIG_SYNTAX, f"{path} is larger than {MAX_BYTES // 1024} KiB")
    try:
        return tomllib.loads(raw.decode("utf-8"))
    except (UnicodeDecodeError, tomllib.TOMLDecodeError, RecursionError) as error:
        words = " ".join(str(error).split())[:200]
        raise TidegateError(Code.CONFIG_SYNTAX, f"{path} is not valid TOML: {words}") from error


def _anchor_keys(tables: object, folder: Path) -> None:
    """A relative key path goes from the file's own folder, wherever the command runs."""
    for table in tables if isinstance(tables, list) else ():
        if isinstance(table, dict) and isinstance(table.get("key"), str):
            table["key"] = str(folder / table["key"])


def _fault(path: Path, error: ValidationError) -> TidegateError:
    # A misspelt key also leaves the right one missing: the spelling is what has to be told first.
    faults = sorted(error.errors(include_url=False), key=lambda fault: fault["type"] != "extra_forbidden")
    told = [f"{path}: {_sentence(fault)}" for fault in faults[:_SHOWN]]
    if len(faults) > _SHOWN:
        told.append(f"and {len(faults) - _SHOWN} more")
    return TidegateError(_code(faults[0]), "\n".join(told))


def _code(fault: ErrorDetails) -> Code:
    if fault["type"] == "extra_forbidden":
        return Code.CONFIG_UNKNOWN_KEY
    if fault["type"] == "missing" or fault["type"] in set(Code):
        return Code.CONFIG_MISSING if fault["type"] == "missing" else Code(fault["type"])
    return Code.CONFIG_VALUE


def _sentence(fault: ErrorDetails) -> str:
    where = fault["loc"]
    if fault["type"] == "extra_forbidden":
        return f"{spell(where)[:120]}: there is no such key; {_near(str(where[-1]), _known(where))}"
    if fault["type"] == "missing":
        return f"{spell(where)}: is required: expected at least one [[{spell(where)}]]"
    return f"{spell(where)}: {expected(fault)}"


def _known(where: Sequence[str | int]) -> list[str]:
    return sorted(SignerSettings.model_fields if len(where) > 1 else SignersFile.model_fields)


def _near(name: str, known: list[str]) -> str:
    near = difflib.get_close_matches(name, known, n=1)
    return f"did you mean {near[0]}?" if near else f"known are {', '.join(known)}"
