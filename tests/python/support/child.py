"""The child's side of the line protocol between a test and its child process: stdin and stdout."""

from __future__ import annotations

import os
import sys


def send(*values: object) -> None:
    """Send one line to the test."""
    sys.stdout.write(" ".join(str(value) for value in values) + "\n")
    sys.stdout.flush()


def receive() -> str:
    """Wait for the next line from the test. If the test has ended, end the child at once."""
    line = sys.stdin.readline()
    if not line:
        os._exit(97)
    return line.strip()
