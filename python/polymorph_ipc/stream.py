"""TensorStream: a reader of a pool."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

from . import _core, samples
from .describe import by_field, native_dtypes, parse_metadata

if TYPE_CHECKING:
    from types import TracebackType

    from typing_extensions import Self


class TensorStream(_core.Stream):
    """Reads a pool by name, without copies. The pool need not exist yet, and may die and come back.

    A stream has one cursor, the newest sequence number it has returned. It starts at the newest sample there is, so
    that `get_new` gives what is published from now on. `get_last`, `get_new`, `get_next`, `get_all_new` and iteration
    move it, `get_history` and `get_at` do not. Use one stream per consumer.

    Samples are arrays over the pool's own memory: `numpy.ndarray`s that are read-only, or `torch.Tensor`s, which must
    not be written to (torch has no read-only; see `explain_faults`). They stay valid and unchanged for as long as
    anybody holds them, after `cleanup()` and after the producer's death too. A stream can hold seven; more are private
    copies, and say so in `info.copied`.

    When the producer dies, the pool stays readable, and a successor adopts it unnoticed. When the producer cleans up,
    the stream has nothing to give until a new pool of that name appears; it then reads that one. A stream keeps the
    schema it first saw: a pool with another raises SchemaMismatchError, unless made with `expect="any"`.

    Threads: any; calls take turns. Processes: after a fork the child's stream opens itself anew. Streams pickle by
    name: a worker process gets a stream of its own, made with the same arguments.

    Args:
        pool_name: the pool's name.
        backend: "numpy" or "torch": which arrays to give. None: torch if the producer's sample was torch (or, for a
            dict, any of its arrays was) and torch is installed here, else numpy; settled when the stream connects.
        expect: what the pool must carry: a sample (array, or dict of arrays) or a Schema; anything else in the pool
            raises SchemaMismatchError. "any": follow whatever schema the pool has, also when it changes (viewers).
        max_age: seconds since publication after which a sample is too old to be given; None: any age. Each get_* can
            say otherwise.
        copy: give private, contiguous, writable arrays instead of views. Each get_* can say otherwise.
        start: "newest": what is in the pool now counts as seen. "oldest": the cursor is before the history.

    Raises:
        InvalidNameError (ValueError): no pool can have that name. ValueError: another backend, start or max_age.
        TypeError: `expect` is neither sample nor Schema nor "any".
        SchemaMismatchError, PoolCorruptError, PoolIncompatibleError, PoolPermissionError, PoolFullError (64 streams are
            connected; names them): the pool exists, and cannot be read.
        ImportError: backend is "torch", and torch is not installed.

    Example:
        >>> with TensorStream("cam") as camera:
        ...     image = camera.get_new(timeout=1.0)
    """

    __slots__ = ("__weakref__", "arguments")

    arguments: dict[str, Any]

    def __init__(
        self,
        pool_name: str,
        *,
        backend: Literal["numpy", "torch"] | None = None,
        expect: Any = None,
        max_age: float | None = None,
        copy: bool = False,
        start: Literal["newest", "oldest"] = "newest",
    ) -> None:
        if start not in ("newest", "oldest"):
            raise ValueError(f'start must be "newest" or "oldest", not {start!r}')
        follow_schema = isinstance(expect, str) and expect == "any"
        schema = None if follow_schema else expected_schema(expect, pool_name)
        self.arguments = {
            "backend": backend,
            "expect": "any" if follow_schema else schema,
            "max_age": max_age,
            "copy": copy,
            "start": start,
        }
        super().__init__(
            pool_name,
            backend,
            schema,
            follow_schema,
            start == "oldest",
            max_age,
            copy,
            _core.registry_folder(),
        )

    @property
    def shape(self) -> tuple[int, ...] | dict[str, tuple[int, ...]] | None:
        """Shape of a sample (of the largest one, when variable); a dict pool: a dict of the fields' shapes. None while
        the stream was never connected."""
        schema = self.schema
        return None if schema is None else by_field(schema, [field.shape for field in schema.fields])

    @property
    def dtype(self) -> Any:
        """dtype of a sample: a numpy.dtype or a torch.dtype, as the backend is; a dict pool: a dict of the fields'.
        None while the stream was never connected."""
        schema = self.schema
        if schema is None:
            return None
        is_torch = self.backend == "torch"
        return by_field(schema, native_dtypes(schema, is_torch))

    @property
    def metadata(self) -> dict[str, Any] | None:
        """What the producer said about the pool, a dict of JSON values, empty when it said nothing; None while the
        stream was never connected. Raises PoolCorruptError when it is damaged."""
        found = self.read_metadata()
        if found is None:
            return None
        return parse_metadata(found, self.pool_name)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, exc_type: type[BaseException] | None, exc: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.cleanup()

    def __reduce__(self) -> tuple[Any, ...]:
        state = getattr(self, "__dict__", None)
        return (reopen, (type(self), self.pool_name, self.arguments), state or None)


def expected_schema(expect: Any, pool_name: str) -> _core.Schema | None:
    """What `expect` says a pool must carry."""
    if expect is None or isinstance(expect, _core.Schema):
        return expect
    if isinstance(expect, str):
        raise TypeError(f'expect must be a sample, a Schema or "any", not {expect!r}')
    return samples.schema_for(expect, False, f"expect of pool {pool_name!r}")


def reopen(kind: type[TensorStream], pool_name: str, arguments: dict[str, Any]) -> TensorStream:
    """A stream in this process like the one that was pickled in another."""
    return kind(pool_name, **arguments)
