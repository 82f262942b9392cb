"""Corrupt pool files and foreign files in the registry folder cause an error with a text, never a crash."""

from __future__ import annotations

import os
import random
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from polymorph_ipc import (
    PolymorphError,
    PoolCorruptError,
    PoolIncompatibleError,
    TensorProducer,
    TensorStream,
    clean_pools,
    inspect_pool,
    list_pools,
    remove_pool,
)

from support.frames import number_of, numbered
from support.observe import pool_files, the_pool_file
from support.processes import TESTS, Spawner

pytestmark = pytest.mark.any_python

DAMAGE_FILES = TESTS / "programs" / "damage_files.py"


def orphaned_pool(folder: Path) -> Path:
    """The file of an intact orphaned pool with three samples."""
    with TensorProducer.from_sample("cam", numbered(0), keep=True) as producer:
        for number in (1, 2, 3):
            producer.publish(numbered(number))
    return the_pool_file(folder)


def noise(count: int) -> bytes:
    return random.Random(count).randbytes(count)


DAMAGE: dict[str, Callable[[Path], object]] = {
    "half a header": lambda file: os.truncate(file, 64),
    "a page": lambda file: os.truncate(file, 4096),
    "half of it": lambda file: os.truncate(file, file.stat().st_size // 2),
    "all but the last byte": lambda file: os.truncate(file, file.stat().st_size - 1),
    "noise after the magic number": lambda file: overwrite(file, 8, noise(4088)),
    "zeros after the magic number": lambda file: overwrite(file, 8, bytes(4088)),
}

# Files that do not begin with the magic number of a pool, so they may belong to another program.
FOREIGN: dict[str, Callable[[Path], object]] = {
    "empty": lambda file: os.truncate(file, 0),
    "one byte": lambda file: os.truncate(file, 1),
    "zeros": lambda file: file.write_bytes(bytes(file.stat().st_size)),
    "noise": lambda file: file.write_bytes(noise(file.stat().st_size)),
    "text": lambda file: file.write_text("this is a note and not a pool\n" * 1000),
    "noise in the first page": lambda file: overwrite(file, 0, noise(4096)),
    "zeros in the first page": lambda file: overwrite(file, 0, bytes(4096)),
}


def overwrite(file: Path, offset: int, content: bytes) -> None:
    with open(file, "r+b") as raw:
        raw.seek(offset)
        raw.write(content)


@pytest.mark.parametrize("damage", DAMAGE)
def test_corrupt_file_is_refused_listed_with_its_problem_and_removable(damage: str, pool_folder: Path) -> None:
    DAMAGE[damage](orphaned_pool(pool_folder))
    with pytest.raises((PoolCorruptError, PoolIncompatibleError)) as refusal:
        TensorStream("cam").get_last()
    assert "cam" in str(refusal.value)
    with pytest.raises((PoolCorruptError, PoolIncompatibleError)):
        inspect_pool("cam")
    (pool,) = list_pools()
    assert pool.name == "cam"
    assert pool.status in ("CORRUPT", "INCOMPATIBLE")
    assert pool.problem
    remove_pool("cam")
    assert pool_files(pool_folder) == []


@pytest.mark.parametrize("damage", DAMAGE)
def test_producer_replaces_a_corrupt_file(damage: str, pool_folder: Path) -> None:
    DAMAGE[damage](orphaned_pool(pool_folder))
    with TensorProducer.from_sample("cam", numbered(0)) as producer, TensorStream("cam") as stream:
        producer.publish(numbered(7))
        assert number_of(stream.get_last()) == 7


@pytest.mark.parametrize("damage", DAMAGE)
def test_clean_pools_removes_corrupt_files(damage: str, pool_folder: Path) -> None:
    DAMAGE[damage](orphaned_pool(pool_folder))
    assert clean_pools() == ["cam"]
    assert pool_files(pool_folder) == []


@pytest.mark.parametrize("kind", FOREIGN)
def test_foreign_file_is_refused_and_removed_only_by_force(kind: str, pool_folder: Path) -> None:
    file = orphaned_pool(pool_folder)
    FOREIGN[kind](file)
    content, facts = file.read_bytes(), file.stat()
    with pytest.raises(PoolCorruptError, match="cam"):
        TensorStream("cam").get_last()
    with pytest.raises(PoolCorruptError, match=r"pool 'cam': .*cam is a regular file .*not a pool.*force"):
        TensorProducer.from_sample("cam", numbered(0))
    with pytest.raises(PoolCorruptError, match=r"is a regular file .*not a pool"):
        remove_pool("cam")
    with pytest.warns(UserWarning, match=r"clean_pools\(\) leaves 1 entry alone\. pool 'cam': .*not a pool"):
        assert clean_pools() == []
    assert file.read_bytes() == content
    assert (file.stat().st_ino, file.stat().st_mtime_ns) == (facts.st_ino, facts.st_mtime_ns)
    remove_pool("cam", force=True)
    with TensorProducer.from_sample("cam", numbered(0)) as producer, TensorStream("cam") as stream:
        producer.publish(numbered(7))
        assert number_of(stream.get_last()) == 7


@pytest.mark.leaves_pools
def test_clean_pools_in_a_shared_folder_removes_only_pools(pool_folder: Path) -> None:
    orphaned_pool(pool_folder)
    others = {f"sem.{number}": noise(32) for number in range(8)}
    for name, content in others.items():
        (pool_folder / name).write_bytes(content)
    with pytest.warns(UserWarning, match=r"leaves 8 entries alone\..*and 3 more") as caught:
        assert clean_pools() == ["cam"]
    assert len(caught) == 1
    assert {file.name: file.read_bytes() for file in pool_files(pool_folder)} == others


NOT_REGULAR: dict[str, Callable[[Path, Path], object]] = {
    "FIFO": lambda place, target: os.mkfifo(place),
    "folder": lambda place, target: place.mkdir(),
    "symlink to a pool": lambda place, target: place.symlink_to(target),
    "dangling symlink": lambda place, target: place.symlink_to("nowhere"),
    "symlink to itself": lambda place, target: place.symlink_to(place),
    "symlink to a device": lambda place, target: place.symlink_to("/dev/zero"),
    "socket": lambda place, target: __import__("socket").socket(1).bind(str(place)),
}


@pytest.mark.leaves_pools
@pytest.mark.parametrize("kind", NOT_REGULAR)
def test_entry_that_is_not_a_regular_file_is_never_opened_and_never_blocks(
    kind: str, pool_folder: Path, tmp_path: Path
) -> None:
    place = orphaned_pool(pool_folder)
    target = pool_folder / "kept" / "target"
    target.parent.mkdir()
    place.rename(target)
    content = target.read_bytes()
    NOT_REGULAR[kind](place, target)
    uses: list[Callable[[], Any]] = [
        lambda: TensorStream("cam").get_last(),
        lambda: inspect_pool("cam"),
        lambda: TensorProducer.from_sample("cam", numbered(0)).cleanup(),
        list_pools,
        lambda: remove_pool("cam"),
    ]
    for use in uses:
        try:
            result = use()
        except PolymorphError as error:
            assert str(error)
        else:
            assert result is None or isinstance(result, list)
    with pytest.warns(UserWarning, match=r"pool 'cam': .* and not a pool"):
        assert clean_pools() == []
    assert os.path.lexists(place)
    assert target.read_bytes() == content, "the target of the link was changed"
    if place.is_dir() and not place.is_symlink():
        place.rmdir()
    elif place.is_symlink() or place.exists():
        place.unlink()
    shutil.rmtree(target.parent)


@pytest.mark.leaves_pools
def test_file_with_an_invalid_pool_name_does_not_disturb_listings(pool_folder: Path) -> None:
    for name in ("read me", "%", "%zz", "..%2f", "x" * 255, "caméra"):
        (pool_folder / name).write_bytes(b"note")
    with TensorProducer.from_sample("cam", numbered(0)):
        assert "cam" in [pool.name for pool in list_pools() if pool.status == "OK"]
        clean_pools()


@pytest.mark.leaves_pools
def test_copy_of_a_pool_file_under_another_name_is_corrupt(pool_folder: Path) -> None:
    file = orphaned_pool(pool_folder)
    copy = file.with_name(file.name.replace("cam", "arm"))
    assert copy != file
    shutil.copy(file, copy)
    with pytest.raises(PoolCorruptError, match="pool 'arm': its file was copied or renamed"):
        TensorStream("arm")
    with TensorStream("cam") as stream:
        assert number_of(stream.get_last()) == 3


@pytest.mark.parametrize(("when", "rounds"), [("before", 250), ("during", 120)])
def test_random_corrupt_bytes_never_crash_a_process(spawn: Spawner, when: str, rounds: int) -> None:
    child = spawn(DAMAGE_FILES, when, 1, rounds)
    code = child.finish(timeout=80)
    assert code == 0, f"ended with {code} in {child.lines[-1]!r}\n{child.stderr}"
    assert child.lines[-1] == f"survived {rounds}"


def test_unlinked_pool_keeps_its_streams_and_is_not_found_by_name(pool_folder: Path) -> None:
    with TensorStream("cam") as stream, TensorProducer.from_sample("cam", numbered(0)) as producer:
        producer.publish(numbered(1))
        assert number_of(stream.get_last()) == 1
        the_pool_file(pool_folder).unlink()
        assert producer.publish(numbered(2)) == 2, "the producer keeps its memory"
        assert number_of(stream.get_last()) == 2
        with TensorStream("cam") as late:
            assert late.get_last() is None, "the pool is not found by its name"
    assert pool_files(pool_folder) == []
