"""What is read out of rpm-ostree: its status, its progress, its complaints."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tidegate_agent.engines.rpm_ostree.client import COMPLAINTS
from tidegate_agent.engines.rpm_ostree.importing import Importing, size_of
from tidegate_agent.engines.rpm_ostree.status import HostStatus, parse_status
from tidegate_agent.errors import EngineError
from tidegate_agent.model import StageProgress
from tidegate_schemas.codes import Code

INDEX, MANIFEST = "sha256:" + "1" * 64, "sha256:" + "2" * 64
CHECKSUM = "c" * 64


def entry(**more: Any) -> dict[str, Any]:
    return {
        "osname": "fedora",
        "checksum": CHECKSUM,
        "booted": False,
        "staged": False,
        "pinned": False,
        **more,
    }


def container(reference: str, **more: Any) -> dict[str, Any]:
    told = {"container-image-reference": reference, "container-image-reference-digest": MANIFEST}
    return entry(**told, **more)


def parsed(*deployments: object, transaction: object = None) -> HostStatus:
    return parse_status({"deployments": list(deployments), "transaction": transaction, "cached-update": None})


BOOTED = entry(booted=True, origin="fedora:fedora/x86_64/silverblue")


@pytest.mark.parametrize(
    ("deployment", "digest"),
    [
        (container(f"ostree-image-signed:docker://quay.io/os@{INDEX}"), INDEX),
        (container("ostree-unverified-registry:quay.io/os:stable"), MANIFEST),
        (entry(origin="fedora:fedora/x86_64/silverblue"), f"sha256:{CHECKSUM}"),
        (
            entry(**{"container-image-reference": "ostree-unverified-registry:quay.io/os:1"}),
            f"sha256:{CHECKSUM}",
        ),
    ],
)
def test_a_deployment_is_named_by_what_was_announced_where_that_is_known(
    deployment: dict[str, Any], digest: str
) -> None:
    assert parsed(BOOTED, deployment).previous == parsed(BOOTED, deployment).deployments[1]
    assert parsed(BOOTED, deployment).deployments[1].digest == digest


def test_an_idle_host_with_one_deployment() -> None:
    status = parsed(BOOTED)
    assert (status.staged, status.previous, status.queued) == (None, None, False)
    assert status.toggled is status.booted


def test_what_is_staged_is_no_entry_of_the_boot_loader() -> None:
    status = parsed(container(f"x@{INDEX}", staged=True), BOOTED, entry(checksum="d" * 64))
    assert status.staged is status.deployments[0]
    assert (status.first, status.queued) == (status.booted, False)
    assert status.previous is status.deployments[2]


def test_what_is_before_the_running_one_is_queued() -> None:
    status = parsed(container(f"x@{INDEX}"), BOOTED)
    assert status.queued
    assert status.previous is status.deployments[0]
    assert status.toggled is status.booted


def test_other_stateroots_are_passed_over_and_counted() -> None:
    status = parsed(entry(osname="other"), BOOTED, entry(osname="other"), entry())
    assert [one.index for one in status.deployments] == [1, 3]
    assert status.previous is status.deployments[1]


def test_packages_and_overrides_are_named() -> None:
    layered = {
        "requested-packages": ["htop"],
        "requested-base-removals": ["nano"],
        "requested-base-remote-replacements": {"repo=updates": [["kernel"]]},
        "requested-local-packages": [7],
    }
    assert parsed(entry(booted=True, **layered)).booted.layered == ("htop", "nano", "repo=updates")


@pytest.mark.parametrize(
    ("told", "read"),
    [
        (None, None),
        (["", "", ""], None),
        (["Rebase", ":1.42", "/org/projectatomic/rpmostree1/fedora"], "Rebase"),
    ],
)
def test_a_transaction_is_known_by_its_method(told: object, read: str | None) -> None:
    assert parsed(BOOTED, transaction=told).transaction == read


@pytest.mark.parametrize(
    "document",
    [
        None,
        [],
        {},
        {"deployments": None},
        {"deployments": []},
        {"deployments": [BOOTED] * 101},
        {"deployments": [entry()]},
        {"deployments": [BOOTED, BOOTED]},
        {"deployments": [BOOTED | {"staged": True}]},
        {"deployments": [BOOTED | {"booted": 1}]},
        {"deployments": [BOOTED | {"checksum": "xyz"}]},
        {"deployments": [BOOTED | {"checksum": None}]},
        {"deployments": [BOOTED | {"osname": None}]},
        {"deployments": [BOOTED, "x"]},
        {"deployments": [BOOTED], "transaction": "Rebase"},
    ],
)
def test_what_cannot_be_understood_is_refused(document: object) -> None:
    with pytest.raises(EngineError) as caught:
        parse_status(document)
    assert caught.value.code is Code.ENGINE_OUTPUT


_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(sorted(BOOTED)), inner),
    max_leaves=10,
)


@given(st.lists(_JSON, max_size=4), _JSON)
def test_no_document_is_met_with_anything_but_that_refusal(
    deployments: list[object], transaction: object
) -> None:
    try:
        parse_status({"deployments": [BOOTED, *deployments], "transaction": transaction})
    except EngineError as error:
        assert error.code is Code.ENGINE_OUTPUT  # noqa: PT017 - success is as good


@pytest.mark.parametrize(
    ("text", "size"),
    [
        ("0 bytes", 0),
        ("1 byte", 1),
        ("999 bytes", 999),
        ("1.0 kB", 1000),
        ("112,4\u00a0MB", 112_400_000),
        ("2.4 GB", 2_400_000_000),
        ("1,5 TB", 1_500_000_000_000),
        ("2,4 Go", 0),
        ("much", 0),
        ("", 0),
    ],
)
def test_sizes_are_read_in_either_spelling(text: str, size: int) -> None:
    assert size_of(text) == size


@given(st.text(max_size=40))
def test_no_size_is_negative(text: str) -> None:
    assert size_of(text) >= 0


def told(*lines: str) -> list[StageProgress]:
    seen: list[StageProgress] = []
    importing = Importing(seen.append, lambda: False, 60)
    for line in lines:
        importing.on_line(line.encode())
    importing.done()
    return seen


def test_progress_is_what_the_layers_weigh() -> None:
    seen = told(
        "Pulling manifest: ostree-image-signed:docker://quay.io/os@sha256:0",
        "ostree chunk layers already present: 17",
        "ostree chunk layers needed: 2 (3.0 MB)",
        "custom layers needed: 1 (1.0 MB)",
        "[1/3] Fetching ostree chunk sha256:58f61b85c3cd (2.0 MB)... done",
        "[2/3] Fetching ostree chunk sha256:58f61b85c3ce (1.0 MB)...done",
        "[3/3] Fetching layer sha256:58f61b85c3cf (1.0 MB)...done",
        "Staging deployment... done",
    )
    assert [(step.percent, step.bytes_fetched) for step in seen] == [
        (0, 0),
        (45, 2_000_000),
        (67, 3_000_000),
        (90, 4_000_000),
        (100, 4_000_000),
    ]
    assert seen[-1].bytes_total == 4_000_000


def test_the_spelling_of_older_releases_is_known() -> None:
    seen = told(
        "ostree chunk layers stored: 1 needed: 1 (5.0 MB)",
        "Fetching layer sha256:7c5cc0027a45 (5.0 MB)... done",
    )
    assert seen[-1] == StageProgress(100, 5_000_000, 5_000_000)


def test_nothing_to_fetch_is_nothing_fetched() -> None:
    assert told("Pulling manifest: x") == [StageProgress(0, 0, 0), StageProgress(100, 0, 0)]


@given(st.lists(st.sampled_from(["layers needed: 3 (3 bytes)", "Fetching layer x (2 bytes)... done", "?"])))
def test_progress_only_rises(lines: list[str]) -> None:
    seen = told(*lines)
    percents = [step.percent for step in seen]
    assert percents == sorted(set(percents))
    assert all(step.bytes_fetched <= step.bytes_total for step in seen)


def test_a_registry_that_does_not_answer_is_given_up() -> None:
    importing = Importing(lambda _: None, lambda: False, -1)
    importing.on_line(b"Pulling manifest: x")
    with pytest.raises(EngineError) as caught:
        importing.unwanted()
    assert (caught.value.code, caught.value.retryable) == (Code.ENGINE_TIMEOUT, True)
    importing.on_line(b"Importing: x")
    assert not importing.unwanted()


@pytest.mark.parametrize(
    ("said", "code"),
    [
        ("Transaction in progress: upgrade (download only)\n You can cancel the current", Code.ENGINE_BUSY),
        ("GDBus.Error:org.gtk.GDBus.Code26: Transaction in progress: (null)", Code.ENGINE_BUSY),
        ("Reboot initiated, cannot start new transaction", Code.ENGINE_BUSY),
        ("Updates and deployments are driven by Zincati", Code.ENGINE_CONFLICT),
        ("GDBus.Error:org.freedesktop.DBus.Error.NameHasNoOwner: unit failed", Code.ENGINE_TIMEOUT),
        ("Failed to activate service 'org.projectatomic.rpmostree1': timed out", Code.ENGINE_TIMEOUT),
        ("", Code.STAGE_FAILED),
    ],
)
def test_what_users_have_met_and_may_pass_is_understood(said: str, code: Code) -> None:
    error = COMPLAINTS.error(f"error: {said}", "…", Code.STAGE_FAILED)
    assert (error.code, error.retryable) == (code, True)


def test_a_policy_that_accepts_anything_is_final() -> None:
    said = "error: containers-policy.json specifies a default of `insecureAcceptAnything`; refusing usage"
    error = COMPLAINTS.error(said, "…", Code.STAGE_FAILED)
    assert (error.code, error.retryable) == (Code.IMAGE_SIGNATURE, False)


def test_the_name_of_an_image_means_nothing() -> None:
    said = "error: Old and new refs are equal: docker://quay.io/unauthorized"
    assert COMPLAINTS.code(said, Code.STAGE_FAILED) is Code.STAGE_FAILED
