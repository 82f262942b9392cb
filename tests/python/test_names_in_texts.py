"""Every name that an error or docstring of the package has in backticks or as a call exists."""

from __future__ import annotations

import ast
import builtins
import inspect
import re
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import polymorph_ipc
import polymorph_ipc._ros.types
import polymorph_ipc.ros
import pytest
from polymorph_ipc import _core

PACKAGE = Path(polymorph_ipc.__file__).parent
EXTENSION = Path(__file__).resolve().parents[2] / "python" / "ext"
SOURCES = sorted([*PACKAGE.glob("*.py"), *PACKAGE.glob("*.pyi"), *EXTENSION.rglob("*.c")])

QUOTED = re.compile(r"`+([A-Za-z_][\w.]*)(?:\(|`)")
CALLED = re.compile(r"(?<![\w.%`\"'{])([A-Za-z_][\w.]*)\((?=[a-z_]*(?:=|\)|\.\.\.))")
C_STRING = re.compile(r'"((?:[^"\\\n]|\\.)*)"')

# The names of example objects in texts (the first part of a dotted name), and their classes.
OBJECTS: dict[str, list[object]] = {
    "np": [np],
    "polymorph_ipc": [polymorph_ipc],
    "producer": [polymorph_ipc.TensorProducer],
    "stream": [polymorph_ipc.TensorStream],
    "frame": [polymorph_ipc.Loan, np.ndarray],
    "info": [polymorph_ipc.SampleInfo, polymorph_ipc.HistoryInfo],
    "array": [np.ndarray, np.ma.MaskedArray],
    "view": [np.ndarray],
    "camera": [polymorph_ipc.TensorStream, polymorph_ipc.TensorProducer],
    "cloud": [polymorph_ipc.TensorProducer],
}
# Names of other libraries, of C and of examples.
FOREIGN = {"faulthandler", "node", "numpy", "rclpy", "sensor_msgs", "tensor", "time", "torch"}
FOREIGN |= {"pmipc_ros_decoder", "pmipc_ros_encoder"}
FOREIGN |= {"rcl_publish_serialized_message", "rcl_publisher_t", "rcl_subscription_t"}
FOREIGN |= {"base", "frame.sub_", "requires_grad", "reshape", "steer", "track", "with"}


def texts(source: Path) -> Iterator[str]:
    """The string constants of a Python or C file. An f-string is one text."""
    if source.suffix == ".c":
        yield from C_STRING.findall(source.read_text())
        return
    for node in ast.walk(ast.parse(source.read_text())):
        if isinstance(node, ast.JoinedStr):
            parts = [part.value if isinstance(part, ast.Constant) else "{}" for part in node.values]
            yield "".join(map(str, parts))
        elif isinstance(node, ast.Constant) and isinstance(node.value, str):
            yield node.value


def parameters() -> set[str]:
    """The names of all function arguments, which texts also put in backticks."""
    found: set[str] = set()
    for source in SOURCES:
        if source.suffix != ".c":
            for node in ast.walk(ast.parse(source.read_text())):
                if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
                    found |= {each.arg for each in (*node.args.posonlyargs, *node.args.args, *node.args.kwonlyargs)}
    return found


PARAMETERS = parameters()
CLASSES = [value for value in (*vars(polymorph_ipc).values(), *vars(_core).values()) if inspect.isclass(value)]


def exists(name: str) -> bool:
    """Whether a name in a text exists. Of a dotted name, the first two parts are checked."""
    first, *rest = name.strip(".").split(".")
    if name in FOREIGN or first in FOREIGN:
        return True
    if not rest:
        known = (
            any(hasattr(module, first) for module in (polymorph_ipc, polymorph_ipc.ros, _core, builtins))
            or first in PARAMETERS
        )
        return known or first in OBJECTS or any(hasattr(cls, first) for cls in CLASSES)
    owners = OBJECTS.get(first, [getattr(module, first) for module in (polymorph_ipc, _core) if hasattr(module, first)])
    return any(hasattr(owner, rest[0]) for owner in owners)


@pytest.mark.any_python
@pytest.mark.parametrize("source", SOURCES, ids=lambda path: path.name)
def test_names_in_errors_and_docstrings_exist(source: Path) -> None:
    named = {name for text in texts(source) for name in (*QUOTED.findall(text), *CALLED.findall(text))}
    assert sorted(name for name in named if not exists(name)) == []


def test_missing_name_in_a_text_is_found() -> None:
    assert not exists("schema_of")
    assert not exists("TensorProducer.from_array")
    assert not exists("stream.get_latest")
    assert QUOTED.findall("call `stream.get_latest()`") == ["stream.get_latest"]
    assert CALLED.findall("a Schema, as of schema_of(sample), or make_it(...)") == ["schema_of", "make_it"]
