"""Schemas and metadata as Python objects, and texts of other processes as safe text."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeVar

from . import _core

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

Value = TypeVar("Value")


SHORT = 200
LONG = 2000


def printable(text: str) -> str:
    """A text of another process for a log or a terminal: no control characters, at most LONG characters."""
    shown = "".join(letter if letter.isprintable() else "?" for letter in text[:LONG])
    return shown if len(text) <= LONG else f"{shown}..."


def shortened(value: Any) -> str:
    """repr() of a value from another process, at most SHORT characters."""
    text = ascii(value[: SHORT + 1] if isinstance(value, str) else value)
    return text if len(text) <= SHORT else f"{text[:SHORT]}..."


def by_field(schema: _core.Schema, values: Sequence[Value]) -> Value | dict[str, Value]:
    """The one value of a plain tensor, or a dict of the values by field name."""
    if not schema.is_dict:
        return values[0]
    return {field.name: value for field, value in zip(schema.fields, values, strict=True)}


def metadata_text(metadata: Mapping[str, Any] | None, pool_name: str) -> str | None:
    """Metadata as the pool stores it: JSON with sorted keys, so that equal metadata gives equal text. None when empty.

    Raises TypeError when it is not a dict of JSON values."""
    if metadata is None:
        return None
    import json

    try:
        plain = dict(metadata)
        check_keys(plain)
        as_json = json.dumps(plain, sort_keys=True, separators=(",", ":"), allow_nan=False)
    except (TypeError, ValueError, RecursionError) as problem:
        raise TypeError(f"pool {pool_name!r}: metadata must be a dict of JSON values: {problem}") from None
    return as_json if plain else None


def check_keys(value: Any) -> None:
    """Raise TypeError for keys that are not str: json.dumps would convert them silently."""
    if isinstance(value, dict):
        for key in value:
            if not isinstance(key, str):
                raise TypeError(f"the key {key!r} is not a str")
    if isinstance(value, (dict, list, tuple)):
        for item in value.values() if isinstance(value, dict) else value:
            check_keys(item)


def native_dtypes(schema: _core.Schema, is_torch: bool) -> list[Any]:
    """The dtypes of the fields: torch dtypes if `is_torch`, except where torch has none; else numpy dtypes."""
    return [native_dtype(schema, index, is_torch) for index in range(len(schema.fields))]


def native_dtype(schema: _core.Schema, index: int, is_torch: bool) -> Any:
    if is_torch:
        import torch

        found = getattr(torch, schema.fields[index].dtype, None)
        if isinstance(found, torch.dtype):
            return found
    return schema.numpy_dtype(index)


def parse_metadata(text: str | None, pool_name: str) -> dict[str, Any]:
    """Metadata as a dict. Raises PoolCorruptError when the text is not a JSON object."""
    if not text:
        return {}
    import json

    try:
        metadata = json.loads(text)
    except (ValueError, RecursionError) as problem:
        raise _core.PoolCorruptError(f"pool {pool_name!r}: its metadata is damaged: {problem}") from None
    if not isinstance(metadata, dict):
        raise _core.PoolCorruptError(f"pool {pool_name!r}: its metadata is not a JSON object")
    return metadata
