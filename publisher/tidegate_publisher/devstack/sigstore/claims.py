"""Sets of OIDC claims as the identity providers that Sigstore knows put them into their tokens.

Only what names the signer; `oidc.py` adds audience and times.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping

Claims = Mapping[str, object]

GITHUB_ISSUER = "https://token.actions.githubusercontent.com"
GITLAB_ISSUER = "https://gitlab.com"
# RFC 6761 reserves .invalid: this name can never belong to a real issuer.
DEVELOPMENT_ISSUER = "https://oidc.sigstore.tidegate.invalid"


def _number(name: str) -> str:
    """A stable numeric id for a made-up repository or owner, as CI systems give to real ones."""
    return str(int.from_bytes(hashlib.sha256(name.encode()).digest()[:4]))


def _commit(name: str) -> str:
    """A stable made-up commit id, 40 hex digits."""
    return hashlib.sha256(b"commit\x00" + name.encode()).hexdigest()[:40]


def email_claims(email: str, issuer: str = DEVELOPMENT_ISSUER) -> dict[str, object]:
    """The claims of a person who logged in with an e-mail address."""
    return {"iss": issuer, "sub": email, "email": email, "email_verified": True}


def github_claims(
    repository: str,
    workflow: str = "release.yml",
    ref: str = "refs/heads/main",
    **overrides: str,
) -> dict[str, object]:
    """The claims of a GitHub Actions job.

    Args:
        repository: `owner/name`.
        workflow: the workflow's file name under `.github/workflows/`.
        ref: the full ref, `refs/heads/…` or `refs/tags/…`.
        overrides: claims to replace: `job_workflow_ref` of a reusable workflow, `repository_id`, `iss`, …

    Source: GitHub's documentation of OIDC tokens.
    """
    owner = repository.partition("/")[0]
    path = f"{repository}/.github/workflows/{workflow}@{ref}"
    sha = _commit(f"{repository}@{ref}")
    claims: dict[str, object] = {
        "iss": GITHUB_ISSUER,
        "sub": f"repo:{repository}:ref:{ref}",
        "repository": repository,
        "repository_id": _number(repository),
        "repository_owner": owner,
        "repository_owner_id": _number(owner),
        "repository_visibility": "public",
        "ref": ref,
        "ref_type": "tag" if ref.startswith("refs/tags/") else "branch",
        "sha": sha,
        "workflow": workflow.partition(".")[0],
        "workflow_ref": path,
        "workflow_sha": sha,
        "job_workflow_ref": path,
        "job_workflow_sha": sha,
        "event_name": "push",
        "runner_environment": "github-hosted",
        "run_id": "1",
        "run_attempt": "1",
    }
    return claims | overrides


def gitlab_claims(
    project: str, config: str = ".gitlab-ci.yml", ref: str = "refs/heads/main", **overrides: str
) -> dict[str, object]:
    """The claims of a GitLab CI job on gitlab.com.

    Args:
        project: `group/project`, with subgroups if any.
        config: the pipeline's file.
        ref: the full ref, `refs/heads/…` or `refs/tags/…`.
        overrides: claims to replace, such as `ci_config_ref_uri`, `project_id`, `iss`.

    Source: GitLab's documentation of id tokens.
    """
    namespace = project.rpartition("/")[0]
    kind = "tag" if ref.startswith("refs/tags/") else "branch"
    sha = _commit(f"{project}@{ref}")
    claims: dict[str, object] = {
        "iss": GITLAB_ISSUER,
        "sub": f"project_path:{project}:ref_type:{kind}:ref:{ref.split('/', 2)[-1]}",
        "project_path": project,
        "project_id": _number(project),
        "namespace_path": namespace,
        "namespace_id": _number(namespace),
        "project_visibility": "public",
        "ref": ref.split("/", 2)[-1],
        "ref_type": kind,
        "sha": sha,
        "ci_config_ref_uri": f"gitlab.com/{project}//{config}@{ref}",
        "ci_config_sha": sha,
        "pipeline_source": "push",
        "runner_environment": "gitlab-hosted",
        "job_id": "1",
    }
    return claims | overrides
