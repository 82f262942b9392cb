"""Errors that end the program with one sentence instead of a traceback."""

from __future__ import annotations


class Problem(Exception):
    """An error that the user has to fix. Its text is the sentence that the program prints."""
