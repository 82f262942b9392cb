"""pyshmem: one array under a sequence lock, with a futex to wait on."""

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
    """Reads into an array of its own, which is what keeps it whole."""

    def __init__(self, topic: str, sample: numpy.ndarray) -> None:
        import pyshmem

        self._stream = pyshmem.open(topic.replace("/", "_"))
        self._array = numpy.empty_like(sample)
        self._count = self._stream.count

    def receive(self, timeout: float) -> numpy.ndarray | None:
        """The next publication after the last one seen."""
        try:
            self._stream.read_after(self._count, timeout=timeout, out=self._array)
        except TimeoutError:
            return None
        self._count = self._stream.last_read_count
        return self._array

    def newest(self) -> numpy.ndarray:
        """A whole copy of the newest."""
        self._stream.read(out=self._array)
        return self._array

    def close(self) -> None:
        """Close the stream."""
        self._stream.close()


PEERS = [Peer("pyshmem", "pyshmem", "pyshmem", "pyshmem", "sleeps", StreamSender, StreamReceiver, True)]
