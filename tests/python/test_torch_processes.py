"""torch in several processes: DataLoader workers, in-place writes, older versions, and when torch is imported."""

from __future__ import annotations

import signal
from pathlib import Path

import pytest
import torch
from polymorph_ipc import TensorProducer

from support.processes import Spawner

LOADER = """
    import sys
    import torch
    from polymorph_ipc import TensorProducer, TensorStream

    class Frames(torch.utils.data.Dataset):
        def __init__(self, stream):
            self.stream = stream
        def __len__(self):
            return 8
        def __getitem__(self, index):
            return self.stream.get_history(8)[index]

    if __name__ == "__main__":
        with TensorProducer.from_sample("cam", torch.zeros(4, 8, dtype=torch.int64)) as producer:
            with TensorStream("cam") as stream:
                for number in range(1, 9):
                    producer.publish(torch.full((4, 8), number))
                kept = stream.get_last()
                loader = torch.utils.data.DataLoader(
                    Frames(stream), batch_size=4, num_workers=2, multiprocessing_context=sys.argv[1]
                )
                for epoch in range(2 if sys.argv[1] == "fork" else 1):
                    send("batches", [batch[:, 0, 0].tolist() for batch in loader])
                for number in range(9, 60):
                    producer.publish(torch.full((4, 8), number))
                send("kept", kept.unique().tolist(), stream.get_last().unique().tolist())
"""


@pytest.mark.parametrize("method", ["fork", "spawn"])
def test_stream_in_a_dataset_works_in_dataloader_workers(spawn: Spawner, method: str) -> None:
    child = spawn(LOADER, method)
    for _ in range(2 if method == "fork" else 1):
        assert child.expect("batches", timeout=60) == "[[1, 2, 3, 4], [5, 6, 7, 8]]"
    assert child.expect("kept") == "[8] [59]"
    child.succeed()


@pytest.mark.leaves_pools
def test_in_place_operation_on_a_view_faults_and_is_explained(spawn: Spawner) -> None:
    child = spawn(
        """
    import torch
    from polymorph_ipc import TensorProducer, TensorStream, explain_faults
    explain_faults()
    producer = TensorProducer.from_sample("victor/cam", torch.zeros(4, 8))
    producer.publish(torch.ones(4, 8))
    stream = TensorStream("victor/cam")
    stream.get_last(copy=True).sub_(1)
    send("a copy is writable")
    stream.get_last().sub_(1)
    """
    )
    child.expect("a copy is writable")
    stderr = child.fail_with(-signal.SIGSEGV)
    assert "victor/cam" in stderr
    assert "copy=True" in stderr


ROUND_TRIP = """
    import gc
    import numpy as np
    import torch
    from polymorph_ipc import SchemaMismatchError, TensorProducer, TensorStream

    {preparation}
    for dtype in (torch.int64, torch.float32, torch.bfloat16, torch.float8_e5m2, torch.bool, torch.complex64):
        sample = torch.ones(4, 8).to(dtype)
        with TensorProducer.from_sample("cam", sample, history_len=3) as producer, TensorStream("cam") as stream:
            for number in range(30):
                producer.publish(sample)
            producer.publish(sample.T.contiguous().T)
            frame, history = stream.get_last(), stream.get_history(3)
            assert frame.dtype == history.dtype == dtype and history.shape == (3, 4, 8)
            assert all(torch.equal(each.view(torch.uint8), sample.view(torch.uint8)) for each in (frame, *history))
            assert stream.stats["views_held"] == 2 and stream.stats["copies"] == 0
            for number in range(30):
                producer.publish(torch.zeros(4, 8).to(dtype))
            assert torch.equal(frame.view(torch.uint8), sample.view(torch.uint8))
            del frame, history
            gc.collect()
            assert stream.stats["views_held"] == 0
            try:
                producer.publish(sample[:2])
                raise AssertionError("a sample of another shape was published")
            except SchemaMismatchError:
                pass
            producer.publish(sample.clone().requires_grad_() if dtype is torch.float32 else sample)
            with producer.loan() as loan:
                loan.data.copy_(sample)
            assert torch.equal(stream.get_last().view(torch.uint8), sample.view(torch.uint8))
            out = torch.zeros(4, 8).to(dtype)
            assert stream.get_last(out=out) is out
            assert torch.equal(out.view(torch.uint8), sample.view(torch.uint8))
    send("exact")
"""

TORCH_BEFORE_2_10 = (
    'del torch.Tensor.__dlpack_c_exchange_api__; assert not hasattr(torch.Tensor, "__dlpack_c_exchange_api__")'
)


