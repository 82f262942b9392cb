"""MomentumX: shared memory buffers; its consumers poll."""

from __future__ import annotations

import time
from typing import Any

import numpy

from peers.adapter import Peer

BUFFERS = 8
# receive() has no timeout. Waits of this length or longer block; shorter ones, while connecting, poll.
FOREVER = 0.5


class MomentumSender:
    """A producer."""

    def __init__(self, topic: str, sample: numpy.ndarray) -> None:
        import momentumx

        self._producer = momentumx.Producer(topic.replace("/", "_"), sample.nbytes, BUFFERS, False)

    def send(self, array: numpy.ndarray) -> None:
        """Copy with the buffer protocol: the write() and read() of a buffer copy single bytes."""
        buffer = self._producer.next_to_send()
        numpy.frombuffer(buffer, numpy.float64, array.size)[:] = array
        buffer.send(array.nbytes)

    def close(self) -> None:
        """End the stream."""
        self._producer.end()


class MomentumReceiver:
    """A consumer with the polling interval of the library."""

    def __init__(self, topic: str, sample: numpy.ndarray) -> None:
        import momentumx

        self._consumer = momentumx.Consumer(topic.replace("/", "_"))
        self._size = sample.size
        self._buffer: Any = None

    def receive(self, timeout: float) -> numpy.ndarray | None:
        """A view of the next buffer."""
        if timeout >= FOREVER:
            return self._array(self._consumer.receive(blocking=True))
        deadline = time.monotonic() + timeout
        while (array := self.newest()) is None and time.monotonic() < deadline:
            time.sleep(0.001)
        return array

    def newest(self) -> numpy.ndarray | None:
        """A view of the next buffer if it has arrived."""
        return self._array(self._consumer.receive(blocking=False))

    def _array(self, buffer: Any) -> numpy.ndarray | None:
        self._buffer = buffer
        return None if buffer is None else numpy.frombuffer(buffer, numpy.float64, self._size)

    def close(self) -> None:
        """Drop the consumer."""
        self._buffer = None
        del self._consumer


PEERS = [Peer("momentumx", "MomentumX", "momentumx", "momentumx", "polls", MomentumSender, MomentumReceiver)]
