"""sweep() clears the rows of dead readers; max_bytes limits the size of the pool file."""

from __future__ import annotations

import os

import numpy as np
import pytest
from polymorph_ipc import (
    ClosedError,
    ForkedError,
    PoolInfo,
    PoolSpaceError,
    TensorProducer,
    TensorStream,
    inspect_pool,
)

from support.frames import number_of, numbered
from support.processes import Child, Spawner

PAGE = (64, 64)  # more than a page of int64: the pool grows by one slot at a time

HOLDING = """
    from polymorph_ipc import TensorStream
    stream = TensorStream("cam", start="oldest")
    kept = [stream.get_next() for _ in range(3)]
    send("holding")
    receive()
"""


def reader_that_holds(spawn: Spawner) -> Child:
    child = spawn(HOLDING)
    child.expect("holding")
    return child


def test_sweep_clears_the_rows_of_dead_readers_and_counts_them(spawn: Spawner) -> None:
    with TensorProducer.from_sample("cam", numbered(0, PAGE), history_len=4, grow=False) as producer:
        for number in range(1, 5):
            producer.publish(numbered(number, PAGE))
        live, *dead = [reader_that_holds(spawn) for _ in range(3)]
        assert producer.sweep() == 0
        for child in dead:
            child.kill()
        assert producer.sweep() == 2
        assert producer.sweep() == 0
        info = inspect_pool("cam")
        assert [reader.pid for reader in info.readers] == [live.pid]
        assert info.cleared_rows == 2


def test_sweep_of_a_closed_or_inherited_producer_is_refused() -> None:
    producer = TensorProducer.from_sample("cam", np.zeros(3))
    pid = os.fork()
    if pid == 0:
        try:
            producer.sweep()
        except ForkedError:
            os._exit(7)
        os._exit(1)
    assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 7
    producer.cleanup()
    with pytest.raises(ClosedError):
        producer.sweep()


def hold_three_and_publish(max_bytes: int | None) -> PoolInfo:
    """Hold the first three samples of a pool with seven slots, and publish more."""
    with (
        TensorProducer.from_sample("cam", numbered(0, PAGE), 6, spare=1, max_bytes=max_bytes) as producer,
        TensorStream("cam") as stream,
    ):
        held = []
        for number in range(1, 31):
            producer.publish(numbered(number, PAGE))
            if number <= 3:
                held.append(stream.get_last())
        assert [number_of(frame) for frame in held] == [1, 2, 3]
        assert number_of(stream.get_last()) == 30
        return inspect_pool("cam")


def test_max_bytes_limits_the_file_and_history_is_given_up() -> None:
    with TensorProducer.from_sample("cam", numbered(0, PAGE), 6, spare=1):
        smallest = inspect_pool("cam").file_nbytes
    grown = hold_three_and_publish(None)
    assert grown.file_nbytes > smallest
    assert (grown.grown > 0, grown.given_up) == (True, 0)
    bounded = hold_three_and_publish(smallest)
    assert (bounded.file_nbytes, bounded.grown) == (smallest, 0)
    assert bounded.given_up > 0


def test_pool_larger_than_max_bytes_is_refused_with_both_numbers() -> None:
    with pytest.raises(PoolSpaceError, match=r"needs \d+ bytes, max_bytes allows 100"):
        TensorProducer.from_sample("cam", np.zeros(1000), max_bytes=100)
