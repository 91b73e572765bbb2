"""The sentences that podman's failures become; what its words mean is tested in test_complaints."""

from __future__ import annotations

from tidegate_agent.engines.podman.failures import failure_of
from tidegate_schemas.codes import Code


def test_a_failure_is_a_sentence_without_control_characters() -> None:
    error = failure_of("noise\nError: \x1b[31mno such host\n", "podman cannot pull app", Code.STAGE_FAILED)
    assert error.code is Code.IMAGE_UNREACHABLE
    assert error.retryable
    assert error.reason.startswith("podman cannot pull app: Error: ")
    assert error.reason.isprintable()


def test_silence_is_told_of_and_means_what_was_being_done() -> None:
    error = failure_of("", "podman cannot pull app", Code.STAGE_FAILED)
    assert (error.code, error.reason) == (Code.STAGE_FAILED, "podman cannot pull app: it said nothing")
