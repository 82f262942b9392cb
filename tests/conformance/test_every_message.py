"""Every installed message class: random messages, serialized by rclpy, are decoded, compared and encoded again."""

from __future__ import annotations

import random
from typing import Any

import numpy as np
import pytest
import reference
from codec import MESSAGE, STRING, WSTRING, CodecError, Decoder, Encoder, Field, Types, Values, read_text
from codec import NUMPY_DTYPES as NUMBERS
from messages import decoded, expected, installed, leaf_paths, make_types, members, random_message, tree, type_name
from rclpy.serialization import serialize_message

ROUNDS = 10
CLASSES = list(installed().values())


def with_messages(cls: Any) -> list[tuple[Any, bytes]]:
    """Random messages of several sizes, each with its serialization by rclpy.

    Padding of rclpy is uninitialized memory, and so are trailing bytes when rclpy estimates the size too high.
    """
    rng = random.Random(type_name(cls))
    pairs = []
    for size in range(ROUNDS):
        message = random_message(cls, rng, size % 5)
        serialized = serialize_message(message)
        assert reference.canonical(message, serialized) == reference.serialize(message)
        pairs.append((message, serialized))
    return pairs


def assert_columns(message: Any, leaves: list[tuple[str, int]], values: list[Values]) -> None:
    for (path, dtype), value in zip(leaves, values, strict=True):
        assert decoded(value.items, dtype) == expected(message, path), path


@pytest.mark.parametrize("cls", CLASSES, ids=type_name)
def test_visiting_a_message_gives_what_rclpy_serialized(cls: Any) -> None:
    types = make_types(cls)
    for message, raw in with_messages(cls):
        assert rebuild(types, cls, raw) == tree(message)


@pytest.mark.parametrize("cls", CLASSES, ids=type_name)
def test_columns_of_all_paths_round_trip(cls: Any) -> None:
    types, leaves = make_types(cls), list(leaf_paths(cls))
    for spans in (False, True):
        decoder = Decoder(types, type_name(cls), leaves, spans)
        encoder = Encoder(types, type_name(cls), leaves)
        swapping = Encoder(types, type_name(cls), leaves, swapped=True)
        for message, raw in with_messages(cls):
            values = decoder.decode(raw)
            assert_columns(message, leaves, values)
            assert encoder.encode(values) == reference.canonical(message, raw)
            assert swapping.encode(values) == reference.serialize(message, big_endian=True)


def without_needless_counts(leaves: list[tuple[str, int]]) -> list[tuple[str, int]]:
    """The leaves that an encoder of spans needs: counts that follow from other leaves are removed."""

    def is_needed(path: str) -> bool:
        inner = [other for other, _ in leaves if other.startswith(path[:-1] + "[].")]
        if inner:
            return "[]" in path or all(other.count("[]") > 1 for other in inner)
        dtype = dict(leaves).get(path[:-1])  # an empty message has no leaves at all
        return dtype is None or (dtype in (STRING, WSTRING) and "[]" in path)

    return [(path, dtype) for path, dtype in leaves if not path.endswith("#") or is_needed(path)]


@pytest.mark.parametrize("cls", CLASSES, ids=type_name)
def test_spans_of_all_paths_round_trip_with_their_lengths(cls: Any) -> None:
    types, leaves = make_types(cls), without_needless_counts(list(leaf_paths(cls)))
    decoder = Decoder(types, type_name(cls), leaves, spans=True)
    encoder = Encoder(types, type_name(cls), leaves, spans=True)
    for message, raw in with_messages(cls):
        assert encoder.encode(decoder.decode(raw)) == reference.serialize(message)


@pytest.mark.parametrize("cls", CLASSES, ids=type_name)
def test_both_byte_orders_and_both_xcdr_versions_decode_equally(cls: Any) -> None:
    types, leaves = make_types(cls), list(leaf_paths(cls))
    decoder = Decoder(types, type_name(cls), leaves)
    spanning = Decoder(types, type_name(cls), leaves, spans=True)
    for message, _ in with_messages(cls):
        for big_endian, version in ((True, 1), (False, 2), (True, 2)):
            raw = reference.serialize(message, big_endian, version)
            assert rebuild(types, cls, raw) == tree(message)
            assert_columns(message, leaves, decoder.decode(raw))
            assert_columns(message, leaves, spanning.decode(raw))


