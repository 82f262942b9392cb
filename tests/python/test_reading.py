"""What each get_* call returns, and how it moves the cursor."""

from __future__ import annotations

import threading

import numpy as np
import pytest
from polymorph_ipc import TensorProducer, TensorStream

from support.frames import number_of, numbered, numbers_of


def test_every_read_returns_none_before_the_pool_exists() -> None:
    with TensorStream("cam") as stream:
        assert stream.get_last() is None
        assert stream.get_new(timeout=0) is None
        assert stream.get_next(timeout=0) is None
        assert stream.get_all_new() is None
        assert stream.get_history(1) is None
        assert stream.get_at(0) is None
        assert not stream.connected


def test_every_read_returns_none_before_the_first_publish() -> None:
    with TensorProducer.from_sample("cam", numbered(77)) as producer, TensorStream("cam") as stream:
        assert producer.seq == 0
        assert stream.connected
        assert stream.get_last() is None
        assert stream.get_new(timeout=0) is None
        assert stream.get_next(timeout=0) is None
        assert stream.get_all_new() is None
        assert stream.get_history(1) is None
        assert stream.get_at(0) is None


def test_sequence_numbers_count_from_one() -> None:
    with TensorProducer.from_sample("cam", numbered(0), history_len=2) as producer:
        assert [producer.publish(numbered(i)) for i in range(1, 8)] == list(range(1, 8))
        assert producer.seq == 7


def test_get_last_returns_the_newest_every_time() -> None:
    with TensorProducer.from_sample("cam", numbered(0)) as producer, TensorStream("cam") as stream:
        for number in (1, 2, 3):
            producer.publish(numbered(number))
        assert [number_of(stream.get_last()) for _ in range(4)] == [3, 3, 3, 3]
        producer.publish(numbered(4))
        assert number_of(stream.get_last()) == 4


def test_get_new_returns_each_newest_sample_once() -> None:
    with TensorProducer.from_sample("cam", numbered(0)) as producer, TensorStream("cam") as stream:
        producer.publish(numbered(1))
        producer.publish(numbered(2))
        assert number_of(stream.get_new(timeout=0)) == 2
        assert stream.get_new(timeout=0) is None
        producer.publish(numbered(3))
        assert number_of(stream.get_new(timeout=0)) == 3
        assert stream.get_new(timeout=0) is None


def test_get_next_returns_every_sample_in_order() -> None:
    with TensorProducer.from_sample("cam", numbered(0)) as producer, TensorStream("cam") as stream:
        for number in range(1, 6):
            producer.publish(numbered(number))
        assert [number_of(stream.get_next(timeout=0)) for _ in range(5)] == [1, 2, 3, 4, 5]
        assert stream.get_next(timeout=0) is None


def test_get_next_counts_samples_that_left_the_history_as_dropped() -> None:
    with TensorProducer.from_sample("cam", numbered(0), history_len=3) as producer, TensorStream("cam") as stream:
        producer.publish(numbered(1))
        frame, info = stream.get_next(timeout=0, return_info=True)
        assert (number_of(frame), info.seq, info.dropped) == (1, 1, 0)
        for number in range(2, 11):
            producer.publish(numbered(number))
        frame, info = stream.get_next(timeout=0, return_info=True)
        assert (number_of(frame), info.seq, info.dropped) == (8, 8, 6)
        frame, info = stream.get_next(timeout=0, return_info=True)
        assert (number_of(frame), info.seq, info.dropped) == (9, 9, 0)
        assert stream.stats["dropped"] == 6


def test_get_all_new_returns_everything_above_the_cursor() -> None:
    with TensorProducer.from_sample("cam", numbered(0)) as producer, TensorStream("cam") as stream:
        producer.publish(numbered(1))
        assert number_of(stream.get_next(timeout=0)) == 1
        for number in (2, 3, 4):
            producer.publish(numbered(number))
        batch = stream.get_all_new()
        assert batch.shape == (3, 4, 8)
        assert numbers_of(batch) == [2, 3, 4]
        assert stream.get_all_new() is None
        assert stream.get_new(timeout=0) is None


def test_get_all_new_returns_what_the_history_still_holds() -> None:
    with TensorProducer.from_sample("cam", numbered(0), history_len=3) as producer, TensorStream("cam") as stream:
        for number in range(1, 11):
            producer.publish(numbered(number))
        assert numbers_of(stream.get_all_new()) == [8, 9, 10]


def test_get_last_moves_the_cursor_to_the_returned_sample() -> None:
    with TensorProducer.from_sample("cam", numbered(0)) as producer, TensorStream("cam") as stream:
        for number in (1, 2, 3):
            producer.publish(numbered(number))
        assert number_of(stream.get_last()) == 3
        assert stream.get_new(timeout=0) is None
        assert stream.get_next(timeout=0) is None
        assert stream.get_all_new() is None


def test_get_new_moves_the_cursor_past_skipped_samples() -> None:
    with TensorProducer.from_sample("cam", numbered(0)) as producer, TensorStream("cam") as stream:
        for number in (1, 2, 3):
            producer.publish(numbered(number))
        assert number_of(stream.get_new(timeout=0)) == 3
        assert stream.get_next(timeout=0) is None


