"""Descriptions of the dtypes that only numpy has, as they travel in a pool: JSON that gives back the very same dtype.

A description is what a pool's file says, so it is read with suspicion.
"""

from __future__ import annotations

import json
import re
from typing import Any

import numpy as np

from ._core import PoolCorruptError, UnsupportedError

# What `dtype.str` writes for a dtype without parts: byte order, kind, size, and the unit of times.
SIMPLE = re.compile(r"[<>|=][biufcSUVmM][0-9]{1,9}(\[[0-9]{0,9}[a-zA-Z]{1,7}\])?")
MAX_DEPTH = 16

# DLPack's type codes of the dtypes that numpy has only through ml_dtypes. torch calls them the same.
ML_DTYPES = {
    "bfloat16": 4,
    "float8_e3m4": 7,
    "float8_e4m3": 8,
    "float8_e4m3b11fnuz": 9,
    "float8_e4m3fn": 10,
    "float8_e4m3fnuz": 11,
    "float8_e5m2": 12,
    "float8_e5m2fnuz": 13,
    "float8_e8m0fnu": 14,
}


def from_ml_dtypes(name: str) -> np.dtype[Any]:
    """numpy's dtype for bfloat16 and the float8s, which the package ml_dtypes defines."""
    try:
        import ml_dtypes
    except (ImportError, AttributeError):  # the newest ml_dtypes finds no numpy.exceptions in an old numpy
        raise UnsupportedError(
            f"numpy has no {name} by itself: install ml_dtypes (one that this numpy can load), or read the pool with "
            'backend="torch"'
        ) from None
    scalar = getattr(ml_dtypes, name, None) if name in ML_DTYPES else None
    if scalar is None:
        raise UnsupportedError(f"ml_dtypes {ml_dtypes.__version__} has no {name}: install a newer one")
    dtype: np.dtype[Any] = np.dtype(scalar)
    return dtype


def to_description(dtype: np.dtype[Any]) -> str:
    """JSON that from_description gives the dtype back from. The dtype holds no objects."""
    return json.dumps(describe(dtype), separators=(",", ":"))


def describe(dtype: np.dtype[Any]) -> Any:
    if dtype.subdtype is not None:
        base, shape = dtype.subdtype
        return {"base": describe(base), "shape": list(shape)}
    if dtype.names is None or dtype.fields is None:
        return dtype.str
    fields: Any = dtype.fields
    entries = [fields[name] for name in dtype.names]
    description: dict[str, Any] = {
        "names": list(dtype.names),
        "formats": [describe(entry[0]) for entry in entries],
        "offsets": [entry[1] for entry in entries],
        "itemsize": dtype.itemsize,
    }
    titles = [entry[2] if len(entry) == 3 else None for entry in entries]
    if any(title is not None for title in titles):
        description["titles"] = titles
    if dtype.isalignedstruct:
        description["aligned"] = True
    if dtype.type is np.record:
        description["record"] = True
    return description


def from_description(text: str, itemsize: int) -> np.dtype[Any]:
    """The dtype that a pool describes. Raises PoolCorruptError for what is no description of `itemsize` bytes."""
    try:
        dtype = build(json.loads(text), 0)
    except (ValueError, TypeError, KeyError, OverflowError, RecursionError, SyntaxError) as problem:
        raise PoolCorruptError(f"the pool describes a dtype as {text!r}: {problem}") from None
    if dtype.itemsize != itemsize or dtype.hasobject:
        raise PoolCorruptError(f"the pool describes a dtype of {itemsize} bytes as {text!r}")
    return dtype


def build(description: Any, depth: int) -> np.dtype[Any]:
    if depth > MAX_DEPTH:
        raise ValueError("it is nested too deeply")
    if isinstance(description, str):
        if SIMPLE.fullmatch(description) is None:
            raise ValueError(f"{description!r} is not a dtype")
        return np.dtype(description)
    if not isinstance(description, dict):
        raise ValueError(f"{description!r} is not a dtype")
    if "base" in description:
        shape = tuple(checked_size(length) for length in description["shape"])
        return np.dtype((build(description["base"], depth + 1), shape))
    names = [checked_name(name) for name in description["names"]]
    parts: dict[str, Any] = {
        "names": names,
        "formats": [build(part, depth + 1) for part in description["formats"]],
        "offsets": [checked_size(offset) for offset in description["offsets"]],
        "itemsize": checked_size(description["itemsize"]),
    }
    if "titles" in description:
        parts["titles"] = [None if title is None else checked_name(title) for title in description["titles"]]
    as_dtype: Any = np.dtype  # numpy's own stubs know this form only with literal keys
    dtype: np.dtype[Any] = as_dtype(parts, align=description.get("aligned") is True)
    if description.get("record") is True:
        dtype = np.dtype((np.record, dtype))
    return dtype


def checked_name(value: Any) -> str:
    if not isinstance(value, str):
        raise ValueError(f"{value!r} is not a name")
    return value


def checked_size(value: Any) -> int:
    if type(value) is not int or not 0 <= value <= 2**31:
        raise ValueError(f"{value!r} is not a size")
    return value
