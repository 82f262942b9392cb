"""A read that raises has taken nothing: the samples are the next read's."""

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
def test_a_read_whose_out_does_not_fit_takes_nothing(read: str) -> None:
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


def test_what_was_lost_is_told_again_by_the_read_that_succeeds() -> None:
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


def test_a_sample_that_was_seen_already_is_not_new_after_a_read_that_failed() -> None:
    with TensorProducer.from_sample("cam", numbered(0)) as producer, TensorStream("cam") as stream:
        published(producer, range(1, 3))
        assert number_of(stream.get_last()) == 2
        with pytest.raises(SchemaMismatchError):
            stream.get_last(out=WRONG)
        assert stream.get_new(timeout=0) is None


@pytest.mark.parametrize("read", FAILING)
def test_a_read_that_fails_on_the_pool_that_came_after_the_first_takes_nothing_of_it(read: str) -> None:
    with TensorStream("cam") as stream:
        with TensorProducer.from_sample("cam", numbered(0)) as producer:
            published(producer, range(1, 10))
            assert number_of(stream.get_last()) == 9
        with TensorProducer.from_sample("cam", numbered(0)) as producer:
            published(producer, range(1, 3))
            with pytest.raises(SchemaMismatchError):
                FAILING[read](stream)
            assert number_of(stream.get_new(timeout=0)) == 2
