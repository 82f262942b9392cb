"""What `python -m polymorph_ipc` runs: the same program as the console script "polymorph"."""

from ._tools.main import main

if __name__ == "__main__":
    main()
