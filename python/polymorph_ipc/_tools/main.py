"""What the console script `polymorph` calls."""

from __future__ import annotations

import sys

NEEDED = {"typer": "typer", "rich": "rich", "yaml": "PyYAML"}


def main() -> None:
    """Run the program; ends the process."""
    import importlib.util

    missing = [name for module, name in NEEDED.items() if importlib.util.find_spec(module) is None]
    if missing:
        sys.exit(f"polymorph needs {', '.join(missing)}: pip install 'polymorph_ipc[tools]'")
    from .commands import run

    sys.exit(run())


if __name__ == "__main__":
    main()
