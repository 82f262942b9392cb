"""Too little memory is an error at creation with the needed size, and never a crash later."""

from __future__ import annotations

import errno
import resource
import subprocess
from pathlib import Path

import numpy as np
import pytest
from polymorph_ipc import PoolSpaceError, TensorProducer, TensorStream, clean_pools

from support.frames import number_of, numbered
from support.observe import pool_files
from support.processes import Spawner

pytestmark = pytest.mark.any_python

MEGABYTE = 2**20

TOO_LARGE = """
    import errno
    import numpy as np
    from polymorph_ipc import PoolSpaceError, TensorProducer, TensorStream

    with TensorProducer.from_sample("small", np.zeros((4, 8), np.int64), history_len=2) as small:
        small.publish(np.full((4, 8), 1))
        try:
            TensorProducer.from_sample("large", np.zeros((1024, 1024), np.int64), history_len=10)
            send("created")
        except PoolSpaceError as error:
            send("refused", error.errno in (errno.ENOSPC, errno.EFBIG), error)
        small.publish(np.full((4, 8), 2))
        with TensorStream("small") as stream:
            send("still", stream.get_last()[0, 0])
"""


def assert_refused_with_numbers(child: object) -> None:
    answer = child.expect("refused")  # type: ignore[attr-defined]
    known_errno, _, text = answer.partition(" ")
    assert known_errno == "True"
    assert "large" in text
    assert any(unit in text for unit in ("MB", "MiB", "bytes")), f"the error does not name the needed size: {text}"
    assert child.expect("still") == "2"  # type: ignore[attr-defined]
    child.succeed()  # type: ignore[attr-defined]


def test_file_size_limit_is_an_error_at_creation(spawn: Spawner, pool_folder: Path) -> None:
    def limit() -> None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (8 * MEGABYTE, 8 * MEGABYTE))

    assert_refused_with_numbers(spawn(TOO_LARGE, before_exec=limit))
    assert pool_files(pool_folder) == []


def mount_tmpfs(folder: Path) -> bool:
    return (
        subprocess.run(["mount", "-t", "tmpfs", "-o", "size=16m", "tmpfs", folder], capture_output=True).returncode == 0
    )


def test_full_tmpfs_is_an_error_at_creation(spawn: Spawner, tmp_path: Path) -> None:
    """As with Docker's 64 MB of /dev/shm. Without permission to mount, a file size limit replaces the small tmpfs."""
    folder = tmp_path / "small_tmpfs"
    folder.mkdir()
    mounted = mount_tmpfs(folder)
    try:
        if mounted:
            assert_refused_with_numbers(spawn(TOO_LARGE, environment={"POLYMORPH_IPC_DIR": str(folder)}))
            assert pool_files(folder) == []
        else:
            test_file_size_limit_is_an_error_at_creation(spawn, folder)
    finally:
        if mounted:
            subprocess.run(["umount", "--lazy", folder], check=True)


def test_no_space_error_names_orphaned_pools_that_can_be_cleaned(spawn: Spawner, pool_folder: Path) -> None:
    child = spawn(
        """
    import os, sys
    import numpy as np
    from polymorph_ipc import TensorProducer
    TensorProducer.from_sample("orphaned", np.zeros(2**17), history_len=2)
    sys.stdout.flush()
    os._exit(0)
    """
    )
    child.succeed()
    with pytest.raises(PoolSpaceError) as refusal:
        TensorProducer.from_sample("huge", np.broadcast_to(np.int8(0), (2**40,)), history_len=10)
    assert refusal.value.errno == errno.ENOSPC
    assert "orphaned" in str(refusal.value), "the pool that can be cleaned is named"
    assert len(pool_files(pool_folder)) == 1, "the failed creation leaves no file"
    assert clean_pools() == ["orphaned"]


@pytest.mark.parametrize("shape", [(2**62,), (2**63 - 1,), (2**40, 2**22)], ids=str)
def test_overflowing_sizes_are_refused(shape: tuple[int, ...], pool_folder: Path) -> None:
    vast = np.broadcast_to(np.int8(0), shape)
    with pytest.raises((PoolSpaceError, ValueError, MemoryError)):
        TensorProducer.from_sample("vast", vast, history_len=32768)
    assert pool_files(pool_folder) == []


NO_GROWTH_LEFT = """
    import numpy as np
    from polymorph_ipc import PoolFullError, TensorProducer, TensorStream

    shape = (256, 512)  # 1 MB
    producer = TensorProducer.from_sample("cam", np.zeros(shape, np.int64), history_len=4, spare=1)
    streams = [TensorStream("cam") for _ in range(3)]
    kept = []
    for number in range(1, 200):
        producer.publish(np.full(shape, number))
        for stream in streams:
            frame, info = stream.get_last(return_info=True)
            assert np.unique(frame).tolist() == [number]
            if not info.copied:
                kept.append((number, frame))
    assert all(np.unique(frame).tolist() == [number] for number, frame in kept)
    send("published", producer.seq, producer.slot_count)
"""


def test_producer_continues_with_less_history_when_the_pool_cannot_grow(spawn: Spawner) -> None:
    def limit() -> None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (11 * MEGABYTE, 11 * MEGABYTE))

    child = spawn(NO_GROWTH_LEFT, before_exec=limit)
    seq, slots = child.expect("published").split()
    assert int(seq) == 199
    assert int(slots) <= 11
    child.succeed()


def test_memory_of_a_large_pool_is_reserved_at_creation(pool_folder: Path) -> None:
    """The memory of all slots is reserved at creation, so a later publish cannot fail for lack of it."""
    with TensorProducer.from_sample("cam", numbered(0, (256, 512)), history_len=20) as producer:
        (file,) = pool_files(pool_folder)
        assert file.stat().st_blocks * 512 >= 20 * MEGABYTE
        with TensorStream("cam") as stream:
            producer.publish(numbered(1, (256, 512)))
            assert number_of(stream.get_last()) == 1
