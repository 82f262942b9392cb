"""Checks of a request that need neither its topic nor its pool."""

from __future__ import annotations

from typing import Any

from ... import _core
from ..._describe import shortened
from ..._ros.classes import has_path, message_class
from ..._ros.constants import IGNORED, WHERE, concerns, constants_of
from ..._ros.types import describe, type_name
from ..._stream import TensorStream
from .request import Request


def check(request: Request, node: Any) -> None:
    """Check names, types and fields.

    Raises:
        ValueError: The name of a topic is not valid, or the message type does not have a field.
        TypeError: The type is not a message type.
        ImportError: The package of the message type cannot be imported.
        InvalidNameError: No pool can have the name.
        UnsupportedError: Samples cannot be messages of the type.
    """
    check_names(request, node)
    if request.type is None:
        return
    found = message_class(request.type, request.name("type"))
    if request.from_pool is not None:
        check_outgoing(request, found)


def check_names(request: Request, node: Any) -> None:
    try:
        node.resolve_topic_name(request.topic)
    except Exception as problem:  # rclpy's, whose class differs between distributions
        raise ValueError(f"{shortened(request.topic)} is not a valid topic name: {problem}") from problem
    TensorStream(request.pool, expect="any", backend="numpy").cleanup()  # raises InvalidNameError


def check_outgoing(request: Request, found: Any) -> None:
    """Check a request from a pool to a topic. `TensorStream` checks the other direction."""
    type_text = type_name(found)
    paths = request.field if isinstance(request.field, dict) else {"": request.field}
    for path in paths.values():
        if path is not None and not (isinstance(path, str) and has_path(found, path)):
            raise ValueError(
                f"{request.name('field')}: {type_text} has no field {shortened(path)}; it has {names(found)}"
            )
    if request.field is None:
        check_supported(found)
    for key, option in (("names", "joints"), ("point_fields", "point_fields")):
        if getattr(request, option) is not None and not any(has_path(found, path) for path in WHERE[key]):
            raise ValueError(f"{request.name(option)}: {type_text} has no field for them")
    for key in request.metadata:
        if key not in IGNORED and not concerns(str(key), found):
            raise ValueError(
                f"{request.name('metadata')}: {type_text} has no field {shortened(key)}; it has {names(found)}"
            )
    constants_of(request.metadata, found, request.pool)


def check_supported(found: Any) -> None:
    """Raise UnsupportedError for a type that no sample can be. Other errors depend on the pool: its samples may be
    dicts, whose keys are paths in the message."""
    try:
        _core.RosDecoder(describe(found), type_name(found), {"": ""})
    except _core.UnsupportedError:
        raise
    except _core.PolymorphError:
        pass


def names(found: Any) -> str:
    return ", ".join(found.get_fields_and_field_types())
