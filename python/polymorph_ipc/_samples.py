"""Samples that can be published: numpy arrays, torch tensors, and objects that convert to one without a copy."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Literal

import numpy as np

from . import _core, _dtypes

# DLPack type codes by numpy kind.
CODES = {"i": 0, "u": 1, "f": 2, "c": 5, "b": 6}
OPAQUE = 3
# DLPack type codes by the first part of a torch dtype's name.
KINDS = {"int": 0, "uint": 1, "float": 2, "complex": 5}
NATIVE_BITS = {0: (8, 16, 32, 64), 1: (8, 16, 32, 64), 2: (16, 32, 64, 128), 5: (64, 128), 6: (8,)}

FieldRow = tuple[str, int, int, "str | None", int, "tuple[int, ...]", bool]


def is_torch_tensor(value: Any) -> bool:
    """Whether the value is a torch.Tensor. Does not import torch."""
    torch = sys.modules.get("torch")
    tensor = getattr(torch, "Tensor", None)
    return tensor is not None and isinstance(value, tensor)


def refuse_special_array(array: Any, context: str) -> None:
    """Raise TypeError for masked arrays, which have a mask beside their elements, and for matrices."""
    if type(array) is np.ndarray:
        return
    masked = sys.modules.get("numpy.ma")  # numpy imports it at its first use
    if masked is not None and isinstance(array, masked.MaskedArray):
        raise TypeError(f"{context}: masked arrays cannot be published: pass array.filled(value) or array.data")
    if isinstance(array, np.matrix):
        raise TypeError(f"{context}: numpy.matrix cannot be published: pass np.asarray(matrix)")


def as_array(value: Any, context: str) -> Any:
    """A numpy array or torch tensor over `value`, without a copy. Raises TypeError, with the conversion to use."""
    if isinstance(value, np.ndarray):
        refuse_special_array(value, context)
        return value
    if is_torch_tensor(value):
        return value
    if isinstance(value, (np.generic, bool, int, float, complex)):
        return np.asarray(value)
    try:
        view = memoryview(value)
    except TypeError:
        pass
    else:
        return np.asarray(view)
    if hasattr(value, "__dlpack__") and hasattr(value, "__dlpack_device__"):
        return from_dlpack(value)
    hint = ": pass np.asarray(...)" if is_like_an_array(value) else ""
    raise TypeError(f"{context}: expected an array, got {type(value).__name__}{hint}")


def is_like_an_array(value: Any) -> bool:
    """Whether np.asarray() converts the value: lists, tuples, PIL images, pandas tables."""
    if isinstance(value, Sequence):
        return not isinstance(value, str)
    return any(hasattr(value, name) for name in ("__array__", "__array_interface__", "__array_struct__"))


def from_dlpack(value: Any) -> Any:
    """An array over the memory of another library's array: numpy for host memory, torch for other devices."""
    cpu = 1
    if value.__dlpack_device__()[0] == cpu and hasattr(np, "from_dlpack"):
        return np.from_dlpack(value)
    from torch.utils.dlpack import from_dlpack as torch_from_dlpack

    return torch_from_dlpack(value)


