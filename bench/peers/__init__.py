"""Other libraries that move arrays between processes on one machine, one adapter file each.

An adapter imports its library only inside its functions, so that all adapters can be listed without their libraries.
"""

from __future__ import annotations

from peers import (
    ecal_zero_copy,
    iceoryx2_sample,
    momentumx_stream,
    polymorph_pool,
    pyshmem_stream,
    rclpy_image,
    semaphores_by_hand,
    tensor_ipc_pool,
    zenoh_shared,
    zeromq_ipc,
)
from peers.adapter import Peer

ALL: dict[str, Peer] = {
    peer.key: peer
    for module in (
        polymorph_pool,
        semaphores_by_hand,
        iceoryx2_sample,
        ecal_zero_copy,
        zeromq_ipc,
        pyshmem_stream,
        zenoh_shared,
        tensor_ipc_pool,
        momentumx_stream,
        rclpy_image,
    )
    for peer in module.PEERS
}
