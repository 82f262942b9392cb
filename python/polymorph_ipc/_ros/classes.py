"""Message classes by name, and the paths of their fields.

A name may come from a pool's metadata, from a publisher on another computer or from a file. It decides which module is
imported, and importing runs code. Therefore only packages that rosidl has generated are imported; their files are
checked first.
"""

from __future__ import annotations

import importlib
import importlib.util
import re
import sys
from pathlib import Path
from typing import Any

from .._describe import shortened
from .types import element_of, find_class, is_message_class

TYPE_NAME = re.compile(r"([a-zA-Z][a-zA-Z0-9_]*)/(?:msg/)?([a-zA-Z][a-zA-Z0-9_]*)")
GENERATED = b"# generated from rosidl_generator_py/"  # the first line of each message's module, in every distribution
NAME_BYTES = 255


def message_class(given: Any, argument: str) -> Any:
    """The generated class of a message type.

    Args:
        given: The class itself, or its name: "sensor_msgs/msg/Image" or "sensor_msgs/Image".
        argument: The name of the argument, for errors.

    Raises:
        TypeError: It is not a message type.
        ImportError: Its package cannot be imported. The text says what to do.
    """
    if is_message_class(given):
        return given
    match = TYPE_NAME.fullmatch(given) if isinstance(given, str) and len(given) <= NAME_BYTES else None
    if match is None:
        raise TypeError(
            f'{argument} must be a message class, such as sensor_msgs.msg.Image, or its name, "sensor_msgs/msg/Image", '
            f"not {shortened(given)}"
        )
    package, name = match.groups()
    module = sys.modules.get(f"{package}.msg") or import_messages(package, name, argument)
    found = vars(module).get(name)
    if not is_message_class(found) or not found.__module__.startswith(f"{package}.msg."):
        raise TypeError(f"{argument}: the package {package!r} has no message {name!r}")
    return found


def import_messages(package: str, name: str, argument: str) -> Any:
    """Import the module `package.msg`, if rosidl has generated it and it has that message."""
    try:
        folder = messages_folder(package)
        if folder is None:
            raise ModuleNotFoundError(f"no package {package!r} with messages was found")
        check_generated(folder, package, name, argument)
        return importlib.import_module(f"{package}.msg")
    except ImportError as problem:
        raise ImportError(
            f"the message package {package!r} cannot be imported here ({problem}): source the workspace that has it, "
            f"or `pip install ros-{package.replace('_', '-')}`"
        ) from problem


def messages_folder(package: str) -> Path | None:
    """The folder of the module `package.msg`, found without an import. None when it does not exist."""
    try:
        spec = importlib.util.find_spec(package)
    except (ValueError, AttributeError):  # a module object without a proper spec has this name
        return None
    for location in (spec and spec.submodule_search_locations) or ():
        folder = Path(location) / "msg"
        if folder.is_dir():
            return folder
    return None


def check_generated(folder: Path, package: str, name: str, argument: str) -> None:
    """Raise TypeError when the folder does not have the message, ImportError when it is in the working folder."""
    try:
        with open(folder / f"_{module_of(name)}.py", "rb") as source:
            is_generated = source.read(len(GENERATED)) == GENERATED
    except OSError:
        is_generated = False
    if not is_generated:
        raise TypeError(f"{argument}: the package {package!r} has no message {name!r}")
    try:
        is_working_folder = folder.resolve().parent.parent == Path.cwd()
    except OSError:  # the working folder was removed
        is_working_folder = False
    if is_working_folder:
        raise ImportError(
            f"it is in the working folder, {folder.parent.parent}, from which nothing is imported by name; start the "
            "program in another folder, or pass the class itself"
        )


def module_of(name: str) -> str:
    """The module name that rosidl gives a message: point_cloud2 for PointCloud2."""
    name = re.sub("(.)([A-Z][a-z]+)", r"\1_\2", name)
    return re.sub("([a-z0-9])([A-Z])", r"\1_\2", name).lower()


def has_path(given: Any, path: str) -> bool:
    """Whether a message class has a field of this path. The paths are those of `pmipc_cdr_types_find`."""
    current: Any = given
    for part in path.split("."):
        if current is None:
            return False
        name = part.removesuffix("[]")
        names = list(current.get_fields_and_field_types())
        if name not in names:
            return False
        value, _suffix = element_of(current.SLOT_TYPES[names.index(name)])
        current = find_class(value, current) if hasattr(value, "namespaces") else None
    return True
