"""Print the requirements of the installed package and its extras, one per line: requirements.py test,tools

pip gets these, and never the name of the package: an index could have another package of that name.
"""

import sys
from collections.abc import Iterator
from importlib.metadata import requires

from pip._vendor.packaging.requirements import Requirement
from pip._vendor.packaging.utils import canonicalize_name

PACKAGE = "polymorph-ipc"


def needed(extra: str) -> Iterator[str]:
    for line in requires(PACKAGE) or []:
        requirement = Requirement(line)
        if requirement.marker and not requirement.marker.evaluate({"extra": extra}):
            continue
        if canonicalize_name(requirement.name) == PACKAGE:
            for inner in requirement.extras:
                yield from needed(inner)
        else:
            requirement.marker = None
            yield str(requirement)


if __name__ == "__main__":
    print(*sorted({line for extra in ["", *sys.argv[1].split(",")] for line in needed(extra)}), sep="\n")
