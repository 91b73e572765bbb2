"""Prometheus's own tool reads the alert rules, and each of them speaks up when it should."""

from __future__ import annotations

import shutil
import subprocess

import pytest

from tests.support.documents import DOCS

pytestmark = pytest.mark.real("promtool")

PLACE = DOCS / "monitoring"


@pytest.mark.parametrize(
    "words",
    [
        ("check", "rules", "alerts.yml"),
        ("check", "config", "--syntax-only", "prometheus.yml"),
        ("test", "rules", "alerts_test.yml"),
    ],
    ids=lambda words: "-".join(words[:2]),
)
def test_promtool_is_content(words: tuple[str, ...]) -> None:
    done = subprocess.run(
        [shutil.which("promtool") or "", *words],
        cwd=PLACE,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "SUCCESS" in done.stdout
