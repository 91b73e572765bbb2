"""What a process that speaks MQTT holds in memory for it."""

from __future__ import annotations

import importlib.util
import subprocess
import sys

import pytest

BUS = "import sys, tidegate_agent.adapters.bus_paho;"


def printed(code: str) -> str:
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


@pytest.mark.skipif(
    importlib.util.find_spec("dns") is None, reason="without dnspython there is nothing to see"
)
def test_the_bus_does_without_dnspython_and_leaves_it_to_others() -> None:
    assert printed(BUS + "print([name for name in sys.modules if name.split('.')[0] == 'dns'])") == "[]"
    assert printed(BUS + "import dns.resolver; print(dns.resolver.__name__)") == "dns.resolver"


def test_dnspython_stays_where_somebody_has_it_already() -> None:
    pytest.importorskip("dns")
    assert printed("import sys, dns as before;" + BUS + "print(sys.modules['dns'] is before)") == "True"