def field_row(name: str, sample: Any, variable: bool, context: str) -> FieldRow:
    """The arguments of _core.Schema: (name, dtype code, bits, description or None, itemsize, shape, variable)."""
    array = as_array(sample, context)
    shape = tuple(int(length) for length in array.shape)
    if is_torch_tensor(array):
        code, bits = torch_dtype(array, context)
        return (name, code, bits, None, bits // 8, shape, variable)
    code, bits, description = numpy_dtype(array.dtype, context)
    return (name, code, bits, description, array.dtype.itemsize, shape, variable)


def numpy_dtype(dtype: np.dtype[Any], context: str) -> tuple[int, int, str | None]:
    """DLPack's code and bits of a dtype; for a dtype that DLPack does not have, OPAQUE, 0 and a description."""
    if dtype.kind == "T":
        raise TypeError(
            f"{context}: arrays of strings of any length (dtype StringDType) cannot be published: "
            'pass array.astype("U<length>"), e.g. "U32"'
        )
    if dtype.hasobject:
        raise TypeError(
            f"{context}: arrays of Python objects (dtype object) cannot be published: "
            "pass array.astype(...) with the type of its elements"
        )
    code, bits = CODES.get(dtype.kind, OPAQUE), dtype.itemsize * 8
    if dtype.isnative and bits in NATIVE_BITS.get(code, ()):
        return code, bits, None
    if dtype.type.__module__.split(".")[0] == "ml_dtypes":
        if dtype.name in _dtypes.ML_DTYPES:
            return _dtypes.ML_DTYPES[dtype.name], bits, None
        raise TypeError(f"{context}: {dtype.name} cannot be published: view it as integers, array.view(np.uint8)")
    description = _dtypes.to_description(dtype)
    try:
        same = _dtypes.from_description(description, dtype.itemsize) == dtype
    except _core.PoolCorruptError:
        same = False
    if not same:
        raise TypeError(f"{context}: the dtype {dtype} cannot be published: numpy cannot describe it completely")
    return OPAQUE, 0, description


def torch_dtype(tensor: Any, context: str) -> tuple[int, int]:
    """DLPack's code and bits of a tensor's dtype."""
    name = str(tensor.dtype).removeprefix("torch.")
    if name == "bool":
        return CODES["b"], 8
    if name in _dtypes.ML_DTYPES:
        return _dtypes.ML_DTYPES[name], 16 if name == "bfloat16" else 8
    kind = name.rstrip("0123456789")
    bits = name[len(kind) :]
    if kind in KINDS and bits and int(bits) in NATIVE_BITS[KINDS[kind]]:
        return KINDS[kind], int(bits)
    raise TypeError(f"{context}: torch tensors of {name} cannot be published: pass tensor.to(...) or tensor.view(...)")


def schema_of(sample: Any, *, variable: bool | Iterable[str] = False) -> _core.Schema:
    """The schema of samples like this one. `Schema.from_sample` calls it."""
    return schema_for(sample, variable, "sample")


def schema_for(sample: Any, variable: bool | Iterable[str], context: str) -> _core.Schema:
    """The schema of samples like this one. The texts of errors begin with `context`."""
    if not isinstance(sample, Mapping):
        if not isinstance(variable, bool):
            raise TypeError(f"{context}: variable must be True or False: only a dict has named fields")
        return make_schema([field_row("", sample, variable, context)], context)
    if not sample:
        raise _core.InvalidArgumentError(f"{context}: expected an array or a dict of 1 to 32 arrays, got an empty dict")
    for name in sample:
        if not isinstance(name, str) or not name:
            raise TypeError(f"{context}: the keys of a dict must be str and not empty, not {name!r}")
    is_variable = variable_names(sample, variable, context)
    rows = [field_row(name, value, name in is_variable, f"{context}, field {name!r}") for name, value in sample.items()]
    return make_schema(rows, context)


def make_schema(rows: list[FieldRow], context: str) -> _core.Schema:
    """Make the Schema. The text of an error (too many fields, dimensions or bytes) begins with `context`."""
    try:
        return _core.Schema(rows)
    except _core.InvalidArgumentError as refusal:
        raise _core.InvalidArgumentError(f"{context}: {refusal}") from None


def variable_names(sample: Mapping[str, Any], variable: bool | Iterable[str], context: str) -> frozenset[str]:
    """The names of the variable fields. Raises InvalidArgumentError when the sample does not have one of them."""
    if isinstance(variable, bool):
        return frozenset(sample) if variable else frozenset()
    if isinstance(variable, str):
        variable = [variable]
    names = frozenset(variable)
    unknown = names - frozenset(sample)
    if unknown:
        raise _core.InvalidArgumentError(
            f"{context}: variable has names that are not fields of the sample: {sorted(unknown)}"
        )
    return names


def origin_of(sample: Any) -> Literal["numpy", "torch"]:
    """ "torch" if any array of the sample is torch's, else "numpy": the default backend of streams."""
    values = sample.values() if isinstance(sample, Mapping) else [sample]
    return "torch" if any(is_torch_tensor(value) for value in values) else "numpy"
