"""Checks of arguments that several modules share."""

from __future__ import annotations

import operator
import os
from typing import Any

from . import _core

MODES = (0o600, 0o660, 0o606, 0o666)
"""The permission bits that a pool's file can have. Read permission needs write permission: streams register in it."""


def check_pool_name(pool_name: Any) -> None:
    """Raise TypeError when the name is not a str. The C library checks its characters."""
    if not isinstance(pool_name, str):
        raise TypeError(f'pool_name must be str, such as "arm/q", not {type(pool_name).__name__}')


def registry_folder(folder: str | os.PathLike[str] | None) -> str:
    """The absolute path of the registry folder: the same one after os.chdir and in another process."""
    return os.path.abspath(_core.registry_folder() if folder is None else os.fspath(folder))


def whole_number(value: Any, what: str) -> int:
    """The value as an int. Raises TypeError for what is not an integer; numpy's integers are."""
    try:
        return operator.index(value)
    except TypeError:
        raise TypeError(f"{what} must be int, not {type(value).__name__}") from None
