"""The decoder and encoder of ROS messages under test, called with ctypes. Samples are numpy arrays without a pool."""

from __future__ import annotations

import ctypes
import json
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from codec import NUMPY_DTYPES, Error, Types, check, library

MAX_FIELDS, VARIABLE = 32, 1
BOOL, OPAQUE = 6 | 8 << 8, 3

Fields = Sequence[tuple[str, str]]  # name and path
Sample = dict[str, np.ndarray]


class SchemaField(ctypes.Structure):
    _fields_ = (
        ("name", ctypes.c_char * 64),
        ("dtype", ctypes.c_uint32),
        ("itemsize", ctypes.c_uint32),
        ("ndim", ctypes.c_uint32),
        ("flags", ctypes.c_uint32),
        ("shape", ctypes.c_int64 * 8),
        ("descr_offset", ctypes.c_uint32),
        ("descr_bytes", ctypes.c_uint32),
    )

    def dtype_of(self, text: bytes) -> np.dtype[Any]:
        if self.dtype != OPAQUE:
            return NUMPY_DTYPES[self.dtype]
        return np.dtype(structured(json.loads(text[self.descr_offset :][: self.descr_bytes])))


def structured(description: Any) -> Any:
    """The argument of np.dtype for a description of points."""
    formats = [f if isinstance(f, str) else (f["base"], tuple(f["shape"])) for f in description["formats"]]
    return description | {"formats": formats}


class Schema(ctypes.Structure):
    _fields_ = (
        ("field_count", ctypes.c_uint32),
        ("text_bytes", ctypes.c_uint32),
        ("fields", SchemaField * MAX_FIELDS),
        ("text", ctypes.c_char * 4096),
    )

    def describe(self) -> list[tuple[str, np.dtype[Any], tuple[int, ...], bool]]:
        """Name, dtype and shape of each field, and whether it is variable."""
        text = bytes(memoryview(self))[Schema.text.offset :]
        return [
            (f.name.decode(), f.dtype_of(text), tuple(f.shape[: f.ndim]), bool(f.flags & VARIABLE))
            for f in self.fields[: self.field_count]
        ]


class Place(ctypes.Structure):
    """pmipc_loan_field; pmipc_source has the same layout."""

    _fields_ = (("data", ctypes.c_void_p), ("length", ctypes.c_int64))


class Loan(ctypes.Structure):
    _fields_ = (
        ("seq", ctypes.c_uint64),
        ("slot", ctypes.c_uint32),
        ("field_count", ctypes.c_uint32),
        ("headroom", ctypes.c_uint32),
        ("fields", Place * MAX_FIELDS),
    )


class RosField(ctypes.Structure):
    _fields_ = (("name", ctypes.c_char_p), ("path", ctypes.c_char_p))


class DecoderOptions(ctypes.Structure):
    _fields_ = (
        ("joints", ctypes.c_void_p),
        ("joint_count", ctypes.c_uint32),
        ("point_fields", ctypes.POINTER(ctypes.c_char_p)),
        ("point_field_count", ctypes.c_uint32),
        ("any_frame", ctypes.c_bool),
        ("fixed_lengths", ctypes.c_bool),
        ("organized", ctypes.c_bool),
    )


class Constant(ctypes.Structure):
    _fields_ = (
        ("key", ctypes.c_char_p),
        ("texts", ctypes.POINTER(ctypes.c_char_p)),
        ("text_count", ctypes.c_uint32),
        ("number", ctypes.c_double),
    )


library.pmipc_ros_decoder_destroy.argtypes = [ctypes.c_void_p]
library.pmipc_ros_encoder_destroy.argtypes = [ctypes.c_void_p]
library.pmipc_ros_decoder_metadata.argtypes = [ctypes.c_void_p]
library.pmipc_ros_decoder_metadata.restype = ctypes.c_char_p


def ros_fields(fields: Fields) -> ctypes.Array[RosField]:
    return (RosField * len(fields))(*((name.encode(), path.encode()) for name, path in fields))


def strings(texts: Sequence[str | bytes]) -> ctypes.Array[ctypes.c_char_p]:
    return (ctypes.c_char_p * max(len(texts), 1))(*(t.encode() if isinstance(t, str) else t for t in texts))


