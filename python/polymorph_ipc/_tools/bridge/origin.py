"""Where a request comes from, and the user's names for its parts: options of the command line, or keys of a file."""

from __future__ import annotations

import re
from dataclasses import dataclass

from ..problems import Problem

OPTIONS = {
    "from_ros": "--from-ros",
    "from_pool": "--from-pool",
    "to": "--to",
    "type": "--type",
    "field": "--field",
    "shape": "--shape",
    "dtype": "--dtype",
    "joints": "--joints",
    "point_fields": "--point-fields",
    "frames": "--frames",
    "metadata": "--frame-id",
    "history_len": "--history-len",
    "mode": "--mode",
    "qos": "--depth, --reliability or --durability",
    "qos: depth": "--depth",
    "qos: reliability": "--reliability",
    "qos: durability": "--durability",
}
"""The option for each key. Keys without one are for files only."""

ARGUMENTS = {
    "ros_topic": "from_ros",
    "ros_msg_type": "type",
    "msg_type": "type",
    "ros_sample_data": "shape",
    "ros_qos": "qos",
    "ros_field": "field",
    "ros_joints": "joints",
    "ros_point_fields": "point_fields",
    "ros_variable": "variable",
    "ros_frames": "frames",
    "ros_organized": "organized",
    "ros_on_change": "on_change",
    "ros_max_bytes": "max_bytes",
    "ros_history_len": "history_len",
    "ros_mode": "mode",
}
"""The key for each argument of Python's interface, whose names are in the errors of the package."""

ARGUMENT = re.compile(rf"\b({'|'.join(ARGUMENTS)})\b")


@dataclass(frozen=True)
class Origin:
    """`file`: the file and the number of the bridge in it; "" for the command line."""

    file: str = ""

    def name(self, key: str) -> str:
        """What the user calls the key of a request."""
        if self.file:
            return key
        return OPTIONS.get(key, f"{key} (in a YAML file)")

    def problem(self, words: str) -> Problem:
        return Problem(f"{self.file}: {words}" if self.file else words)

    def in_users_words(self, text: str) -> str:
        """An error of the package with the user's names in the place of Python's arguments."""
        return ARGUMENT.sub(lambda match: self.name(ARGUMENTS[match[1]]), text)
