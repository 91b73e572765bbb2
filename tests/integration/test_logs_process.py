"""Logging as a process sets it up: the level holds, and libraries speak through the same form."""

from __future__ import annotations

import json
import subprocess
import sys

PROGRAM = """
import logging
from loguru import logger
from tidegate_agent.adapters.logs import configure
configure("info", "json")
logger.debug("too quiet")
logger.info("said")
logging.getLogger("apscheduler.executors").info("too quiet")
logging.getLogger("apscheduler.executors").warning("braces {0} of %s", "its own")
"""


def test_a_process_writes_one_form_to_standard_error() -> None:
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM], capture_output=True, text=True, check=True, timeout=60
    )
    lines = [json.loads(line) for line in done.stderr.splitlines()]
    assert done.stdout == ""
    assert [(line["level"], line["message"]) for line in lines] == [
        ("info", "said"),
        ("warning", "apscheduler.executors: braces {0} of its own"),
    ]
