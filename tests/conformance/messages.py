"""Every installed message class, its type as text, random messages of it, and the expected values of their paths."""

from __future__ import annotations

import importlib
import random
import struct
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np
from ament_index_python import get_resource, get_resources
from codec import NUMPY_DTYPES, STRING, WSTRING, Types
from rosidl_parser import definition as idl

# The names of IDL for types that .msg files name differently.
MSG_NAMES = {"float": "float32", "double": "float64", "boolean": "bool", "octet": "byte"}
DTYPES = {"bool": 6 | 8 << 8, "byte": 1 | 8 << 8, "char": 1 | 8 << 8}
DTYPES |= {f"int{bits}": bits << 8 for bits in (8, 16, 32, 64)}
DTYPES |= {f"uint{bits}": 1 | bits << 8 for bits in (8, 16, 32, 64)}
DTYPES |= {f"float{bits}": 2 | bits << 8 for bits in (32, 64)}


@dataclass(frozen=True)
class Member:
    """The parts of one field's type."""

    name: str
    base: str  # "float64", "string", "wstring", or "" for a message
    cls: Any  # of a message
    array: str  # "", "array" or "sequence"
    length: int  # of an array; bound of a sequence, 0 for none
    text_bound: int

    @property
    def dtype(self) -> int:
        return {"string": STRING, "wstring": WSTRING}.get(self.base) or DTYPES[self.base]


def type_name(cls: Any) -> str:
    package, folder = cls.__module__.split(".")[:2]
    return f"{package}/{folder}/{cls.__name__}"


@cache
def members(cls: Any) -> list[Member]:
    found = []
    for name, slot in zip(cls.get_fields_and_field_types(), cls.SLOT_TYPES, strict=True):
        array, length = "", 0
        if isinstance(slot, idl.Array):
            array, length, slot = "array", slot.size, slot.value_type
        elif isinstance(slot, idl.BoundedSequence):
            array, length, slot = "sequence", slot.maximum_size, slot.value_type
        elif isinstance(slot, idl.UnboundedSequence):
            array, slot = "sequence", slot.value_type
        nested, bound = None, 0
        if isinstance(slot, idl.NamespacedType):
            nested, base = installed()["/".join((*slot.namespaces, slot.name))], ""
        elif isinstance(slot, idl.AbstractGenericString):
            base = "wstring" if isinstance(slot, idl.AbstractWString) else "string"
            bound = slot.maximum_size if slot.has_maximum_size() else 0
        else:
            base = MSG_NAMES.get(slot.typename, slot.typename)
        found.append(Member(name, base, nested, array, length, bound))
    return found


def describe(cls: Any) -> dict[str, str]:
    """The .msg text of a class and of all classes that it needs, by name, made from SLOT_TYPES."""
    texts: dict[str, str] = {}

    def add(one: Any) -> None:
        if type_name(one) in texts:
            return
        texts[type_name(one)] = lines = ""
        for member in members(one):
            if member.cls:
                add(member.cls)
            bound = f"<={member.text_bound}" if member.text_bound else ""
            suffix = {"": "", "array": f"[{member.length}]", "sequence": f"[<={member.length}]"}[member.array]
            if member.array == "sequence" and not member.length:
                suffix = "[]"
            lines += f"{type_name(member.cls) if member.cls else member.base}{bound}{suffix} {member.name}\n"
        texts[type_name(one)] = lines

    add(cls)
    return texts


def make_types(cls: Any) -> Types:
    """The codec's types of a class and of all classes that it needs."""
    types = Types()
    for name, text in describe(cls).items():
        types.add(name, text)
    return types


@cache
def installed() -> dict[str, Any]:
    """The classes of every installed interface by name, including those of services and actions."""
    found: dict[str, Any] = {}

    def add(holder: Any) -> None:
        for value in list(vars(holder).values()):
            if isinstance(value, type) and hasattr(value, "SLOT_TYPES"):
                found[type_name(value)] = value
            elif isinstance(value, type) and value not in visited:
                visited.add(value)
                add(value)

    visited: set[type] = set()
    for package in sorted(get_resources("rosidl_interfaces")):
        content, _ = get_resource("rosidl_interfaces", package)
        for folder in sorted({line.split("/")[0] for line in content.split()} & {"msg", "srv", "action"}):
            add(importlib.import_module(f"{package}.{folder}"))
    return {name: found[name] for name in sorted(found)}


# ---- random messages ----

