"""Frames that carry their number in every element, so that a torn or recycled one gives itself away."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray


def numbered(number: int, shape: tuple[int, ...] = (4, 8), dtype: Any = np.int64) -> NDArray[Any]:
    """A frame whose every element is `number`."""
    return np.full(shape, number, dtype=dtype)


def number_of(frame: NDArray[Any]) -> int:
    """The number a frame carries. Anything but one and the same number everywhere is a failure."""
    values = np.asarray(frame)
    number = values.flat[0]
    assert (values == number).all(), f"a torn frame: it holds {np.unique(values)[:8]}"
    return int(number)


def numbers_of(history: NDArray[Any]) -> list[int]:
    """The numbers of a history's frames, each of which must be whole."""
    return [number_of(frame) for frame in history]