def test_get_history_and_get_at_do_not_move_the_cursor() -> None:
    with TensorProducer.from_sample("cam", numbered(0)) as producer, TensorStream("cam") as stream:
        for number in (1, 2, 3):
            producer.publish(numbered(number), stamp=number)
        assert numbers_of(stream.get_history(3)) == [1, 2, 3]
        assert number_of(stream.get_at(3)) == 3
        assert [number_of(stream.get_next(timeout=0)) for _ in range(3)] == [1, 2, 3]


def test_late_stream_takes_only_later_samples_as_new() -> None:
    with TensorProducer.from_sample("cam", numbered(0)) as producer:
        producer.publish(numbered(1))
        producer.publish(numbered(2))
        with TensorStream("cam") as stream:
            assert stream.get_new(timeout=0) is None
            assert stream.get_next(timeout=0) is None
            producer.publish(numbered(3))
            assert number_of(stream.get_new(timeout=0)) == 3
            assert numbers_of(stream.get_history(3)) == [1, 2, 3]


def test_stream_opened_before_the_pool_takes_its_first_sample_as_new() -> None:
    with TensorStream("cam") as stream, TensorProducer.from_sample("cam", numbered(0)) as producer:
        producer.publish(numbered(1))
        producer.publish(numbered(2))
        assert [number_of(stream.get_next(timeout=0)) for _ in range(2)] == [1, 2]


def test_stream_with_start_oldest_takes_the_history_as_new() -> None:
    with TensorProducer.from_sample("cam", numbered(0), history_len=3) as producer:
        for number in range(1, 6):
            producer.publish(numbered(number))
        with TensorStream("cam", start="oldest") as stream:
            assert [number_of(stream.get_next(timeout=0)) for _ in range(3)] == [3, 4, 5]
            assert stream.get_next(timeout=0) is None
        with TensorStream("cam", start="oldest") as stream:
            assert numbers_of(stream.get_all_new()) == [3, 4, 5]


def test_unknown_start_is_refused() -> None:
    with pytest.raises(ValueError, match="newest"):
        TensorStream("cam", start="yesterday")


def test_history_is_oldest_first_and_ends_with_the_newest() -> None:
    with TensorProducer.from_sample("cam", numbered(0), history_len=4) as producer, TensorStream("cam") as stream:
        for number in range(1, 10):
            producer.publish(numbered(number))
            available = min(number, 4)
            for count in range(1, available + 1):
                history = stream.get_history(count)
                assert history.shape == (count, 4, 8)
                assert numbers_of(history) == list(range(number - count + 1, number + 1))


def test_too_short_history_is_none_or_padded() -> None:
    with TensorProducer.from_sample("cam", numbered(0), history_len=4) as producer, TensorStream("cam") as stream:
        assert stream.get_history(3, pad="repeat") is None, "there is no sample to repeat"
        producer.publish(numbered(1))
        producer.publish(numbered(2))
        assert stream.get_history(3) is None
        assert numbers_of(stream.get_history(4, pad="repeat")) == [1, 1, 1, 2]
        assert numbers_of(stream.get_history(4, pad="zeros")) == [0, 0, 1, 2]
        assert numbers_of(stream.get_history(2, pad="zeros")) == [1, 2]


@pytest.mark.parametrize(("count", "limit"), [(0, "1"), (-1, "1"), (5, "4")])
def test_impossible_history_length_is_refused(count: int, limit: str) -> None:
    with TensorProducer.from_sample("cam", numbered(0), history_len=4) as producer, TensorStream("cam") as stream:
        producer.publish(numbered(1))
        with pytest.raises(ValueError, match=f"{limit}.*{count}|{count}.*{limit}"):
            stream.get_history(count)


def test_unknown_padding_is_refused() -> None:
    with TensorProducer.from_sample("cam", numbered(0)) as producer, TensorStream("cam") as stream:
        producer.publish(numbered(1))
        with pytest.raises(ValueError, match="repeat"):
            stream.get_history(2, pad="mirror")


def test_two_streams_on_one_pool_have_separate_cursors() -> None:
    with (
        TensorProducer.from_sample("cam", numbered(0)) as producer,
        TensorStream("cam") as one,
        TensorStream("cam") as other,
    ):
        for number in (1, 2, 3):
            producer.publish(numbered(number))
        assert number_of(one.get_new(timeout=0)) == 3
        assert [number_of(other.get_next(timeout=0)) for _ in range(3)] == [1, 2, 3]
        assert one.get_new(timeout=0) is None
        assert np.shares_memory(one.get_last(), one.get_last())


def test_iteration_returns_every_sample_in_order() -> None:
    with TensorProducer.from_sample("cam", numbered(0)) as producer, TensorStream("cam") as stream:
        for number in range(1, 4):
            producer.publish(numbered(number))
        seen = []
        for frame in stream:
            seen.append(number_of(frame))
            if len(seen) == 3:
                break
        assert seen == [1, 2, 3]
        assert stream.get_next(timeout=0) is None


def test_iteration_waits_for_samples_and_ends_when_the_stream_is_closed() -> None:
    with TensorProducer.from_sample("cam", numbered(0)) as producer:
        stream = TensorStream("cam")
        seen: list[int] = []
        first_seen = threading.Event()

        def consume() -> None:
            for frame in stream:
                seen.append(number_of(frame))
                first_seen.set()

        consumer = threading.Thread(target=consume)
        consumer.start()
        producer.publish(numbered(1))
        assert first_seen.wait(20)
        stream.cleanup()
        consumer.join(20)
        assert not consumer.is_alive()
        assert seen == [1]
