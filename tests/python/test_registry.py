"""list_pools, inspect_pool, remove_pool and clean_pools, for live and orphaned pools."""

from __future__ import annotations

import os
import time
from pathlib import Path

import numpy as np
import pytest
from polymorph_ipc import (
    PoolBusyError,
    PoolNotFoundError,
    TensorProducer,
    TensorStream,
    _core,
    clean_pools,
    inspect_pool,
    list_pools,
    remove_pool,
)

from support.frames import number_of, numbered
from support.observe import mappings_under, open_descriptors, pool_files, the_pool_file, wait_until
from support.processes import TESTS, Child, Spawner

PUBLISHER = TESTS / "programs" / "publisher.py"


def publisher_of(spawn: Spawner, name: str) -> Child:
    child = spawn(PUBLISHER)
    child.expect("ready")
    child.send(f"open {name}")
    child.expect("opened")
    child.send("publish 1")
    child.expect("published")
    return child


def test_empty_folder_has_no_pools() -> None:
    assert list_pools() == []
    assert clean_pools() == []
    with pytest.raises(PoolNotFoundError, match="cam"):
        inspect_pool("cam")
    with pytest.raises(PoolNotFoundError, match="cam"):
        remove_pool("cam")


def test_inspect_pool_describes_a_live_pool(spawn: Spawner, pool_folder: Path) -> None:
    opened_after = time.time_ns()
    child = publisher_of(spawn, "victor/cam")
    with TensorStream("victor/cam") as stream:
        frame = stream.get_last()
        pool = inspect_pool("victor/cam")
        assert (pool.name, pool.status, pool.problem) == ("victor/cam", "OK", None)
        assert str(pool.schema) == "int64 (4, 8)"
        assert pool.schema == stream.schema
        assert (pool.seq, pool.history_len, pool.nbytes) == (1, 10, 4 * 8 * 8)
        assert pool.slot_count >= 13
        assert pool.file_nbytes == the_pool_file(pool_folder).stat().st_size
        assert (pool.mode, pool.uid, pool.origin) == (0o600, os.geteuid(), "numpy")
        assert pool.producer_alive
        assert not pool.retired
        assert pool.producer_pid == child.pid
        assert "publisher.py" in pool.producer_command
        assert opened_after <= pool.producer_since <= time.time_ns()
        assert pool.owner_epoch == 1
        assert 0 < pool.published <= time.clock_gettime_ns(time.CLOCK_BOOTTIME)
        assert pool.age is not None
        assert pool.age >= 0
        assert opened_after <= pool.stamp <= time.time_ns()
        (reader,) = pool.readers
        assert reader.alive
        assert reader.pid == os.getpid()
        assert (reader.last_seq, reader.dropped, reader.copies) == (1, 0, 0)
        assert (reader.oldest_pin_seq, reader.pinned_slots) == (1, 1)
        assert opened_after <= reader.since <= time.time_ns()
        assert number_of(frame) == 1
        del frame
    assert inspect_pool("victor/cam").readers == ()
    child.send("end")
    child.succeed()


def test_inspect_pool_describes_an_orphaned_pool_and_its_adoption(spawn: Spawner) -> None:
    child = publisher_of(spawn, "cam")
    incarnation = inspect_pool("cam").incarnation
    child.kill()
    pool = inspect_pool("cam")
    assert not pool.producer_alive
    assert (pool.seq, pool.producer_pid, pool.owner_epoch) == (1, child.pid, 1)
    with TensorProducer.from_sample("cam", numbered(0)) as producer:
        assert producer.adopted
        pool = inspect_pool("cam")
        assert (pool.producer_pid, pool.owner_epoch) == (os.getpid(), 2)
        assert pool.incarnation == incarnation == producer.incarnation
        assert pool.origin == producer.origin == "numpy"
    with TensorProducer.from_sample("cam", numbered(0)) as producer:
        assert not producer.adopted
        assert producer.incarnation != incarnation


def test_pool_without_samples_has_no_age() -> None:
    with TensorProducer.from_sample("cam", numbered(0)):
        pool = inspect_pool("cam")
        assert (pool.seq, pool.published, pool.age) == (0, 0, None)


