"""What ends a program with one sentence instead of a traceback."""

from __future__ import annotations


class Problem(Exception):
    """Something that only the user can mend; its text is the sentence."""
