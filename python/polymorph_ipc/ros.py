"""Publish a pool as a ROS 2 topic. Importing this module imports nothing of ROS; creating a `PoolPublisher` does.

The other direction, a topic as a pool, is `TensorStream(..., ros_node=...)`.
"""

from ._ros.pool_publisher import PoolPublisher

__all__ = ["PoolPublisher"]

PoolPublisher.__module__ = __name__
