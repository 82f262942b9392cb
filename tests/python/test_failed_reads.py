"""A read that raises does not move the cursor: the next read returns its samples."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from polymorph_ipc import SchemaMismatchError, TensorProducer, TensorStream

from support.frames import number_of, numbered, numbers_of

WRONG = np.zeros((3, 3), np.int64)


def published(producer: TensorProducer, numbers: range) -> None:
    for number in numbers:
        producer.publish(numbered(number))


FAILING: dict[str, Callable[[TensorStream], Any]] = {
    "get_new": lambda stream: stream.get_new(timeout=0, out=WRONG),
    "get_next": lambda stream: stream.get_next(timeout=0, out=WRONG),
    "get_all_new": lambda stream: stream.get_all_new(out=WRONG),
    "get_last": lambda stream: stream.get_last(out=WRONG),
}


@pytest.mark.parametrize("read", FAILING)
def test_read_with_a_mismatching_out_does_not_move_the_cursor(read: str) -> None:
    with TensorProducer.from_sample("cam", numbered(0), history_len=3) as producer, TensorStream("cam") as stream:
        published(producer, range(1, 6))
        assert number_of(stream.get_next(timeout=0)) == 3
        for _ in range(2):
            with pytest.raises(SchemaMismatchError):
                FAILING[read](stream)
        assert stream.stats["cursor"] == 3
        frame, info = stream.get_next(timeout=0, return_info=True)
        assert (number_of(frame), info.dropped) == (4, 0)
        assert number_of(stream.get_new(timeout=0)) == 5
        assert stream.get_next(timeout=0) is None


def test_dropped_samples_are_reported_by_the_next_read_that_succeeds() -> None:
    with TensorProducer.from_sample("cam", numbered(0), history_len=3) as producer, TensorStream("cam") as stream:
        published(producer, range(1, 6))
        with pytest.raises(SchemaMismatchError):
            stream.get_next(timeout=0, out=WRONG)
        frame, info = stream.get_next(timeout=0, return_info=True)
        assert (number_of(frame), info.dropped) == (3, 2)
        published(producer, range(6, 11))
        with pytest.raises(SchemaMismatchError):
            stream.get_all_new(out=WRONG)
        history, info = stream.get_all_new(return_info=True)
        assert (numbers_of(history), info.dropped) == ([8, 9, 10], 4)


def test_returned_sample_is_not_new_after_a_failed_read() -> None:
    with TensorProducer.from_sample("cam", numbered(0)) as producer, TensorStream("cam") as stream:
        published(producer, range(1, 3))
        assert number_of(stream.get_last()) == 2
        with pytest.raises(SchemaMismatchError):
            stream.get_last(out=WRONG)
        assert stream.get_new(timeout=0) is None


@pytest.mark.parametrize("read", FAILING)
def test_failed_read_of_a_second_pool_does_not_move_the_cursor(read: str) -> None:
    with TensorStream("cam") as stream:
        with TensorProducer.from_sample("cam", numbered(0)) as producer:
            published(producer, range(1, 10))
            assert number_of(stream.get_last()) == 9
        with TensorProducer.from_sample("cam", numbered(0)) as producer:
            published(producer, range(1, 3))
            with pytest.raises(SchemaMismatchError):
                FAILING[read](stream)
            assert number_of(stream.get_new(timeout=0)) == 2


OTHERS: dict[str, Callable[[TensorStream], Any]] = {
    "get_history": lambda stream: stream.get_history(2, out=WRONG),
    "get_at": lambda stream: stream.get_at(4, out=WRONG),
    "get_at, several": lambda stream: stream.get_at([3, 4], out=WRONG),
}
NOT_FRESH: dict[str, Callable[[TensorStream], Any]] = {
    "get_last": lambda stream: stream.get_last(max_age=0.0),
    "get_new": lambda stream: stream.get_new(timeout=0, max_age=0.0),
    "get_next": lambda stream: stream.get_next(timeout=0, max_age=0.0),
    "get_all_new": lambda stream: stream.get_all_new(max_age=0.0),
    "get_history": lambda stream: stream.get_history(2, max_age=0.0),
    "get_at": lambda stream: stream.get_at(4, max_age=0.0),
    "get_at, the second is not there": lambda stream: stream.get_at([4, 99], tolerance=1),
}


@pytest.mark.parametrize("read", [*FAILING, *OTHERS])
def test_failed_read_is_not_counted_in_the_stats(read: str) -> None:
    with TensorProducer.from_sample("cam", numbered(0), history_len=3) as producer, TensorStream("cam") as stream:
        for number in range(1, 6):
            producer.publish(numbered(number), stamp=number)
        for _ in range(3):
            with pytest.raises(SchemaMismatchError):
                (FAILING | OTHERS)[read](stream)
        assert stream.stats["received"] == 0
        assert number_of(stream.get_next(timeout=0)) == 3
        assert (stream.stats["received"], stream.stats["dropped"]) == (1, 2)


@pytest.mark.parametrize("read", NOT_FRESH)
def test_read_that_returns_none_is_not_counted_as_received(read: str) -> None:
    with TensorProducer.from_sample("cam", numbered(0), history_len=3) as producer, TensorStream("cam") as stream:
        for number in range(1, 6):
            producer.publish(numbered(number), stamp=number)
        assert NOT_FRESH[read](stream) is None
        assert stream.stats["received"] == 0


def test_copy_of_a_failed_read_is_not_counted() -> None:
    with TensorProducer.from_sample("cam", numbered(0), history_len=10) as producer, TensorStream("cam") as stream:
        published(producer, range(1, 10))
        held = [stream.get_next(timeout=0) for _ in range(7)]
        with pytest.raises(SchemaMismatchError):
            stream.get_next(timeout=0, out=WRONG)
        assert (stream.stats["received"], stream.stats["copies"]) == (7, 0)
        held.append(stream.get_next(timeout=0))
        assert (stream.stats["received"], stream.stats["copies"]) == (8, 1)
