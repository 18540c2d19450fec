"""The tables of a run, made of its record."""

from __future__ import annotations

import statistics
from typing import Any

from benchmarks import harness, machine, memory, ops, start, table
from benchmarks.peers import PEERS
from benchmarks.workloads import WORKLOADS

# A forward pass that is also part of a longer workload does not count twice in the mean.
COUNTED = [name for name in WORKLOADS if not name.endswith("f")]


def ratios(results: dict[str, Any], peer: str) -> dict[str, float]:
    """Median time of a peer over that of the reference, by workload, where both have one."""
    found = {}
    for name, peers in results.items():
        both = [peers.get(each, {}) for each in (peer, harness.REFERENCE)]
        times = [result.get("times") for result in both if harness.sound(result)]
        if len(times) == 2 and all(times):
            found[name] = statistics.median(times[0]) / statistics.median(times[1])
    return found


def shown_peers(record: dict[str, Any]) -> list[str]:
    """The peers that are installed."""
    return [name for name in PEERS if "version" in record["peers"].get(name, {})]


def cell(peer: str, name: str, results: dict[str, Any]) -> str:
    """Time and ratio, or why there is none."""
    result = results[name].get(peer, {})
    if "disagrees" in result:
        return "disagrees"
    if "error" in result:
        return "failed"
    if "times" not in result:
        return "agrees" if "value" in result else "–"
    ratio = ratios(results, peer).get(name)
    text = table.spread(result["times"])
    return text if ratio is None or peer == harness.REFERENCE else f"{text} **{ratio:.2f}**"


def main_table(record: dict[str, Any]) -> str:
    """Milliseconds of every workload and peer, and the geometric means of the ratios."""
    results, peers = record["workloads"], shown_peers(record)
    rows = [["ms a step", *peers]]
    rows += [[name, *(cell(peer, name, results) for peer in peers)] for name in results]
    means = []
    for peer in peers:
        found = [ratio for name, ratio in ratios(results, peer).items() if name in COUNTED]
        counted = len([name for name in results if name in COUNTED])
        text = f"**{table.geometric_mean(found):.2f}**" if found else "–"
        means.append(text if len(found) in (0, counted) else f"{text} (of {len(found)})")
    if any(mean != "–" for mean in means):
        rows.append(["geometric mean", *means])
    return table.markdown(rows)


def legend(record: dict[str, Any]) -> str:
    """What the table's words mean, and where it was made."""
    where, peers = record["machine"], record["peers"]
    versions = ", ".join(f"{name} {peers[name]['version']}" for name in shown_peers(record))
    lines = [
        f"{where['processor']}, {where['cores']} cores; threads for each library: "
        f"{where['threads']}. Python {where['python']}, {where['system']}.",
        f"{versions}.",
        f"Median [least–most] of {record['rounds']} rounds; in bold the ratio to "
        f"{harness.REFERENCE}, below 1 is faster.",
    ]
    if absent := [name for name, info in peers.items() if "version" not in info]:
        lines.append(f"Not installed: {', '.join(absent)}.")
    if machine.busy(where):
        lines.append(
            f"The machine was busy (load {where['load_before']}): take none of this for a result."
        )
    return "\n".join(lines)


def descriptions(record: dict[str, Any]) -> str:
    """What each workload does."""
    rows = [["", "one step of"]]
    rows += [[name, WORKLOADS[name].about] for name in record["workloads"]]
    return "\n".join(f"| {' | '.join(row)} |" for row in [rows[0], ["--", "--"], *rows[1:]])


def course_table(results: dict[str, Any]) -> str:
    """The course's layers: by loops, fast, and how often the one goes into the other."""
    rows = [["", "loops (ms)", "fast (ms)", "times faster"]]
    for name, times in results.items():
        naive, fast = times["naive"], times["fast"]
        cells = [table.short(naive * 1e3), table.short(fast * 1e3), f"{naive / fast:.0f}"]
        rows.append([name, *cells])
    return table.markdown(rows)


def scaling_table(results: dict[str, Any]) -> str:
    """Milliseconds a step, for each size."""
    peers = list(next(iter(results.values())))
    rows = [["ms a step", *peers]]
    rows += [[name, *(cell(peer, name, results) for peer in peers)] for name in results]
    return table.markdown(rows)


def parts(record: dict[str, Any]) -> dict[str, str]:
    """All tables of a record by heading."""
    made = {}
    if "workloads" in record:
        made["Workloads"] = main_table(record) + "\n\n" + legend(record)
    if "scaling" in record:
        made["Cost against size"] = scaling_table(record["scaling"])
    if "course" in record:
        made["The course's layers against their loops"] = course_table(record["course"])
    if "profile" in record:
        made["Time by operation"] = "\n\n".join(
            f"{name}, {found['steps']} steps:\n\n```text\n{found['text']}\n```"
            for name, found in record["profile"].items()
        )
    if "memory" in record:
        made["Memory of a training step"] = memory.as_table(record["memory"])
    if "start" in record:
        made["Cold start"] = start.as_table(record["start"])
    if "ops" in record:
        made["Microseconds an operation"] = "\n\n".join(
            ops.size_table(record["ops"], size) for size in ops.SIZES
        )
    return made
