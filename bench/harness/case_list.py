"""list_pools() in a folder with the pools of another process."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from polymorph_ipc import list_pools

from harness.serve import Operation, statement


@contextmanager
def open_case(case: str, arguments: dict[str, str]) -> Iterator[dict[str, Operation]]:
    """One listing."""
    found = len(list_pools())
    if found < int(arguments["pools"]):
        raise RuntimeError(f"only {found} pools were listed")
    yield {"list": statement("list_pools()", 1, list_pools=list_pools)}
