"""Makes the modules of the demo beside this one importable: frames, processes, screen, consumer."""

import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path.append(str(HERE.parent / "demo"))
