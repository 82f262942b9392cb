"""The program `polymorph`. It needs the extra "tools" (typer, rich, PyYAML); the package itself does not.

main         the entry point: reports missing modules, or runs the commands
commands     the commands and their options
problems     errors that end the program with one sentence
bridge/      `polymorph bridge`: pools to ROS topics, and topics to pools
"""
