"""get_at compared with a search of all samples: stamps in any order, every method, every tolerance."""

from __future__ import annotations

import threading
from typing import Any

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from polymorph_ipc import ClosedError, TensorProducer, TensorStream

from support.frames import number_of, numbered, numbers_of
from support.observe import is_asleep, wait_until

HISTORY_LEN = 6


def best_fit(held: list[tuple[int, int]], stamp: int, method: str, tolerance: int | None) -> int | None:
    """The distance of the best of all (stamp, number) pairs, or None."""
    fits = {
        "nearest": lambda candidate: True,
        "before": lambda candidate: candidate <= stamp,
        "after": lambda candidate: candidate >= stamp,
    }[method]
    candidates = [candidate for candidate, _ in held if fits(candidate)]
    if tolerance is not None:
        candidates = [candidate for candidate in candidates if abs(candidate - stamp) <= tolerance]
    return min((abs(candidate - stamp) for candidate in candidates), default=None)


times = st.integers(-20, 20)
large_times = st.sampled_from([0, 1_700_000_000_000_000_000, 2**62, -(2**62), 2**63 - 1, -(2**63) + 1])


@given(
    stamps=st.lists(times | large_times, min_size=1, max_size=12),
    asked=times | large_times,
    method=st.sampled_from(["nearest", "before", "after"]),
    tolerance=st.none() | st.integers(0, 12) | st.just(2**62),
)
@settings(max_examples=250, deadline=None)
@example(stamps=[2**63 - 1], asked=-(2**63) + 1, method="nearest", tolerance=None)
@example(stamps=[5, 3, 5, 1], asked=4, method="nearest", tolerance=1)
def test_get_at_agrees_with_a_search_of_all_samples(
    stamps: list[int], asked: int, method: str, tolerance: int | None
) -> None:
    with (
        TensorProducer.from_sample("cam", numbered(0), history_len=HISTORY_LEN) as producer,
        TensorStream("cam") as stream,
    ):
        for number, stamp in enumerate(stamps, 1):
            producer.publish(numbered(number), stamp=stamp)
        held = [(stamp, number) for number, stamp in enumerate(stamps, 1)][-HISTORY_LEN:]
        distance = best_fit(held, asked, method, tolerance)
        frame, info = stream.get_at(asked, method, tolerance, return_info=True)
        if distance is None:
            assert (frame, info) == (None, None)
        else:
            assert abs(info.stamp - asked) == distance
            assert (info.stamp, number_of(frame)) in held
            assert info.seq == number_of(frame)


@given(
    stamps=st.lists(times, min_size=1, max_size=12),
    asked=st.lists(times, min_size=1, max_size=8),
    method=st.sampled_from(["nearest", "before", "after"]),
    tolerance=st.none() | st.integers(0, 12),
)
@settings(max_examples=100, deadline=None)
def test_get_at_with_several_stamps_agrees_with_one_call_per_stamp(
    stamps: list[int], asked: list[int], method: Any, tolerance: int | None
) -> None:
    with (
        TensorProducer.from_sample("cam", numbered(0), history_len=HISTORY_LEN) as producer,
        TensorStream("cam") as stream,
    ):
        for number, stamp in enumerate(stamps, 1):
            producer.publish(numbered(number), stamp=stamp)
        one_by_one = [stream.get_at(stamp, method, tolerance) for stamp in asked]
        frames, info = stream.get_at(np.array(asked), method, tolerance, return_info=True)
        if any(frame is None for frame in one_by_one):
            assert (frames, info) == (None, None)
        else:
            assert frames.shape == (len(asked), 4, 8)
            assert numbers_of(frames) == [number_of(frame) for frame in one_by_one]
            assert info.seq.tolist() == numbers_of(frames)


def test_get_at_prefers_the_newer_sample_in_a_tie() -> None:
    with TensorProducer.from_sample("cam", numbered(0)) as producer, TensorStream("cam") as stream:
        for number, stamp in enumerate([10, 20, 10, 20], 1):
            producer.publish(numbered(number), stamp=stamp)
        assert number_of(stream.get_at(15)) == 4
        assert number_of(stream.get_at(10)) == 3
        assert number_of(stream.get_at(12, "before")) == 3
        assert number_of(stream.get_at(12, "after")) == 4


def test_int_stamps_are_nanoseconds_and_float_stamps_are_seconds() -> None:
    with TensorProducer.from_sample("cam", numbered(0)) as producer, TensorStream("cam") as stream:
        for number in (1, 2, 3):
            producer.publish(numbered(number), stamp=float(number))
        assert number_of(stream.get_at(2.2)) == 2
        assert number_of(stream.get_at(2_200_000_000)) == 2
        assert number_of(stream.get_at(2)) == 1, "2 ns since the epoch"
        assert number_of(stream.get_at(2.4, tolerance=0.5)) == 2
        assert stream.get_at(2.4, tolerance=0.3) is None
        assert stream.get_at(2.4, tolerance=1) is None, "1 ns"
        assert number_of(stream.get_at(2.4, tolerance=500_000_000)) == 2
        assert numbers_of(stream.get_at(np.array([2.9, 1.1]))) == [3, 1]
        assert numbers_of(stream.get_at(np.array([2_900_000_000, 1_100_000_000]))) == [3, 1]


def test_get_at_does_not_find_samples_that_left_the_history() -> None:
    with TensorProducer.from_sample("cam", numbered(0), history_len=3) as producer, TensorStream("cam") as stream:
        for number in range(1, 8):
            producer.publish(numbered(number), stamp=number)
        assert stream.get_at(4, "before") is None
        assert number_of(stream.get_at(4)) == 5


