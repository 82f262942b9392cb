"""Frames with one number in every element, so that a test detects a torn or overwritten frame."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray


def numbered(number: int, shape: tuple[int, ...] = (4, 8), dtype: Any = np.int64) -> NDArray[Any]:
    """A frame in which every element is `number`."""
    return np.full(shape, number, dtype=dtype)


def number_of(frame: NDArray[Any]) -> int:
    """The number of a frame. Fails unless all elements are equal."""
    values = np.asarray(frame)
    number = values.flat[0]
    assert (values == number).all(), f"torn frame: it contains {np.unique(values)[:8]}"
    return int(number)


def numbers_of(history: NDArray[Any]) -> list[int]:
    """The numbers of the frames of a history. Fails if a frame is torn."""
    return [number_of(frame) for frame in history]
