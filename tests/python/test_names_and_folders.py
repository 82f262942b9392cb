"""What a pool may be called, and where pools live: folders of one's own, shared ones, other people's."""

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

GOOD = [
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
BAD = [
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


@pytest.mark.parametrize("name", GOOD, ids=lambda name: name[:24])
def test_a_good_name_is_carried_from_producer_to_listing(name: str) -> None:
    with TensorProducer.from_sample(name, numbered(0)) as producer, TensorStream(name) as stream:
        producer.publish(numbered(1))
        assert number_of(stream.get_last()) == 1
        assert producer.pool_name == stream.pool_name == name
        assert [pool.name for pool in list_pools()] == [name]
        assert inspect_pool(name).name == name


@pytest.mark.parametrize("name", BAD, ids=ascii)
def test_a_bad_name_is_refused_everywhere_and_leaves_nothing(name: str, pool_folder: Path) -> None:
    for use in (lambda: TensorProducer.from_sample(name, numbered(0)), lambda: TensorStream(name)):
        with pytest.raises((InvalidNameError, ValueError)):
            use()
    for manage in (inspect_pool, remove_pool):
        with pytest.raises((InvalidNameError, ValueError)):
            manage(name)
    assert list(pool_folder.rglob("*")) == []


@pytest.mark.parametrize("name", [None, 7, b"cam", Path("cam"), ["cam"]], ids=repr)
def test_a_name_that_is_no_string_is_refused(name: object) -> None:
    for use in (lambda: TensorProducer.from_sample(name, numbered(0)), lambda: TensorStream(name)):  # type: ignore
        with pytest.raises(TypeError):
            use()


def test_the_error_of_a_bad_name_says_what_names_are_made_of() -> None:
    with pytest.raises(InvalidNameError, match="A-Z"):
        TensorStream("left arm")


@given(st.text(max_size=12))
@settings(max_examples=150, deadline=None)
def test_any_text_is_a_name_or_an_error(name: str) -> None:
    try:
        with TensorStream(name) as stream:
            assert stream.pool_name == name
            assert set(name) <= set("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_-./")
    except ValueError:
        pass


def test_names_that_look_alike_on_disk_are_different_pools() -> None:
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
def test_the_file_has_exactly_the_mode_that_was_asked_for(mode: int, pool_folder: Path) -> None:
    before = os.umask(0o077)
    try:
        with TensorProducer.from_sample("cam", numbered(0), mode=mode):
            assert stat.S_IMODE(the_pool_file(pool_folder).stat().st_mode) == mode
            assert inspect_pool("cam").mode == mode
    finally:
        os.umask(before)


def test_a_mode_that_gives_read_without_write_permission_is_refused(pool_folder: Path) -> None:
    """A user who may only read the file could lock others out of it by a read lock."""
    for mode in set(range(1, 0o1000)) - {0o600, 0o660, 0o606, 0o666}:
        with pytest.raises(InvalidArgumentError, match=rf"pool 'cam': mode 0{mode:o} .*0600 .*0660 .*0666"):
            TensorProducer.from_sample("cam", numbered(0), mode=mode)
    assert pool_files(pool_folder) == []


def test_pools_of_one_folder_are_unknown_in_another(tmp_path: Path, spawn: Spawner, pool_folder: Path) -> None:
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


def test_a_folder_that_is_not_on_tmpfs_is_refused_in_words(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    on_disk = Path("/proc")
    monkeypatch.setenv("POLYMORPH_IPC_DIR", str(on_disk))
    with pytest.raises((OSError, RuntimeError, ValueError)) as refusal:
        TensorProducer.from_sample("cam", numbered(0))
    assert str(on_disk) in str(refusal.value)


@pytest.mark.parametrize("folder", ["relative/folder", "/dev/shm/" + "x" * 4200])
def test_a_folder_that_no_two_processes_can_agree_on_is_refused(folder: str, spawn: Spawner, pool_folder: Path) -> None:
    """Two processes with different working directories must meet in the same folder, or be told why not."""
    child = spawn(
        """
    import os, sys
    import numpy as np
    from polymorph_ipc import PolymorphError, TensorProducer, TensorStream
    os.chdir(sys.argv[1])
    try:
        with TensorProducer.from_sample("met", np.zeros(3)) as producer:
            producer.publish(np.ones(3))
            os.chdir("/")
            send("same" if TensorStream("met").get_last() is not None else "different")
    except (PolymorphError, OSError) as error:
        send("refused", error)
    """,
        pool_folder,
        environment={"POLYMORPH_IPC_DIR": folder},
    )
    answer = child.expect("")
    child.succeed()
    assert answer.startswith("refused"), answer


AS_NOBODY = """
    import ctypes, os, sys
    import numpy as np
    from polymorph_ipc import PolymorphError, TensorProducer, TensorStream, clean_pools, list_pools

    os.setgroups([])
    os.setresgid(65534, 65534, 65534)
    os.setresuid(65534, 65534, 65534)
    # a process that has changed its user is not dumpable, and may not open files through /proc/self until it says so
    ctypes.CDLL(None).prctl(4, 1, 0, 0, 0)

    def attempt(name, act):
        try:
            send(name, "returned", act())
        except PolymorphError as error:
            send(name, type(error).__name__, error)

    attempt("produce", lambda: TensorProducer.from_sample("cam", np.zeros((4, 8), np.int64)).cleanup())
    attempt("stream", lambda: TensorStream("cam").get_last().tolist())
    attempt("list", lambda: [(pool.name, pool.status) for pool in list_pools()])
"""

if os.geteuid() == 0:  # only root can become somebody else

    def test_another_users_closed_folder_is_a_permission_error(spawn: Spawner, pool_folder: Path) -> None:
        pool_folder.chmod(0o700)
        with TensorProducer.from_sample("cam", numbered(0)):
            child = spawn(AS_NOBODY)
            for act in ("produce", "stream", "list"):
                assert child.expect(act).startswith("PoolPermissionError"), act
            child.succeed()

    def test_another_users_closed_pool_in_a_shared_folder_is_a_permission_error(
        spawn: Spawner, pool_folder: Path
    ) -> None:
        pool_folder.chmod(0o777)
        with TensorProducer.from_sample("cam", numbered(0)):
            child = spawn(AS_NOBODY)
            assert child.expect("produce").startswith(("PoolPermissionError", "PoolBusyError"))
            assert child.expect("stream").startswith("PoolPermissionError")
            assert child.expect("list") == "returned [('cam', 'PERMISSION')]"
            child.succeed()

    def test_another_users_pool_that_was_opened_up_on_purpose_can_be_read(spawn: Spawner, pool_folder: Path) -> None:
        pool_folder.chmod(0o777)
        with TensorProducer.from_sample("cam", numbered(0), mode=0o666) as producer:
            producer.publish(numbered(1))
            child = spawn(AS_NOBODY)
            assert child.expect("produce").startswith("PoolBusyError")
            assert child.expect("stream").startswith("returned [[1, 1")
            assert child.expect("list") == "returned [('cam', 'OK')]"
            child.succeed()

    # Default folders are the machine's: suites of several Pythons that run side by side need users of their own.
    STRANGER = 60000 + sys.version_info.minor
    AS_STRANGER = AS_NOBODY.replace("\n    ", "\n").replace("65534", str(STRANGER))

    def test_a_default_folder_that_somebody_else_made_is_refused(spawn: Spawner) -> None:
        """/dev/shm is writable for all: whoever makes another user's folder first must gain nothing by it."""
        default = Path(f"/dev/shm/polymorph_ipc-{STRANGER}")
        assert not default.exists()
        default.mkdir(mode=0o777)
        default.chmod(0o777)
        try:
            child = spawn("import os\nos.environ.pop('POLYMORPH_IPC_DIR')" + AS_STRANGER)
            answer = child.expect("produce")
            assert answer.startswith("PoolPermissionError")
            assert str(default) in answer
            assert child.expect("stream").startswith("PoolPermissionError")
            child.finish()
            assert pool_files(default) == []
        finally:
            default.rmdir()

    def test_the_default_folder_is_made_for_its_user_alone(spawn: Spawner) -> None:
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
    """.replace("65533", str(STRANGER))
        )
        assert child.expect("") == "0o700"
        child.succeed()


def test_looking_for_pools_that_are_not_there_makes_no_folder(
    pool_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    nowhere = pool_folder / "nowhere"
    monkeypatch.setenv("POLYMORPH_IPC_DIR", str(nowhere))
    assert list_pools() == []
    with pytest.raises(PoolNotFoundError):
        inspect_pool("cam")
    with pytest.raises(PoolNotFoundError):
        remove_pool("cam")
    assert not nowhere.exists()


def test_the_folder_is_asked_for_at_every_opening(pool_folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with TensorProducer.from_sample("cam", np.zeros(3)):
        elsewhere = pool_folder / "elsewhere"
        elsewhere.mkdir()
        monkeypatch.setenv("POLYMORPH_IPC_DIR", str(elsewhere))
        assert list_pools() == []
        with TensorProducer.from_sample("cam", np.zeros(3)):
            assert len(list_pools()) == 1
