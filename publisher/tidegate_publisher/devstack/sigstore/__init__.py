"""A complete local Sigstore, for development and tests only: it protects nothing.

Whoever can reach it can sign as anybody, and its keys lie unencrypted on the disk. What it makes is accepted
by clients that are given its own trusted root and by no others: never put that root on a host that matters.

The parts: `ca` and `ctlog` (Fulcio's certificates), `rekor_v1`, `rekor_v2` on `tlog` and `merkle` (the logs),
`tsa` (time-stamps), `oidc` (identities), `trust` (what clients are configured with) and `bundle`; put
together by `instance`, kept by `material`, served over HTTP by `service`.
"""

from tidegate_publisher.devstack.sigstore.claims import (
    DEVELOPMENT_ISSUER,
    GITHUB_ISSUER,
    GITLAB_ISSUER,
    email_claims,
    github_claims,
    gitlab_claims,
)
from tidegate_publisher.devstack.sigstore.instance import LocalSigstore

__all__ = [
    "DEVELOPMENT_ISSUER",
    "GITHUB_ISSUER",
    "GITLAB_ISSUER",
    "LocalSigstore",
    "email_claims",
    "github_claims",
    "gitlab_claims",
]
