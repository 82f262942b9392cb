"""What callers pass: what is of a wrong type is refused with expected and got."""

from __future__ import annotations

import operator
import os
from typing import Any

from . import _core

MODES = (0o600, 0o660, 0o606, 0o666)
"""Permission bits that a pool's file can have: streams register in it, so read permission needs write permission."""


def check_pool_name(pool_name: Any) -> None:
    """TypeError for what is no str; which names there are is for the library to say."""
    if not isinstance(pool_name, str):
        raise TypeError(f'pool_name must be str, such as "arm/q", not {type(pool_name).__name__}')


def registry_folder(folder: str | os.PathLike[str] | None) -> str:
    """Path of the registry folder, absolute: it is the same one after os.chdir and in another process."""
    return os.path.abspath(_core.registry_folder() if folder is None else os.fspath(folder))


def whole_number(value: Any, what: str, pool_name: str) -> int:
    """An int, or what stands for one, such as numpy's."""
    try:
        return operator.index(value)
    except TypeError:
        raise TypeError(f"pool {pool_name!r}: {what} must be int, not {type(value).__name__}") from None
