"""loan(): a frame is filled in place, published when the block ends and discarded when the block raises."""

from __future__ import annotations

import gc
import time
from typing import Any

import numpy as np
import pytest
from polymorph_ipc import SchemaMismatchError, TensorProducer, TensorStream, WrongStateError

from support.frames import number_of, numbered, numbers_of
from support.processes import Spawner


def test_loan_is_published_when_its_block_ends() -> None:
    with TensorProducer.from_sample("cam", numbered(0)) as producer, TensorStream("cam") as stream:
        with producer.loan() as frame:
            assert frame.seq == 1
            assert (frame.data.shape, frame.data.dtype) == ((4, 8), np.int64)
            assert frame.data.flags.writeable
            assert frame.data.flags.c_contiguous
            assert frame.data.ctypes.data % 64 == 0
            frame.data[:] = 7
            assert stream.get_last() is None
            assert producer.seq == 0
        assert producer.seq == 1
        assert number_of(stream.get_last()) == 7


def test_exception_in_the_block_discards_the_loan() -> None:
    with TensorProducer.from_sample("cam", numbered(0)) as producer, TensorStream("cam") as stream:
        with pytest.raises(ZeroDivisionError), producer.loan() as frame:
            frame.data[:] = 666
            raise ZeroDivisionError
        assert producer.seq == 0
        assert stream.get_last() is None
        assert producer.publish(numbered(1)) == 1
        assert number_of(stream.get_last()) == 1


def test_discard_ends_the_loan_without_publishing() -> None:
    with TensorProducer.from_sample("cam", numbered(0)) as producer, TensorStream("cam") as stream:
        with producer.loan() as frame:
            frame.data[:] = 666
            frame.discard()
            frame.discard()
        assert producer.seq == 0
        assert stream.get_last() is None
        assert producer.publish(numbered(1)) == 1


def test_commit_publishes_before_the_block_ends_and_only_once() -> None:
    with TensorProducer.from_sample("cam", numbered(0)) as producer, TensorStream("cam") as stream:
        with producer.loan() as frame:
            frame.data[:] = 3
            assert frame.commit() == 1
            assert number_of(stream.get_last()) == 3
            with pytest.raises(WrongStateError):
                frame.commit()
        assert producer.seq == 1


def test_loan_can_be_committed_without_a_with_block() -> None:
    with TensorProducer.from_sample("cam", numbered(0)) as producer, TensorStream("cam") as stream:
        frame = producer.loan()
        frame.data[:] = 5
        assert frame.commit() == 1
        assert number_of(stream.get_last()) == 5


def test_collected_loan_is_discarded() -> None:
    with TensorProducer.from_sample("cam", numbered(0)) as producer, TensorStream("cam") as stream:
        loan = producer.loan()
        loan.data[:] = 666
        del loan
        gc.collect()
        assert stream.get_last() is None
        assert producer.publish(numbered(1)) == 1, "the loan has ended"


def test_stamp_of_a_loan_defaults_to_the_time_of_its_commit() -> None:
    with TensorProducer.from_sample("cam", numbered(0)) as producer, TensorStream("cam") as stream:
        for stamp, expected in ((42, 42), (1.5, 1_500_000_000), (0, 0), (-1, -1)):
            with producer.loan() as frame:
                assert frame.stamp is None
                frame.stamp = stamp
                assert frame.stamp == stamp
            assert stream.get_last(return_info=True)[1].stamp == expected
        with producer.loan() as frame:
            before = time.time_ns()
        assert before <= stream.get_last(return_info=True)[1].stamp <= time.time_ns()


def test_loan_with_an_invalid_stamp_is_not_published() -> None:
    with TensorProducer.from_sample("cam", numbered(0)) as producer:
        with pytest.raises((TypeError, ValueError)), producer.loan() as frame:
            frame.stamp = "yesterday"  # type: ignore[assignment]
        assert producer.seq == 0


def test_second_loan_and_publish_are_refused_during_a_loan() -> None:
    with TensorProducer.from_sample("cam", numbered(0)) as producer, TensorStream("cam") as stream:
        with producer.loan() as frame:
            with pytest.raises(WrongStateError):
                producer.loan()
            with pytest.raises(WrongStateError):
                producer.publish(numbered(666))
            frame.data[:] = 1
        assert number_of(stream.get_last()) == 1
        assert producer.publish(numbered(2)) == 2


def test_array_of_an_ended_loan_is_read_only() -> None:
    with TensorProducer.from_sample("cam", numbered(0)) as producer, TensorStream("cam") as stream:
        for end in ("commit", "discard"):
            with producer.loan() as frame:
                array = frame.data
                array[:] = 1
                getattr(frame, end)()
            with pytest.raises(ValueError, match="read-only"):
                array[:] = 666
            with pytest.raises(WrongStateError):
                _ = frame.data
        assert number_of(stream.get_last()) == 1


def test_loan_of_a_dict_publishes_all_fields_at_once() -> None:
    sample = {"rgb": np.zeros((6, 8, 3), np.uint8), "q": np.zeros(7), "n": np.array(0)}
    with TensorProducer.from_sample("obs", sample) as producer, TensorStream("obs") as stream:
        with producer.loan() as frame:
            assert list(frame.data) == ["rgb", "q", "n"]
            for field in frame.data.values():
                field[...] = 4
                assert stream.get_last() is None
        assert {number_of(field) for field in stream.get_last().values()} == {4}
        with pytest.raises(KeyError), producer.loan() as frame:
            frame.data["rgb"][:] = 66
            frame.data["typo"][:] = 666
        assert {number_of(field) for field in stream.get_last().values()} == {4}


