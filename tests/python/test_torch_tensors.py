"""torch tensors: publishing them, and reading them as pinned views of the pool."""

from __future__ import annotations

import gc
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from polymorph_ipc import SchemaMismatchError, TensorProducer, TensorStream, inspect_pool

from support.frames import number_of, numbered, numbers_of


def tensor(number: int, shape: tuple[int, ...] = (4, 8)) -> torch.Tensor:
    return torch.full(shape, number, dtype=torch.int64)


def test_streams_of_a_torch_pool_return_tensors() -> None:
    with TensorProducer.from_sample("cam", tensor(0)) as producer, TensorStream("cam") as stream:
        assert producer.publish(tensor(1)) == 1
        frame = stream.get_last()
        assert type(frame) is torch.Tensor
        assert (frame.dtype, tuple(frame.shape), frame.device.type) == (torch.int64, (4, 8), "cpu")
        assert torch.equal(frame, tensor(1))
        assert stream.backend == "torch"
        assert stream.dtype == producer.dtype == torch.int64
        assert stream.shape == (4, 8)
        assert inspect_pool("cam").origin == producer.origin == "torch"


def test_backend_can_be_chosen_on_either_pool() -> None:
    with TensorProducer.from_sample("cam", tensor(0)) as producer, TensorStream("cam", backend="numpy") as stream:
        producer.publish(tensor(1))
        assert type(stream.get_last()) is np.ndarray
        assert stream.dtype == np.int64
    with TensorProducer.from_sample("cam", numbered(0)) as producer:
        with TensorStream("cam", backend="torch") as stream, TensorStream("cam") as default:
            producer.publish(numbered(2))
            assert torch.equal(stream.get_last(), tensor(2))
            assert type(default.get_last()) is np.ndarray


def test_numpy_and_torch_may_be_published_into_the_same_pool() -> None:
    for sample in (numbered(0), tensor(0)):
        with TensorProducer.from_sample("cam", sample) as producer, TensorStream("cam", backend="numpy") as stream:
            for data in (numbered(1), tensor(2), numbered(3), tensor(4)):
                producer.publish(data)
            assert numbers_of(stream.get_history(4)) == [1, 2, 3, 4]


def test_dict_of_numpy_and_torch_is_read_as_torch() -> None:
    sample = {"rgb": np.zeros((2, 2, 3), np.uint8), "q": torch.zeros(7)}
    with TensorProducer.from_sample("obs", sample) as producer, TensorStream("obs") as stream:
        producer.publish({"rgb": torch.ones((2, 2, 3), dtype=torch.uint8), "q": np.ones(7, np.float32)})
        frame = stream.get_last()
        assert {name: type(field) for name, field in frame.items()} == {"rgb": torch.Tensor, "q": torch.Tensor}
        assert frame["rgb"].sum() == 12
        assert frame["q"].sum() == 7
        assert stream.dtype == {"rgb": torch.uint8, "q": torch.float32}


DERIVED: dict[str, Callable[[torch.Tensor], Any]] = {
    "itself": lambda frame: frame,
    "slice": lambda frame: frame[1:3, ::2],
    "numpy": lambda frame: frame.numpy(),
    "detached": lambda frame: frame.detach(),
    "flattened": lambda frame: frame.view(-1),
    "numpy from dlpack": lambda frame: np.from_dlpack(frame),
}


@pytest.mark.parametrize("share", DERIVED)
def test_objects_sharing_a_tensors_memory_pin_its_slot(share: str) -> None:
    with TensorProducer.from_sample("cam", tensor(0), history_len=2) as producer, TensorStream("cam") as stream:
        producer.publish(tensor(1))
        kept = DERIVED[share](stream.get_last())
        gc.collect()
        for number in range(2, 40):
            producer.publish(tensor(number))
        assert number_of(np.asarray(kept)) == 1
        assert stream.stats["views_held"] == 1
        del kept
        gc.collect()
        assert stream.stats["views_held"] == 0


def test_tensors_outlive_stream_and_producer() -> None:
    producer = TensorProducer.from_sample("cam", tensor(0))
    stream = TensorStream("cam")
    producer.publish(tensor(1))
    frame, history = stream.get_last(), stream.get_history(1)
    stream.cleanup()
    producer.cleanup()
    del stream, producer
    gc.collect()
    assert torch.equal(frame, tensor(1))
    assert torch.equal(history[0], tensor(1))