def test_view_of_get_at_is_pinned() -> None:
    with TensorProducer.from_sample("cam", numbered(0), history_len=3) as producer, TensorStream("cam") as stream:
        producer.publish(numbered(1), stamp=1)
        frame, info = stream.get_at(1, return_info=True)
        assert not info.copied
        for number in range(2, 40):
            producer.publish(numbered(number), stamp=number)
        assert number_of(frame) == 1


@pytest.mark.parametrize(
    "arguments",
    [(0, "closest"), (0, "nearest", -1), (0, "nearest", -0.5), (0, "nearest", float("nan"))],
    ids=str,
)
def test_get_at_refuses_invalid_arguments(arguments: Any) -> None:
    with TensorProducer.from_sample("cam", numbered(0)) as producer, TensorStream("cam") as stream:
        producer.publish(numbered(1))
        with pytest.raises(ValueError, match=r"method|tolerance"):
            stream.get_at(*arguments)


@pytest.mark.parametrize("stamp", ["now", None, np.zeros((2, 2)), np.array(["now"]), float("nan")], ids=str)
def test_invalid_stamp_is_refused(stamp: Any) -> None:
    with TensorProducer.from_sample("cam", numbered(0)) as producer, TensorStream("cam") as stream:
        producer.publish(numbered(1))
        with pytest.raises((TypeError, ValueError)):
            stream.get_at(stamp)


@pytest.mark.parametrize("stamps", [np.zeros(0), np.zeros(0, np.int64), [], ()])
def test_get_at_without_stamps_returns_no_samples(stamps: Any) -> None:
    with TensorStream("cam") as stream:
        assert stream.get_at(stamps) is None
        assert stream.get_at(stamps, return_info=True) == (None, None)
        with TensorProducer.from_sample("cam", numbered(0)) as producer:
            for _ in range(2):
                found, info = stream.get_at(stamps, return_info=True)
                assert (found.shape, found.dtype) == ((0, 4, 8), np.int64)
                assert len(info.seq) == 0
                producer.publish(numbered(1))
    with TensorProducer.from_sample("scan", {"a": numbered(0), "b": np.zeros((3, 2))}, variable="b"):
        with TensorStream("scan") as stream:
            found = stream.get_at(stamps)
            assert (found["a"].shape, found["b"]) == ((0, 4, 8), [])


# ---- waiting for samples with a later stamp


def test_get_at_with_a_timeout_pairs_depth_with_earlier_color_images() -> None:
    """Each depth image has the stamp of its color image and is published 12 ms later."""
    pairs = 0
    with (
        TensorProducer.from_sample("color", numbered(0)) as colors,
        TensorProducer.from_sample("depth", numbered(0)) as depths,
        TensorStream("color") as color,
        TensorStream("depth") as depth,
    ):
        for number in range(1, 37):
            stamp = number * 33_000_000
            later = threading.Timer(0.012, depths.publish, (numbered(number),), {"stamp": stamp})
            colors.publish(numbered(number), stamp=stamp)
            info = color.get_new(timeout=10, return_info=True)[1]
            assert depth.get_at(info.stamp, tolerance=0.01) is None
            later.start()
            frame = depth.get_at(info.stamp, tolerance=0.01, timeout=60)
            pairs += frame is not None and number_of(frame) == number
            later.join()
    assert pairs == 36


def test_get_at_with_a_timeout_waits_for_a_sample_at_or_after_the_stamp() -> None:
    with TensorProducer.from_sample("cam", numbered(0)) as producer, TensorStream("cam") as stream:
        producer.publish(numbered(1), stamp=100)
        producer.publish(numbered(2), stamp=200)
        assert number_of(stream.get_at(210)) == 2
        for timeout in (0, 0.01):
            assert stream.get_at(210, timeout=timeout) is None
            assert stream.get_at(210, "before", timeout=timeout) is None
            assert stream.get_at(210, timeout=timeout, return_info=True) == (None, None)
            assert stream.get_at([110, 210], timeout=timeout) is None
        for timeout in (0, 60, None):
            assert number_of(stream.get_at(110, timeout=timeout)) == 1
            assert number_of(stream.get_at(110, "after", timeout=timeout)) == 2
            assert stream.get_at(110, "after", 5, timeout=timeout) is None
            assert numbers_of(stream.get_at([110, 190, 200], timeout=timeout)) == [1, 2, 2]
        with pytest.raises(ValueError, match="timeout must be zero or more seconds"):
            stream.get_at(1, timeout=-1)


def test_get_at_waits_for_a_pool_and_keeps_the_cursor() -> None:
    with TensorStream("cam") as stream:
        assert stream.get_at(5, timeout=0) is None
        found: list[Any] = []
        waiting = threading.Thread(target=lambda: found.append(stream.get_at(5, timeout=60)))
        waiting.start()
        wait_until(lambda: is_asleep(waiting.native_id or 0), what="the thread's sleep")
        with TensorProducer.from_sample("cam", numbered(0)) as producer:
            producer.publish(numbered(1), stamp=4)
            producer.publish(numbered(2), stamp=6)
            waiting.join()
            assert number_of(found[0]) == 2
            assert number_of(stream.get_next(timeout=0)) == 1


def test_cleanup_ends_a_waiting_get_at() -> None:
    with TensorProducer.from_sample("cam", numbered(0)):
        stream = TensorStream("cam")
        raised: list[BaseException] = []

        def wait() -> None:
            try:
                stream.get_at(5, timeout=None)
            except ClosedError as closed:
                raised.append(closed)

        waiting = threading.Thread(target=wait)
        waiting.start()
        wait_until(lambda: is_asleep(waiting.native_id or 0), what="the thread's sleep")
        stream.cleanup()
        waiting.join()
        assert len(raised) == 1
