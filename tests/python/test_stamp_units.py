"""Stamps: ints are nanoseconds, floats are seconds. The time of day in another unit causes one warning or an error."""

from __future__ import annotations

import logging
import math
import time
from collections.abc import Callable

import numpy as np
import pytest
from polymorph_ipc import TensorProducer, TensorStream

SAMPLE = np.zeros(3)

NO_WARNING: dict[str, Callable[[], float | int | np.float64 | np.int64]] = {
    "ns of now": time.time_ns,
    "seconds of now": time.time,
    "seconds of now as numpy float": lambda: np.float64(time.time()),
    "0": lambda: 0,
    "simulated time": lambda: 1_500_000_000,
    "two hours ago in seconds": lambda: int(time.time()) - 7200,
    "two hours ago in ms": lambda: (int(time.time()) - 7200) * 1000,
    "two hours ago in microseconds": lambda: (int(time.time()) - 7200) * 1_000_000,
    "an hour since the start of a bag": lambda: 3600 * 10**9,
    "before the epoch": lambda: -int(time.time()),
    "simulated time as float": lambda: time.time() / 1e9,
}


def commit(producer: TensorProducer, stamp: int | float) -> None:
    with producer.loan() as frame:
        frame.data[:] = 0
        frame.stamp = stamp


def publish(producer: TensorProducer, stamp: int | float) -> None:
    producer.publish(SAMPLE, stamp=stamp)


@pytest.mark.parametrize("use", [publish, commit])
@pytest.mark.parametrize("kind", [int, np.int64])
@pytest.mark.parametrize(("unit", "factor"), [("seconds", 1), ("milliseconds", 1000), ("microseconds", 1_000_000)])
def test_int_stamp_in_a_coarse_unit_is_published_with_one_warning(
    caplog: pytest.LogCaptureFixture,
    use: Callable[[TensorProducer, int], None],
    kind: type[int],
    unit: str,
    factor: int,
) -> None:
    stamp = int(time.time()) * factor
    with TensorProducer.from_sample("cam", SAMPLE) as producer, TensorStream("cam") as stream:
        for _ in range(3):
            use(producer, kind(stamp))
        assert stream.get_last(return_info=True)[1].stamp == stamp
    [record] = caplog.records
    assert (record.name, record.levelno) == ("polymorph_ipc", logging.WARNING)
    for part in ("pool 'cam'", str(stamp), f"in {unit}", "time.time_ns()"):
        assert part in record.getMessage()


@pytest.mark.parametrize("stamp", NO_WARNING)
def test_other_stamps_cause_no_warning(caplog: pytest.LogCaptureFixture, stamp: str) -> None:
    with TensorProducer.from_sample("cam", SAMPLE) as producer:
        publish(producer, NO_WARNING[stamp]())
        commit(producer, NO_WARNING[stamp]())
    assert caplog.records == []


def test_raising_log_handler_prevents_publication() -> None:
    class RaisingHandler(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            raise InterruptedError(record.getMessage())

    logger, handler = logging.getLogger("polymorph_ipc"), RaisingHandler()
    logger.addHandler(handler)
    try:
        with TensorProducer.from_sample("cam", SAMPLE) as producer:
            with pytest.raises(InterruptedError):
                publish(producer, int(time.time()))
            assert producer.seq == 0
            publish(producer, 5)
    finally:
        logger.removeHandler(handler)


@pytest.mark.parametrize("use", [publish, commit])
@pytest.mark.parametrize("kind", [float, np.float64])
@pytest.mark.parametrize(("unit", "factor"), [("milliseconds", 1e3), ("microseconds", 1e6), ("nanoseconds", 1e9)])
def test_float_stamp_in_a_finer_unit_is_refused_with_that_unit(
    use: Callable[[TensorProducer, float], None], kind: type[float], unit: str, factor: float
) -> None:
    with TensorProducer.from_sample("cam", SAMPLE) as producer, TensorStream("cam") as stream:
        stamp = kind(time.time() * factor)
        with pytest.raises(ValueError, match=rf"'cam'.*a float, which means seconds.* in {unit}.*time\.time_ns\(\)"):
            use(producer, stamp)
        assert producer.seq == 0
        publish(producer, 1.0)
        with pytest.raises(ValueError, match=f"in {unit}"):
            stream.get_at(stamp)


@pytest.mark.parametrize("stamp", [1e11, -1e11, 1e300, math.inf, -math.inf, math.nan])
def test_float_stamp_beyond_292_years_is_refused(stamp: float) -> None:
    with TensorProducer.from_sample("cam", SAMPLE) as producer:
        with pytest.raises(ValueError, match=r"out of range: .* a float means seconds, an int ns"):
            publish(producer, stamp)
