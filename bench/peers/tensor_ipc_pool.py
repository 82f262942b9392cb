"""tensor-ipc: a pool in shared memory, and DDS to notify consumers."""

from __future__ import annotations

import queue
import time

import numpy

from peers.adapter import Peer

SETTLING_SECONDS = 2.0


class TensorSender:
    """A producer."""

    def __init__(self, topic: str, sample: numpy.ndarray) -> None:
        from tensor_ipc import TensorProducer

        self._producer = TensorProducer.from_sample(topic.replace("/", "_"), sample, history_len=10)
        self.send = self._producer.put
        self.close = self._producer.cleanup


class TensorReceiver:
    """A consumer whose callback passes the array to the waiting thread."""

    def __init__(self, topic: str, sample: numpy.ndarray) -> None:
        from tensor_ipc import TensorConsumer

        self._arrived: queue.SimpleQueue[numpy.ndarray] = queue.SimpleQueue()
        self._settled_at = time.monotonic() + SETTLING_SECONDS
        self._consumer = TensorConsumer.from_sample(
            topic.replace("/", "_"), sample, history_len=10, callback=self._take
        )
        self.close = self._consumer.cleanup

    def _take(self, array: numpy.ndarray) -> None:
        """Called in a thread of the library.

        It handles one notification per call, so it would stay behind by the number of frames that arrived before it was
        connected. During the first seconds, take all notifications.
        """
        if time.monotonic() < self._settled_at:
            late = self._consumer._dds_consumer.read_all_progress()
            if late:
                self._consumer.backend.update_frame_index(late[0].latest_frame)
                array = self._consumer.get()
        self._arrived.put(array[0])

    def newest(self) -> numpy.ndarray | None:
        """The newest array: a history of length one."""
        history = self._consumer.get()
        return None if history is None else history[0]

    def receive(self, timeout: float) -> numpy.ndarray | None:
        """The next array."""
        try:
            return self._arrived.get(timeout=timeout)
        except queue.Empty:
            return None


PEERS = [
    Peer(
        "tensor_ipc",
        "tensor-ipc",
        "tensor_ipc",
        "tensor-ipc sympy (Python 3.10)",
        "sleeps",
        TensorSender,
        TensorReceiver,
        True,
    )
]
