"""The C codec under test, called with ctypes: types, decoder, encoder, visit."""

from __future__ import annotations

import ctypes
import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

STRING, WSTRING, MESSAGE = 0x80 | 8 << 8, 0x80 | 32 << 8, 0x80
NUMPY_DTYPES = {
    6 | 8 << 8: np.dtype(np.uint8),  # bool: as bytes, so that values other than 0 and 1 are seen
    0 | 8 << 8: np.dtype(np.int8),
    1 | 8 << 8: np.dtype(np.uint8),
    0 | 16 << 8: np.dtype(np.int16),
    1 | 16 << 8: np.dtype(np.uint16),
    0 | 32 << 8: np.dtype(np.int32),
    1 | 32 << 8: np.dtype(np.uint32),
    0 | 64 << 8: np.dtype(np.int64),
    1 | 64 << 8: np.dtype(np.uint64),
    2 | 32 << 8: np.dtype(np.float32),
    2 | 64 << 8: np.dtype(np.float64),
}
SPAN = np.dtype([("data", np.uint64), ("count", np.uint64)])
SPANS_FLAG = 1
SWAPPED_FLAG = 1
EVENTS = ("message_begin", "message_end", "list_begin", "list_end", "values")


class Error(ctypes.Structure):
    _fields_ = (("status", ctypes.c_int), ("os_error", ctypes.c_int), ("text", ctypes.c_char * 1536))


class Field(ctypes.Structure):
    _fields_ = (
        ("name", ctypes.c_char_p),
        ("type_name", ctypes.c_char_p),
        ("dtype", ctypes.c_uint32),
        ("is_array", ctypes.c_bool),
        ("is_sequence", ctypes.c_bool),
        ("length", ctypes.c_uint32),
        ("text_bound", ctypes.c_uint32),
    )


class Place(ctypes.Structure):
    _fields_ = (
        ("dtype", ctypes.c_uint32),
        ("ndim", ctypes.c_uint32),
        ("shape", ctypes.c_int64 * 8),
        ("bounds", ctypes.c_uint32 * 8),
    )


class Column(ctypes.Structure):
    _fields_ = (
        ("data", ctypes.c_void_p),
        ("capacity", ctypes.c_uint64),
        ("count", ctypes.c_uint64),
        ("rows", ctypes.c_uint64),
        ("used", ctypes.c_uint64),
        ("ragged", ctypes.c_bool),
        ("swapped", ctypes.c_bool),
    )


class Leaf(ctypes.Structure):
    _fields_ = (
        ("path", ctypes.c_char_p),
        ("dtype", ctypes.c_uint32),
        ("flags", ctypes.c_uint32),
        ("constant", ctypes.c_void_p),
    )


class Event(ctypes.Structure):
    _fields_ = (
        ("kind", ctypes.c_int),
        ("field", ctypes.POINTER(Field)),
        ("data", ctypes.c_void_p),
        ("count", ctypes.c_uint64),
        ("swapped", ctypes.c_bool),
    )


VISITOR = ctypes.CFUNCTYPE(ctypes.c_bool, ctypes.c_void_p, ctypes.POINTER(Event))

_root = Path(__file__).resolve().parents[2]
library = ctypes.CDLL(os.environ.get("PMIPC_LIBRARY", _root / "build/release/libpolymorph_ipc.so"))
for destroy in ("types", "decoder", "encoder"):
    getattr(library, f"pmipc_cdr_{destroy}_destroy").argtypes = [ctypes.c_void_p]
library.pmipc_status_name.restype = ctypes.c_char_p


class CodecError(Exception):
    """A call that failed. `status` is the name of its status, for example "CORRUPT"."""

    def __init__(self, status: str, text: str) -> None:
        super().__init__(f"{status}: {text}")
        self.status = status


def check(status: int, error: Error) -> None:
    if status:
        raise CodecError(library.pmipc_status_name(status).decode(), error.text.decode(errors="replace"))


