"""pyshmem: one array with a sequence lock and a futex for waiting."""

from __future__ import annotations

import numpy

from peers.adapter import Peer


class StreamSender:
    """Creates the stream."""

    def __init__(self, topic: str, sample: numpy.ndarray) -> None:
        import pyshmem

        self._stream = pyshmem.create(topic.replace("/", "_"), shape=sample.shape, dtype=sample.dtype, notify=True)
        self.send = self._stream.write

    def close(self) -> None:
        """Close and remove the stream."""
        self._stream.close()
        self._stream.unlink()


class StreamReceiver:
    """Reads into a private array, which prevents torn reads."""

    def __init__(self, topic: str, sample: numpy.ndarray) -> None:
        import pyshmem

        self._stream = pyshmem.open(topic.replace("/", "_"))
        self._array = numpy.empty_like(sample)
        self._count = self._stream.count

    def receive(self, timeout: float) -> numpy.ndarray | None:
        """The next array after the last one that was read."""
        try:
            self._stream.read_after(self._count, timeout=timeout, out=self._array)
        except TimeoutError:
            return None
        self._count = self._stream.last_read_count
        return self._array

    def newest(self) -> numpy.ndarray:
        """A copy of the newest array."""
        self._stream.read(out=self._array)
        return self._array

    def close(self) -> None:
        """Close the stream."""
        self._stream.close()


PEERS = [Peer("pyshmem", "pyshmem", "pyshmem", "pyshmem", "sleeps", StreamSender, StreamReceiver, True)]