def test_history_is_a_strided_tensor_and_its_copy_contiguous() -> None:
    with TensorProducer.from_sample("cam", tensor(0)) as producer, TensorStream("cam") as stream:
        for number in range(1, 30):
            producer.publish(tensor(number))
        history, info = stream.get_history(4, return_info=True)
        assert not info.copied
        assert tuple(history.shape) == (4, 4, 8)
        assert [number_of(frame.numpy()) for frame in history] == [26, 27, 28, 29]
        assert history.reshape(4, -1).shape == (4, 32)
        with pytest.raises(RuntimeError):
            history.view(-1)
        copy = stream.get_history(4, copy=True)
        assert copy.is_contiguous()
        assert torch.equal(copy, history)
        copy.sub_(1)
        assert [number_of(frame.numpy()) for frame in history] == [26, 27, 28, 29]


def test_seven_tensors_are_views_and_the_rest_are_marked_copies() -> None:
    with TensorProducer.from_sample("cam", tensor(0)) as producer, TensorStream("cam") as stream:
        kept, copied = [], []
        for number in range(1, 41):
            producer.publish(tensor(number))
            frame, info = stream.get_new(timeout=0, return_info=True)
            kept.append(frame)
            copied.append(info.copied)
        assert copied == [False] * 7 + [True] * 33
        assert [number_of(frame.numpy()) for frame in kept] == list(range(1, 41))


def test_copied_tensor_can_be_changed_in_place() -> None:
    with TensorProducer.from_sample("cam", tensor(0)) as producer, TensorStream("cam", copy=True) as stream:
        producer.publish(tensor(5))
        frame = stream.get_last()
        frame.sub_(3).mul_(2)
        assert torch.equal(frame, tensor(4))
        assert torch.equal(stream.get_last(), tensor(5))


def test_out_accepts_torch_and_numpy_with_either_backend() -> None:
    for backend in ("torch", "numpy"):
        with TensorProducer.from_sample("cam", tensor(0)) as producer:
            with TensorStream("cam", backend=backend) as stream:  # type: ignore[arg-type]
                producer.publish(tensor(6))
                for out in (tensor(0), numbered(0), tensor(0, (8, 4)).T, tensor(0, (8, 16))[::2, ::2]):
                    assert stream.get_last(out=out) is out
                    assert number_of(np.asarray(out)) == 6
                with pytest.raises(SchemaMismatchError):
                    stream.get_last(out=torch.zeros(4, 8))


LAYOUTS = {
    "transposed": lambda base: base.transpose(0, 2),
    "permuted": lambda base: base.permute(1, 2, 0),
    "strided": lambda base: base[:, ::2, 1::3],
    "flipped": lambda base: base.flip(0),
    "expanded": lambda base: base[:1].expand(5, -1, -1),
    "unfolded": lambda base: base[0].unfold(0, 3, 1),
    "channels last": lambda base: base[None].to(memory_format=torch.channels_last)[0],
    "storage offset": lambda base: base.flatten()[5:17].reshape(3, 4),
    "0-d": lambda base: base[0, 0, 0],
    "empty": lambda base: base[:, :0],
}


@pytest.mark.parametrize("layout", LAYOUTS)
def test_tensor_with_any_strides_is_published_exactly(layout: str) -> None:
    data = LAYOUTS[layout](torch.arange(3 * 6 * 8, dtype=torch.float32).reshape(3, 6, 8))
    with TensorProducer.from_sample("any", data) as producer, TensorStream("any") as stream:
        producer.publish(data)
        frame = stream.get_last()
        assert frame.is_contiguous()
        assert torch.equal(frame, data)


def test_lazily_conjugated_and_negated_tensors_are_resolved() -> None:
    data = torch.tensor([1 + 2j, 3 - 4j])
    for lazy in (data.conj(), data.conj().imag, torch.conj(data)[:1].expand(2)):
        with TensorProducer.from_sample("any", lazy) as producer, TensorStream("any") as stream:
            producer.publish(lazy)
            assert torch.equal(stream.get_last(), lazy.resolve_conj().resolve_neg())


def test_tensor_that_requires_grad_is_published_detached() -> None:
    weights = torch.ones(3, requires_grad=True)
    with TensorProducer.from_sample("any", weights) as producer, TensorStream("any") as stream:
        producer.publish(weights)
        producer.publish(weights * 2)
        producer.publish(torch.nn.Parameter(torch.full((3,), 3.0)))
        history = stream.get_history(3)
        assert history.tolist() == [[1, 1, 1], [2, 2, 2], [3, 3, 3]]
        assert not history.requires_grad
        assert weights.requires_grad


