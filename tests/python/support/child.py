"""The child's side of a conversation with a test: lines on stdin and stdout."""

from __future__ import annotations

import os
import sys


def say(*words: object) -> None:
    """Tell the test something; it reads whole lines."""
    sys.stdout.write(" ".join(str(word) for word in words) + "\n")
    sys.stdout.flush()


def hear() -> str:
    """Wait for the test's next line. A test that is gone ends the child without ceremony."""
    line = sys.stdin.readline()
    if not line:
        os._exit(97)
    return line.strip()
