"""Messages of another kind than the pool: a camera that was restarted with another resolution or encoding."""

from __future__ import annotations

import json
import time
from collections import OrderedDict
from typing import Any

from .. import _core
from .request import Request

SETTLE = 10.0  # seconds in which the pool does not go back to a kind that it had
REMEMBERED = 16  # earlier kinds of the pool
LAYOUT = ("encoding", "format", "point_fields")  # metadata that a reader needs to interpret samples

Kind = tuple[Any, ...]


def kind_of(schema: _core.Schema, metadata: dict[str, Any]) -> Kind:
    """What all messages of one pool have in common: fields without the length of variable ones, and LAYOUT."""
    fields = tuple(
        (each.name, str(each.dtype), each.variable, each.shape[1:] if each.variable else each.shape)
        for each in schema.fields
    )
    return (fields, *(str(metadata.get(key)) for key in LAYOUT))


class Changes:
    """Decides whether the pool follows a message that does not fit it.

    It follows a message of another kind at once, unless the pool had that kind within the last SETTLE seconds. Two
    publishers of different kinds on one topic therefore change the pool every SETTLE seconds, not with every message.
    """

    def __init__(self, request: Request, schema: _core.Schema, metadata: dict[str, Any]) -> None:
        self.request = request
        self.kind = kind_of(schema, metadata)
        self.left: OrderedDict[Kind, float] = OrderedDict()
        self.goes_back = False  # the pool had the last message's kind within SETTLE seconds

    def candidate(self, message: bytes) -> tuple[_core.RosDecoder, _core.Schema, str] | None:
        """A decoder that has learned from the message, the schema and the metadata; None: leave the message out."""
        self.goes_back = False
        decoder = self.request.decoder()
        try:
            schema, metadata_json = decoder.learn(message)
        except (_core.SchemaMismatchError, _core.PoolCorruptError, _core.UnsupportedError):
            return None
        metadata = json.loads(metadata_json)
        kind = kind_of(schema, metadata)
        if kind == self.kind or "names" in metadata:  # joints are fixed by the first message
            return None
        self.goes_back = time.monotonic() - self.left.get(kind, -SETTLE) < SETTLE
        return None if self.goes_back else (decoder, schema, metadata_json)

    def followed(self, schema: _core.Schema, metadata: dict[str, Any]) -> None:
        """Note that the pool has this kind now."""
        self.left[self.kind] = time.monotonic()
        self.left.move_to_end(self.kind)
        while len(self.left) > REMEMBERED:
            self.left.popitem(last=False)
        self.kind = kind_of(schema, metadata)