def all_places(types: Types, cls: Any) -> list[tuple[str, int]]:
    """Every path with one dtype, including whole messages and lists of them."""
    name, places = type_name(cls), []

    def add(path: str) -> None:
        dtype, _ = types.find(name, path)
        if dtype != MESSAGE:
            places.append((path, dtype))

    def follow(one: Any, prefix: str) -> None:
        for member in members(one):
            add(prefix + member.name)
            if member.array == "sequence":
                add(f"{prefix}{member.name}#")
            if member.cls:
                follow(member.cls, prefix + member.name + ("[]." if member.array else "."))

    add("")
    follow(cls, "")
    return places


@pytest.mark.parametrize("cls", CLASSES, ids=type_name)
def test_any_selection_of_paths_is_decoded(cls: Any) -> None:
    types, rng = make_types(cls), random.Random(type_name(cls))
    places = all_places(types, cls)
    for message, raw in with_messages(cls):
        chosen: list[tuple[str, int]] = []
        for path, dtype in rng.sample(places, min(len(places), rng.randint(0, 6))):
            inside = [p for p, _ in chosen if overlap(p, path)]
            if not inside:
                chosen.append((path, dtype))
        for order in (raw, reference.serialize(message, big_endian=True), reference.serialize(message, version=2)):
            values = Decoder(types, type_name(cls), chosen, spans=rng.random() < 0.5).decode(order)
            assert_columns(message, chosen, values)


def overlap(one: str, other: str) -> bool:
    """Whether one path contains the other. Lengths are contained only in a list of messages."""
    if one.endswith("#") and other.endswith("#"):
        return False

    def parts(path: str) -> list[str]:
        return path.replace("[]", "").split(".") if path else []

    def within(short: list[str], long: list[str]) -> bool:
        return long[: len(short)] == short

    return within(parts(one), parts(other)) or within(parts(other), parts(one))


@pytest.mark.parametrize("cls", CLASSES, ids=type_name)
def test_truncated_message_is_corrupt_and_trailing_bytes_are_ignored(cls: Any) -> None:
    types, name = make_types(cls), type_name(cls)
    leaves = list(leaf_paths(cls))
    decoder, bare = Decoder(types, name, leaves), Decoder(types, name, [])
    rng = random.Random(name)
    whole = min((reference.serialize(random_message(cls, rng, 3)) for _ in range(5)), key=len)
    types.check_message(name, whole + b"trailing")
    decoder.decode(whole + b"trailing")
    step = max(1, len(whole) // 400)
    for length in {*range(0, len(whole), step), *range(max(0, len(whole) - 40), len(whole))}:
        for attempt in (decoder.decode, bare.decode, lambda raw: types.check_message(name, raw)):
            with pytest.raises(CodecError) as failure:
                attempt(whole[:length])
            assert failure.value.status == "CORRUPT"
            assert f"{name}: " in str(failure.value)


def rebuild(types: Types, cls: Any, raw: bytes) -> dict[str, Any]:
    """The tree of a message, made from the events of a visit."""
    root: dict[str, Any] = {}
    stack: list[Any] = [root]

    def put(name: str, value: Any) -> None:
        if isinstance(stack[-1], list):
            stack[-1].append(value)
        else:
            stack[-1][name] = value

    def see(kind: str, field: Field, address: int, count: int, swapped: bool) -> None:
        name = field.name.decode()
        if kind in ("message_begin", "list_begin"):
            inner: Any = {} if kind == "message_begin" else []
            put(name, inner)
            stack.append(inner)
        elif kind in ("message_end", "list_end"):
            stack.pop()
        elif field.dtype in (STRING, WSTRING):
            put(name, read_text(address, count, field.dtype, swapped))
        elif name != "structure_needs_at_least_one_member":
            numbers = copy_numbers(address, count, NUMBERS[field.dtype], swapped)
            values = decoded(numbers, field.dtype)
            put(name, values if field.is_array or field.is_sequence else values[0])

    types.visit(type_name(cls), raw, see)
    assert stack == [root]
    return root[""]


def copy_numbers(address: int, count: int, dtype: np.dtype, swapped: bool) -> np.ndarray:
    import ctypes

    raw = np.frombuffer(ctypes.string_at(address, count * dtype.itemsize), dtype)
    return raw.byteswap() if swapped else raw