def test_list_pools_returns_live_and_orphaned_pools_by_name(spawn: Spawner) -> None:
    dead, live = publisher_of(spawn, "b/dead"), publisher_of(spawn, "c/live")
    dead.kill()
    with TensorProducer.from_sample("a/dict", {"rgb": np.zeros((4, 4, 3), np.uint8), "q": np.zeros(7)}):
        pools = list_pools()
        assert [pool.name for pool in pools] == ["a/dict", "b/dead", "c/live"]
        assert [pool.producer_alive for pool in pools] == [True, False, True]
        assert [str(pool.schema) for pool in pools] == [
            "{rgb: uint8 (4, 4, 3), q: float64 (7,)}",
            "int64 (4, 8)",
            "int64 (4, 8)",
        ]
        assert pools == [inspect_pool(pool.name)._replace(age=pool.age) for pool in pools]
    live.send("end")
    live.succeed()
    assert clean_pools() == ["b/dead"]


def test_list_pools_and_inspect_pool_change_nothing(spawn: Spawner, pool_folder: Path) -> None:
    """They leave no row, lock, descriptor or mapping, and do not change the file."""
    child = publisher_of(spawn, "cam")
    content = the_pool_file(pool_folder).read_bytes()
    descriptors = open_descriptors()
    for _ in range(5):
        list_pools()
        inspect_pool("cam")
    assert the_pool_file(pool_folder).read_bytes() == content
    assert open_descriptors() == descriptors
    assert mappings_under(pool_folder) == []
    child.send("end")
    child.succeed()


def test_producer_readers_and_inspect_pool_agree() -> None:
    with TensorProducer.from_sample("cam", numbered(0)) as producer, TensorStream("cam") as stream:
        for number in range(1, 30):
            producer.publish(numbered(number))
        kept = [stream.get_next(timeout=0), stream.get_next(timeout=0)]
        (reader,) = producer.readers()
        assert inspect_pool("cam").readers == (reader,)
        assert (reader.last_seq, reader.dropped, reader.oldest_pin_seq, reader.pinned_slots) == (21, 19, 20, 2)
        assert [number_of(frame) for frame in kept] == [20, 21]


def test_pool_with_live_streams_is_removed_only_by_force(spawn: Spawner, pool_folder: Path) -> None:
    child = publisher_of(spawn, "cam")
    with TensorStream("cam") as stream:
        frame = stream.get_last()
        child.kill()
        with pytest.raises(PoolBusyError, match=str(os.getpid())):
            remove_pool("cam")
        assert clean_pools() == [], "a live stream uses the pool"
        remove_pool("cam", force=True)
        assert pool_files(pool_folder) == []
        assert stream.get_last() is None
        assert not stream.connected
        assert number_of(frame) == 1


def test_force_does_not_remove_the_pool_of_a_live_producer(spawn: Spawner) -> None:
    child = publisher_of(spawn, "cam")
    with pytest.raises(PoolBusyError, match=str(child.pid)):
        remove_pool("cam", force=True)
    assert clean_pools() == []
    child.send("publish 2")
    assert child.expect("published") == "2"
    child.send("end")
    child.succeed()


def test_clean_pools_removes_only_orphaned_pools_without_streams(spawn: Spawner) -> None:
    dead = [publisher_of(spawn, f"dead/{number}") for number in range(3)]
    live = publisher_of(spawn, "live")
    for child in dead:
        child.kill()
    with TensorStream("dead/1") as stream:
        assert number_of(stream.get_last()) == 1
        assert sorted(clean_pools()) == ["dead/0", "dead/2"]
        assert number_of(stream.get_last()) == 1
    assert [pool.name for pool in list_pools()] == ["dead/1", "live"]
    assert clean_pools() == ["dead/1"]
    live.send("end")
    live.succeed()


def test_new_producer_never_loses_its_pool_to_concurrent_clean_pools(spawn: Spawner) -> None:
    """A pool has its owner before it has its name, so clean_pools never sees it without one."""
    cleaner = spawn(
        """
    import os, select, sys
    from polymorph_ipc import clean_pools
    send("cleaning")
    while not select.select([sys.stdin], [], [], 0)[0]:
        removed = clean_pools()
        assert not removed, removed
    """
    )
    cleaner.expect("cleaning")
    for number in range(300):
        with TensorProducer.from_sample("cam", numbered(0)) as producer, TensorStream("cam") as stream:
            producer.publish(numbered(number))
            assert number_of(stream.get_last()) == number
    cleaner.send("stop")
    cleaner.succeed()


