"""folder=: handles and functions use the given registry folder, and handles keep it."""

from __future__ import annotations

import os
import pickle
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from polymorph_ipc import (
    PoolNotFoundError,
    TensorProducer,
    TensorStream,
    clean_pools,
    inspect_pool,
    list_pools,
    remove_pool,
)

from support.frames import number_of, numbered
from support.observe import pool_files
from support.processes import Spawner


@pytest.fixture
def other(pool_folder: Path) -> Iterator[Path]:
    """A second registry folder."""
    folder = pool_folder / "other"
    folder.mkdir()
    yield folder
    assert pool_files(folder) == []
    folder.rmdir()


def test_handles_and_functions_use_the_given_folder(pool_folder: Path, other: Path) -> None:
    with (
        TensorProducer.from_sample("cam", numbered(0), folder=other) as producer,
        TensorProducer.from_sample("cam", np.zeros(3)) as here,
        TensorStream("cam", folder=str(other)) as stream,
        TensorStream("cam") as stream_here,
    ):
        producer.publish(numbered(1))
        here.publish(np.zeros(3))
        assert number_of(stream.get_last()) == 1
        assert stream_here.get_last().shape == (3,)
        assert [pool.schema for pool in list_pools(folder=other)] == [producer.schema]
        assert inspect_pool("cam", folder=other).schema == producer.schema
        assert inspect_pool("cam").schema == here.schema
    TensorProducer("cam", producer.schema, keep=True, folder=other).cleanup()
    with pytest.raises(PoolNotFoundError):
        remove_pool("cam")
    assert clean_pools() == []
    remove_pool("cam", folder=other)
    TensorProducer("cam", producer.schema, keep=True, folder=other).cleanup()
    assert clean_pools(folder=other) == ["cam"]


def test_pickled_stream_keeps_its_folder(
    monkeypatch: pytest.MonkeyPatch, pool_folder: Path, other: Path, spawn: Spawner
) -> None:
    with TensorProducer.from_sample("cam", numbered(0)) as producer, TensorStream("cam") as stream:
        producer.publish(numbered(1))
        data = pickle.dumps(stream)
        monkeypatch.setenv("POLYMORPH_IPC_DIR", str(other))
        with pickle.loads(data) as clone, pickle.loads(pickle.dumps(clone)) as copy_of_clone:
            assert [number_of(each.get_last()) for each in (clone, copy_of_clone)] == [1, 1]
        program = """
            import pickle, sys
            with pickle.loads(bytes.fromhex(sys.argv[1])) as stream:
                send(stream.get_last()[0, 0])
        """
        for environment in ({"POLYMORPH_IPC_DIR": str(other)}, {"POLYMORPH_IPC_DIR": ""}):
            assert spawn(program, data.hex(), environment=environment).succeed() == ["1"]


def test_stream_reopened_after_fork_keeps_its_folder(spawn: Spawner, other: Path) -> None:
    spawn(f"""
        import os
        import numpy as np
        from polymorph_ipc import TensorProducer, TensorStream
        with TensorProducer.from_sample("cam", np.zeros(3)) as producer, TensorStream("cam") as stream:
            producer.publish(np.ones(3))
            pid = os.fork()
            if pid == 0:
                os.environ["POLYMORPH_IPC_DIR"] = {str(other)!r}
                os._exit(7 if stream.get_last().sum() == 3 else 1)
            assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 7
    """).succeed()


def test_relative_folder_is_resolved_when_the_handle_is_made(
    monkeypatch: pytest.MonkeyPatch, pool_folder: Path, other: Path
) -> None:
    monkeypatch.chdir(pool_folder)
    streams = [TensorStream("cam", folder="other")]
    monkeypatch.setenv("POLYMORPH_IPC_DIR", "other")
    streams.append(TensorStream("cam"))
    producer = TensorProducer.from_sample("cam", numbered(0))
    monkeypatch.chdir("/")
    streams += [pickle.loads(pickle.dumps(stream)) for stream in streams]
    producer.publish(numbered(1))
    assert [number_of(stream.get_last()) for stream in streams] == [1] * 4
    for stream in streams:
        stream.cleanup()
    producer.cleanup()


def test_pool_of_a_collected_producer_is_removed_from_its_folder_at_exit(spawn: Spawner, other: Path) -> None:
    spawn(f"""
        import numpy as np
        from polymorph_ipc import TensorProducer, remove_pool
        for name in ("kept until exit", "removed"):
            TensorProducer.from_sample(name.replace(" ", "_"), np.zeros(3), folder={str(other)!r})
        remove_pool("removed", folder={str(other)!r})
    """).succeed()
    assert os.listdir(other) == []


def test_folder_that_is_not_a_path_is_refused() -> None:
    for make in (
        lambda: TensorStream("cam", folder=3),  # type: ignore[arg-type]
        lambda: TensorProducer.from_sample("cam", np.zeros(3), folder=3),  # type: ignore[arg-type]
        lambda: list_pools(folder=3),  # type: ignore[arg-type]
    ):
        with pytest.raises(TypeError, match="int"):
            make()
