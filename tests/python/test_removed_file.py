"""Another program removes the pool file of a live producer, as systemd-logind's RemoveIPC does at logout."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import numpy as np
import pytest
from polymorph_ipc import PoolLostError, TensorProducer, TensorStream, inspect_pool

from support.frames import number_of, numbered
from support.observe import wait_until


def remove_everything() -> None:
    shutil.rmtree(Path(os.environ["POLYMORPH_IPC_DIR"]))


def publish_until_noticed(producer: TensorProducer) -> None:
    """Publish until an error is raised. The producer checks its file once a second."""
    number = producer.seq
    while True:
        number += 1
        producer.publish(numbered(number))


def test_publish_raises_pool_lost_error_when_the_file_is_removed() -> None:
    with TensorProducer.from_sample("cam", numbered(0)) as producer:
        producer.publish(numbered(1))
        remove_everything()
        with pytest.raises(PoolLostError, match="RemoveIPC"):
            publish_until_noticed(producer)
        with pytest.raises(PoolLostError, match="its file was removed by a user or another program"):
            producer.publish(numbered(3))
    Path(os.environ["POLYMORPH_IPC_DIR"]).mkdir()  # the fixture checks this folder


def test_recreate_makes_a_removed_pool_again_and_streams_follow() -> None:
    producer = TensorProducer.from_sample("cam", numbered(0), metadata={"unit": "m"}, recreate=True)
    with producer, TensorStream("cam") as stream:
        for number in range(1, 4):
            producer.publish(numbered(number))
        assert number_of(stream.get_last()) == 3
        before = producer.incarnation
        remove_everything()
        number = 3

        def is_recreated() -> bool:
            nonlocal number
            number += 1
            assert producer.publish(numbered(number)) == number
            return producer.incarnation != before

        wait_until(is_recreated, what="the new pool")
        assert number_of(stream.get_last()) == number
        assert stream.metadata == {"unit": "m"}
        assert inspect_pool("cam").seq == number
        np.testing.assert_array_equal(stream.get_history(3)[-1], numbered(number))


def test_recreate_keeps_the_arrays_of_a_loan_valid() -> None:
    with TensorProducer.from_sample("cam", numbered(0), recreate=True) as producer, TensorStream("cam") as stream:
        before = producer.incarnation
        remove_everything()
        number = 0

        def is_recreated() -> bool:
            nonlocal number
            number += 1
            with producer.loan() as frame:
                data = frame.data
                data[...] = numbered(number)
            assert number_of(data) == number, "the loaned memory can still be read"
            return producer.incarnation != before

        wait_until(is_recreated, what="the new pool")
        assert number_of(stream.get_last()) == number
