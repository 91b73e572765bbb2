"""The rpm-ostree engine: image mode by way of rpm-ostree's daemon, with layered packages kept.

- `engine`: the port itself: stage, activate, rollback, discard, status
- `staging`: from a target to a deployment that is staged and locked
- `order`: which deployment the next boot brings
- `client`: the commands of rpm-ostree and ostree that are run, each with its time, and what they complain of
- `status`: pure; what `rpm-ostree status --json` says
- `importing`: pure; progress and patience from the lines that a rebase prints
"""
