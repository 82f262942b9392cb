import rclpy
import numpy as np
from sensor_msgs.msg import Image
from polymorph_ipc import TensorStream

# Standard ROS setup
rclpy.init()
node = rclpy.create_node('my_ros_subscriber')

# 1. Create a stream that bridges a ROS topic to a local SHM pool
# Provide ROS details and a sample tensor to define the pool's structure.
ros_stream = TensorStream(
    pool_name="camera_stream_from_ros",
    ros_node=node,
    ros_topic="/camera/image_raw",
    ros_msg_type=Image,
    ros_sample_data=np.zeros((480, 640, 3), dtype=np.uint8)
)

print("Subscribed to ROS topic. Spinning...")
# The stream handles the subscription and data conversion in the background.
# We just need to spin the ROS node.
rclpy.spin(node)

# 2. In another local process, you can now access this data via SHM:
# local_stream = TensorStream(pool_name="camera_stream_from_ros")
# image = local_stream.get_last()

# 3. Clean up
ros_stream.cleanup()
node.destroy_node()
rclpy.shutdown()
