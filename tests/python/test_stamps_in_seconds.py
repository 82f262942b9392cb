"""Ints are nanoseconds. One that is the time of day in seconds is most likely a mistake, and is told of once."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable

import numpy as np
import pytest
from polymorph_ipc import TensorProducer, TensorStream

SAMPLE = np.zeros(3)

FINE: dict[str, Callable[[], float | int | np.float64 | np.int64]] = {
    "ns of now": time.time_ns,
    "seconds of now": time.time,
    "seconds of now, numpy's": lambda: np.float64(time.time()),
    "0": lambda: 0,
    "simulated time": lambda: 1_500_000_000,
    "simulated time of a bag": lambda: int(time.time()) * 1000,
    "two hours ago in seconds": lambda: int(time.time()) - 7200,
    "before the epoch": lambda: -int(time.time()),
    "simulated time as float": lambda: time.time() / 1e9,
}


def commit(producer: TensorProducer, stamp: int | float) -> None:
    with producer.loan() as frame:
        frame.data[:] = 0
        frame.stamp = stamp


def publish(producer: TensorProducer, stamp: int | float) -> None:
    producer.publish(SAMPLE, stamp=stamp)


@pytest.mark.parametrize("give", [publish, commit])
@pytest.mark.parametrize("kind", [int, np.int64])
def test_an_int_that_is_the_time_in_seconds_is_published_as_it_is_and_warned_about_once(
    caplog: pytest.LogCaptureFixture, give: Callable[[TensorProducer, int], None], kind: type[int]
) -> None:
    stamp = int(time.time())
    with TensorProducer.from_sample("cam", SAMPLE) as producer, TensorStream("cam") as stream:
        for _ in range(3):
            give(producer, kind(stamp))
        assert stream.get_last(return_info=True)[1].stamp == stamp
    [record] = caplog.records
    assert (record.name, record.levelno) == ("polymorph_ipc", logging.WARNING)
    for words in ("pool 'cam'", str(stamp), "seconds", "time.time_ns()"):
        assert words in record.getMessage()


@pytest.mark.parametrize("stamp", FINE)
def test_no_other_stamp_is_warned_about(caplog: pytest.LogCaptureFixture, stamp: str) -> None:
    with TensorProducer.from_sample("cam", SAMPLE) as producer:
        publish(producer, FINE[stamp]())
        commit(producer, FINE[stamp]())
    assert caplog.records == []


def test_a_handler_that_raises_keeps_the_sample_from_being_published() -> None:
    class Refusing(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            raise InterruptedError(record.getMessage())

    logger, handler = logging.getLogger("polymorph_ipc"), Refusing()
    logger.addHandler(handler)
    try:
        with TensorProducer.from_sample("cam", SAMPLE) as producer:
            with pytest.raises(InterruptedError):
                publish(producer, int(time.time()))
            assert producer.seq == 0
            publish(producer, 5)
    finally:
        logger.removeHandler(handler)
