"""Memory of a training step beside PyTorch's: the peak, and what the graph keeps for backward.

    python -m benchmarks.memory [--only W3,W4,W5]

The peak is that of a process of its own, above what it held once the library was imported; it
includes parameters, their gradients, and the state of the optimizer. The graph's bytes are those of
the arrays that its nodes keep, each counted once, without parameters and data.
"""

from __future__ import annotations

import argparse
import re
import sys
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from benchmarks import harness, table
from benchmarks.peers import load
from benchmarks.workloads import WORKLOADS

NAMES = ("W3", "W4", "W5")


def status(field: str) -> int:
    """A field of the kernel's account of this process, in bytes; of all systems Linux has one."""
    text = Path("/proc/self/status").read_text()
    match = re.search(rf"^{field}:\s+(\d+) kB$", text, re.MULTILINE)
    assert match is not None
    return int(match[1]) * 1024


def highest() -> int:
    """The most memory that this process has had, in bytes."""
    try:
        return status("VmHWM")
    except OSError:
        import resource

        most = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        return most if sys.platform == "darwin" else most * 1024


def peak(peer: str, name: str) -> dict[str, int]:
    """Run three steps in this process, which has only imported the library; bytes above that."""
    module = load(peer)
    before = highest()
    try:
        before = status("VmRSS")
        Path("/proc/self/clear_refs").write_text("5")  # from now on the peak counts anew
    except OSError:
        pass  # what the import took at most then counts as its memory
    step = module.start(WORKLOADS[name])
    for _ in range(3):
        step()
    return {"peak": highest() - before, "graph": sum(kept(peer, name).values())}


def kept(peer: str, name: str) -> dict[int, int]:
    """The arrays that the graph of one forward pass keeps: their bytes by identity."""
    from benchmarks.peers import shaped

    torch = load(peer).library
    forward, given = shaped.forward(torch, WORKLOADS[name])
    found = recorded_by_torch(torch, forward) if peer == "torch" else recorded(forward())
    for tensor in given:
        found.pop(identity(torch, tensor)[0], None)
    return found


def identity(torch: Any, tensor: Any) -> tuple[int, int]:
    """The memory that a tensor looks at, and its bytes."""
    if torch.__name__ == "torch":
        storage = tensor.untyped_storage()
        return storage.data_ptr(), storage.nbytes()
    from tinygrad_edu.storage import memory_of

    memory = memory_of(tensor.array)
    return id(memory), memory.nbytes


def recorded_by_torch(torch: Any, forward: Any) -> dict[int, int]:
    found: dict[int, int] = {}
    alive = []

    def pack(tensor: Any) -> Any:
        alive.append(tensor)  # an address that is given out again must not be counted once
        found.update([identity(torch, tensor)])
        return tensor

    with torch.autograd.graph.saved_tensors_hooks(pack, lambda tensor: tensor):
        forward()
    return found


def recorded(loss: Any) -> dict[int, int]:
    """What the nodes of this package's graph save."""
    from tinygrad_edu.recording import ancestors
    from tinygrad_edu.storage import memory_of

    def arrays(value: Any) -> Iterator[Any]:
        if isinstance(value, (tuple, list)):
            for part in value:
                yield from arrays(part)
        elif hasattr(value, "nbytes"):
            yield memory_of(value)

    saved = [memory for node in ancestors([loss.node]) for memory in arrays(node.saved or ())]
    return {id(memory): memory.nbytes for memory in saved}


def measure(peers: Sequence[str], names: Sequence[str], threads: int) -> dict[str, Any]:
    """{workload: {peer: {"peak", "graph"}}}, in bytes."""
    results: dict[str, Any] = {name: {} for name in names}
    for name in names:
        for peer in peers:
            with ExitStack() as stack:
                (process,) = harness.start(stack, [peer], threads)
                if process.present:
                    results[name][peer] = process.call("benchmarks.memory:peak", peer, name)
    return results


def as_table(results: dict[str, Any]) -> str:
    """Megabytes as Markdown, with the ratios to PyTorch's."""
    heads = (harness.REFERENCE, harness.OURS, "ratio")
    rows = [["", *(f"{kind} {head}" for kind in ("peak", "graph") for head in heads)]]
    for name, peers in results.items():
        row = [name]
        for kind in ("peak", "graph"):
            sizes = [peers.get(peer, {}).get(kind) for peer in (harness.REFERENCE, harness.OURS)]
            row += ["-" if size is None else f"{size / 2**20:.1f} MB" for size in sizes]
            row.append("-" if None in sizes else f"{sizes[1] / sizes[0]:.2f}")
        rows.append(row)
    return table.markdown(rows)


def main() -> None:
    """Measure and print the table."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--only", default=",".join(NAMES), help="workloads, with commas between")
    names = parser.parse_args().only.split(",")
    peers = [harness.REFERENCE, harness.OURS]
    print(as_table(measure(peers, names, harness.usable_cores())))


if __name__ == "__main__":
    main()
