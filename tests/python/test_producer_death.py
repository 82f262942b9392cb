"""Killed producers; adoption, replacement and retirement of pools; what streams see of it."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from polymorph_ipc import (
    PoolBusyError,
    SchemaMismatchError,
    TensorProducer,
    TensorStream,
    clean_pools,
    inspect_pool,
    remove_pool,
)

from support.frames import number_of, numbered, numbers_of
from support.observe import is_asleep, pool_files, the_pool_file, wait_until
from support.processes import TESTS, Child, Spawner

PUBLISHER = TESTS / "programs" / "publisher.py"

SLEEPER = """
    from polymorph_ipc import TensorStream
    stream = TensorStream("cam")
    stream.get_last()
    send("waiting")
    frame = stream.get_new(timeout=60)
    send("got", frame.flat[0])
"""


def publisher_of(spawn: Spawner, *numbers: int) -> Child:
    """A child that has opened pool `cam` and published these numbers."""
    child = spawn(PUBLISHER)
    child.expect("ready")
    child.send("open cam")
    child.expect("opened")
    for number in numbers:
        child.send(f"publish {number}")
        child.expect("published")
    return child


def sleeper(spawn: Spawner) -> Child:
    """A child that waits in get_new."""
    child = spawn(SLEEPER)
    child.expect("waiting")
    wait_until(lambda: is_asleep(child.pid), what="the child's sleep")
    return child


def test_last_sample_and_history_of_a_killed_producer_stay_readable(spawn: Spawner) -> None:
    child = publisher_of(spawn, 1, 2, 3)
    with TensorStream("cam") as stream:
        child.kill()
        assert number_of(stream.get_last()) == 3
        assert numbers_of(stream.get_history(3)) == [1, 2, 3]
        assert stream.connected
        assert not stream.producer_alive
    with TensorStream("cam") as late:
        assert number_of(late.get_last()) == 3
    clean_pools()


def test_producer_alive_is_true_for_a_live_producer(spawn: Spawner) -> None:
    child = publisher_of(spawn, 1)
    with TensorStream("cam") as stream:
        assert stream.producer_alive
    child.send("end")
    child.succeed()


def test_producer_adopts_the_pool_of_a_killed_one_with_its_streams(spawn: Spawner, pool_folder: Path) -> None:
    child = publisher_of(spawn, 1, 2, 3)
    with TensorStream("cam") as stream:
        kept = stream.get_last()
        child.kill()
        file_before = the_pool_file(pool_folder).stat().st_ino
        with TensorProducer.from_sample("cam", numbered(0)) as producer:
            assert producer.seq == 3
            assert producer.publish(numbered(4)) == 4
            assert the_pool_file(pool_folder).stat().st_ino == file_before
            assert number_of(stream.get_new(timeout=0)) == 4
            assert numbers_of(stream.get_history(4)) == [1, 2, 3, 4]
            assert stream.producer_alive
            for number in range(5, 40):
                producer.publish(numbered(number))
            assert number_of(kept) == 3, "a view pinned before the kill is not overwritten after the adoption"


def test_late_stream_does_not_take_samples_of_a_dead_producer_as_new(spawn: Spawner) -> None:
    child = publisher_of(spawn, 1)
    child.kill()
    with TensorStream("cam") as stream:
        wait_until(lambda: stream.get_last(return_info=True)[1].age > 0.2)
        assert stream.get_last(max_age=0.2) is None
        assert number_of(stream.get_last()) == 1, "without max_age the read returns the last sample"
        assert stream.get_new(timeout=0) is None
        with TensorProducer.from_sample("cam", numbered(0)) as producer:
            assert stream.get_new(timeout=0) is None, "the adoption alone is not a new sample"
            producer.publish(numbered(2))
            assert number_of(stream.get_new(timeout=0, max_age=20)) == 2


def test_repeated_adoption_keeps_the_sequence(spawn: Spawner) -> None:
    with TensorStream("cam") as stream:
        for generation in range(1, 6):
            child = publisher_of(spawn, generation)
            child.kill()
            assert number_of(stream.get_new(timeout=0)) == generation
        assert stream.get_last(return_info=True)[1].seq == 5
    clean_pools()


def test_waiting_stream_wakes_at_the_first_sample_after_adoption(spawn: Spawner) -> None:
    child = publisher_of(spawn, 1)
    consumer = sleeper(spawn)
    child.kill()
    with TensorProducer.from_sample("cam", numbered(0)) as producer:
        producer.publish(numbered(2))
        assert consumer.expect("got") == "2"
        consumer.succeed()


def test_waiting_stream_wakes_at_the_first_sample_of_a_new_pool(spawn: Spawner) -> None:
    consumer = sleeper(spawn)
    with TensorProducer.from_sample("cam", numbered(0)) as producer:
        producer.publish(numbered(1))
        assert consumer.expect("got") == "1"
        consumer.succeed()


def test_waiting_stream_wakes_when_the_folder_is_created_later(
    spawn: Spawner, pool_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("POLYMORPH_IPC_DIR", str(pool_folder / "made_later"))
    consumer = sleeper(spawn)
    with TensorProducer.from_sample("cam", numbered(0)) as producer:
        producer.publish(numbered(1))
        assert consumer.expect("got") == "1"
        consumer.succeed()


def test_waiting_stream_wakes_for_the_successor_of_a_retired_pool(spawn: Spawner) -> None:
    first = TensorProducer.from_sample("cam", numbered(0))
    first.publish(numbered(1))
    consumer = sleeper(spawn)
    first.cleanup()
    wait_until(lambda: is_asleep(consumer.pid), what="the child's sleep without a pool")
    with TensorProducer.from_sample("cam", numbered(0)) as second:
        second.publish(numbered(7))
        assert consumer.expect("got") == "7"
        consumer.succeed()


def test_waiting_stream_finds_the_successor_of_an_unlinked_pool(spawn: Spawner, pool_folder: Path) -> None:
    child = publisher_of(spawn, 1)
    consumer = sleeper(spawn)
    the_pool_file(pool_folder).unlink()
    child.kill()
    with TensorProducer.from_sample("cam", numbered(0)) as producer:
        producer.publish(numbered(2))
        assert consumer.expect("got") == "2"
        consumer.succeed()


def test_streams_treat_a_cleaned_up_pool_as_absent(pool_folder: Path) -> None:
    producer = TensorProducer.from_sample("cam", numbered(0))
    with TensorStream("cam") as stream:
        producer.publish(numbered(1))
        kept = stream.get_last()
        producer.cleanup()
        assert pool_files(pool_folder) == []
        assert stream.get_last() is None
        assert stream.get_new(timeout=0) is None
        assert stream.get_history(1) is None
        assert not stream.connected
        assert not stream.producer_alive
        assert number_of(kept) == 1
        with TensorProducer.from_sample("cam", numbered(0)) as successor:
            assert stream.get_last() is None
            assert successor.publish(numbered(5)) == 1, "a new pool counts from one again"
            assert number_of(stream.get_new(timeout=0)) == 5
            assert stream.connected


def test_samples_of_a_new_pool_are_new_despite_lower_numbers() -> None:
    with TensorStream("cam") as stream:
        with TensorProducer.from_sample("cam", numbered(0)) as producer:
            for number in range(1, 30):
                producer.publish(numbered(number))
            assert number_of(stream.get_new(timeout=0)) == 29
        with TensorProducer.from_sample("cam", numbered(0)) as producer:
            producer.publish(numbered(101))
            producer.publish(numbered(102))
            assert [number_of(stream.get_next(timeout=0)) for _ in range(2)] == [101, 102]


DIFFERENT = {
    "shape": np.zeros((4, 9), np.int64),
    "number of dimensions": np.zeros((4, 8, 1), np.int64),
    "dtype": np.zeros((4, 8), np.uint64),
    "dict instead of tensor": {"q": np.zeros((4, 8), np.int64)},
}


@pytest.mark.parametrize("difference", DIFFERENT)
def test_another_schema_replaces_an_orphaned_pool_and_is_a_mismatch(spawn: Spawner, difference: str) -> None:
    child = publisher_of(spawn, 1)
    with TensorStream("cam") as stream, TensorStream("cam", expect="any") as viewer:
        assert number_of(stream.get_last()) == 1
        assert number_of(viewer.get_last()) == 1
        child.kill()
        sample = DIFFERENT[difference]
        with TensorProducer.from_sample("cam", sample) as producer:
            assert producer.publish(sample) == 1
            with pytest.raises(SchemaMismatchError) as refusal:
                stream.get_last()
            assert "int64 (4, 8)" in str(refusal.value), "the error names the schema of the stream"
            with pytest.raises(SchemaMismatchError):
                stream.get_new(timeout=0)
            followed = viewer.get_new(timeout=0)
            if isinstance(sample, dict):
                assert set(followed) == set(sample)
            else:
                assert (followed.shape, followed.dtype) == (sample.shape, sample.dtype)


def test_stream_recovers_from_a_mismatch_when_its_schema_comes_back() -> None:
    with TensorStream("cam") as stream:
        with TensorProducer.from_sample("cam", numbered(0)) as producer:
            producer.publish(numbered(1))
            assert number_of(stream.get_last()) == 1
        with TensorProducer.from_sample("cam", np.zeros(3)), pytest.raises(SchemaMismatchError):
            stream.get_last()
        with TensorProducer.from_sample("cam", numbered(0)) as producer:
            producer.publish(numbered(2))
            assert number_of(stream.get_last()) == 2


@pytest.mark.parametrize("difference", DIFFERENT)
@pytest.mark.parametrize("looked", ["never", "at its schema", "for fresh samples"])
def test_orphaned_pool_does_not_fix_the_schema_before_a_read(spawn: Spawner, difference: str, looked: str) -> None:
    publisher_of(spawn, 1).kill()
    sample = DIFFERENT[difference]
    with TensorStream("cam", max_age=0 if looked == "for fresh samples" else None) as stream:
        if looked == "at its schema":
            assert stream.shape == (4, 8)
            assert stream.dtype == np.int64
        if looked == "for fresh samples":
            assert stream.get_last() is None
            assert stream.get_new(timeout=0) is None
            assert stream.get_history(1) is None
            assert stream.get_at(0.0) is None
        with TensorProducer.from_sample("cam", sample) as producer:
            producer.publish(sample)
            read = stream.get_last(max_age=60)
            if isinstance(sample, dict):
                assert set(read) == set(sample)
            else:
                assert (read.shape, read.dtype) == (sample.shape, sample.dtype)
            assert str(stream.schema) == str(producer.schema)
        with TensorProducer.from_sample("cam", numbered(0)), pytest.raises(SchemaMismatchError):
            stream.get_last()


def test_another_history_length_or_metadata_replaces_an_orphaned_pool(spawn: Spawner) -> None:
    for options in ({"history_len": 4}, {"metadata": {"units": "rad"}}, {"spare": 20}):
        child = publisher_of(spawn, 1, 2)
        with TensorStream("cam") as stream:
            child.kill()
            with TensorProducer.from_sample("cam", numbered(0), **options) as producer:
                assert producer.seq == 0, "replaced, not adopted"
                assert producer.publish(numbered(9)) == 1
                assert number_of(stream.get_new(timeout=0)) == 9


def test_other_metadata_of_the_same_length_is_not_adopted(pool_folder: Path) -> None:
    for units, adopted in (("rad", False), ("rad", True), ("deg", False)):
        producer = TensorProducer.from_sample("arm/q", numbered(0), metadata={"units": units}, keep=True)
        assert producer.adopted is adopted
        producer.publish(numbered(1))
        producer.cleanup()
    clean_pools()


def test_second_producer_is_refused_with_pid_and_command_of_the_first(spawn: Spawner) -> None:
    child = publisher_of(spawn, 1)
    with pytest.raises(PoolBusyError) as refusal:
        TensorProducer.from_sample("cam", numbered(0))
    assert str(child.pid) in str(refusal.value)
    assert "publisher.py" in str(refusal.value)
    assert "cam" in str(refusal.value)
    child.send("publish 2")
    assert child.expect("published") == "2", "the first producer still publishes"
    child.send("end")
    child.succeed()


def test_second_producer_with_another_schema_is_refused(spawn: Spawner) -> None:
    child = publisher_of(spawn, 1)
    with pytest.raises(PoolBusyError):
        TensorProducer.from_sample("cam", np.zeros(3))
    with TensorStream("cam") as stream:
        assert number_of(stream.get_last()) == 1
    child.send("end")
    child.succeed()


def test_second_producer_in_the_same_process_is_refused() -> None:
    with TensorProducer.from_sample("cam", numbered(0)) as first:
        with pytest.raises(PoolBusyError):
            TensorProducer.from_sample("cam", numbered(0))
        assert first.publish(numbered(1)) == 1


def test_pool_of_a_collected_producer_is_adopted_in_the_same_process() -> None:
    first = TensorProducer.from_sample("cam", numbered(0))
    first.publish(numbered(1))
    with TensorStream("cam") as stream:
        del first
        with TensorProducer.from_sample("cam", numbered(0)) as second:
            assert second.publish(numbered(2)) == 2
            assert numbers_of(stream.get_history(2)) == [1, 2]


def test_only_an_orphaned_pool_can_be_removed(spawn: Spawner, pool_folder: Path) -> None:
    child = publisher_of(spawn, 1)
    with pytest.raises(PoolBusyError) as refusal:
        remove_pool("cam")
    assert str(child.pid) in str(refusal.value)
    child.kill()
    remove_pool("cam")
    assert pool_files(pool_folder) == []


CLOSED_DESCRIPTORS = """
    import os, resource
    import numpy as np
    from polymorph_ipc import PoolLostError, TensorProducer

    producer = TensorProducer.from_sample("cam", np.zeros((4, 8), np.int64))
    send("seq", producer.publish(np.full((4, 8), 1)))
    os.closerange(3, 4096)
    send("closed")
    receive()
    for attempt in range(2):
        try:
            producer.publish(np.full((4, 8), 666))
            send("published")
        except PoolLostError as error:
            send("refused", error)
"""


def test_producer_with_closed_descriptors_loses_its_pool_to_an_adopter(spawn: Spawner) -> None:
    child = spawn(CLOSED_DESCRIPTORS)
    child.expect("seq")
    child.expect("closed")
    with TensorProducer.from_sample("cam", numbered(0)) as producer, TensorStream("cam") as stream:
        assert producer.publish(numbered(2)) == 2
        child.send("publish")
        child.expect("refused")
        child.expect("refused")
        child.succeed()
        assert number_of(stream.get_last()) == 2
        assert producer.publish(numbered(3)) == 3
        assert numbers_of(stream.get_history(3)) == [1, 2, 3]
        assert inspect_pool("cam").producer_alive