@pytest.mark.parametrize("preparation", ["pass", TORCH_BEFORE_2_10], ids=["exchange API", "capsules of an older torch"])
def test_tensors_are_exact_and_pinned_with_and_without_the_exchange_api(spawn: Spawner, preparation: str) -> None:
    child = spawn(ROUND_TRIP.format(preparation=preparation))
    assert child.expect("exact", timeout=60) == ""
    child.succeed()


NEVER_IMPORTS = """
    import sys

    class RefusingFinder:
        def find_spec(self, name, path=None, target=None):
            assert name.split(".")[0] != "torch", "a read imports torch"

    sys.meta_path.insert(0, RefusingFinder())
    from polymorph_ipc import TensorStream, list_pools, wait_any
    list_pools()
"""


def test_no_read_imports_torch_when_a_torch_producer_appears(spawn: Spawner) -> None:
    child = spawn(
        NEVER_IMPORTS
        + """
    with TensorStream("cam") as stream:
        send("ready")
        assert wait_any([stream], timeout=30)
        frames = [stream.get_new(), stream.get_last(), stream.get_history(1), stream.get_last(copy=True)]
        send(*(type(frame).__module__ for frame in frames), stream.backend, stream.dtype, "torch" in sys.modules)
    """
    )
    child.expect("ready")
    with TensorProducer.from_sample("cam", torch.zeros(3)) as producer:
        producer.publish(torch.ones(3))
        assert child.expect("") == "numpy numpy numpy numpy numpy float32 False"
        child.succeed()


def test_stream_opened_before_import_torch_may_return_tensors(spawn: Spawner) -> None:
    with TensorProducer.from_sample("cam", torch.zeros(3)) as producer:
        producer.publish(torch.ones(3))
        spawn("""
    from polymorph_ipc import TensorStream
    with TensorStream("cam") as late, TensorStream("cam") as early:
        assert type(early.get_last()).__module__ == "numpy"
        import torch
        assert type(late.get_last()) is torch.Tensor
        assert early.backend == "numpy", "the backend of a stream does not change"
    """).succeed(timeout=60)


HALF_IMPORTED = """
import sys, types
import blocker

class Tensor: ...

dlpack = sys.modules["torch.utils.dlpack"] = types.ModuleType("torch.utils.dlpack")
dlpack.from_dlpack = dlpack.to_dlpack = repr
blocker.begun.set()
blocker.go_on.wait()
"""


def test_read_does_not_wait_for_a_thread_that_imports_torch(spawn: Spawner, tmp_path: Path) -> None:
    package = tmp_path / "torch"
    package.mkdir()
    (package / "__init__.py").write_text(HALF_IMPORTED)
    (tmp_path / "blocker.py").write_text("import threading\nbegun, go_on = threading.Event(), threading.Event()\n")
    with TensorProducer.from_sample("cam", torch.zeros(3)) as producer:
        producer.publish(torch.ones(3))
        spawn(f"""
    import sys
    sys.path.insert(0, {str(tmp_path)!r})
    import importlib, threading
    import blocker
    from polymorph_ipc import TensorStream
    thread = threading.Thread(target=importlib.import_module, args=("torch",))
    thread.start()
    blocker.begun.wait()
    with TensorStream("cam") as stream:
        assert "torch" in sys.modules
        assert type(stream.get_last()).__module__ == "numpy"
    blocker.go_on.set()
    thread.join()
    """).succeed()


def test_failing_torch_import_is_reported_when_a_handle_is_made(spawn: Spawner, tmp_path: Path) -> None:
    (tmp_path / "torch.py").write_text("raise ImportError('libcudart.so.11: cannot open shared object file')")
    spawn(f"""
    import sys
    sys.path.insert(0, {str(tmp_path)!r})
    import numpy as np
    from polymorph_ipc import Schema, TensorProducer, TensorStream
    for make in (lambda: TensorStream("cam", backend="torch"),
                 lambda: TensorProducer("cam", Schema.from_sample(np.zeros(3)), origin="torch")):
        try:
            make()
        except ImportError as error:
            assert 'is "torch", but torch cannot be imported: libcudart.so.11' in str(error), error
        else:
            raise AssertionError("no error was raised")
    """).succeed()


def test_torch_pools_are_read_as_numpy_without_torch(spawn: Spawner) -> None:
    with TensorProducer.from_sample("cam", torch.zeros(3)) as producer:
        producer.publish(torch.ones(3))
        child = spawn(
            """
    import sys
    sys.modules["torch"] = None  # as if torch were not installed
    from polymorph_ipc import TensorStream
    with TensorStream("cam") as stream:
        send(stream.backend, stream.get_last())
    try:
        TensorStream("cam", backend="torch").get_last()
    except ImportError as error:
        send("refused", error)
    """
        )
        assert child.expect("") == "numpy [1. 1. 1.]"
        assert "torch" in child.expect("refused")
        child.succeed()
