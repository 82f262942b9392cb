"""explain_faults: a write to a view ends the process, and stderr names the reason and the fix."""

from __future__ import annotations

import signal

import pytest

from support.processes import Spawner

WRITE_IN_PLACE = """
    import ctypes, faulthandler, sys
    import numpy as np
    import polymorph_ipc
    from polymorph_ipc import TensorProducer, TensorStream

    {preparation}
    producer = TensorProducer.from_sample("victor/cam", np.zeros((4, 8)), keep=False)
    producer.publish(np.ones((4, 8)))
    stream = TensorStream("victor/cam")
    frame = stream.get_history(1)[0] if len(sys.argv) > 1 else stream.get_last()
    send("writing")
    ctypes.memset({address}, 0, 8)
    send("survived")
"""


@pytest.mark.leaves_pools
@pytest.mark.parametrize("read", [(), ("history",)], ids=["a frame", "a history"])
def test_write_to_a_view_names_the_pool_and_the_fix(spawn: Spawner, read: tuple[str, ...]) -> None:
    program = WRITE_IN_PLACE.format(preparation="polymorph_ipc.explain_faults()", address="frame.ctypes.data")
    child = spawn(program, *read)
    child.expect("writing")
    stderr = child.fail_with(-signal.SIGSEGV)
    assert "victor/cam" in stderr
    assert "copy=True" in stderr


@pytest.mark.leaves_pools
def test_write_to_a_view_is_not_explained_by_default(spawn: Spawner) -> None:
    child = spawn(WRITE_IN_PLACE.format(preparation="pass", address="frame.ctypes.data"))
    child.expect("writing")
    assert "copy=True" not in child.fail_with(-signal.SIGSEGV)


@pytest.mark.leaves_pools
def test_explained_fault_reaches_the_earlier_handler(spawn: Spawner) -> None:
    preparation = "faulthandler.enable(); polymorph_ipc.explain_faults(); polymorph_ipc.explain_faults()"
    child = spawn(WRITE_IN_PLACE.format(preparation=preparation, address="frame.ctypes.data"))
    child.expect("writing")
    stderr = child.fail_with(-signal.SIGSEGV)
    assert stderr.count("victor/cam") == 1, "the fault is explained once"
    assert "Fatal Python error: Segmentation fault" in stderr


@pytest.mark.leaves_pools
def test_fault_outside_of_pools_names_no_pool(spawn: Spawner) -> None:
    child = spawn(WRITE_IN_PLACE.format(preparation="polymorph_ipc.explain_faults()", address="16"))
    child.expect("writing")
    stderr = child.fail_with(-signal.SIGSEGV)
    assert "victor/cam" not in stderr
    assert "copy=True" not in stderr


@pytest.mark.leaves_pools
def test_write_to_a_view_of_a_closed_stream_is_explained(spawn: Spawner) -> None:
    program = WRITE_IN_PLACE.format(preparation="polymorph_ipc.explain_faults()", address="frame.ctypes.data")
    child = spawn(program.replace('send("writing")', 'stream.cleanup(); producer.cleanup(); send("writing")'))
    child.expect("writing")
    assert "victor/cam" in child.fail_with(-signal.SIGSEGV)


@pytest.mark.leaves_pools
def test_read_of_a_truncated_pool_file_is_explained(spawn: Spawner) -> None:
    program = WRITE_IN_PLACE.format(preparation="polymorph_ipc.explain_faults()", address="frame.ctypes.data")
    truncate = """import os; (name,) = os.listdir(os.environ["POLYMORPH_IPC_DIR"])
    os.truncate(os.path.join(os.environ["POLYMORPH_IPC_DIR"], name), 4096)
    send("writing"); frame.sum()"""
    child = spawn(program.replace('send("writing")', truncate))
    child.expect("writing")
    assert "victor/cam" in child.fail_with(-signal.SIGBUS)


@pytest.mark.parametrize("number", [signal.SIGSEGV, signal.SIGBUS])
@pytest.mark.parametrize("send", ["os.kill(os.getpid(), {})", "signal.raise_signal({})"])
def test_sent_sigsegv_ends_the_process_with_that_signal(spawn: Spawner, number: int, send: str) -> None:
    child = spawn(f"""
        import os, signal, polymorph_ipc
        polymorph_ipc.explain_faults()
        {send.format(int(number))}
        send("survived")
    """)
    assert "polymorph_ipc" not in child.fail_with(-number)


def test_sent_sigsegv_reaches_the_earlier_handler(spawn: Spawner) -> None:
    spawn("""
        import signal, polymorph_ipc
        seen = []
        signal.signal(signal.SIGSEGV, lambda number, frame: seen.append(number))
        signal.signal(signal.SIGBUS, signal.SIG_IGN)
        polymorph_ipc.explain_faults()
        for number in (signal.SIGSEGV, signal.SIGBUS, signal.SIGSEGV):
            signal.raise_signal(number)
        assert seen == [signal.SIGSEGV] * 2
    """).succeed()


def test_faulthandler_still_reports_a_sent_sigsegv(spawn: Spawner) -> None:
    child = spawn("""
        import faulthandler, os, signal, polymorph_ipc
        faulthandler.enable()
        polymorph_ipc.explain_faults()
        os.kill(os.getpid(), signal.SIGSEGV)
    """)
    assert child.fail_with(-signal.SIGSEGV).count("Fatal Python error: Segmentation fault") == 1
