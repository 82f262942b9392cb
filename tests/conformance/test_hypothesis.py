"""Messages that hypothesis makes up, there and back."""

from __future__ import annotations

import random
from typing import Any

import reference
from codec import Decoder, Encoder, Types
from hypothesis import given, settings
from hypothesis import strategies as st
from messages import decoded, describe, expected, installed, leaf_paths, random_message, type_name


@settings(max_examples=400, deadline=None, database=None)
@given(st.sampled_from(list(installed().values())), st.randoms(), st.integers(0, 6))
def test_message_round_trips(cls: Any, rng: random.Random, size: int) -> None:
    types, leaves = Types(), list(leaf_paths(cls))
    for name, text in describe(cls).items():
        types.add(name, text)
    message = random_message(cls, rng, size)
    raw = reference.serialize(message)
    values = Decoder(types, type_name(cls), leaves).decode(raw)
    for (path, dtype), value in zip(leaves, values, strict=True):
        assert decoded(value.items, dtype) == expected(message, path), path
    assert Encoder(types, type_name(cls), leaves).encode(values) == raw
