"""Messages of another kind than the pool's: a camera that comes back with another resolution or encoding."""

from __future__ import annotations

import json
import time
from collections import OrderedDict
from typing import Any

from .. import _core
from .request import Request

SETTLE = 10.0  # seconds in which the pool does not go back to a kind that it had before
REMEMBERED = 16  # kinds that were left
LAYOUT = ("encoding", "format", "point_fields")  # metadata without which samples cannot be read

Kind = tuple[Any, ...]


def kind_of(schema: _core.Schema, metadata: dict[str, Any]) -> Kind:
    """What must be alike in all messages of one pool. How long a variable field may be is not of it."""
    fields = tuple(
        (each.name, str(each.dtype), each.variable, each.shape[1:] if each.variable else each.shape)
        for each in schema.fields
    )
    return (fields, *(str(metadata.get(key)) for key in LAYOUT))


class Changes:
    """Decides whether the pool follows a message that does not fit it.

    It does, at once, when the message is of another kind and the pool was not of that kind within the last SETTLE
    seconds. So two publishers of different kinds on one topic change it every SETTLE seconds, not with every message.
    """

    def __init__(self, request: Request, schema: _core.Schema, metadata: dict[str, Any]) -> None:
        self.request = request
        self.kind = kind_of(schema, metadata)
        self.left: OrderedDict[Kind, float] = OrderedDict()
        self.goes_back = False  # the last message was of a kind that was left a moment ago

    def candidate(self, message: bytes) -> tuple[_core.RosDecoder, _core.Schema, str] | None:
        """A decoder that has learned from the message, with the pool's schema and metadata; None: leave it out."""
        self.goes_back = False
        decoder = self.request.decoder()
        try:
            schema, metadata_json = decoder.learn(message)
        except (_core.SchemaMismatchError, _core.PoolCorruptError, _core.UnsupportedError):
            return None
        metadata = json.loads(metadata_json)
        kind = kind_of(schema, metadata)
        if kind == self.kind or "names" in metadata:  # which joints a pool has is never the latest message's to say
            return None
        self.goes_back = time.monotonic() - self.left.get(kind, -SETTLE) < SETTLE
        return None if self.goes_back else (decoder, schema, metadata_json)

    def followed(self, schema: _core.Schema, metadata: dict[str, Any]) -> None:
        """The pool is of this kind now."""
        self.left[self.kind] = time.monotonic()
        self.left.move_to_end(self.kind)
        while len(self.left) > REMEMBERED:
            self.left.popitem(last=False)
        self.kind = kind_of(schema, metadata)
