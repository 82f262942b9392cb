"""Pool names, and registry folders: private ones, shared ones and those of other users."""

from __future__ import annotations

import os
import stat
import sys
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from polymorph_ipc import (
    InvalidArgumentError,
    InvalidNameError,
    PoolNotFoundError,
    TensorProducer,
    TensorStream,
    inspect_pool,
    list_pools,
    remove_pool,
)

from support.frames import number_of, numbered
from support.observe import pool_files, the_pool_file
from support.processes import Spawner

VALID = [
    "a",
    "cam",
    "victor/left_arm/joint_states",
    "A-Z.0_9",
    "...",
    "a/..b/c..",
    ".hidden",
    "x" * 200,
    "a/" * 99 + "ab",
]
INVALID = [
    "",
    "/",
    "/cam",
    "cam/",
    "a//b",
    ".",
    "..",
    "../cam",
    "a/../b",
    "a/.",
    "a b",
    "cam\n",
    "cam\0",
    "cam\0hidden",
    "caméra",
    "a%2fb",
    "a\\b",
    "a:b",
    "*",
    "x" * 201,
    "\udcff",
]


@pytest.mark.parametrize("name", VALID, ids=lambda name: name[:24])
def test_valid_name_is_the_same_in_handles_and_listings(name: str) -> None:
    with TensorProducer.from_sample(name, numbered(0)) as producer, TensorStream(name) as stream:
        producer.publish(numbered(1))
        assert number_of(stream.get_last()) == 1
        assert producer.pool_name == stream.pool_name == name
        assert [pool.name for pool in list_pools()] == [name]
        assert inspect_pool(name).name == name


@pytest.mark.parametrize("name", INVALID, ids=ascii)
def test_invalid_name_is_refused_everywhere_and_leaves_no_file(name: str, pool_folder: Path) -> None:
    for use in (lambda: TensorProducer.from_sample(name, numbered(0)), lambda: TensorStream(name)):
        with pytest.raises((InvalidNameError, ValueError)):
            use()
    for use in (lambda: inspect_pool(name), lambda: remove_pool(name)):
        with pytest.raises((InvalidNameError, ValueError)):
            use()
    assert list(pool_folder.rglob("*")) == []


@pytest.mark.parametrize("name", [None, 7, b"cam", Path("cam"), ["cam"]], ids=repr)
def test_name_that_is_not_a_string_is_refused(name: object) -> None:
    for use in (lambda: TensorProducer.from_sample(name, numbered(0)), lambda: TensorStream(name)):  # type: ignore
        with pytest.raises(TypeError):
            use()


def test_invalid_name_error_lists_the_allowed_characters() -> None:
    with pytest.raises(InvalidNameError, match="A-Z"):
        TensorStream("left arm")


@given(st.text(max_size=12))
@settings(max_examples=150, deadline=None)
def test_any_text_is_a_valid_name_or_an_error(name: str) -> None:
    try:
        with TensorStream(name) as stream:
            assert stream.pool_name == name
            assert set(name) <= set("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_-./")
    except ValueError:
        pass


def test_similar_names_are_different_pools() -> None:
    names = ["a/b", "a.b", "a_b", "a-b", "A/b", "a/b/c", "a"]
    producers = [TensorProducer.from_sample(name, numbered(0)) for name in names]
    for number, producer in enumerate(producers):
        producer.publish(numbered(number))
    for number, name in enumerate(names):
        with TensorStream(name) as stream:
            assert number_of(stream.get_last()) == number
    assert [pool.name for pool in list_pools()] == sorted(names)
    for producer in producers:
        producer.cleanup()


@pytest.mark.parametrize("mode", [0o600, 0o660, 0o606, 0o666])
def test_pool_file_has_exactly_the_given_mode(mode: int, pool_folder: Path) -> None:
    before = os.umask(0o077)
    try:
        with TensorProducer.from_sample("cam", numbered(0), mode=mode):
            assert stat.S_IMODE(the_pool_file(pool_folder).stat().st_mode) == mode
            assert inspect_pool("cam").mode == mode
    finally:
        os.umask(before)


def test_mode_with_read_but_not_write_permission_is_refused(pool_folder: Path) -> None:
    """A user who may only read the file could block its users with a read lock."""
    for mode in set(range(1, 0o1000)) - {0o600, 0o660, 0o606, 0o666}:
        with pytest.raises(InvalidArgumentError, match=rf"pool 'cam': mode 0{mode:o} .*0600 .*0660 .*0666"):
            TensorProducer.from_sample("cam", numbered(0), mode=mode)
    assert pool_files(pool_folder) == []


def test_pools_of_one_folder_are_not_found_in_another(tmp_path: Path, spawn: Spawner, pool_folder: Path) -> None:
    other = pool_folder / "other_robot"
    other.mkdir()
    child = spawn(
        """
    from polymorph_ipc import TensorStream, list_pools
    send(len(list_pools()), TensorStream("cam").get_last())
    """,
        environment={"POLYMORPH_IPC_DIR": str(other)},
    )
    with TensorProducer.from_sample("cam", numbered(0)) as producer:
        producer.publish(numbered(1))
        assert child.expect("") == "0 None"
        child.succeed()


def test_folder_that_is_not_on_tmpfs_is_refused_by_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    on_disk = Path("/proc")
    monkeypatch.setenv("POLYMORPH_IPC_DIR", str(on_disk))
    with pytest.raises((OSError, RuntimeError, ValueError)) as refusal:
        TensorProducer.from_sample("cam", numbered(0))
    assert str(on_disk) in str(refusal.value)