def test_stream_waits_for_a_removed_pool_to_come_back(spawn: Spawner) -> None:
    child = publisher_of(spawn, "cam")
    child.kill()
    with TensorStream("cam") as stream:
        assert number_of(stream.get_last()) == 1
        remove_pool("cam", force=True)
        assert stream.get_new(timeout=0) is None
        with TensorProducer.from_sample("cam", numbered(0)) as producer:
            producer.publish(numbered(5))
            assert number_of(stream.get_new(timeout=20)) == 5


def test_invalid_metadata_json_hides_no_pool_in_listings() -> None:
    """A C producer may store any text as metadata."""
    good = TensorProducer.from_sample("good", np.zeros(3), metadata={"unit": "m"})
    bad = _core.Producer("bad", good.schema, 10, 3, 0o600, "numpy", "{not json", _core.registry_folder(), True, False)
    try:
        first, second = list_pools()
        assert (first.name, first.metadata, second.name, second.metadata) == ("bad", {}, "good", {"unit": "m"})
        assert first.problem is not None
        assert "metadata" in first.problem
        assert second.problem is None
        assert first.schema == good.schema
        assert inspect_pool("bad").problem == first.problem
    finally:
        bad.cleanup()
        good.cleanup()


PAGE = (16, 32)  # of int64: 4096 bytes, so that each slot has its own pages


def test_pool_info_counts_growth_and_cleared_rows(spawn: Spawner) -> None:
    with TensorProducer.from_sample("cam", numbered(0, PAGE), history_len=2, spare=1) as producer:
        fresh = inspect_pool("cam")
        assert (fresh.grown, fresh.given_up, fresh.cleared_rows, fresh.malformed_cells) == (0, 0, 0, 0)
        assert abs(fresh.clock_offset - (time.time_ns() - time.clock_gettime_ns(time.CLOCK_BOOTTIME))) < 5 * 10**9
        dead = spawn(
            """
        from polymorph_ipc import TensorStream
        stream = TensorStream("cam")
        send("connected")
        frame = stream.get_new(timeout=20)
        send("holds one")
        receive()
        """
        )
        dead.expect("connected")
        producer.publish(numbered(1, PAGE))
        dead.expect("holds one")
        dead.kill()
        with TensorStream("cam") as stream:
            kept = []
            for number in range(2, 8):
                producer.publish(numbered(number, PAGE))
                kept.append(stream.get_last())
            assert inspect_pool("cam").grown >= 1
        wait_until(lambda: (producer.readers(), inspect_pool("cam").cleared_rows)[1], what="the sweep")
        assert inspect_pool("cam").given_up == 0


def test_pool_info_counts_history_given_up() -> None:
    with TensorProducer.from_sample("cam", numbered(0, PAGE), history_len=4, spare=1, grow=False) as producer:
        with TensorStream("cam") as stream:
            kept = []
            for number in range(1, 4):
                producer.publish(numbered(number, PAGE))
                kept.append(stream.get_last())
            for number in range(4, 10):
                producer.publish(numbered(number, PAGE))
            assert inspect_pool("cam").given_up >= 1
            assert inspect_pool("cam").grown == 0


def test_pool_info_repr_is_one_line_and_str_has_every_field() -> None:
    with TensorProducer.from_sample("arm/q", numbered(0), mode=0o660) as producer, TensorStream("arm/q") as stream:
        producer.publish(numbered(1))
        stream.get_last()
        pool = inspect_pool("arm/q")
        assert repr(pool) == f"<PoolInfo of 'arm/q': {pool.schema}, seq 1, producer alive, 1 stream>"
        lines = str(pool).splitlines()
        assert "mode: 0o660" in lines
        assert lines[-2] == "readers: 1"
        assert "last_seq=1" in lines[-1]
        for name in set(pool._fields) - {"mode", "readers"}:
            assert f"{name}: {getattr(pool, name)}" in lines
        assert pool.mode == 0o660


def test_pool_info_of_a_corrupt_pool_shows_the_problem(pool_folder: Path) -> None:
    (pool_folder / "junk").write_bytes(b"not a pool")
    [pool] = list_pools()
    assert repr(pool) == f"<PoolInfo of 'junk': CORRUPT, {pool.problem}>"
    assert f"problem: {pool.problem}" in str(pool).splitlines()
    remove_pool("junk", force=True)