@pytest.mark.parametrize(
    ("wrong", "parts"),
    [
        (torch.zeros(3, 5), ["(3, 4)", "(3, 5)"]),
        (torch.zeros(4, 3), ["(3, 4)", "(4, 3)"]),
        (torch.zeros(3, 4, dtype=torch.float64), ["float32", "float64"]),
        (torch.zeros(3, 4, dtype=torch.int32), ["float32", "int32"]),
        (torch.zeros(3, 4, dtype=torch.bfloat16), ["float32", "bfloat16"]),
    ],
    ids=["shape", "transposed", "float64", "int32", "bfloat16"],
)
def test_mismatching_tensor_is_refused_with_expected_and_got(wrong: torch.Tensor, parts: list[str]) -> None:
    with TensorProducer.from_sample("any", torch.zeros(3, 4)) as producer:
        with pytest.raises(SchemaMismatchError) as refusal:
            producer.publish(wrong)
        assert all(part in str(refusal.value) for part in parts), str(refusal.value)
        assert producer.seq == 0


@pytest.mark.parametrize(
    "wrong",
    [
        torch.zeros(3, 4).to_sparse(),
        torch.zeros(3, 4, device="meta"),
        torch.quantize_per_tensor(torch.zeros(3, 4), 0.1, 0, torch.quint8),
        [torch.zeros(4)] * 3,
    ],
    ids=["sparse", "meta", "quantized", "list of tensors"],
)
def test_tensor_without_plain_memory_is_refused(wrong: Any) -> None:
    with TensorProducer.from_sample("any", torch.zeros(3, 4)) as producer:
        with pytest.raises(TypeError):
            producer.publish(wrong)
        assert producer.seq == 0


def test_loan_of_a_torch_pool_is_a_writable_tensor() -> None:
    with TensorProducer.from_sample("cam", tensor(0)) as producer, TensorStream("cam") as stream:
        with producer.loan() as frame:
            assert type(frame.data) is torch.Tensor
            frame.data.fill_(3)
            frame.data.add_(1)
        assert torch.equal(stream.get_last(), tensor(4))
        with producer.loan() as frame:
            torch.add(tensor(5), 1, out=frame.data)
        assert torch.equal(stream.get_last(), tensor(6))


def test_variable_samples_are_tensors_with_their_own_length() -> None:
    with TensorProducer.from_sample("lidar", torch.zeros(6, 3), variable=True) as producer:
        with TensorStream("lidar") as stream:
            for length in (0, 2, 6):
                producer.publish(torch.full((length, 3), float(length)))
            assert [tuple(frame.shape) for frame in stream.get_history(3)] == [(0, 3), (2, 3), (6, 3)]
            assert all(type(frame) is torch.Tensor for frame in stream.get_history(3))


def test_zero_d_and_empty_tensors_round_trip() -> None:
    for sample in (torch.tensor(2.5), torch.zeros(0), torch.zeros(3, 0, 2)):
        with TensorProducer.from_sample("any", sample) as producer, TensorStream("any") as stream:
            producer.publish(sample)
            assert stream.get_last().shape == sample.shape
            assert stream.get_history(1).shape == (1, *sample.shape)
            assert torch.equal(stream.get_last(), sample)


def test_padded_histories_and_several_stamps_return_tensors() -> None:
    with TensorProducer.from_sample("cam", tensor(0)) as producer, TensorStream("cam") as stream:
        producer.publish(tensor(1), stamp=1)
        producer.publish(tensor(2), stamp=2)
        assert stream.get_history(3, pad="zeros")[:, 0, 0].tolist() == [0, 1, 2]
        assert stream.get_history(3, pad="repeat")[:, 0, 0].tolist() == [1, 1, 2]
        assert stream.get_at(np.array([2, 1]))[:, 0, 0].tolist() == [2, 1]
        assert stream.get_at(torch.tensor([2, 1]))[:, 0, 0].tolist() == [2, 1]
        assert stream.get_all_new()[:, 0, 0].tolist() == [1, 2]


@pytest.mark.parametrize("call", ["publish", "cleanup"])
def test_tensor_that_calls_its_producer_during_publish_is_refused(call: str) -> None:
    with TensorProducer.from_sample("cam", tensor(0, (8, 4))) as producer:

        class CallingTensor(torch.Tensor):
            def detach(self) -> Any:
                return producer.publish(tensor(1, (8, 4))) if call == "publish" else producer.cleanup()

        with pytest.raises(RuntimeError, match="inside"):
            producer.publish(tensor(2).as_subclass(CallingTensor).T)
        assert producer.publish(tensor(3).T) == 1


def test_tensor_for_a_dict_pool_is_refused_with_the_reason() -> None:
    with TensorProducer.from_sample("obs", {"a": tensor(0), "b": tensor(0)}) as producer:
        with pytest.raises(TypeError, match=r"'obs' carries .*: publish a dict of arrays, not Tensor"):
            producer.publish(tensor(1))
