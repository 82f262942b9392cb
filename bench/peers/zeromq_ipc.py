"""pyzmq: PUSH to PULL over a Unix socket, without copies in Python where the library allows that."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any

import numpy

from peers.adapter import Peer


def _socket_path(topic: str) -> Path:
    return Path(tempfile.gettempdir()) / f"{topic.replace('/', '_')}.zmq"


class PushSender:
    """A PUSH socket that binds."""

    def __init__(self, topic: str, sample: numpy.ndarray) -> None:
        import zmq

        self._path = _socket_path(topic)
        self._socket: Any = zmq.Context.instance().socket(zmq.PUSH)
        self._socket.setsockopt(zmq.LINGER, 0)
        self._socket.bind(f"ipc://{_socket_path(topic)}")

    def send(self, array: numpy.ndarray) -> None:
        """The library copies the array, so that it may be changed afterwards."""
        self._socket.send(array, copy=True)

    def close(self) -> None:
        """Close the socket and remove its file."""
        self._socket.close()
        self._path.unlink(missing_ok=True)


class PullReceiver:
    """A PULL socket that connects."""

    def __init__(self, topic: str, sample: numpy.ndarray) -> None:
        import zmq

        self._again = zmq.Again
        self._socket: Any = zmq.Context.instance().socket(zmq.PULL)
        self._socket.connect(f"ipc://{_socket_path(topic)}")
        self._timeout_option, self._timeout = zmq.RCVTIMEO, -1.0

    def receive(self, timeout: float) -> numpy.ndarray | None:
        """A view of the received message."""
        if timeout != self._timeout:
            self._socket.setsockopt(self._timeout_option, int(timeout * 1000))
            self._timeout = timeout
        try:
            message = self._socket.recv(copy=False)
        except self._again:
            return None
        return numpy.frombuffer(message.buffer, numpy.float64)

    def newest(self) -> None:
        """pyzmq has no such call."""

    def close(self) -> None:
        """Close the socket."""
        self._socket.close()


PEERS = [Peer("pyzmq", "pyzmq, ipc://", "zmq", "pyzmq", "sleeps", PushSender, PullReceiver)]
