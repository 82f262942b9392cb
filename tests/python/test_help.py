"""help() of the package, of every public name and of every public attribute of every public class."""

from __future__ import annotations

import inspect
import pkgutil
import pydoc
from collections.abc import Iterator
from importlib import import_module
from types import ModuleType
from typing import Any

import polymorph_ipc
import pytest

PUBLIC_SLOTS = {"__init__", "__enter__", "__exit__", "__iter__", "__next__", "__repr__", "__str__"}


def modules() -> list[ModuleType]:
    """The package and its modules, without `tools`, which needs the extra of that name."""
    names = [module.name for module in pkgutil.iter_modules(polymorph_ipc.__path__) if module.name != "tools"]
    return [polymorph_ipc, *(import_module(f"polymorph_ipc.{name}") for name in names)]


def is_ours(value: object) -> bool:
    return str(getattr(value, "__module__", "")).startswith("polymorph_ipc")


def public_classes() -> list[type]:
    values = {value for module in modules() for value in vars(module).values() if isinstance(value, type)}
    return sorted(filter(is_ours, values), key=lambda each: (each.__module__, each.__qualname__))


def attributes(owner: type) -> Iterator[tuple[str, Any]]:
    for name in dir(owner):
        if not name.startswith("_") or name in PUBLIC_SLOTS:
            yield name, inspect.getattr_static(owner, name)


def render(value: object) -> str:
    return pydoc.render_doc(value, renderer=pydoc.plaintext)


@pytest.mark.parametrize("module", modules(), ids=lambda module: module.__name__)
def test_help_renders_every_module(module: ModuleType) -> None:
    assert module.__name__ in render(module)


@pytest.mark.parametrize("name", polymorph_ipc.__all__)
def test_help_renders_every_public_name(name: str) -> None:
    value = getattr(polymorph_ipc, name)
    if isinstance(value, str):  # help() takes a text for the name of a topic
        assert value == polymorph_ipc.__version__
        return
    text = render(value)
    assert value.__name__ in text
    assert inspect.getdoc(value)


@pytest.mark.parametrize("owner", public_classes(), ids=lambda owner: owner.__qualname__)
def test_help_renders_every_class_and_public_attribute(owner: type) -> None:
    assert owner.__name__ in render(owner)
    for name, value in attributes(owner):
        assert name in pydoc.plaintext.document(value, name), name


@pytest.mark.parametrize("owner", public_classes(), ids=lambda owner: owner.__qualname__)
def test_every_method_has_a_signature(owner: type) -> None:
    for name, value in attributes(owner):
        method = getattr(owner, name)
        if not name.startswith("_") and callable(method) and is_ours(getattr(value, "__objclass__", owner)):
            inspect.signature(method)
