"""A policy loop in torch at 50 Hz: camera images and joint positions in, joint commands out.

In four shells:

    python examples/demo/camera.py --pool camera/rgb
    build/release/examples/arm_loop arm/q
    build/release/examples/follow_commands arm/cmd
    python examples/python/torch_policy.py --seconds 10

Tensors from a stream are views of shared memory that other processes also read. torch has no read-only tensors, so an
in-place operation on a view ends the process: compute new tensors, or open the stream with copy=True.
"""

import argparse
import time

import torch
from polymorph_ipc import TensorProducer, TensorStream

JOINTS = 7
ARM_STEPS = 50
RATE_HZ = 50.0
STALE_SECONDS = 0.5


class Policy(torch.nn.Module):
    """A small untrained policy: an image encoder and a linear head."""

    def __init__(self) -> None:
        super().__init__()
        self.encoder = torch.nn.Sequential(torch.nn.AdaptiveAvgPool2d(8), torch.nn.Flatten(), torch.nn.Linear(192, 16))
        self.head = torch.nn.Linear(16 + ARM_STEPS * JOINTS, JOINTS)

    def forward(self, image: torch.Tensor, joints: torch.Tensor) -> torch.Tensor:
        pixels = image.permute(2, 0, 1).unsqueeze(0).float() / 255.0
        features = torch.cat([self.encoder(pixels), joints.float().reshape(1, -1)], dim=1)
        return torch.tanh(self.head(features))[0]


def run(seconds: float, camera_pool: str, arm_pool: str, command_pool: str) -> None:
    policy = Policy().eval()
    commands = stale = 0
    end = time.monotonic() + seconds
    with (
        TensorStream(camera_pool, backend="torch") as camera,
        TensorStream(arm_pool, backend="torch", expect=torch.zeros(JOINTS, dtype=torch.float64)) as arm,
        TensorProducer.from_sample(command_pool, torch.zeros(JOINTS, dtype=torch.float64)) as command,
        torch.inference_mode(),
    ):
        while time.monotonic() < end:
            image = camera.get_last(max_age=STALE_SECONDS)
            joints = arm.get_history(ARM_STEPS, max_age=STALE_SECONDS)
            if image is None or joints is None:
                stale += 1  # publish nothing; follow_commands then holds its position
            else:
                command.publish(policy(image, joints).double())
                commands += 1
            time.sleep(1 / RATE_HZ)
    print(f"published {commands} commands, waited {stale} times for fresh observations")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, default=10.0)
    parser.add_argument("--camera", default="camera/rgb")
    parser.add_argument("--arm", default="arm/q")
    parser.add_argument("--command", default="arm/cmd")
    arguments = parser.parse_args()
    run(arguments.seconds, arguments.camera, arguments.arm, arguments.command)
