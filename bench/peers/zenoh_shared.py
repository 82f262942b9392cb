"""Eclipse zenoh with its shared memory provider; two peers on this machine."""

from __future__ import annotations

import time
from typing import Any

import numpy

from peers.adapter import Peer

BUFFERS = 8
# recv() has no timeout. Waits of this length or longer block; shorter ones, while connecting, poll.
FOREVER = 0.5

_sessions: list[Any] = []


def _session() -> Any:
    import zenoh

    if not _sessions:
        config = zenoh.Config()
        config.insert_json5("transport/shared_memory/enabled", "true")
        _sessions.append(zenoh.open(config))
    return _sessions[0]


class SharedSender:
    """Allocates a buffer of the provider, copies the array and puts the buffer."""

    def __init__(self, topic: str, sample: numpy.ndarray) -> None:
        import zenoh

        session = _session()
        shm = zenoh.shm
        self._provider = shm.ShmProvider.default_backend(max(1 << 20, BUFFERS * sample.nbytes))
        self._policy = shm.BlockOn(shm.GarbageCollect())
        self._publisher = session.declare_publisher(
            topic, congestion_control=zenoh.CongestionControl.BLOCK, express=True
        )

    def send(self, array: numpy.ndarray) -> None:
        """The buffers accept only bytes objects, which needs one more copy."""
        buffer = self._provider.alloc(array.nbytes, policy=self._policy)
        buffer[:] = array.tobytes()
        self._publisher.put(buffer)

    def close(self) -> None:
        """Undeclare the publisher; the session ends with the process."""
        self._publisher.undeclare()


class SharedReceiver:
    """A subscriber that blocks in recv()."""

    def __init__(self, topic: str, sample: numpy.ndarray) -> None:
        import zenoh

        self._subscriber = _session().declare_subscriber(topic, zenoh.handlers.RingChannel(3))

    def receive(self, timeout: float) -> numpy.ndarray | None:
        """The next sample."""
        if timeout >= FOREVER:
            return numpy.frombuffer(self._subscriber.recv().payload.to_bytes(), numpy.float64)
        deadline = time.monotonic() + timeout
        while (array := self.newest()) is None and time.monotonic() < deadline:
            time.sleep(0.001)
        return array

    def newest(self) -> numpy.ndarray | None:
        """A copy of the next sample if it has arrived."""
        sample = self._subscriber.try_recv()
        return None if sample is None else numpy.frombuffer(sample.payload.to_bytes(), numpy.float64)

    def close(self) -> None:
        """Undeclare the subscriber."""
        self._subscriber.undeclare()


PEERS = [
    Peer("zenoh", "zenoh, shared memory", "zenoh", "eclipse-zenoh", "sleeps", SharedSender, SharedReceiver, True, True)
]
