"""ROS 2 topics as pools, and pools as topics. Importing these modules imports nothing of ROS; making a stream or a
producer with `ros_node=`, or a `PoolPublisher`, does.

Both directions:

missing         the error when rclpy cannot be imported
types           message classes as the .msg texts that the C library compiles its decoders and encoders from
classes         message classes by name
qos             the quality of service of subscriptions and publishers
entities        handles of rclpy that any thread may destroy

Topic to pool:

request         the `ros_*` arguments of `TensorStream`, checked
subscription    one subscription on the user's node: messages taken in C where possible, else as bytes
spinning        which thread spins the node, and whether a wait would wait for itself
changes         when the pool follows messages of another kind
topic_log       warnings about one topic
topic_pool      the pool that a topic fills
messages        messages become samples
source          all of it: the source of a `TensorStream` with `ros_node=`

Pool to topic:

defaults        the default values of new messages
constants       values from a pool's metadata that every message has
publication     one publisher on the user's node, and its encoder
pool_publisher  `PoolPublisher`: publishes any pool as a topic
"""
