"""A simple CDR writer, written from the OMG specification as a reference: both byte orders, XCDR1 and XCDR2."""

from __future__ import annotations

import struct
from typing import Any

import numpy as np
from messages import Member, members

FORMATS = {"bool": "B", "byte": "B", "char": "B", "int8": "b", "uint8": "B", "int16": "h", "uint16": "H"}
FORMATS |= {"int32": "i", "uint32": "I", "int64": "q", "uint64": "Q", "float32": "f", "float64": "d"}


class Writer:
    def __init__(self, big_endian: bool, version: int) -> None:
        self.order = ">" if big_endian else "<"
        self.version = version
        self.body = bytearray()
        self.gaps: list[int] = []  # offsets of the padding bytes

    def number(self, base: str, value: Any) -> None:
        size = struct.calcsize("=" + FORMATS[base])
        alignment = min(size, 4 if self.version == 2 else 8)
        padding = -len(self.body) % alignment
        self.gaps += range(len(self.body), len(self.body) + padding)
        self.body += bytes(padding)
        value = value[0] if isinstance(value, bytes) else value
        self.body += struct.pack(self.order + FORMATS[base], value)

    def element(self, member: Member, value: Any) -> None:
        if member.cls:
            self.message(value)
        elif member.base == "string":
            raw = value.encode() + b"\0"
            self.number("uint32", len(raw))
            self.body += raw
        elif member.base == "wstring":
            units = np.frombuffer(value.encode("utf-16-le", "surrogatepass"), np.uint16)
            self.number("uint32", len(units))
            for unit in units:
                self.number("uint32", int(unit))
        else:
            self.number(member.base, value)

    def field(self, member: Member, value: Any) -> None:
        if not member.array:
            self.element(member, value)
            return
        delimited = self.version == 2 and (member.cls or member.base in ("string", "wstring"))
        if delimited:
            self.number("uint32", 0)
        begin = len(self.body)
        if member.array == "sequence":
            self.number("uint32", len(value))
        for item in value:
            self.element(member, item)
        if delimited:
            self.body[begin - 4 : begin] = struct.pack(self.order + "I", len(self.body) - begin)

    def message(self, message: Any) -> None:
        fields = members(type(message))
        for member in fields:
            self.field(member, getattr(message, member.name))
        if not fields:
            self.number("uint8", 0)


def serialize(message: Any, big_endian: bool = False, version: int = 1) -> bytes:
    writer = Writer(big_endian, version)
    writer.message(message)
    identifier = (6 if version == 2 else 0) + (0 if big_endian else 1)
    return bytes([0, identifier, 0, 0]) + bytes(writer.body)


def canonical(message: Any, serialized: bytes) -> bytes:
    """A message serialized by another XCDR1 writer, with zeros as padding and without trailing bytes."""
    writer = Writer(False, 1)
    writer.message(message)
    tidy = bytearray(serialized[: 4 + len(writer.body)])
    for gap in writer.gaps:
        tidy[4 + gap] = 0
    return bytes(tidy)
