"""The options of all reads: copy=, out=, max_age=, return_info=; and the content of the infos."""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from polymorph_ipc import SchemaMismatchError, TensorProducer, TensorStream

from support.frames import number_of, numbered, numbers_of
from support.observe import wait_until

READS: dict[str, Callable[..., Any]] = {
    "get_last": lambda stream, **options: stream.get_last(**options),
    "get_new": lambda stream, **options: stream.get_new(timeout=0, **options),
    "get_next": lambda stream, **options: stream.get_next(timeout=0, **options),
    "get_at": lambda stream, **options: stream.get_at(0, **options),
    "get_all_new": lambda stream, **options: stream.get_all_new(**options),
    "get_history": lambda stream, **options: stream.get_history(1, **options),
    "get_at of an array": lambda stream, **options: stream.get_at(np.array([0]), **options),
}
ONE_SAMPLE = ["get_last", "get_new", "get_next", "get_at"]
SEVERAL_SAMPLES = ["get_all_new", "get_history", "get_at of an array"]
ALWAYS_COPIES = "get_at of an array"


@pytest.mark.parametrize("read", READS)
def test_return_info_returns_a_pair_also_without_a_sample(read: str) -> None:
    with TensorStream("cam") as stream:
        assert READS[read](stream) is None
        assert READS[read](stream, return_info=True) == (None, None)
        with TensorProducer.from_sample("cam", numbered(0)):
            assert READS[read](stream) is None
            assert READS[read](stream, return_info=True) == (None, None)


@pytest.mark.parametrize("read", ONE_SAMPLE)
def test_info_of_a_sample_has_seq_stamp_age_and_published(read: str) -> None:
    with TensorProducer.from_sample("cam", numbered(0)) as producer, TensorStream("cam") as stream:
        before = time.clock_gettime_ns(time.CLOCK_BOOTTIME)
        producer.publish(numbered(1), stamp=123_456_789)
        after = time.clock_gettime_ns(time.CLOCK_BOOTTIME)
        frame, info = READS[read](stream, return_info=True)
        read_at = time.clock_gettime_ns(time.CLOCK_BOOTTIME)
        assert number_of(frame) == 1
        assert (info.seq, info.stamp, info.dropped, info.copied) == (1, 123_456_789, 0, False)
        assert before <= info.published <= after
        assert 0 <= info.age <= (read_at - before) / 1e9


@pytest.mark.parametrize("read", SEVERAL_SAMPLES)
def test_info_of_a_history_has_the_same_fields_as_arrays(read: str) -> None:
    with TensorProducer.from_sample("cam", numbered(0)) as producer, TensorStream("cam") as stream:
        before = time.clock_gettime_ns(time.CLOCK_BOOTTIME)
        producer.publish(numbered(1), stamp=5)
        after = time.clock_gettime_ns(time.CLOCK_BOOTTIME)
        frames, info = READS[read](stream, return_info=True)
        assert numbers_of(frames) == [1]
        assert (info.seq.tolist(), info.stamp.tolist(), info.dropped) == ([1], [5], 0)
        assert info.copied is (read == ALWAYS_COPIES)
        assert [array.dtype for array in (info.seq, info.stamp, info.published, info.age)] == [
            np.int64,
            np.int64,
            np.int64,
            np.float64,
        ]
        assert before <= info.published[0] <= after
        assert info.age[0] >= 0


def test_info_of_a_history_is_in_the_order_of_its_frames() -> None:
    with TensorProducer.from_sample("cam", numbered(0), history_len=5) as producer, TensorStream("cam") as stream:
        for number in range(1, 9):
            producer.publish(numbered(number), stamp=1000 - number)
        frames, info = stream.get_history(4, return_info=True)
        assert numbers_of(frames) == [5, 6, 7, 8]
        assert info.seq.tolist() == [5, 6, 7, 8]
        assert info.stamp.tolist() == [995, 994, 993, 992]
        assert info.published.tolist() == sorted(info.published.tolist())
        assert info.age.tolist() == sorted(info.age.tolist(), reverse=True)


def test_info_of_zero_padding_has_seq_0_and_infinite_age() -> None:
    with TensorProducer.from_sample("cam", numbered(0)) as producer, TensorStream("cam") as stream:
        producer.publish(numbered(1), stamp=7)
        frames, info = stream.get_history(3, pad="zeros", return_info=True)
        assert numbers_of(frames) == [0, 0, 1]
        assert info.seq.tolist() == [0, 0, 1]
        assert info.stamp.tolist() == [0, 0, 7]
        assert info.published.tolist()[:2] == [0, 0]
        assert info.age.tolist()[:2] == [math.inf, math.inf]
        assert info.copied


