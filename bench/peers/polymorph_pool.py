"""polymorph_ipc, sleeping and spinning; and with a history of one sample, as in the other libraries."""

from __future__ import annotations

import time

import numpy

from peers.adapter import Peer

POLLS_BETWEEN_CLOCK_READINGS = 10_000


class PoolSender:
    """A producer."""

    def __init__(self, topic: str, sample: numpy.ndarray) -> None:
        from polymorph_ipc import TensorProducer

        self._producer = TensorProducer.from_sample(topic, sample)
        self.send = self._producer.publish
        self.close = self._producer.cleanup


class NewestSender:
    """A producer that keeps the newest sample only."""

    def __init__(self, topic: str, sample: numpy.ndarray) -> None:
        from polymorph_ipc import TensorProducer

        self._producer = TensorProducer.from_sample(topic, sample, history_len=1, spare=2)
        self.send = self._producer.publish
        self.close = self._producer.cleanup


class PoolReceiver:
    """A stream that sleeps."""

    def __init__(self, topic: str, sample: numpy.ndarray) -> None:
        from polymorph_ipc import TensorStream

        self._stream = TensorStream(topic)
        self.receive = self._stream.get_new
        self.newest = self._stream.get_last
        self.close = self._stream.cleanup


class SpinningReceiver(PoolReceiver):
    """A stream that polls without a pause."""

    def __init__(self, topic: str, sample: numpy.ndarray) -> None:
        super().__init__(topic, sample)
        get_new = self._stream.get_new

        def receive(timeout: float) -> numpy.ndarray | None:
            deadline = time.monotonic() + timeout
            while time.monotonic() < deadline:
                for _ in range(POLLS_BETWEEN_CLOCK_READINGS):
                    array: numpy.ndarray | None = get_new(timeout=0)
                    if array is not None:
                        return array
            return None

        self.receive = receive


PEERS = [
    Peer("polymorph", "polymorph_ipc", "polymorph_ipc", "polymorph_ipc", "sleeps", PoolSender, PoolReceiver, True),
    Peer(
        "polymorph_newest",
        "polymorph_ipc, history of 1",
        "polymorph_ipc",
        "polymorph_ipc",
        "sleeps",
        NewestSender,
        PoolReceiver,
        True,
    ),
    Peer("polymorph_spin", "polymorph_ipc", "polymorph_ipc", "polymorph_ipc", "spins", PoolSender, SpinningReceiver),
]
