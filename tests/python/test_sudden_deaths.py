"""kill -9 at any moment, many times over: nothing torn, nothing stuck, nothing left over."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from polymorph_ipc import TensorProducer, TensorStream, clean_pools, inspect_pool

from support.frames import number_of
from support.observe import descriptors_under, mappings_under, open_descriptors, the_pool_file, wait_until
from support.processes import TESTS, Child, Spawner

pytestmark = pytest.mark.any_python

STORM = TESTS / "programs" / "storm.py"
SHAPE = (16, 64)


@pytest.fixture
def storm(spawn: Spawner) -> Child:
    child = spawn(STORM)
    child.expect("ready")
    return child


def frame_number(seq: int) -> np.ndarray:
    return np.full(SHAPE, seq, np.int64)


def test_a_producer_killed_at_any_moment_leaves_whole_frames_and_a_sequence_that_goes_on(storm: Child) -> None:
    with TensorStream("cam") as stream:
        highest = 0
        for _ in range(150):
            storm.send("start produce")
            storm.expect("started")
            frame, info = stream.get_new(timeout=20, return_info=True)
            assert number_of(frame) == info.seq, "frame and sequence number belong together"
            assert info.seq > highest
            storm.send("kill")
            storm.expect("killed")
            frame, info = stream.get_last(return_info=True)
            assert number_of(frame) == info.seq
            history = stream.get_history(4, pad="repeat")
            assert [number_of(each) for each in history] == sorted(number_of(each) for each in history)
            assert number_of(history[-1]) == info.seq
            highest = info.seq
        with TensorProducer.from_sample("cam", frame_number(0), history_len=4) as producer:
            # a sample that was complete when its producer was killed, and not yet announced, may have come to light
            seq = producer.publish(frame_number(producer.seq + 1))
            assert highest < seq <= highest + 2, "it is one and the same pool to the end"
            assert number_of(stream.get_new(timeout=0)) == seq


def test_a_dict_whose_producer_is_killed_between_fields_is_never_seen_half(storm: Child) -> None:
    with TensorStream("obs") as stream:
        for _ in range(100):
            storm.send("start produce_dicts")
            storm.expect("started")
            before, info = stream.get_new(timeout=20, return_info=True)
            assert {number_of(field) for field in before.values()} == {info.seq}
            storm.send("kill")
            storm.expect("killed")
            after, info = stream.get_last(return_info=True)
            assert {number_of(field) for field in after.values()} == {info.seq}
        del before, after
    clean_pools()


def test_a_sleeping_stream_wakes_for_every_successor_of_a_killed_producer(storm: Child, spawn: Spawner) -> None:
    consumer = spawn(
        """
    from polymorph_ipc import TensorStream
    stream = TensorStream("cam")
    send("ready")
    while True:
        receive()
        frame, info = stream.get_new(timeout=20, return_info=True)
        send("got", info.seq)
    """
    )
    consumer.expect("ready")
    for _ in range(30):
        consumer.send("wait")
        storm.send("start produce")
        storm.expect("started")
        assert int(consumer.expect("got")) > 0
        storm.send("kill")
        storm.expect("killed")
    consumer.kill()
    clean_pools()


@pytest.mark.parametrize("role", ["hold_seven_views", "wait_for_a_sample", "open_and_close", "read_history"])
def test_a_thousand_killed_consumers_cost_nothing(storm: Child, pool_folder: Path, role: str) -> None:
    """250 deaths of each of four kinds."""
    with TensorProducer.from_sample("cam", frame_number(0), history_len=8) as producer:

        def publish(count: int) -> None:
            for _ in range(count):
                producer.publish(frame_number(producer.seq + 1))

        def die(count: int) -> None:
            storm.send(f"deaths {role} {count}")
            storm.expect("done", timeout=60)

        publish(8)
        die(10)
        publish(50)
        storm.send(f"deaths {role} 1")
        storm.expect("done")
        settled = facts(pool_folder, producer)
        for _ in range(12):
            die(20)
            publish(50)
        assert facts(pool_folder, producer) == settled
        with TensorStream("cam") as stream:
            assert number_of(stream.get_last()) == producer.seq
            wait_until(lambda: len(living_readers(producer)) == 1, what="the rows of the dead to be free")


def facts(folder: Path, producer: TensorProducer) -> dict[str, object]:
    """What could leak: the file's size, the pool's slots, this process's mappings and descriptors."""
    return {
        "file bytes": the_pool_file(folder).stat().st_size,
        "slots": inspect_pool(producer.pool_name).slot_count,
        "mappings": len(mappings_under(folder)),
        "descriptors": len(descriptors_under(folder)),
        "all descriptors": len(open_descriptors()),
        "live readers": len(living_readers(producer)),
    }


def living_readers(producer: TensorProducer) -> list[object]:
    return [reader for reader in producer.readers() if reader.alive]


def test_consumers_killed_while_they_wait_for_a_pool_disturb_nobody(storm: Child, pool_folder: Path) -> None:
    storm.send("deaths wait_for_a_pool 50")
    storm.expect("done")
    assert list(pool_folder.iterdir()) == []


def test_killed_consumers_give_their_rows_back_to_the_living(storm: Child) -> None:
    """65 streams one after the other, each killed: the 65th and all later ones must find a row."""
    with TensorProducer.from_sample("cam", frame_number(0), history_len=8) as producer:
        for _ in range(8):
            producer.publish(frame_number(producer.seq + 1))
        storm.send("deaths hold_seven_views 70")
        storm.expect("done", timeout=60)
        with TensorStream("cam") as stream:
            assert number_of(stream.get_last()) == 8


def test_slots_of_killed_hoarders_are_used_again(storm: Child, pool_folder: Path) -> None:
    with TensorProducer.from_sample("cam", frame_number(0), history_len=8) as producer:
        for _ in range(8):
            producer.publish(frame_number(producer.seq + 1))
        sizes = []
        for _ in range(15):
            storm.send("deaths hold_seven_views 1")
            storm.expect("done")
            for _ in range(40):
                producer.publish(frame_number(producer.seq + 1))
            sizes.append(the_pool_file(pool_folder).stat().st_size)
        assert sizes[-1] == sizes[3], f"the pool keeps growing: {sizes}"