@pytest.mark.parametrize("folder", ["relative/folder", "/dev/shm/" + "x" * 4200])
def test_relative_or_too_long_folder_is_refused(folder: str, spawn: Spawner, pool_folder: Path) -> None:
    """Two processes with different working directories must use the same folder, or get an error."""
    child = spawn(
        """
    import os, sys
    import numpy as np
    from polymorph_ipc import PolymorphError, TensorProducer, TensorStream
    os.chdir(sys.argv[1])
    try:
        with TensorProducer.from_sample("cam", np.zeros(3)) as producer:
            producer.publish(np.ones(3))
            os.chdir("/")
            send("same" if TensorStream("cam").get_last() is not None else "different")
    except (PolymorphError, OSError) as error:
        send("refused", error)
    """,
        pool_folder,
        environment={"POLYMORPH_IPC_DIR": folder},
    )
    answer = child.expect("")
    child.succeed()
    assert answer.startswith("refused"), answer


AS_USER_65534 = """
    import ctypes, os, sys
    import numpy as np
    from polymorph_ipc import PolymorphError, TensorProducer, TensorStream, clean_pools, list_pools

    os.setgroups([])
    os.setresgid(65534, 65534, 65534)
    os.setresuid(65534, 65534, 65534)
    # a process that has changed its user is not dumpable and cannot open files through /proc/self
    ctypes.CDLL(None).prctl(4, 1, 0, 0, 0)

    def attempt(name, call):
        try:
            send(name, "returned", call())
        except PolymorphError as error:
            send(name, type(error).__name__, error)

    attempt("produce", lambda: TensorProducer.from_sample("cam", np.zeros((4, 8), np.int64)).cleanup())
    attempt("stream", lambda: TensorStream("cam").get_last().tolist())
    attempt("list", lambda: [(pool.name, pool.status) for pool in list_pools()])
"""

if os.geteuid() == 0:  # only root can become another user

    def test_private_folder_of_another_user_is_a_permission_error(spawn: Spawner, pool_folder: Path) -> None:
        pool_folder.chmod(0o700)
        with TensorProducer.from_sample("cam", numbered(0)):
            child = spawn(AS_USER_65534)
            for call in ("produce", "stream", "list"):
                assert child.expect(call).startswith("PoolPermissionError"), call
            child.succeed()

    def test_private_pool_of_another_user_is_a_permission_error(spawn: Spawner, pool_folder: Path) -> None:
        pool_folder.chmod(0o777)
        with TensorProducer.from_sample("cam", numbered(0)):
            child = spawn(AS_USER_65534)
            assert child.expect("produce").startswith(("PoolPermissionError", "PoolBusyError"))
            assert child.expect("stream").startswith("PoolPermissionError")
            assert child.expect("list") == "returned [('cam', 'PERMISSION')]"
            child.succeed()

    def test_pool_of_another_user_with_mode_0666_can_be_read(spawn: Spawner, pool_folder: Path) -> None:
        pool_folder.chmod(0o777)
        with TensorProducer.from_sample("cam", numbered(0), mode=0o666) as producer:
            producer.publish(numbered(1))
            child = spawn(AS_USER_65534)
            assert child.expect("produce").startswith("PoolBusyError")
            assert child.expect("stream").startswith("returned [[1, 1")
            assert child.expect("list") == "returned [('cam', 'OK')]"
            child.succeed()

    # All suites on a machine share the default folders, so the suite of each Python version uses its own user.
    OTHER_USER = 60000 + sys.version_info.minor
    AS_OTHER_USER = AS_USER_65534.replace("\n    ", "\n").replace("65534", str(OTHER_USER))

    def test_default_folder_made_by_another_user_is_refused(spawn: Spawner) -> None:
        """All users may write to /dev/shm; a folder that another user made there first must not be used."""
        default = Path(f"/dev/shm/polymorph_ipc-{OTHER_USER}")
        assert not default.exists()
        default.mkdir(mode=0o777)
        default.chmod(0o777)
        try:
            child = spawn("import os\nos.environ.pop('POLYMORPH_IPC_DIR')" + AS_OTHER_USER)
            answer = child.expect("produce")
            assert answer.startswith("PoolPermissionError")
            assert str(default) in answer
            assert child.expect("stream").startswith("PoolPermissionError")
            child.finish()
            assert pool_files(default) == []
        finally:
            default.rmdir()

    def test_default_folder_is_private_to_its_user(spawn: Spawner) -> None:
        child = spawn(
            """
    import os
    import numpy as np
    from polymorph_ipc import TensorProducer
    os.environ.pop("POLYMORPH_IPC_DIR")
    os.umask(0)
    os.setresuid(65533, 65533, 65533)
    with TensorProducer.from_sample("cam", np.zeros(3)):
        send(oct(os.stat("/dev/shm/polymorph_ipc-65533").st_mode & 0o7777))
    os.rmdir("/dev/shm/polymorph_ipc-65533")
    """.replace("65533", str(OTHER_USER))
        )
        assert child.expect("") == "0o700"
        child.succeed()


def test_looking_for_missing_pools_creates_no_folder(pool_folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    missing = pool_folder / "missing"
    monkeypatch.setenv("POLYMORPH_IPC_DIR", str(missing))
    assert list_pools() == []
    with pytest.raises(PoolNotFoundError):
        inspect_pool("cam")
    with pytest.raises(PoolNotFoundError):
        remove_pool("cam")
    assert not missing.exists()


def test_folder_variable_is_read_at_every_opening(pool_folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with TensorProducer.from_sample("cam", np.zeros(3)):
        other = pool_folder / "other"
        other.mkdir()
        monkeypatch.setenv("POLYMORPH_IPC_DIR", str(other))
        assert list_pools() == []
        with TensorProducer.from_sample("cam", np.zeros(3)):
            assert len(list_pools()) == 1
