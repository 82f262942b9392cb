"""The `polymorph` program. It needs the extra "tools" (typer, rich, PyYAML); the package itself needs none of them.

main         what the console script calls: says what is missing, or runs the verbs
commands     the verbs and their options
problems     what ends a program with one sentence
bridge/      `polymorph bridge`: pools to ROS topics and back
"""