def test_info_of_repeat_padding_is_that_of_the_oldest_sample() -> None:
    with TensorProducer.from_sample("cam", numbered(0)) as producer, TensorStream("cam") as stream:
        producer.publish(numbered(1), stamp=7)
        producer.publish(numbered(2), stamp=8)
        frames, info = stream.get_history(4, pad="repeat", return_info=True)
        assert numbers_of(frames) == [1, 1, 1, 2]
        assert info.seq.tolist() == [1, 1, 1, 2]
        assert info.stamp.tolist() == [7, 7, 7, 8]
        assert info.copied


def test_int_stamps_are_ns_float_stamps_are_seconds_default_is_now() -> None:
    with TensorProducer.from_sample("cam", numbered(0)) as producer, TensorStream("cam") as stream:

        def stamp_of(**options: Any) -> int:
            producer.publish(numbered(1), **options)
            stamp = stream.get_last(return_info=True)[1].stamp
            assert type(stamp) is int
            return stamp

        assert stamp_of(stamp=1_700_000_000_123_456_789) == 1_700_000_000_123_456_789
        assert stamp_of(stamp=0) == 0
        assert stamp_of(stamp=-5) == -5
        assert stamp_of(stamp=1.5) == 1_500_000_000
        assert stamp_of(stamp=np.int64(12)) == 12
        before = time.time_ns()
        assert before <= stamp_of() <= time.time_ns()
        before = time.time_ns()
        assert before <= stamp_of(stamp=None) <= time.time_ns()


@pytest.mark.parametrize("stamp", ["now", [1], math.nan, math.inf, 2**63, -(2**80)])
def test_invalid_stamp_is_refused_and_nothing_is_published(stamp: Any) -> None:
    with TensorProducer.from_sample("cam", numbered(0)) as producer:
        with pytest.raises((TypeError, ValueError, OverflowError)):
            producer.publish(numbered(1), stamp=stamp)
        assert producer.seq == 0


@pytest.mark.parametrize("read", READS)
def test_copy_is_private_and_writable_and_a_view_is_read_only(read: str) -> None:
    with TensorProducer.from_sample("cam", numbered(0)) as producer, TensorStream("cam") as stream:
        producer.publish(numbered(1), stamp=0)
        original, info = READS[read](stream, copy=True, return_info=True)
        assert info.copied
        assert original.flags.writeable
        assert original.flags.c_contiguous
        original[...] = 99
        assert number_of(stream.get_last()) == 1
        producer.publish(numbered(2), stamp=0)
        view, info = READS[read](stream, return_info=True)
        if read != ALWAYS_COPIES:
            assert not info.copied
            assert not view.flags.writeable
            assert view.base is not None
            with pytest.raises(ValueError, match="read-only"):
                view[...] = 99


def test_view_has_the_pin_as_base_and_cannot_be_made_writable() -> None:
    with TensorProducer.from_sample("cam", numbered(0)) as producer, TensorStream("cam") as stream:
        producer.publish(numbered(1))
        frame = stream.get_last()
        with pytest.raises(ValueError, match="WRITEABLE"):
            frame.flags.writeable = True
        memory = memoryview(frame.base)
        assert memory.readonly
        assert memory.nbytes >= frame.nbytes


@pytest.mark.parametrize("read", READS)
def test_stream_with_copy_returns_copies_unless_a_read_overrides_it(read: str) -> None:
    with TensorProducer.from_sample("cam", numbered(0)) as producer, TensorStream("cam", copy=True) as stream:
        producer.publish(numbered(1), stamp=0)
        frame, info = READS[read](stream, return_info=True)
        assert info.copied
        assert frame.flags.writeable
        if read != ALWAYS_COPIES:
            producer.publish(numbered(2), stamp=0)
            frame, info = READS[read](stream, copy=False, return_info=True)
            assert not info.copied
            assert not frame.flags.writeable


@pytest.mark.parametrize("read", READS)
def test_out_is_filled_and_returned(read: str) -> None:
    with TensorProducer.from_sample("cam", numbered(0)) as producer, TensorStream("cam") as stream:
        producer.publish(numbered(3), stamp=0)
        out = numbered(0, (4, 8) if read in ONE_SAMPLE else (1, 4, 8))
        if read == "get_all_new":
            out = numbered(0, (10, 4, 8))
        frame, info = READS[read](stream, out=out, return_info=True)
        assert info.copied
        assert np.shares_memory(frame, out)
        assert number_of(frame) == 3
        assert number_of(out[:1]) == 3
        if read != "get_all_new":
            assert frame is out


def test_out_may_be_strided() -> None:
    with TensorProducer.from_sample("cam", numbered(0)) as producer, TensorStream("cam") as stream:
        pixels = np.arange(32).reshape(4, 8)
        producer.publish(pixels)
        wide = np.full((8, 32), -1)
        for out in (wide[::2, ::4], wide[::-2, ::-4], np.full((8, 4), -1).T):
            assert stream.get_last(out=out) is out
            assert np.array_equal(out, pixels)
        assert np.count_nonzero(wide != -1) <= 2 * 32, "only the elements of out were written"


