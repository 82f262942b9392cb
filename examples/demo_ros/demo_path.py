"""Make the modules of examples/demo importable: frames, processes, screen, consumer."""

import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path.append(str(HERE.parent / "demo"))
