"""`polymorph bridge`: pools become ROS 2 topics, and topics pools.

request  what a user asks for: options or a YAML file, checked before anything is made
links    one bridge each: made when it can be, watched, made again
report   a live table, plain lines or JSON
program  the node, the thread that spins it, the loop, the end
"""
