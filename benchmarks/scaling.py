"""How the cost of a step grows: with the size of the batch, and with the depth of the network."""

from __future__ import annotations

from benchmarks.workloads import ADAM, IMAGE, Training, conv_blocks, fully_connected

BATCHES = (2, 4, 8, 16, 32, 64, 128)
DEPTHS = (2, 4, 8, 16, 32, 64, 128, 256)


def batch(size: int) -> Training:
    """W5 with batches of this size."""
    name = f"batch-{size}"
    return Training(name, f"W5, N={size}", conv_blocks, (size, *IMAGE), "Adam", ADAM)


def depth(layers: int) -> Training:
    """A fully connected network of so many hidden layers, 100 wide, with small learning rate."""
    model = fully_connected([100] * (layers + 1) + [10])
    return Training(f"depth-{layers}", f"{layers} layers of 100; N=64, SGD", model, (64, 100),
                    settings={"lr": 1e-4})  # fmt: skip


SERIES = {
    "batch": {size: f"batch-{size}" for size in BATCHES},
    "depth": {layers: f"depth-{layers}" for layers in DEPTHS},
}
CASES = {case.name: case for case in [*map(batch, BATCHES), *map(depth, DEPTHS)]}
