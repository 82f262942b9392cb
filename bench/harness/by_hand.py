"""Shared memory written by hand in Python: a populated ring on the file system of the pools."""

from __future__ import annotations

import contextlib
import mmap
import os

import numpy

MADV_POPULATE_WRITE = 23
SLOTS = 13


class Ring:
    """``SLOTS`` arrays like ``sample``, with the stride and the populated pages of a pool."""

    def __init__(self, sample: numpy.ndarray) -> None:
        page = mmap.PAGESIZE
        stride = (sample.nbytes + 64 + page - 1) // page * page
        folder = os.environ.get("POLYMORPH_IPC_DIR", "/dev/shm")
        descriptor = os.open(folder, os.O_TMPFILE | os.O_RDWR, 0o600)
        try:
            os.ftruncate(descriptor, SLOTS * stride)
            memory = mmap.mmap(descriptor, SLOTS * stride)
        finally:
            os.close(descriptor)
        for advice in (mmap.MADV_HUGEPAGE, MADV_POPULATE_WRITE):
            with contextlib.suppress(OSError):  # on an older kernel, the first use of the ring touches every page
                memory.madvise(advice)
        self.memory = memory
        self.slots = [
            numpy.ndarray(sample.shape, sample.dtype, buffer=memory, offset=slot * stride + 64) for slot in range(SLOTS)
        ]
        for slot in self.slots:
            slot[...] = sample