@pytest.mark.parametrize(
    "out",
    [
        np.zeros((4, 9), np.int64),
        np.zeros((8, 4), np.int64),
        np.zeros((4, 8), np.int32),
        np.zeros((4, 8), ">i8"),
        np.zeros((1, 4, 8), np.int64),
        np.broadcast_to(np.zeros(8, np.int64), (4, 8)),
    ],
    ids=["shape", "transposed shape", "dtype", "byte order", "dimensions", "read-only"],
)
def test_mismatching_out_is_refused(out: Any) -> None:
    with TensorProducer.from_sample("cam", numbered(0)) as producer, TensorStream("cam") as stream:
        producer.publish(numbered(1))
        with pytest.raises((SchemaMismatchError, ValueError)):
            stream.get_last(out=out)
        assert number_of(stream.get_last()) == 1


def test_get_last_get_history_and_get_at_respect_max_age() -> None:
    with TensorProducer.from_sample("cam", numbered(0)) as producer, TensorStream("cam") as stream:
        producer.publish(numbered(1), stamp=0)
        wait_until(lambda: stream.get_last(return_info=True)[1].age > 0.05)
        assert stream.get_last(max_age=0.05) is None
        assert stream.get_history(1, max_age=0.05) is None
        assert stream.get_at(0, max_age=0.05) is None
        assert number_of(stream.get_last(max_age=3600)) == 1
        assert numbers_of(stream.get_history(1, max_age=3600)) == [1]
        assert number_of(stream.get_at(0, max_age=3600)) == 1
        assert number_of(stream.get_last(max_age=math.inf)) == 1


def test_get_new_keeps_waiting_when_the_newest_is_older_than_max_age() -> None:
    with TensorProducer.from_sample("cam", numbered(0)) as producer:
        producer.publish(numbered(1))
        with TensorStream("cam", start="oldest") as stream:
            wait_until(lambda: stream.get_history(1, return_info=True)[1].age[0] > 0.05)
            assert stream.get_new(timeout=0, max_age=0.05) is None
            assert stream.get_new(timeout=0.1, max_age=0.05) is None
            producer.publish(numbered(2))
            assert number_of(stream.get_new(timeout=0, max_age=20)) == 2


def test_get_next_and_get_all_new_count_samples_older_than_max_age() -> None:
    with TensorProducer.from_sample("cam", numbered(0)) as producer:
        for number in (1, 2, 3):
            producer.publish(numbered(number))
        with TensorStream("cam", start="oldest") as stream, TensorStream("cam", start="oldest") as other:
            wait_until(lambda: stream.get_history(1, return_info=True)[1].age[0] > 1)
            producer.publish(numbered(4))
            frame, info = stream.get_next(timeout=0, max_age=1, return_info=True)
            assert (number_of(frame), info.dropped) == (4, 3)
            frames, info = other.get_all_new(max_age=1, return_info=True)
            assert (numbers_of(frames), info.dropped) == ([4], 3)


def test_max_age_of_a_stream_applies_to_reads_and_can_be_overridden() -> None:
    with TensorProducer.from_sample("cam", numbered(0)) as producer, TensorStream("cam", max_age=0.05) as stream:
        producer.publish(numbered(1))
        wait_until(lambda: stream.get_last(max_age=math.inf, return_info=True)[1].age > 0.05)
        assert stream.get_last() is None
        assert stream.get_history(1) is None
        assert number_of(stream.get_last(max_age=3600)) == 1


def test_max_age_counts_from_publication_and_not_from_the_stamp() -> None:
    with TensorProducer.from_sample("cam", numbered(0)) as producer, TensorStream("cam") as stream:
        producer.publish(numbered(1), stamp=0)  # in 1970
        assert number_of(stream.get_last(max_age=20)) == 1
        producer.publish(numbered(2), stamp=4_000_000_000_000_000_000)  # in the year 2096
        wait_until(lambda: stream.get_last(return_info=True)[1].age > 0.05)
        assert stream.get_last(max_age=0.05) is None


@pytest.mark.parametrize("max_age", [-1, -0.001, math.nan])
def test_invalid_max_age_is_refused(max_age: float) -> None:
    with TensorStream("cam") as stream, pytest.raises(ValueError, match="max_age"):
        stream.get_last(max_age=max_age)
    with pytest.raises(ValueError, match="max_age"):
        TensorStream("cam", max_age=max_age)


def test_stats_count_what_the_stream_did() -> None:
    with TensorProducer.from_sample("cam", numbered(0), history_len=4) as producer, TensorStream("cam") as stream:
        for number in range(1, 11):
            producer.publish(numbered(number))
        held = [stream.get_next(timeout=0), stream.get_next(timeout=0)]
        stats = stream.stats
        assert (stats["received"], stats["dropped"], stats["copies"], stats["reconnects"]) == (2, 6, 0, 0)
        assert (stats["views_held"], stats["cursor"], stats["head"], stats["history_len"]) == (2, 8, 10, 4)
        del held
        assert stream.stats["views_held"] == 0