def test_loans_never_use_slots_that_streams_hold() -> None:
    with TensorProducer.from_sample("cam", numbered(0), history_len=3) as producer, TensorStream("cam") as stream:
        kept: list[Any] = []
        for number in range(1, 100):
            with producer.loan() as frame:
                frame.data[:] = -1
                assert numbers_of(kept) == list(range(1, len(kept) + 1))
                frame.data[:] = number
            if len(kept) < 7:
                kept.append(stream.get_last())
        assert numbers_of(stream.get_history(3)) == [97, 98, 99]


def test_length_of_a_loan_defaults_to_the_largest_and_can_be_lowered() -> None:
    with TensorProducer.from_sample("lidar", np.zeros((5, 3)), variable=True) as producer:
        with TensorStream("lidar") as stream:
            with producer.loan() as frame:
                assert frame.length == 5
                assert frame.data.shape == (5, 3)
                frame.data[:] = 1
            assert stream.get_last().shape == (5, 3)
            with producer.loan() as frame:
                frame.data[:2] = 2
                frame.length = 2
            assert stream.get_last().tolist() == [[2, 2, 2], [2, 2, 2]]
            with producer.loan() as frame:
                frame.length = 0
            assert stream.get_last().shape == (0, 3)


@pytest.mark.parametrize("length", [6, -1])
def test_loan_with_a_wrong_length_can_be_corrected_and_committed(length: int) -> None:
    with TensorProducer.from_sample("lidar", np.zeros((5, 3)), variable=True) as producer:
        with TensorStream("lidar") as stream:
            frame = producer.loan()
            frame.data[:] = 1
            with pytest.raises(SchemaMismatchError, match=str(length)):
                frame.length = length
                frame.commit()
            assert stream.get_last() is None
            frame.length = 4
            assert frame.commit() == 1
            assert stream.get_last().shape == (4, 3)


def test_lengths_of_a_dict_loan_are_set_by_field() -> None:
    sample = {"points": np.zeros((5, 3)), "boxes": np.zeros((4, 2)), "q": np.zeros(7)}
    with TensorProducer.from_sample("obs", sample, variable=["points", "boxes"]) as producer:
        with TensorStream("obs") as stream:
            with producer.loan() as frame:
                assert frame.length == {"points": 5, "boxes": 4}
                frame.data["points"][:2] = 1
                frame.length["points"] = 2
            sample = stream.get_last()
            assert {name: field.shape for name, field in sample.items()} == {
                "points": (2, 3),
                "boxes": (4, 2),
                "q": (7,),
            }


def test_loan_of_a_fixed_pool_has_no_length() -> None:
    with TensorProducer.from_sample("cam", numbered(0)) as producer, producer.loan() as frame:
        assert frame.length is None


LOAN_OUTLIVES_PRODUCER = """
    import gc
    import numpy as np
    from polymorph_ipc import ClosedError, TensorProducer, TensorStream, WrongStateError

    producer = TensorProducer.from_sample("cam", np.zeros((4, 8), np.int64))
    try:
        with producer.loan() as frame:
            array = frame.data
            array[:] = 1
            producer.cleanup()
        send("committed")
    except (ClosedError, WrongStateError):
        send("refused")
    send(array.shape, int(array.sum()) is not None)

    producer = TensorProducer.from_sample("cam", np.zeros((4, 8), np.int64))
    with producer.loan() as frame:
        array = frame.data
        array[:] = 2
    producer.cleanup()
    del producer, frame
    gc.collect()
    send(array.shape, int(array.sum()) is not None)

    producer = TensorProducer.from_sample("cam", np.zeros((4, 8), np.int64))
    frame = producer.loan()
    array = frame.data
    del producer
    gc.collect()
    array[:] = 3
    send(int(array[0, 0]))
"""


def test_array_of_a_loan_may_outlive_its_producer(spawn: Spawner) -> None:
    assert spawn(LOAN_OUTLIVES_PRODUCER).succeed() == ["refused", "(4, 8) True", "(4, 8) True", "3"]


def test_replaced_array_in_a_dict_loan_is_refused() -> None:
    fields = {"a": np.ones(2), "b": np.ones(2)}
    with TensorProducer.from_sample("obs", fields) as producer, TensorStream("obs") as stream:
        producer.publish(fields)
        with pytest.raises(TypeError, match=r"field 'b': its array in the loan was replaced"), producer.loan() as frame:
            frame.data["b"] = np.zeros(2)
        with pytest.raises(SchemaMismatchError, match="other fields"), producer.loan() as frame:
            frame.data["c"] = np.zeros(2)
        with pytest.raises(TypeError, match="field 'a'"), producer.loan() as frame:
            del frame.data["a"]
        assert producer.seq == 1
        mine = np.zeros(2)
        with pytest.raises(TypeError), producer.loan() as frame:
            frame.data["a"] = mine
        mine[:] = 1  # only the loan's own arrays become read-only
        with producer.loan() as frame:
            frame.data["a"][:] = 5
            frame.data["b"][:] = 6
        assert [part.tolist() for part in stream.get_last().values()] == [[5, 5], [6, 6]]