class Types:
    def __init__(self) -> None:
        self.pointer = ctypes.c_void_p()
        error = Error()
        check(library.pmipc_cdr_types_create(ctypes.byref(self.pointer), ctypes.byref(error)), error)

    def __del__(self) -> None:
        library.pmipc_cdr_types_destroy(self.pointer)

    def add(self, name: str, text: str) -> None:
        error, raw = Error(), text.encode()
        size = ctypes.c_size_t(len(raw))
        check(library.pmipc_cdr_types_add(self.pointer, name.encode(), raw, size, ctypes.byref(error)), error)

    def fields(self, name: str) -> list[tuple[object, ...]]:
        """Every field as a tuple of the members of pmipc_cdr_field."""
        error, count, fields = Error(), ctypes.c_uint32(), (Field * 256)()
        status = library.pmipc_cdr_types_fields(
            self.pointer, name.encode(), fields, ctypes.c_uint32(256), ctypes.byref(count), ctypes.byref(error)
        )
        check(status, error)
        assert count.value <= 256
        return [tuple(getattr(field, key) for key, _ in Field._fields_) for field in fields[: count.value]]

    def find(self, name: str, path: str) -> tuple[int, tuple[int, ...]]:
        error, place = Error(), Place()
        status = library.pmipc_cdr_types_find(
            self.pointer, name.encode(), path.encode(), ctypes.byref(place), ctypes.byref(error)
        )
        check(status, error)
        return place.dtype, tuple(place.shape[: place.ndim])

    def visit(self, name: str, message: bytes, see: Callable[[str, Field, int, int, bool], None]) -> None:
        """Call see(kind, field, address, count, swapped) for every event."""
        failures: list[BaseException] = []

        @VISITOR
        def visitor(_context: int, pointer: ctypes._Pointer[Event]) -> bool:
            event = pointer.contents
            try:
                see(EVENTS[event.kind], event.field.contents, event.data or 0, event.count, event.swapped)
            except BaseException as failure:  # an exception cannot pass through C
                failures.append(failure)
                return False
            return True

        error = Error()
        status = library.pmipc_cdr_visit(
            self.pointer, name.encode(), message, ctypes.c_size_t(len(message)), visitor, None, ctypes.byref(error)
        )
        if failures:
            raise failures[0]
        check(status, error)

    def check_message(self, name: str, message: bytes) -> None:
        error, size = Error(), ctypes.c_size_t(len(message))
        check(
            library.pmipc_cdr_visit(self.pointer, name.encode(), message, size, None, None, ctypes.byref(error)), error
        )


@dataclass
class Values:
    """The values of one path: numbers as an array, or strings."""

    items: np.ndarray | list[bytes]
    rows: int
    ragged: bool
    lengths: np.ndarray | None = None  # of each row, when numbers came as spans


def item_dtype(dtype: int) -> np.dtype:
    return SPAN if dtype in (STRING, WSTRING) else NUMPY_DTYPES[dtype]


def make_leaves(leaves: Sequence[tuple[str, int]], spans: bool) -> ctypes.Array[Leaf]:
    """The leaves; with `spans`, every leaf of numbers is decoded as spans."""
    array = (Leaf * len(leaves))()
    for leaf, (path, dtype) in zip(array, leaves, strict=True):
        as_spans = spans and dtype not in (STRING, WSTRING) and not path.endswith("#")
        leaf.path, leaf.dtype, leaf.flags = path.encode(), dtype, SPANS_FLAG if as_spans else 0
    return array


