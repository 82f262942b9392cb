"""Write docs.h: the docstrings of the extension, taken from its stub, so that each is written once.

Usage: make_docs.py _core.pyi docs.h
"""

import ast
import inspect
import sys
from collections.abc import Iterator


def signature_of(function: ast.FunctionDef, in_class: bool) -> str:
    """The line from which `inspect.signature` learns the arguments."""
    arguments = function.args
    for argument in [*arguments.posonlyargs, *arguments.args, *arguments.kwonlyargs]:
        argument.annotation = None
    if in_class and not arguments.posonlyargs:
        arguments.posonlyargs.append(arguments.args.pop(0))
    receiver = arguments.posonlyargs[0] if in_class else None
    if receiver and receiver.arg == "cls":
        receiver.arg = "type"
    text = "$" * in_class + ast.unparse(arguments)
    return f"{function.name}({text})\n--\n\n"


def is_property(function: ast.FunctionDef) -> bool:
    return any(isinstance(mark, ast.Name) and mark.id == "property" for mark in function.decorator_list)


def described(body: list[ast.stmt], prefix: str = "") -> Iterator[tuple[str, str]]:
    """(name, docstring) of everything in a module or class; of overloads, the one that has a docstring."""
    in_class = bool(prefix)
    for position, node in enumerate(body):
        if isinstance(node, ast.FunctionDef):
            text = ast.get_docstring(node)
            if text is not None:
                head = "" if is_property(node) else signature_of(node, in_class)
                yield prefix + node.name, head + text
        elif isinstance(node, ast.ClassDef):
            text = ast.get_docstring(node)
            if text is not None:
                yield node.name, text
            yield from described(node.body, node.name + "_")
        elif isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name) and position + 1 < len(body):
            after = body[position + 1]
            if isinstance(after, ast.Expr) and isinstance(after.value, ast.Constant):
                yield prefix + node.target.id, inspect.cleandoc(str(after.value.value))


def as_c(text: str) -> str:
    lines = text.replace("\\", "\\\\").replace('"', '\\"').split("\n")
    return "".join(f' \\\n    "{line}\\n"' for line in lines)


def main(stub: str, header: str) -> None:
    with open(stub, encoding="utf-8") as source:
        tree = ast.parse(source.read())
    docs = {"module": ast.get_docstring(tree) or "", **dict(described(tree.body))}
    with open(header, "w", encoding="utf-8") as target:
        target.write("/* Made by make_docs.py from _core.pyi. */\n")
        for name, text in docs.items():
            target.write(f"#define DOC_{name}{as_c(text)}\n")


if __name__ == "__main__":
    main(*sys.argv[1:])
