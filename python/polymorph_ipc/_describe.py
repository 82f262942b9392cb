"""Schemas and metadata in the words of Python."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeVar

from . import _core

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

Value = TypeVar("Value")


SHORT = 200
LONG = 2000


def printable(text: str) -> str:
    """A text of another process for a log or a terminal: nothing that moves the cursor, and not without an end."""
    shown = "".join(letter if letter.isprintable() else "?" for letter in text[:LONG])
    return shown if len(text) <= LONG else f"{shown}..."


def shortened(value: Any) -> str:
    """repr() of what another process has said, which may be long."""
    text = ascii(value[: SHORT + 1] if isinstance(value, str) else value)
    return text if len(text) <= SHORT else f"{text[:SHORT]}..."


def by_field(schema: _core.Schema, values: Sequence[Value]) -> Value | dict[str, Value]:
    """The one value of a plain tensor, or a dict by the names of the fields."""
    if not schema.is_dict:
        return values[0]
    return {field.name: value for field, value in zip(schema.fields, values, strict=True)}


def metadata_text(metadata: Mapping[str, Any] | None, pool_name: str) -> str | None:
    """Metadata as it travels: JSON with sorted keys, so that equal metadata is equal text."""
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
    """JSON would make text of other keys without a word."""
    if isinstance(value, dict):
        for key in value:
            if not isinstance(key, str):
                raise TypeError(f"the key {key!r} is no str")
    if isinstance(value, (dict, list, tuple)):
        for item in value.values() if isinstance(value, dict) else value:
            check_keys(item)


def native_dtypes(schema: _core.Schema, is_torch: bool) -> list[Any]:
    """The fields' dtypes: torch's, where torch is wanted and has it, or numpy's."""
    return [native_dtype(schema, index, is_torch) for index in range(len(schema.fields))]


def native_dtype(schema: _core.Schema, index: int, is_torch: bool) -> Any:
    if is_torch:
        import torch

        found = getattr(torch, schema.fields[index].dtype, None)
        if isinstance(found, torch.dtype):
            return found
    return schema.numpy_dtype(index)


def parse_metadata(text: str | None, pool_name: str) -> dict[str, Any]:
    """Metadata as a dict. Raises PoolCorruptError when the text is no JSON object."""
    if not text:
        return {}
    import json

    try:
        metadata = json.loads(text)
    except (ValueError, RecursionError) as problem:
        raise _core.PoolCorruptError(f"pool {pool_name!r}: its metadata is damaged: {problem}") from None
    if not isinstance(metadata, dict):
        raise _core.PoolCorruptError(f"pool {pool_name!r}: its metadata is no JSON object")
    return metadata