class Decoder:
    def __init__(self, types: Types, name: str, leaves: Sequence[tuple[str, int]], spans: bool = False) -> None:
        self.leaves, self.pointer, error = leaves, ctypes.c_void_p(), Error()
        self.raw = make_leaves(leaves, spans)
        status = library.pmipc_cdr_decoder_create(
            ctypes.byref(self.pointer), types.pointer, name.encode(), self.raw, len(leaves), ctypes.byref(error)
        )
        check(status, error)

    def __del__(self) -> None:
        library.pmipc_cdr_decoder_destroy(self.pointer)

    def run(self, message: bytes, columns: ctypes.Array[Column]) -> None:
        error, size = Error(), ctypes.c_size_t(len(message))
        check(library.pmipc_cdr_decode(self.pointer, message, size, columns, ctypes.byref(error)), error)

    def decode(self, message: bytes) -> list[Values]:
        columns = (Column * len(self.leaves))()
        self.run(message, columns)  # without data, which only counts
        arrays = []
        for column, leaf, (_, dtype) in zip(columns, self.raw, self.leaves, strict=True):
            arrays.append(np.empty(column.count, SPAN if leaf.flags else item_dtype(dtype)))
            column.data, column.capacity = arrays[-1].ctypes.data, column.count
        self.run(message, columns)
        values = []
        for column, array, leaf, (_, dtype) in zip(columns, arrays, self.raw, self.leaves, strict=True):
            items: np.ndarray | list[bytes] = array
            lengths = None
            if leaf.flags:
                items, lengths = self._gather(array, NUMPY_DTYPES[dtype], column.swapped), array["count"]
            elif array.dtype == SPAN:
                items = [read_text(int(data), int(count), dtype, column.swapped) for data, count in array]
            values.append(Values(items, column.rows, column.ragged, lengths))
        return values

    @staticmethod
    def _gather(spans: np.ndarray, dtype: np.dtype, swapped: bool) -> np.ndarray:
        out = np.empty(int(spans["count"].sum()), dtype)
        at = out.ctypes.data
        for data, count in spans:
            library.pmipc_cdr_copy(
                ctypes.c_void_p(at), ctypes.c_void_p(int(data)), ctypes.c_uint64(int(count)), dtype.itemsize, swapped
            )
            at += int(count) * dtype.itemsize
        return out


def read_text(address: int, count: int, dtype: int, swapped: bool) -> bytes:
    """The bytes of a string, or the UTF-32 units of a wstring in native order."""
    if dtype == STRING:
        assert ctypes.string_at(address, count + 1)[-1] == 0
        return ctypes.string_at(address, count)
    raw = np.frombuffer(ctypes.string_at(address, count * 4), np.uint32)
    return (raw.byteswap() if swapped else raw).tobytes()


class Encoder:
    def __init__(
        self,
        types: Types,
        name: str,
        leaves: Sequence[tuple[str, int]],
        spans: bool = False,
        swapped: bool = False,
    ) -> None:
        self.leaves, self.pointer, error = leaves, ctypes.c_void_p(), Error()
        self.raw = make_leaves(leaves, spans)
        status = library.pmipc_cdr_encoder_create(
            ctypes.byref(self.pointer),
            types.pointer,
            name.encode(),
            self.raw,
            len(leaves),
            SWAPPED_FLAG if swapped else 0,
            ctypes.byref(error),
        )
        check(status, error)

    def __del__(self) -> None:
        library.pmipc_cdr_encoder_destroy(self.pointer)

    def encode(self, values: Sequence[Values]) -> bytes:
        columns, keep = (Column * len(self.leaves))(), []
        for column, value, leaf, (_, dtype) in zip(columns, values, self.raw, self.leaves, strict=True):
            items = value.items
            if isinstance(items, list):
                texts = [np.frombuffer(text + b"\0", np.uint8) for text in items]
                unit = 4 if dtype == WSTRING else 1
                items = np.array([(t.ctypes.data, (len(t) - 1) // unit) for t in texts], SPAN)
                keep.append(texts)
            items = np.ascontiguousarray(items)
            keep.append(items)
            if leaf.flags:
                assert value.lengths is not None
                ends = np.cumsum(value.lengths, dtype=np.uint64)
                starts = items.ctypes.data + (ends - value.lengths) * items.itemsize
                items = np.array(list(zip(starts, value.lengths, strict=True)), SPAN)
                keep.append(items)
            column.data, column.count, column.rows = items.ctypes.data, len(items), value.rows
        error, size = Error(), ctypes.c_size_t()
        status = library.pmipc_cdr_encode(
            self.pointer, columns, None, ctypes.c_size_t(0), ctypes.byref(size), ctypes.byref(error)
        )
        if library.pmipc_status_name(status) != b"NO_SPACE":
            check(status, error)
        buffer = ctypes.create_string_buffer(b"\xee" * size.value, size.value)
        status = library.pmipc_cdr_encode(
            self.pointer, columns, buffer, ctypes.c_size_t(size.value), ctypes.byref(size), ctypes.byref(error)
        )
        check(status, error)
        return buffer.raw
