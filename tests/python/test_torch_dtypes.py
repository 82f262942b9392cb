"""Every dtype of torch is read exactly by torch and by numpy, or refused with a reason."""

from __future__ import annotations

import ml_dtypes
import numpy as np
import pytest
import torch
from polymorph_ipc import PolymorphError, SchemaMismatchError, TensorProducer, TensorStream, UnsupportedError

SUPPORTED = [
    torch.bool,
    torch.uint8,
    torch.int8,
    torch.int16,
    torch.int32,
    torch.int64,
    torch.uint16,
    torch.uint32,
    torch.uint64,
    torch.float16,
    torch.float32,
    torch.float64,
    torch.bfloat16,
    torch.complex64,
    torch.complex128,
    torch.float8_e4m3fn,
    torch.float8_e4m3fnuz,
    torch.float8_e5m2,
    torch.float8_e5m2fnuz,
    torch.float8_e8m0fnu,
]
IN_ML_DTYPES = {
    torch.bfloat16: ml_dtypes.bfloat16,
    torch.float8_e4m3fn: ml_dtypes.float8_e4m3fn,
    torch.float8_e4m3fnuz: ml_dtypes.float8_e4m3fnuz,
    torch.float8_e5m2: ml_dtypes.float8_e5m2,
    torch.float8_e5m2fnuz: ml_dtypes.float8_e5m2fnuz,
    torch.float8_e8m0fnu: ml_dtypes.float8_e8m0fnu,
}


def random_bits(dtype: torch.dtype, shape: tuple[int, ...] = (5, 7)) -> torch.Tensor:
    generator = torch.Generator().manual_seed(7)
    high = 2 if dtype is torch.bool else 256
    raw = torch.randint(0, high, (*shape[:-1], shape[-1] * dtype.itemsize), dtype=torch.uint8, generator=generator)
    return raw.view(dtype)


def bits(tensor: torch.Tensor) -> bytes:
    return tensor.contiguous().view(torch.uint8).numpy().tobytes()


@pytest.mark.parametrize("dtype", SUPPORTED, ids=str)
def test_torch_dtype_round_trips_bit_by_bit(dtype: torch.dtype) -> None:
    data = random_bits(dtype)
    with TensorProducer.from_sample("any", data) as producer, TensorStream("any") as stream:
        producer.publish(data)
        producer.publish(data.T.contiguous().T)
        reads = [
            stream.get_last(),
            stream.get_last(copy=True),
            stream.get_last(out=torch.empty_like(data)),
            *stream.get_history(2),
        ]
        for frame in reads:
            assert frame.dtype == dtype
            assert frame.shape == data.shape
            assert bits(frame) == bits(data)
        assert stream.dtype == dtype


@pytest.mark.parametrize("dtype", SUPPORTED, ids=str)
def test_torch_dtype_is_read_by_numpy_bit_by_bit(dtype: torch.dtype) -> None:
    data = random_bits(dtype)
    expected = IN_ML_DTYPES.get(dtype)
    with TensorProducer.from_sample("any", data) as producer, TensorStream("any", backend="numpy") as stream:
        producer.publish(data)
        frame = stream.get_last()
        assert frame.dtype == (np.dtype(expected) if expected else torch.empty(0, dtype=dtype).numpy().dtype)
        assert frame.tobytes() == bits(data)
        producer.publish(frame)
        assert stream.get_last().tobytes() == bits(data)


def test_small_dtypes_of_equal_size_are_a_mismatch() -> None:
    small = [torch.bfloat16, torch.float16, torch.float8_e4m3fn, torch.float8_e5m2, torch.uint8, torch.int8]
    for first in small:
        with TensorProducer.from_sample("any", torch.zeros(3, dtype=first)) as producer:
            for second in small:
                if second is not first:
                    with pytest.raises(SchemaMismatchError):
                        producer.publish(torch.zeros(3, dtype=second))
            assert producer.seq == 0


@pytest.mark.parametrize("dtype", [torch.complex32, torch.quint8, torch.qint32], ids=str)
def test_other_torch_dtypes_are_exact_or_refused_by_name(dtype: torch.dtype) -> None:
    data = (
        torch.empty(3, dtype=dtype)
        if dtype is torch.complex32
        else torch.quantize_per_tensor(torch.zeros(3), 0.1, 0, dtype)
    )
    try:
        with TensorProducer.from_sample("any", data) as producer, TensorStream("any") as stream:
            producer.publish(data)
            assert bits(stream.get_last()) == bits(data)
    except (TypeError, PolymorphError) as error:
        assert str(dtype).removeprefix("torch.") in str(error)


@pytest.mark.parametrize("dtype", ["M8[ns]", "S4", "U2", ">f8", [("x", "f4"), ("y", "f4")], "g"], ids=str)
def test_dtype_without_a_torch_equivalent_is_refused_by_backend_torch(dtype: object) -> None:
    sample = np.zeros(3, dtype)  # type: ignore[call-overload]
    with TensorProducer.from_sample("any", sample) as producer:
        producer.publish(sample)
        with TensorStream("any", backend="numpy") as stream:
            assert stream.get_last().dtype == sample.dtype
        with pytest.raises(UnsupportedError, match="torch"), TensorStream("any", backend="torch") as stream:
            stream.get_last()
