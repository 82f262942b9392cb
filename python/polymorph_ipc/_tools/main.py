"""The entry point of the console script `polymorph` and of `python -m polymorph_ipc`."""

from __future__ import annotations

import sys

NEEDED = {"typer": "typer", "rich": "rich", "yaml": "PyYAML"}


def main() -> None:
    """Run the program and end the process."""
    import importlib.util

    missing = [name for module, name in NEEDED.items() if importlib.util.find_spec(module) is None]
    if missing:
        sys.exit(f"polymorph needs {', '.join(missing)}: pip install 'polymorph_ipc[tools]'")
    from .commands import run

    sys.exit(run())
