"""One staging: from a target to a deployment that is staged with its finalization locked."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from loguru import logger

from tidegate_agent.engines.complaints import ELSEWHERE
from tidegate_agent.errors import EngineError
from tidegate_agent.model import StageProgress, StageResult
from tidegate_schemas.codes import Code, TidegateError
from tidegate_wire.registry.reference import Reference, parse_reference

if TYPE_CHECKING:
    from collections.abc import Callable

    from tidegate_agent.engines.rpm_ostree.client import Client
    from tidegate_agent.model import ImageTarget

_ELSEWHERE: Final = ELSEWHERE | {Code.IMAGE_SIGNATURE, Code.IMAGE_UNSIGNED, Code.REFERENCE_INVALID}
_SHOWN: Final = 20


class Staging:
    """Stages images.

    Args:
        client: rpm-ostree.
        image_policy: whether containers-policy.json(5) has to accept an image too.
    """

    def __init__(self, client: Client, *, image_policy: bool) -> None:
        self._client = client
        self._scheme = (
            "ostree-image-signed:docker://" if image_policy else "ostree-unverified-image:registry:"
        )

    def run(
        self,
        target: ImageTarget,
        progress: Callable[[StageProgress], None],
        cancelled: Callable[[], bool],
    ) -> StageResult:
        """Do it, from the first reference that has the image.

        Raises:
            EngineError: an `image.*`, `disk.*` or `engine.*` code, or STAGE_FAILED.
            Cancelled: soon after `cancelled()` turned true.
        """
        fetched = self._fetch(target, _Rising(progress), cancelled)
        staged = self._client.status().staged
        if staged is None or staged.digest != target.digest:
            found = "nothing" if staged is None else staged.digest
            reason = f"{target.digest} was to be staged, but {found} is"
            raise EngineError(Code.STAGE_FAILED, reason, retryable=True)
        if staged.layered:
            names = ", ".join(staged.layered[:_SHOWN])
            logger.info("rpm-ostree keeps on top of {}: {}", target.digest, names)
        return StageResult(target.digest, fetched, files_new=0, files_reused=0)

    def _fetch(self, target: ImageTarget, progress: _Rising, cancelled: Callable[[], bool]) -> int:
        failures: list[TidegateError] = []
        for text in target.references:
            try:
                return self._client.rebase(self._pinned(text, target.digest), progress, cancelled)
            except TidegateError as error:
                if error.code not in _ELSEWHERE:
                    raise
                failures.append(error)
        if not failures:
            raise EngineError(Code.REFERENCE_INVALID, f"no reference says where {target.digest} is")
        reasons = "; ".join(failure.reason for failure in failures)
        # Worth another try as long as one of them is.
        retryable = any(getattr(failure, "retryable", False) for failure in failures)
        raise EngineError(failures[0].code, reasons, retryable=retryable)

    def _pinned(self, text: str, digest: str) -> str:
        """A reference in ostree's spelling. A tag beside a digest is refused by the library that reads it."""
        reference = parse_reference(text)
        if not isinstance(reference, Reference):
            raise EngineError(Code.REFERENCE_INVALID, f"rpm-ostree fetches from registries, not from {text}")
        return f"{self._scheme}{reference.name}@{digest}"


class _Rising:
    """Passes on progress that is progress: with a second reference it would start anew."""

    def __init__(self, progress: Callable[[StageProgress], None]) -> None:
        self._progress = progress
        self._percent = -1

    def __call__(self, step: StageProgress) -> None:
        if step.percent > self._percent:
            self._percent = step.percent
            self._progress(step)
