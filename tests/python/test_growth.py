"""Samples longer than the capacity of the pool: a larger pool replaces it, and streams follow."""

from __future__ import annotations

import gc
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from polymorph_ipc import (
    InvalidArgumentError,
    PoolSpaceError,
    SchemaMismatchError,
    TensorProducer,
    TensorStream,
    WrongStateError,
    inspect_pool,
    list_pools,
)


def cloud(length: int, number: float = 1.0) -> NDArray[Any]:
    return np.full((length, 3), number, np.float32)


def test_growth_keeps_every_sample_in_order_and_updates_the_stream_shape() -> None:
    lengths = [2, 6, 7, 1, 30, 29, 100, 0, 3]
    with TensorProducer.from_sample("lidar", cloud(6), variable=True) as producer, TensorStream("lidar") as stream:
        for number, length in enumerate(lengths):
            assert producer.publish(cloud(length, number)) == number + 1
        assert producer.shape == (100, 3)
        for number, length in enumerate(lengths):
            frame, info = stream.get_next(timeout=0, return_info=True)
            assert info.seq == number + 1
            assert np.array_equal(frame, cloud(length, number))
        assert stream.get_next(timeout=0) is None
        assert stream.stats["dropped"] == 0
        assert stream.shape == (100, 3)
        assert [len(frame) for frame in stream.get_history(len(lengths))] == lengths
    assert list_pools() == []


def test_scans_of_varying_length_arrive_complete() -> None:
    lengths = [200, 459, 460, 459, 460, 459, 461, 200, 1080, 459, 460, 1, 0, 2000]
    with TensorProducer.from_sample("scan", np.zeros(200, np.float32), variable=True) as producer:
        with TensorStream("scan") as stream:
            for length in lengths:
                producer.publish(np.arange(length, dtype=np.float32))
                assert np.array_equal(stream.get_new(timeout=0), np.arange(length, dtype=np.float32))


def test_strided_samples_and_dicts_grow_too() -> None:
    sample = {"points": cloud(2), "boxes": np.zeros((1, 4)), "q": np.zeros(7)}
    with TensorProducer.from_sample("obs", sample, variable=["points", "boxes"]) as producer:
        with TensorStream("obs") as stream:
            wide = np.arange(60, dtype=np.float32).reshape(10, 6)
            producer.publish({"points": wide[:, ::2], "boxes": np.ones((3, 4)), "q": np.ones(7)})
            frame = stream.get_last()
            assert np.array_equal(frame["points"], wide[:, ::2])
            assert np.array_equal(frame["boxes"], np.ones((3, 4)))
            assert stream.shape == {"points": (10, 3), "boxes": (3, 4), "q": (7,)}
            with pytest.raises(SchemaMismatchError, match="q"):
                producer.publish({"points": cloud(1), "boxes": np.zeros((1, 4)), "q": np.ones(6)})


def test_pool_created_from_an_empty_sample_grows() -> None:
    with TensorProducer.from_sample("lidar", cloud(0), variable=True) as producer, TensorStream("lidar") as stream:
        for length in (0, 5, 11):
            producer.publish(cloud(length, 4))
            assert np.array_equal(stream.get_last(), cloud(length, 4))
            assert np.array_equal(stream.get_last(copy=True), cloud(length, 4))


def test_views_from_before_growth_do_not_change() -> None:
    with TensorProducer.from_sample("lidar", cloud(6), variable=True) as producer, TensorStream("lidar") as stream:
        producer.publish(cloud(6, 5))
        before = stream.get_last()
        for length in range(7, 200, 7):
            producer.publish(cloud(length))
        assert np.array_equal(before, cloud(6, 5))
        assert len(stream.get_last()) == 196


def test_out_may_be_shorter_than_the_grown_pool() -> None:
    with TensorProducer.from_sample("lidar", cloud(6), variable=True) as producer, TensorStream("lidar") as stream:
        out = cloud(6, -1)
        producer.publish(cloud(5, 1))
        assert len(stream.get_last(out=out)) == 5
        producer.publish(cloud(50, 2))
        with pytest.raises(SchemaMismatchError, match="or longer"):
            stream.get_last(out=out)
        producer.publish(cloud(6, 3))
        assert np.array_equal(stream.get_last(out=out), cloud(6, 3))
        assert np.array_equal(out, cloud(6, 3))


def test_expect_refuses_a_grown_pool_and_expect_any_follows_it() -> None:
    with TensorProducer.from_sample("lidar", cloud(6), variable=True) as producer:
        producer.publish(cloud(6))
        with TensorStream("lidar", expect=producer.schema) as strict, TensorStream("lidar", expect="any") as follower:
            assert len(strict.get_last()) == 6
            producer.publish(cloud(7))
            with pytest.raises(SchemaMismatchError):
                strict.get_last()
            assert len(follower.get_last()) == 7


