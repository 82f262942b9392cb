"""Frames that prove their origin: tests/storm/frames.h and tests/support/pattern.h, for numpy."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

MASK = (1 << 64) - 1
STEP = 0x9E3779B97F4A7C15
HEAD_WORDS = 4


def mix(number: int) -> int:
    number = (number ^ number >> 30) * 0xBF58476D1CE4E5B9 & MASK
    number = (number ^ number >> 27) * 0x94D049BB133111EB & MASK
    return number ^ number >> 31


def pool_number(name: str) -> int:
    number = 1
    for byte in name.encode():
        number = mix(number ^ byte)
    return number


def stamp_of(seq: int, nonce: int) -> int:
    return seq * 1000 + nonce % 1000


class Frames:
    """The frames of one incarnation of one pool."""

    def __init__(self, name: str, incarnation: int) -> None:
        self.pool = pool_number(name)
        self.incarnation = incarnation
        self.steps: dict[int, NDArray[np.uint64]] = {}

    def words(self, seq: int, nonce: int, index: int, count: int) -> NDArray[np.uint64]:
        """The words of field `index`; the first field begins with the head."""
        key = mix(self.pool ^ mix(self.incarnation ^ mix(seq ^ mix(nonce + index & MASK))))
        if count not in self.steps:
            self.steps[count] = np.arange(count, dtype=np.uint64) * np.uint64(STEP)
        words = self.steps[count] + np.uint64(key)
        if index == 0:
            words[:HEAD_WORDS] = [self.pool, self.incarnation, seq, nonce]
        return words

    def problem(self, fields: list[NDArray[np.generic]], seq: int, stamp: int) -> str | None:
        """The first difference of a frame from sample `seq`, or None."""
        head = fields[0].view(np.uint8).reshape(-1)[: HEAD_WORDS * 8].view(np.uint64)
        nonce = int(head[3])
        if stamp != stamp_of(seq, nonce):
            return f"sample {seq}: the stamp {stamp} does not match the payload"
        for index, field in enumerate(fields):
            got = field.reshape(-1).view(np.uint64)
            expected = self.words(seq, nonce, index, len(got))
            if not np.array_equal(got, expected):
                return f"sample {seq}, field {index}: word {int(np.argmax(got != expected))} of {len(got)} is wrong"
        return None
