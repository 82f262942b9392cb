"""The content of the demo's frames, and the checks that a reader makes for torn ones."""

from __future__ import annotations

import zlib
from collections.abc import Iterator
from typing import Any

import numpy as np
import numpy.typing as npt

HEIGHT, WIDTH, CHANNELS = 480, 640, 3
CHECKSUM_BYTES = 4
Image = npt.NDArray[np.uint8]


def write_checksum(image: Image) -> None:
    """Write the checksum of an image into its first four bytes."""
    flat = image.reshape(-1)
    flat[:CHECKSUM_BYTES] = np.frombuffer(checksum(flat), np.uint8)


def has_valid_checksum(image: Image) -> bool:
    """Whether the first four bytes are the checksum of the rest. False when the image is torn."""
    flat = image.reshape(-1)
    return flat[:CHECKSUM_BYTES].tobytes() == checksum(flat)


def checksum(flat: Image) -> bytes:
    return zlib.crc32(flat[CHECKSUM_BYTES:].data).to_bytes(CHECKSUM_BYTES, "little")


def torn_rows(joints: npt.NDArray[np.float64]) -> int:
    """The number of torn samples in an (n, 7) history: the arm sets the seventh value to the sum of the other six."""
    total = np.zeros(len(joints))
    for joint in range(6):  # in the order of arm_loop.c, so that the sums are bit-identical
        total += joints[:, joint]
    return int(np.count_nonzero(total != joints[:, 6]))


def as_numpy(array: Any) -> npt.NDArray[Any]:
    """A numpy array of the same memory as a torch tensor or numpy array."""
    return array if isinstance(array, np.ndarray) else array.numpy()


def moving_scene() -> Iterator[Image]:
    """An endless scene: a bright square moves over a scrolling background."""
    rows = np.arange(2 * HEIGHT) % HEIGHT
    background = np.empty((2 * HEIGHT, WIDTH, CHANNELS), np.uint8)
    background[..., 0] = (rows * 200 // HEIGHT)[:, None]
    background[..., 1] = np.arange(WIDTH) * 120 // WIDTH
    background[..., 2] = 90
    step = 0
    while True:
        image = background[step % HEIGHT :][:HEIGHT].copy()
        top, left = (step * 5) % (HEIGHT - 80), (step * 7) % (WIDTH - 80)
        image[top : top + 80, left : left + 80] = 255
        yield image
        step += 1
