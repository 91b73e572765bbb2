"""The release jobs of docs/ci/, read: what they may do, what they pin, and whom hosts are told to believe."""

from __future__ import annotations

import re
import tomllib
from typing import Any

import pytest
import yaml

from tests.support.ci_world import GUIDE
from tests.support.documents import DOCS, block
from tidegate_publisher.rollout.endings import MEANINGS


def documented(name: str) -> dict[Any, Any]:
    return yaml.safe_load((DOCS / "ci" / name).read_text(encoding="utf-8"))  # type: ignore[no-any-return] # YAML


def test_a_github_job_may_do_what_it_needs_and_no_more() -> None:
    workflow = documented("github-release.yml")
    assert workflow["permissions"] == {}
    assert {name: job["permissions"] for name, job in workflow["jobs"].items()} == {
        "build": {"contents": "read", "packages": "write"},
        "sign": {"packages": "write", "id-token": "write", "attestations": "write"},
        "announce": {"contents": "read", "packages": "read", "id-token": "write"},
        "rollout": {},
    }
    assert workflow["jobs"]["announce"]["environment"] == "release"
    assert workflow.get(True) == {
        "push": {"tags": ["v[0-9]+.[0-9]+.[0-9]+"]}
    }  # YAML 1.1 takes `on` for a boolean
    assert all("timeout-minutes" in job for job in workflow["jobs"].values())


def test_a_gated_github_job_may_do_what_it_needs_and_no_more() -> None:
    workflow = documented("github-gated-release.yml")
    assert workflow["permissions"] == {}
    leads = {"contents": "read", "packages": "read", "id-token": "write"}
    assert {name: job["permissions"] for name, job in workflow["jobs"].items()} == {
        "build": {"contents": "read", "packages": "write"},
        "sign": {"packages": "write", "id-token": "write", "attestations": "write"},
        "canary": leads,
        "fleet": leads,
    }
    environments = [workflow["jobs"][name]["environment"] for name in ("canary", "fleet")]
    assert environments == ["release", "fleet"]
    assert workflow["concurrency"] == {"group": "release", "cancel-in-progress": False}
    # Jobs of GitHub's own machines are killed after six hours, and then nobody would be told.
    assert all(job["timeout-minutes"] < 360 for job in workflow["jobs"].values())
    assert workflow["jobs"]["fleet"]["needs"] == ["build", "canary"]


@pytest.mark.parametrize("file", ["github-gated-release.yml", "gitlab-gated-release.yml"])
def test_what_is_built_and_signed_is_so_behind_gates_as_without(file: str) -> None:
    gated, plain = documented(file), documented(file.replace("-gated", ""))
    for name in ("build", "sign"):
        assert gated.get("jobs", gated)[name] == plain.get("jobs", plain)[name]


@pytest.mark.parametrize("file", ["github-release.yml", "github-gated-release.yml"])
def test_github_actions_are_pinned_and_nothing_is_pasted_into_scripts(file: str) -> None:
    steps = [step for job in documented(file)["jobs"].values() for step in job["steps"]]
    for step in steps:
        if "uses" in step:
            assert re.fullmatch(r"actions/[\w-]+@[0-9a-f]{40}", step["uses"])
            assert "with" not in step or "${{ secrets" not in str(step["with"])
        else:
            # An expression would be pasted in before the shell reads the line: a tag's name is code then.
            assert "${{" not in step["run"]
    checkouts = [step for step in steps if step.get("uses", "").startswith("actions/checkout")]
    assert all(step["with"]["persist-credentials"] is False for step in checkouts)


def test_only_what_signs_behind_gates_in_gitlab_has_an_identity_and_somebody_starts_the_rest() -> None:
    jobs = documented("gitlab-gated-release.yml")
    signing = {name for name, job in jobs.items() if isinstance(job, dict) and "id_tokens" in job}
    assert signing == {"sign", ".lead"}
    assert {name for name, job in jobs.items() if isinstance(job, dict) and job.get("extends")} == {
        "canary",
        "fleet",
    }
    assert (jobs["fleet"]["when"], jobs["fleet"]["allow_failure"]) == ("manual", False)
    assert jobs[".lead"]["resource_group"]
    (rule,) = jobs["workflow"]["rules"]
    assert '$CI_COMMIT_REF_PROTECTED == "true"' in rule["if"]


def test_every_exit_code_of_a_run_is_told_in_both_files() -> None:
    for file in ("github-gated-release.yml", "gitlab-gated-release.yml"):
        script = (DOCS / "ci" / file).read_text(encoding="utf-8")
        told = {int(code) for code in re.findall(r"^ +(\d+)\) echo ", script, re.MULTILINE)}
        # Wrong usage says so itself.
        assert told == {int(code) for code in MEANINGS} - {2}


def test_only_what_signs_in_gitlab_has_an_identity() -> None:
    jobs = documented("gitlab-release.yml")
    signing = {name for name, job in jobs.items() if isinstance(job, dict) and "id_tokens" in job}
    assert signing == {"sign", "announce"}
    (rule,) = jobs["workflow"]["rules"]
    assert '$CI_COMMIT_REF_PROTECTED == "true"' in rule["if"]
    assert jobs["announce"]["resource_group"]


@pytest.mark.parametrize("ci", ["github", "gitlab"])
def test_the_job_verifies_by_what_hosts_are_told(ci: str) -> None:
    (follow,) = tomllib.loads(block(GUIDE, f"{ci}-host.toml"))["follow"]
    told = {key: follow[key] for key in ("signers", "image_predicates")}
    assert tomllib.loads(block(GUIDE, f"{ci}-signers.toml")) == told
    assert follow["image_signature"] == "required"
