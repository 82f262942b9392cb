"""Shared memory and a POSIX semaphore for each direction: one array, without protection against overwriting."""

from __future__ import annotations

import mmap
import os
from typing import Any

import numpy

from peers.adapter import Peer


class SemaphoreSender:
    """Writes the array and posts the semaphore."""

    def __init__(self, topic: str, sample: numpy.ndarray) -> None:
        import posix_ipc

        self._name = _flat(topic)
        self._memory = _map(posix_ipc.SharedMemory(self._name, posix_ipc.O_CREX, size=sample.nbytes))
        self._array = numpy.ndarray(sample.shape, sample.dtype, buffer=self._memory)
        self._array[:] = sample
        self._semaphore = posix_ipc.Semaphore(self._name, posix_ipc.O_CREX)
        self._unlink_memory = posix_ipc.unlink_shared_memory

    def send(self, array: numpy.ndarray) -> None:
        """Overwrite the array, even while the receiver reads it."""
        self._array[:] = array
        self._semaphore.release()

    def close(self) -> None:
        """Remove the shared memory and the semaphore."""
        del self._array
        self._memory.close()
        self._unlink_memory(self._name)
        self._semaphore.unlink()
        self._semaphore.close()


class SemaphoreReceiver:
    """Waits for the semaphore."""

    def __init__(self, topic: str, sample: numpy.ndarray) -> None:
        import posix_ipc

        self._busy_error = posix_ipc.BusyError
        self._memory = _map(posix_ipc.SharedMemory(_flat(topic)))
        self._sample = sample
        self._array = numpy.ndarray(sample.shape, sample.dtype, buffer=self._memory)
        self._semaphore = posix_ipc.Semaphore(_flat(topic))

    def receive(self, timeout: float) -> numpy.ndarray | None:
        """The shared array. It changes when the next one is sent."""
        try:
            self._semaphore.acquire(timeout)
        except self._busy_error:
            return None
        return self._array

    def newest(self) -> numpy.ndarray:
        """A new array over the shared memory, as a library would make it."""
        return numpy.ndarray(self._sample.shape, self._sample.dtype, buffer=self._memory)

    def close(self) -> None:
        """Close the shared memory and the semaphore."""
        del self._array
        self._memory.close()
        self._semaphore.close()


def _flat(topic: str) -> str:
    return "/" + topic.replace("/", "_")


def _map(shared: Any) -> mmap.mmap:
    memory = mmap.mmap(shared.fd, shared.size)
    os.close(shared.fd)
    return memory


PEERS = [
    Peer(
        "by_hand",
        "shared memory + semaphores, by hand",
        "posix_ipc",
        "posix_ipc",
        "sleeps",
        SemaphoreSender,
        SemaphoreReceiver,
        True,
    )
]
