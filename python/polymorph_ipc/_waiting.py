"""Waiting for several streams at once."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TypeVar

from . import _core

StreamT = TypeVar("StreamT", bound=_core.Stream)


def wait_any(streams: Iterable[StreamT], timeout: float | None = None) -> list[StreamT]:
    """Wait until at least one of the streams has a sample above its cursor.

    Waits for pools that do not exist yet too. Takes no sample and moves no cursor: call `get_new` or `get_next` of the
    streams that it returns.

    Args:
        streams: The streams. Up to 127 connected streams share one sleep; with more, or with pools that do not exist
            yet, the streams are checked every 20 ms.
        timeout: Seconds to wait; 0 polls, None waits forever.

    Returns:
        The streams that have a new sample, in the order given; empty when `timeout` ran out.

    Raises:
        ValueError: There are no streams, or `timeout` is negative.
        TypeError: `streams` is a single stream, or has an element that is not a stream.
        SchemaMismatchError: The schema of a stream's pool differs from what the stream reads.
        PoolCorruptError: The file of a pool is damaged.
        PoolIncompatibleError: A pool was made by an incompatible build of the library.
        PoolPermissionError: This user may not open the file of a pool.
        PoolFullError: 64 streams are connected to a pool.
        PoolLostError: The program has closed a stream's file descriptors.
        ClosedError: A stream is closed; or, with `ros_node=`, its node was destroyed or ROS was shut down.
        OutOfMemoryError: There is no memory.
        SystemCallError: A system call failed.
        KeyboardInterrupt: Ctrl-C, at once.

    Threads: any. The GIL is released during the wait.

    Example:
        >>> for stream in wait_any([camera, arm], timeout=1.0):
        ...     handle(stream.pool_name, stream.get_new(timeout=0))
    """
    return _core.wait_any(listed(streams), timeout)


def wait_connected(streams: Iterable[_core.Stream], timeout: float | None = None) -> bool:
    """Wait until the pools of all the streams exist and the streams are connected to them.

    A pool whose producer has died counts as connected: see `stream.producer_alive`.

    Args:
        streams: The streams.
        timeout: Seconds to wait; 0 polls, None waits forever.

    Returns:
        True when all are connected, False when `timeout` ran out.

    Raises:
        ValueError: There are no streams, or `timeout` is negative.
        TypeError: `streams` is a single stream, or has an element that is not a stream.
        SchemaMismatchError: The schema of a stream's pool differs from what the stream reads.
        PoolCorruptError: The file of a pool is damaged.
        PoolIncompatibleError: A pool was made by an incompatible build of the library.
        PoolPermissionError: This user may not open the file of a pool.
        PoolFullError: 64 streams are connected to a pool.
        PoolLostError: The program has closed a stream's file descriptors.
        ClosedError: A stream is closed; or, with `ros_node=`, its node was destroyed or ROS was shut down.
        OutOfMemoryError: There is no memory.
        SystemCallError: A system call failed.
        KeyboardInterrupt: Ctrl-C, at once.

    Threads: any. The GIL is released during the wait.

    Example:
        >>> if not wait_connected([camera, arm], timeout=10):
        ...     raise SystemExit("start the camera and the arm first")
    """
    return _core.wait_connected(listed(streams), timeout)


def listed(streams: Iterable[StreamT]) -> list[StreamT]:
    """The streams as a list. A single stream is refused: it is an endless iterable of its samples."""
    if isinstance(streams, _core.Stream):
        raise TypeError(
            "streams must be a list of streams, not one stream: its own get_new and wait_connected wait for it"
        )
    return list(streams)
