"""Variable leading length: each sample has its own length, and a history is a list. Growth: test_growth.py."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from polymorph_ipc import InvalidArgumentError, SchemaMismatchError, TensorProducer, TensorStream

ROWS = 6  # of the largest sample


def cloud(length: int, number: float = 1.0) -> NDArray[Any]:
    return np.full((length, 3), number, np.float32)


def test_each_sample_has_its_own_length() -> None:
    with (
        TensorProducer.from_sample("lidar", cloud(ROWS), variable=True) as producer,
        TensorStream("lidar") as stream,
    ):
        for length in (0, 1, ROWS, 3, 0):
            producer.publish(cloud(length, length))
            frame = stream.get_last()
            assert frame.shape == (length, 3)
            assert np.array_equal(frame, cloud(length, length))
        assert stream.schema.fields[0].variable
        assert stream.shape == (ROWS, 3)


@given(st.lists(st.integers(0, ROWS), min_size=1, max_size=12))
@settings(max_examples=40, deadline=None)
def test_history_is_a_list_of_arrays_with_their_own_length(lengths: list[int]) -> None:
    with (
        TensorProducer.from_sample("lidar", cloud(ROWS), history_len=4, variable=True) as producer,
        TensorStream("lidar") as stream,
    ):
        for number, length in enumerate(lengths):
            producer.publish(cloud(length, number))
        newest = [(length, number) for number, length in enumerate(lengths)][-4:]
        history, info = stream.get_history(len(newest), return_info=True)
        assert isinstance(history, list)
        assert not info.copied
        assert len(history) == len(newest)
        for frame, (length, number) in zip(history, newest, strict=True):
            assert np.array_equal(frame, cloud(length, number))
        batch = stream.get_all_new()
        assert [len(frame) for frame in batch] == [length for length, _ in newest]


def test_variable_history_is_padded_with_repeats_or_empty_arrays() -> None:
    with (
        TensorProducer.from_sample("lidar", cloud(ROWS), variable=True) as producer,
        TensorStream("lidar") as stream,
    ):
        producer.publish(cloud(2, 2))
        producer.publish(cloud(3, 3))
        assert stream.get_history(3) is None
        assert [frame.shape for frame in stream.get_history(4, pad="repeat")] == [(2, 3), (2, 3), (2, 3), (3, 3)]
        assert [frame.shape for frame in stream.get_history(4, pad="zeros")] == [(0, 3), (0, 3), (2, 3), (3, 3)]


def test_several_stamps_return_a_list() -> None:
    with (
        TensorProducer.from_sample("lidar", cloud(ROWS), variable=True) as producer,
        TensorStream("lidar") as stream,
    ):
        for length in (1, 2, 3):
            producer.publish(cloud(length), stamp=length)
        assert [len(frame) for frame in stream.get_at(np.array([3, 1]))] == [3, 1]


def test_too_long_sample_is_refused_with_both_lengths() -> None:
    producer = TensorProducer.from_sample("lidar", cloud(ROWS), variable=True, grow=False)
    with producer, TensorStream("lidar") as stream:
        producer.publish(cloud(2))
        with pytest.raises(SchemaMismatchError) as refusal:
            producer.publish(cloud(ROWS + 4))
        for word in (str(ROWS + 4), str(ROWS), "4"):
            assert word in str(refusal.value)
        assert stream.get_last().shape == (2, 3)


def test_only_the_first_dimension_varies() -> None:
    with TensorProducer.from_sample("lidar", cloud(ROWS), variable=True) as producer:
        for wrong in (np.zeros((2, 4), np.float32), np.zeros(2, np.float32), np.zeros((2, 3)), np.zeros((2, 3, 1))):
            with pytest.raises(SchemaMismatchError):
                producer.publish(wrong)
        assert producer.seq == 0


def test_fixed_pool_refuses_shorter_samples() -> None:
    with TensorProducer.from_sample("lidar", cloud(ROWS)) as producer, pytest.raises(SchemaMismatchError):
        producer.publish(cloud(ROWS - 1))


def test_scalar_sample_cannot_be_variable() -> None:
    with pytest.raises(InvalidArgumentError):
        TensorProducer.from_sample("lidar", np.array(1.0), variable=True)


def test_fields_of_a_dict_have_separate_lengths() -> None:
    sample = {"points": cloud(ROWS), "boxes": np.zeros((4, 2)), "q": np.zeros(7)}
    with TensorProducer.from_sample("obs", sample, variable=["points", "boxes"], grow=False) as producer:
        with TensorStream("obs") as stream:
            producer.publish({"points": cloud(5), "boxes": np.zeros((0, 2)), "q": np.ones(7)})
            producer.publish({"points": cloud(1), "boxes": np.zeros((4, 2)), "q": np.ones(7)})
            assert {name: len(field) for name, field in stream.get_last().items()} == {"points": 1, "boxes": 4, "q": 7}
            history = stream.get_history(2)
            assert [len(frame) for frame in history["points"]] == [5, 1]
            assert [len(frame) for frame in history["boxes"]] == [0, 4]
            assert history["q"].shape == (2, 7)
            with pytest.raises(SchemaMismatchError, match="boxes"):
                producer.publish({"points": cloud(1), "boxes": np.zeros((5, 2)), "q": np.ones(7)})
            with pytest.raises(SchemaMismatchError, match="q"):
                producer.publish({"points": cloud(1), "boxes": np.zeros((1, 2)), "q": np.ones(6)})


def test_unknown_variable_field_is_refused() -> None:
    with pytest.raises(ValueError, match="typo"):
        TensorProducer.from_sample("obs", {"points": cloud(ROWS)}, variable=["typo"])


def test_variable_read_returns_the_filled_part_of_out() -> None:
    with (
        TensorProducer.from_sample("lidar", cloud(ROWS), variable=True) as producer,
        TensorStream("lidar") as stream,
    ):
        producer.publish(cloud(2, 8))
        out = cloud(ROWS, -1)
        filled = stream.get_last(out=out)
        assert filled.shape == (2, 3)
        assert np.shares_memory(filled, out)
        assert np.array_equal(out[:2], cloud(2, 8))
        assert np.array_equal(out[2:], cloud(ROWS - 2, -1)), "the rest of out is unchanged"


def test_copy_of_a_variable_sample_has_its_length() -> None:
    with (
        TensorProducer.from_sample("lidar", cloud(ROWS), variable=True) as producer,
        TensorStream("lidar") as stream,
    ):
        producer.publish(cloud(2, 8))
        copy = stream.get_last(copy=True)
        assert copy.shape == (2, 3)
        assert copy.flags.writeable


def test_strided_input_of_any_length_is_exact() -> None:
    wide = np.arange(20 * 6, dtype=np.float32).reshape(20, 6)
    with (
        TensorProducer.from_sample("lidar", cloud(ROWS), variable=True) as producer,
        TensorStream("lidar") as stream,
    ):
        for part in (wide[::5, ::2], wide[4:0:-1, 1::2], wide[:0, :3], wide.T[:2, :3]):
            producer.publish(part)
            assert np.array_equal(stream.get_last(), part)


def test_variable_and_fixed_are_different_schemas() -> None:
    with TensorStream("lidar") as stream:
        with TensorProducer.from_sample("lidar", cloud(ROWS), variable=True) as producer:
            producer.publish(cloud(1))
            assert stream.get_last().shape == (1, 3)
        with TensorProducer.from_sample("lidar", cloud(ROWS)), pytest.raises(SchemaMismatchError):
            stream.get_last()
