"""Descriptions of dtypes that only numpy has, as a pool stores them: JSON that gives back exactly the same dtype.

A description comes from a pool's file, which may be damaged or hostile, so every part of it is checked.
"""

from __future__ import annotations

import json
import re
from typing import Any

import numpy as np

from ._core import PoolCorruptError, UnsupportedError

# The form of `dtype.str` for a dtype without parts: byte order, kind, size, and the unit of times.
SIMPLE = re.compile(r"[<>|=][biufcSUVmM][0-9]{1,9}(\[[0-9]{0,9}[a-zA-Z]{1,7}\])?")
MAX_DEPTH = 16

# DLPack's type codes of the dtypes that numpy has only through ml_dtypes. torch uses the same names.
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
    """The numpy dtype of bfloat16 or a float8, which the package ml_dtypes defines. Raises UnsupportedError."""
    try:
        import ml_dtypes
    except (ImportError, AttributeError):  # AttributeError: an old numpy has no numpy.exceptions for a new ml_dtypes
        raise UnsupportedError(
            f"numpy has no {name}: install ml_dtypes (a version that works with this numpy), or read the pool with "
            'backend="torch"'
        ) from None
    scalar = getattr(ml_dtypes, name, None) if name in ML_DTYPES else None
    if scalar is None:
        raise UnsupportedError(f"ml_dtypes {ml_dtypes.__version__} has no {name}: install a newer ml_dtypes")
    dtype: np.dtype[Any] = np.dtype(scalar)
    return dtype


def to_description(dtype: np.dtype[Any]) -> str:
    """The description of a dtype, from which from_description makes it again. The dtype has no object parts."""
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
    """The dtype that a pool describes. Raises PoolCorruptError when it is not a description of `itemsize` bytes."""
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
    as_dtype: Any = np.dtype  # numpy's stubs accept this form only with literal keys
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
