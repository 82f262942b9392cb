"""Eclipse eCAL with its shared memory layer in zero-copy mode. Arrays arrive in a callback in a thread of eCAL."""

from __future__ import annotations

import queue
from typing import Any

import numpy

from peers.adapter import Peer

_initialized: list[bool] = []


def _core() -> Any:
    import ecal.nanobind_core as core

    if not _initialized:
        core.initialize("polymorph_ipc benchmark")
        _initialized.append(True)
    return core


class EcalSender:
    """A publisher."""

    def __init__(self, topic: str, sample: numpy.ndarray) -> None:
        core = _core()
        config = core.get_publisher_configuration()
        config.layer.shm.enable = True
        config.layer.shm.zero_copy_mode = True
        config.layer.udp.enable = False
        config.layer.tcp.enable = False
        self._publisher = core.Publisher(topic, config=config)

    def send(self, array: numpy.ndarray) -> None:
        """eCAL accepts only bytes objects, which needs one more copy."""
        self._publisher.send(array.tobytes())

    def close(self) -> None:
        """Drop the publisher."""
        del self._publisher


class EcalReceiver:
    """A subscriber whose callback passes the bytes to the waiting thread."""

    def __init__(self, topic: str, sample: numpy.ndarray) -> None:
        core = _core()
        self._arrived: queue.SimpleQueue[bytes] = queue.SimpleQueue()
        self._subscriber = core.Subscriber(topic)
        arrived = self._arrived
        self._subscriber.set_receive_callback(lambda publisher, data_type, data: arrived.put(data.buffer))

    def receive(self, timeout: float) -> numpy.ndarray | None:
        """The next array."""
        try:
            return numpy.frombuffer(self._arrived.get(timeout=timeout), numpy.float64)
        except queue.Empty:
            return None

    def newest(self) -> None:
        """eCAL has no such call."""

    def close(self) -> None:
        """Drop the subscriber."""
        self._subscriber.remove_receive_callback()
        del self._subscriber


PEERS = [Peer("ecal", "eCAL, zero copy", "ecal", "eclipse-ecal", "sleeps", EcalSender, EcalReceiver)]
