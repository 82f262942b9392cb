"""`polymorph bridge`: pools become ROS 2 topics, and topics pools.

request  what a user asks for: options or a YAML file, checked without ROS
origin   the user's names for the parts of a request, for messages
check    names, types and fields, checked before anything is made
links    the bridges: each is made when it can be, and measured
peers    why nothing comes: what publishers and subscriptions say of themselves
report   a live table, plain lines or JSON
program  the node, the thread that spins it, the loop, the end
"""