def test_max_bytes_limits_growth_and_keeps_the_pool() -> None:
    with pytest.raises(InvalidArgumentError, match="max_bytes"):
        TensorProducer.from_sample("lidar", cloud(6), variable=True, max_bytes=-1)
    producer = TensorProducer.from_sample("lidar", cloud(6), history_len=2, variable=True, max_bytes=1_000_000)
    with producer, TensorStream("lidar") as stream:
        producer.publish(cloud(6))
        with pytest.raises(PoolSpaceError, match="max_bytes allows 1000000"):
            producer.publish(cloud(100_000))
        with pytest.raises(PoolSpaceError, match="max_bytes"):
            producer.publish(cloud(200_000)[::2])
        producer.publish(cloud(6, 2))
        assert np.array_equal(stream.get_last(), cloud(6, 2))
        assert producer.shape == (6, 3)


def test_loan_has_the_requested_length() -> None:
    with TensorProducer.from_sample("lidar", cloud(6), variable=True) as producer, TensorStream("lidar") as stream:
        with producer.loan() as frame:
            assert frame.data.shape == (6, 3)
            small = frame.data
            small[:] = 1
            frame.length = 2
        with producer.loan(length=20) as frame:
            assert frame.data.shape == (20, 3)
            assert frame.length == 20
            frame.data[:] = 7
        assert np.array_equal(stream.get_last(), cloud(20, 7))
        assert np.array_equal(small, cloud(6, 1)), "the loaned memory does not change"
        with producer.loan(length=3) as frame:
            assert frame.data.shape == (20, 3)
            frame.data[:3] = 8
        assert np.array_equal(stream.get_last(), cloud(3, 8))
        with pytest.raises(SchemaMismatchError, match="reserve before the loan"), producer.loan() as frame:
            frame.length = 21
        with pytest.raises(TypeError):
            producer.loan(length="many")
        with pytest.raises(TypeError):
            producer.loan(size=3)  # type: ignore[call-arg]


def test_arrays_of_discarded_loans_stay_mapped() -> None:
    with TensorProducer.from_sample("lidar", cloud(6), variable=True) as producer:
        frames = []
        for length in (7, 30, 200):
            frame = producer.loan(length=length)
            frame.data[:] = length
            frames.append((length, frame.data))
            frame.discard()
        producer.publish(cloud(1000))
        for length, data in frames:
            assert (data == length).all()
    gc.collect()
    for length, data in frames:
        assert (data == length).all()


def test_loan_of_a_fixed_pool_refuses_a_length() -> None:
    with TensorProducer.from_sample("q", np.zeros(7)) as producer:
        with pytest.raises(SchemaMismatchError, match="not variable"):
            producer.loan(length=7)
        with producer.loan(length=None) as frame:
            frame.data[:] = 0


def test_loan_of_a_dict_takes_a_dict_of_lengths() -> None:
    sample = {"points": cloud(2), "boxes": np.zeros((1, 4))}
    with TensorProducer.from_sample("obs", sample, variable=True) as producer, TensorStream("obs") as stream:
        with producer.loan(length={"points": 9}) as frame:
            assert frame.length == {"points": 9, "boxes": 1}
            frame.data["points"][:9] = 3
            frame.data["boxes"][:] = 4
            with pytest.raises(WrongStateError):
                producer.loan(length={"points": 90})
        assert np.array_equal(stream.get_last()["points"], cloud(9, 3))
        with pytest.raises(SchemaMismatchError, match="typo"):
            producer.loan(length={"typo": 1})


KILLED = """
import os, signal, sys
import numpy as np
from polymorph_ipc import TensorProducer
producer = TensorProducer.from_sample("lidar", np.zeros((6, 3), np.float32), variable=True)
producer.publish(np.full((6, 3), 1, np.float32))
producer.publish(np.full((50, 3), 2, np.float32))
os.kill(os.getpid(), signal.SIGKILL)
"""


def test_grown_pool_of_a_killed_producer_is_adopted_with_its_size() -> None:
    with TensorStream("lidar") as stream:
        killed = subprocess.run([sys.executable, "-c", KILLED], env=dict(os.environ), check=False)
        assert killed.returncode == -signal.SIGKILL
        assert len(stream.get_next(timeout=0)) == 6
        with TensorProducer.from_sample("lidar", cloud(6), variable=True) as producer:
            assert producer.adopted
            assert producer.shape == (50, 3)
            assert producer.publish(cloud(51, 3)) == 3
            assert [len(frame) for frame in stream.get_all_new()] == [50]  # of the smaller pool
            assert [len(frame) for frame in stream.get_all_new()] == [51]
            assert inspect_pool("lidar").seq == 3


def test_grown_pool_of_a_collected_producer_is_removed_at_exit() -> None:
    program = """
import numpy as np
from polymorph_ipc import TensorProducer
producer = TensorProducer.from_sample("lidar", np.zeros((6, 3), np.float32), variable=True)
producer.publish(np.zeros((50, 3), np.float32))
del producer
"""
    subprocess.run([sys.executable, "-c", program], env=dict(os.environ), check=True)
    assert list(Path(os.environ["POLYMORPH_IPC_DIR"]).iterdir()) == []
