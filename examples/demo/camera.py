"""The camera process: 640x480 RGB at 30 Hz from a webcam, a video file or a generated scene.

Run one of these:

    python camera.py --pool camera/rgb --seconds 10
    python camera.py --device /dev/video0
    python camera.py --video drive.mp4
"""

from __future__ import annotations

import signal
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Optional

import numpy as np
import typer
from frames import CHANNELS, HEIGHT, WIDTH, Image, moving_scene, write_checksum
from polymorph_ipc import TensorProducer

RATE_HZ = 30.0


class SourceError(Exception):
    """The webcam or the video cannot be read."""


def decoded(source: str, options: dict[str, str], file_format: str | None, repeat: bool) -> Iterator[Image]:
    """The frames of a webcam, or of a video that is repeated."""
    try:
        import av
    except ImportError:
        raise SourceError("reading a webcam or a video needs PyAV: pip install av") from None
    while True:
        try:
            with av.open(source, format=file_format, options=options) as container:
                for frame in container.decode(video=0):
                    yield frame.to_ndarray(width=WIDTH, height=HEIGHT, format="rgb24")
        except (av.FFmpegError, OSError) as error:
            raise SourceError(f"cannot read {source}: {error}") from None
        if not repeat:
            return


def images_of(device: str | None, video: Path | None) -> Iterator[Image]:
    if device is not None:
        options = {"video_size": f"{WIDTH}x{HEIGHT}", "framerate": f"{RATE_HZ:.0f}"}
        return decoded(device, options, "v4l2", repeat=False)
    if video is not None:
        return decoded(str(video), {}, None, repeat=True)
    return moving_scene()


def publish_at_rate(producer: TensorProducer, images: Iterator[Image], end: float) -> None:
    due = time.monotonic()
    for image in images:
        with producer.loan() as frame:
            frame.data[:] = image
            write_checksum(frame.data)
        due = max(due + 1 / RATE_HZ, time.monotonic())
        if due >= end:
            return
        time.sleep(max(due - time.monotonic(), 0))


def main(
    pool: Annotated[str, typer.Option(help="Name of the pool.")] = "camera/rgb",
    seconds: Annotated[float, typer.Option(help="How long to run.")] = float("inf"),
    device: Annotated[Optional[str], typer.Option(help="A webcam, /dev/video0 for example.")] = None,  # noqa: UP045
    video: Annotated[Optional[Path], typer.Option(help="A video file, played in a loop.")] = None,  # noqa: UP045
) -> None:
    """Publish camera frames, each with a checksum in its first four bytes."""
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))  # exit normally, which removes the pool
    sample = np.zeros((HEIGHT, WIDTH, CHANNELS), np.uint8)
    metadata = {"encoding": "rgb8", "rate_hz": RATE_HZ}
    try:
        with TensorProducer.from_sample(pool, sample, history_len=10, metadata=metadata) as producer:
            publish_at_rate(producer, images_of(device, video), time.monotonic() + seconds)
    except KeyboardInterrupt:
        pass
    except SourceError as error:
        sys.exit(f"camera: {error}")


if __name__ == "__main__":
    typer.run(main)
