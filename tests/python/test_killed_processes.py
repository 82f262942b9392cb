"""SIGKILL at any time, many times: no torn sample, no hang, no leak."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from polymorph_ipc import TensorProducer, TensorStream, clean_pools, inspect_pool

from support.frames import number_of
from support.observe import descriptors_under, mappings_under, open_descriptors, the_pool_file, wait_until
from support.processes import TESTS, Child, Spawner

pytestmark = pytest.mark.any_python

KILL_CHILDREN = TESTS / "programs" / "kill_children.py"
SHAPE = (16, 64)


@pytest.fixture
def killer(spawn: Spawner) -> Child:
    child = spawn(KILL_CHILDREN)
    child.expect("ready")
    return child


def frame_number(seq: int) -> np.ndarray:
    return np.full(SHAPE, seq, np.int64)


def test_producer_killed_at_any_time_leaves_intact_frames_and_sequence(killer: Child) -> None:
    with TensorStream("cam") as stream:
        highest = 0
        for _ in range(150):
            killer.send("start produce")
            killer.expect("started")
            frame, info = stream.get_new(timeout=20, return_info=True)
            assert number_of(frame) == info.seq, "the frame has the number of its sample"
            assert info.seq > highest
            killer.send("kill")
            killer.expect("killed")
            frame, info = stream.get_last(return_info=True)
            assert number_of(frame) == info.seq
            history = stream.get_history(4, pad="repeat")
            assert [number_of(each) for each in history] == sorted(number_of(each) for each in history)
            assert number_of(history[-1]) == info.seq
            highest = info.seq
        with TensorProducer.from_sample("cam", frame_number(0), history_len=4) as producer:
            # a sample that its killed producer had stored but not yet announced may appear after the adoption
            seq = producer.publish(frame_number(producer.seq + 1))
            assert highest < seq <= highest + 2, "it is the same pool from the first producer to the last"
            assert number_of(stream.get_new(timeout=0)) == seq


def test_dict_of_a_killed_producer_is_never_seen_in_part(killer: Child) -> None:
    with TensorStream("obs") as stream:
        for _ in range(100):
            killer.send("start produce_dicts")
            killer.expect("started")
            before, info = stream.get_new(timeout=20, return_info=True)
            assert {number_of(field) for field in before.values()} == {info.seq}
            killer.send("kill")
            killer.expect("killed")
            after, info = stream.get_last(return_info=True)
            assert {number_of(field) for field in after.values()} == {info.seq}
        del before, after
    clean_pools()


def test_waiting_stream_wakes_for_every_successor_of_a_killed_producer(killer: Child, spawn: Spawner) -> None:
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
        killer.send("start produce")
        killer.expect("started")
        assert int(consumer.expect("got")) > 0
        killer.send("kill")
        killer.expect("killed")
    consumer.kill()
    clean_pools()


@pytest.mark.parametrize("role", ["hold_seven_views", "wait_for_a_sample", "open_and_close", "read_history"])
def test_thousand_killed_consumers_leak_nothing(killer: Child, pool_folder: Path, role: str) -> None:
    """250 killed processes for each of four roles."""
    with TensorProducer.from_sample("cam", frame_number(0), history_len=8) as producer:

        def publish(count: int) -> None:
            for _ in range(count):
                producer.publish(frame_number(producer.seq + 1))

        def kill(count: int) -> None:
            killer.send(f"kills {role} {count}")
            killer.expect("done", timeout=60)

        publish(8)
        kill(10)
        publish(50)
        killer.send(f"kills {role} 1")
        killer.expect("done")
        before = facts(pool_folder, producer)
        for _ in range(12):
            kill(20)
            publish(50)
        assert facts(pool_folder, producer) == before
        with TensorStream("cam") as stream:
            assert number_of(stream.get_last()) == producer.seq
            wait_until(lambda: len(live_readers(producer)) == 1, what="free rows of the killed processes")


def facts(folder: Path, producer: TensorProducer) -> dict[str, object]:
    """Everything that could leak: file size, slots, mappings and descriptors of this process, rows."""
    return {
        "file bytes": the_pool_file(folder).stat().st_size,
        "slots": inspect_pool(producer.pool_name).slot_count,
        "mappings": len(mappings_under(folder)),
        "descriptors": len(descriptors_under(folder)),
        "all descriptors": len(open_descriptors()),
        "live readers": len(live_readers(producer)),
    }


def live_readers(producer: TensorProducer) -> list[object]:
    return [reader for reader in producer.readers() if reader.alive]


def test_consumers_killed_while_waiting_for_a_pool_leave_nothing(killer: Child, pool_folder: Path) -> None:
    killer.send("kills wait_for_a_pool 50")
    killer.expect("done")
    assert list(pool_folder.iterdir()) == []


def test_rows_of_killed_consumers_are_reused(killer: Child) -> None:
    """70 streams are connected and killed one after another; a pool has 64 rows."""
    with TensorProducer.from_sample("cam", frame_number(0), history_len=8) as producer:
        for _ in range(8):
            producer.publish(frame_number(producer.seq + 1))
        killer.send("kills hold_seven_views 70")
        killer.expect("done", timeout=60)
        with TensorStream("cam") as stream:
            assert number_of(stream.get_last()) == 8


def test_slots_of_killed_hoarders_are_reused(killer: Child, pool_folder: Path) -> None:
    with TensorProducer.from_sample("cam", frame_number(0), history_len=8) as producer:
        for _ in range(8):
            producer.publish(frame_number(producer.seq + 1))
        sizes = []
        for _ in range(15):
            killer.send("kills hold_seven_views 1")
            killer.expect("done")
            for _ in range(40):
                producer.publish(frame_number(producer.seq + 1))
            sizes.append(the_pool_file(pool_folder).stat().st_size)
        assert sizes[-1] == sizes[3], f"the pool keeps growing: {sizes}"
