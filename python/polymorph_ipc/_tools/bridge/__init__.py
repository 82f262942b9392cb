"""`polymorph bridge`: copies ROS 2 topics into pools, and pools to topics.

request  the options or the YAML file, checked without ROS
origin   the user's names of options and keys, for errors
check    names, types and fields, checked before a bridge is made
links    the bridges: made when topic or pool exist, and measured
peers    why no messages arrive: types and QoS of the other side of a topic
report   a live table, plain lines or JSON
program  the node, the thread that spins it, the loop and the end
"""