SPECIAL_FLOATS = (0.0, -0.0, 1.0, -1.5, float("inf"), float("-inf"), float("nan"), 5e-324, 1e300)


def random_number(rng: random.Random, base: str) -> Any:
    if base == "bool":
        return rng.random() < 0.5
    if base.startswith("float"):
        value = rng.choice(SPECIAL_FLOATS) if rng.random() < 0.3 else rng.uniform(-1e6, 1e6)
        with np.errstate(over="ignore", under="ignore"):
            return float(np.float32(min(max(value, -3e38), 3e38))) if base == "float32" else value
    if base in ("byte", "char"):
        base = "uint8"
    info = np.iinfo(base)
    return rng.choice((0, 1, info.min, info.max)) if rng.random() < 0.3 else rng.randint(info.min, info.max)


def random_text(rng: random.Random, member: Member) -> str:
    alphabet = "abcXYZ 09_/\"'#=" if member.text_bound else "abc/_ é√中𝄞\n"
    limit = min(member.text_bound or 12, 12)
    return "".join(rng.choice(alphabet) for _ in range(rng.randint(0, limit)))


def random_message(cls: Any, rng: random.Random, size: int = 4) -> Any:
    """A message with random content. Sequences have up to `size` elements, nested ones fewer."""
    message = cls()
    for member in members(cls):

        def one(member: Member = member) -> Any:
            if member.cls:
                return random_message(member.cls, rng, max(size - 1, 1))
            if member.base in ("string", "wstring"):
                return random_text(rng, member)
            value = random_number(rng, member.base)
            return bytes([value]) if member.base == "byte" else value

        value = one()
        if member.array:
            limit = min(member.length, size) if member.length else size
            count = member.length if member.array == "array" else rng.randint(0, limit)
            value = [one() for _ in range(count)]
            if isinstance(getattr(message, member.name), np.ndarray):
                value = np.array(value, NUMPY_DTYPES[member.dtype])
        setattr(message, member.name, value)
    return message


# ---- the content of a message ----


def plain(member: Member, value: Any) -> Any:
    """A value in the form in which it is compared: floats and texts as bytes."""
    if member.base == "string":
        return value.encode()
    if member.base == "wstring":
        units = np.frombuffer(value.encode("utf-16-le", "surrogatepass"), np.uint16)
        return units.astype(np.uint32).tobytes()
    if member.base.startswith("float"):
        return struct.pack("<f" if member.base == "float32" else "<d", value)
    return value[0] if isinstance(value, bytes) else int(value)


def tree(message: Any) -> dict[str, Any]:
    """The message as nested dictionaries and lists of plain values."""
    content: dict[str, Any] = {}
    for member in members(type(message)):
        value = getattr(message, member.name)

        def one(value: Any, member: Member = member) -> Any:
            return tree(value) if member.cls else plain(member, value)

        content[member.name] = [one(item) for item in value] if member.array else one(value)
    return content


def leaf_paths(cls: Any, prefix: str = "") -> Iterator[tuple[str, int]]:
    """The path and dtype of every value in a message, including the lengths of sequences."""
    for member in members(cls):
        path = prefix + member.name
        if member.array == "sequence":
            yield f"{path}#", DTYPES["uint32"]
        if member.cls:
            yield from leaf_paths(member.cls, path + ("[]." if member.array else "."))
        else:
            yield path, member.dtype


def expected(message: Any, path: str) -> list[Any]:
    """The plain values at a path, in the order of the message; at a message, all its values."""

    def collect(value: Any) -> Iterator[Any]:
        for member in members(type(value)):
            for item in getattr(value, member.name) if member.array else [getattr(value, member.name)]:
                yield from collect(item) if member.cls else [plain(member, item)]

    def follow(value: Any, rest: str) -> Iterator[Any]:
        name, _, tail = rest.partition(".")
        member = next(m for m in members(type(value)) if m.name == name.rstrip("[]#"))
        content = getattr(value, member.name)
        if name.endswith("#"):
            yield len(content)
            return
        for item in content if member.array else [content]:
            if tail:
                yield from follow(item, tail)
            else:
                yield from collect(item) if member.cls else [plain(member, item)]

    return list(follow(message, path) if path else collect(message))


def decoded(items: Any, dtype: int) -> list[Any]:
    """The items of a column as plain values."""
    if isinstance(items, list):
        return items
    if np.issubdtype(items.dtype, np.floating):
        return [struct.pack("<f" if items.dtype == np.float32 else "<d", item) for item in items]
    return [int(item) for item in items]
