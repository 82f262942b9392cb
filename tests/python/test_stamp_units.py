"""Ints are nanoseconds, floats are seconds. The time of day in another unit is warned about once, or refused."""

from __future__ import annotations

import logging
import math
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
    "two hours ago in seconds": lambda: int(time.time()) - 7200,
    "two hours ago in ms": lambda: (int(time.time()) - 7200) * 1000,
    "two hours ago in microseconds": lambda: (int(time.time()) - 7200) * 1_000_000,
    "an hour of a bag": lambda: 3600 * 10**9,
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
@pytest.mark.parametrize(("unit", "factor"), [("seconds", 1), ("milliseconds", 1000), ("microseconds", 1_000_000)])
def test_an_int_that_is_the_time_of_day_in_a_coarse_unit_is_published_as_it_is_and_warned_about_once(
    caplog: pytest.LogCaptureFixture,
    give: Callable[[TensorProducer, int], None],
    kind: type[int],
    unit: str,
    factor: int,
) -> None:
    stamp = int(time.time()) * factor
    with TensorProducer.from_sample("cam", SAMPLE) as producer, TensorStream("cam") as stream:
        for _ in range(3):
            give(producer, kind(stamp))
        assert stream.get_last(return_info=True)[1].stamp == stamp
    [record] = caplog.records
    assert (record.name, record.levelno) == ("polymorph_ipc", logging.WARNING)
    for words in ("pool 'cam'", str(stamp), f"in {unit}", "time.time_ns()"):
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


@pytest.mark.parametrize("give", [publish, commit])
@pytest.mark.parametrize("kind", [float, np.float64])
@pytest.mark.parametrize(("unit", "factor"), [("milliseconds", 1e3), ("microseconds", 1e6), ("nanoseconds", 1e9)])
def test_a_float_that_is_the_time_of_day_in_a_finer_unit_is_refused_by_name(
    give: Callable[[TensorProducer, float], None], kind: type[float], unit: str, factor: float
) -> None:
    with TensorProducer.from_sample("cam", SAMPLE) as producer, TensorStream("cam") as stream:
        stamp = kind(time.time() * factor)
        with pytest.raises(ValueError, match=rf"'cam'.*a float, which means seconds.* in {unit}.*time\.time_ns\(\)"):
            give(producer, stamp)
        assert producer.seq == 0
        publish(producer, 1.0)
        with pytest.raises(ValueError, match=f"in {unit}"):
            stream.get_at(stamp)


@pytest.mark.parametrize("stamp", [1e11, -1e11, 1e300, math.inf, -math.inf, math.nan])
def test_a_float_beyond_292_years_is_refused(stamp: float) -> None:
    with TensorProducer.from_sample("cam", SAMPLE) as producer:
        with pytest.raises(ValueError, match=r"out of range: .* a float means seconds, an int ns"):
            publish(producer, stamp)
