"""ROS 2 topics as pools, and pools as topics. Importing this package imports nothing of ROS; making a stream or a
producer with `ros_node=`, or a `PoolPublisher`, does.

types         message classes as the .msg texts that the C library compiles its decoders from
missing       what is said when there is no rclpy
request       the `ros_*` arguments of `TensorStream`, checked
qos           which quality of service a subscription asks for
subscription  one subscription on the user's node: messages taken in C where that can be done, as bytes elsewhere
spinning      who spins the node, and whether a wait would wait for itself
source        all of it together: what a `TensorStream` with `ros_node=` is fed by
defaults      what fields of new messages say
classes       message classes by name
constants     what a pool's metadata say of every message
publication   one publisher on the user's node, and the encoder that feeds it
pool_publisher  `PoolPublisher`: a pool that exists, or will, as a topic
"""

from .pool_publisher import PoolPublisher

__all__ = ["PoolPublisher"]