class RosDecoder:
    """Learns the schema from a first message, and decodes messages."""

    def __init__(
        self,
        types: Types,
        name: str,
        fields: Fields = (("", ""),),
        fixed_lengths: bool = False,
        point_fields: Sequence[str] = (),
        sample: Schema | None = None,
    ) -> None:
        self.pointer, self.schema, error = ctypes.c_void_p(), Schema(), Error()
        options = DecoderOptions(fixed_lengths=fixed_lengths, point_field_count=len(point_fields))
        if point_fields:
            options.point_fields = strings(point_fields)
        status = library.pmipc_ros_decoder_create(
            ctypes.byref(self.pointer),
            types.pointer,
            name.encode(),
            ros_fields(fields),
            len(fields),
            ctypes.byref(options),
            ctypes.byref(error),
        )
        check(status, error)
        if sample is not None:
            status = library.pmipc_ros_decoder_expect(
                self.pointer, ctypes.byref(sample), ctypes.byref(self.schema), ctypes.byref(error)
            )
            check(status, error)

    def __del__(self) -> None:
        library.pmipc_ros_decoder_destroy(self.pointer)

    def learn(self, message: bytes) -> dict[str, Any]:
        error, size = Error(), ctypes.c_size_t(len(message))
        status = library.pmipc_ros_decoder_learn(
            self.pointer, message, size, ctypes.byref(self.schema), ctypes.byref(error)
        )
        check(status, error)
        metadata: dict[str, Any] = json.loads(library.pmipc_ros_decoder_metadata(self.pointer))
        return metadata

    def decode(self, message: bytes) -> tuple[Sample, int]:
        """The sample and its stamp."""
        error, size, stamp = Error(), ctypes.c_size_t(len(message)), ctypes.c_int64()
        fields = self.schema.describe()
        loan = Loan(field_count=len(fields))
        sample = {name: np.zeros(shape, dtype) for name, dtype, shape, _ in fields}
        for place, array in zip(loan.fields, sample.values(), strict=False):
            place.data, place.length = array.ctypes.data, array.shape[0] if array.ndim else 1
        status = library.pmipc_ros_decoder_decode(
            self.pointer, message, size, ctypes.byref(loan), ctypes.byref(stamp), ctypes.byref(error)
        )
        check(status, error)
        for place, (name, _, _, variable) in zip(loan.fields, fields, strict=False):
            if variable:
                sample[name] = sample[name][: place.length]
        return sample, stamp.value


class RosEncoder:
    """Encodes samples of a schema as messages. Constants: a string, a list of strings or a number for each key."""

    def __init__(
        self, types: Types, name: str, schema: Schema, fields: Fields | None, constants: Mapping[str, Any]
    ) -> None:
        self.pointer, self.schema, error = ctypes.c_void_p(), schema, Error()
        raw = (Constant * len(constants))()
        for constant, (key, value) in zip(raw, constants.items(), strict=True):
            constant.key = key.encode()
            if isinstance(value, (int, float)):
                constant.number = value
            else:
                texts = [value] if isinstance(value, (str, bytes)) else value
                constant.texts, constant.text_count = strings(texts), len(texts)
        status = library.pmipc_ros_encoder_create(
            ctypes.byref(self.pointer),
            types.pointer,
            name.encode(),
            ctypes.byref(schema),
            ros_fields(fields) if fields is not None else None,
            len(fields or ()),
            raw,
            len(raw),
            ctypes.byref(error),
        )
        check(status, error)

    def __del__(self) -> None:
        library.pmipc_ros_encoder_destroy(self.pointer)

    def encode(self, sample: Sample, stamp_ns: int) -> bytes:
        sources = (Place * len(sample))()
        for source, array in zip(sources, sample.values(), strict=True):
            assert array.flags.c_contiguous
            source.data, source.length = array.ctypes.data, array.shape[0] if array.ndim else 1
        error, size = Error(), ctypes.c_size_t()

        def run(buffer: Any, capacity: int) -> int:
            status: int = library.pmipc_ros_encoder_encode(
                self.pointer,
                sources,
                ctypes.c_int64(stamp_ns),
                buffer,
                ctypes.c_size_t(capacity),
                ctypes.byref(size),
                ctypes.byref(error),
            )
            return status

        status = run(None, 0)
        if library.pmipc_status_name(status) != b"NO_SPACE":
            check(status, error)
        buffer = ctypes.create_string_buffer(b"\xee" * size.value, size.value)
        check(run(buffer, size.value), error)
        return buffer.raw


def as_constants(metadata: Mapping[str, Any]) -> dict[str, Any]:
    """The metadata of a decoder as constants of an encoder."""
    return {key: value for key, value in metadata.items() if key != "ros_type"}
