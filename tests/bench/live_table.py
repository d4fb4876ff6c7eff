"""The table of bench-live, as Markdown: live_table.py COUNT NEWS RUNS LATE COPIED

A line of RUNS: contender, frames that arrived, CPU ns a frame in sending, in the process, ns a frame that it took, share
handed over or -. A line of LATE: contender, frames, ns of the median, of 99 %, of 99.9 %. A line of COPIED: as of RUNS, but at its
end CPU ns a frame in the worker's thread, share of frames that were copied or -."""
import collections
import os
import statistics
import sys

NAMES = {
    "bare-drop": "bare, only taken", "bare": "bare forwarder", "kernel": "kernel forwarding", "dnat": "nftables DNAT, two servers",
    "drop": "prey, `drop`", "bridge": "prey, a bridge", "wire": "prey, a bridge, beside a service in the wire",
    "bridge-tcp": "prey, a bridge, ACKs", "wire-tcp": "prey, a bridge, beside a service in the wire, ACKs of no connection of its", "nat": "prey, `nat`: a port forward",
    "recorded": "prey, `passthrough` with `--record`", "asked": "prey, `passthrough`, its statistics asked for 100 times a second",
    "two-both": "prey, `passthrough`, 2 workers, dealt by owner", "hashed": "prey, `passthrough`, 2 workers, dealt by hash",
    "two-0-xdp": "prey, `passthrough`, 2 workers, none for the other", "two-both-xdp": "prey, `passthrough`, 2 workers, half for the other",
    "news": "prey, `passthrough`, each frame of a new flow", "news-two": "prey, `passthrough`, each frame of a new flow, 2 workers",
    "news-dnat": "nftables DNAT, each frame of a new flow", "bare-kernel": "bare XDP, redirected unseen",
    "hand-kernel": "XDP by hand, translated", "sunk": "dropped at once, by hand: sending alone",
    "bare-tc": "bare traffic control, redirected unseen", "hand-tc": "traffic control by hand, translated",
    "bare-peer": "bare traffic control, in by the cable's other end", "hand-peer": "the same, translated",
    "judged": "counted alone", "mirrored-device": "`mirror to` a device", "mirrored-file": "`mirror to file`",
    "mirrored-socket": "`mirror to socket`, with a reader",
    "two-1-xdp": "prey, `passthrough`, 2 workers, all for the other",
}


def name_of(contender):
    plain = contender.removesuffix("-xdp").removesuffix("-kernel").removesuffix("-in")
    words = plain.replace("-", " ")
    return NAMES.get(contender) or NAMES.get(plain) or f"prey, `{words}`"


def way_of(contender):
    if contender in ("kernel", "dnat", "news-dnat", "sunk"):
        return "kernel"
    if contender.endswith(("-in", "-tc", "-peer")):
        return "kernel, tc"
    if contender.endswith("-kernel"):
        return "kernel, XDP"
    return "xdp" if contender.endswith("-xdp") else "packet"


def floor_of(contender):
    drop = "-drop" if "drop" in contender else ""
    if contender.endswith("-in"):
        return "sunk" if drop else "bare-tc"
    if contender.endswith(("-tc", "-peer")):
        return "bare-" + contender.rsplit("-", 1)[1]
    if contender.endswith("-kernel") and not drop:
        return "bare-kernel"
    return f"bare{drop}-xdp" if way_of(contender) == "xdp" else f"bare{drop}"


def read(path):
    rows = collections.defaultdict(list)
    for line in open(path):
        name, *values = line.split()
        rows[name].append([0.0 if v == "-" else float(v) for v in values])
    return {n: r for n, r in rows.items() if all(x[0] for x in r) or "drop" in n or n == "sunk"}


def throughput(rows, count, news):
    cost = {n: [x[1] + x[2] for x in r] for n, r in rows.items()}
    print("| what | way | frames a second | CPU ns a frame | spread | in the process | to the bare one | handed over | arrived |")
    print("|---|---|---|---|---|---|---|---|---|")
    for name, runs in rows.items():
        ns, floor = statistics.median(cost[name]), cost.get(floor_of(name))
        # Neighbours in one round are compared, for machines drift.
        ratio = f"{statistics.median(a / b for a, b in zip(cost[name], floor)):.2f}" if floor else "-"
        middle = [statistics.median(x[i] for x in runs) for i in range(5)]
        arrived = "" if "drop" in name or name == "sunk" else f"{100 * middle[0] / (news if 'news' in name else count):.1f} %"
        process = f"{middle[2]:,.0f}" if middle[2] else ""
        handed = f"{100 * middle[4]:.0f} %" if "two" in name or name == "hashed" else ""
        print(f"| {name_of(name)} | {way_of(name)} | {1e9 / middle[3]:,.0f} | {ns:,.0f} | {min(cost[name]):,.0f}-{max(cost[name]):,.0f} "
              f"| {process} | {ratio} | {handed} | {arrived} |")


def latency(rows):
    print("| at half load | way | median, µs | 99 % | 99.9 % | arrived |")
    print("|---|---|---|---|---|---|")
    for name, runs in rows.items():
        middle = [statistics.median(x[i] for x in runs) for i in range(4)]
        print(f"| {name_of(name)} | {way_of(name)} | {middle[1] / 1000:.1f} | {middle[2] / 1000:.1f} | {middle[3] / 1000:.1f} "
              f"| {middle[0]:,.0f} |")


def copied(rows):
    """Copies of all frames, beside the same rules that only count. Neighbours in one round are compared."""
    print("| every frame | way | frames a second | CPU ns a frame, in all | in the process | in the worker | in all, to none | the worker, to none | copied |")
    print("|---|---|---|---|---|---|---|---|---|")
    for name, runs in rows.items():
        way = "-" + name.rsplit("-", 1)[1] if name.endswith(("-xdp", "-kernel", "-in")) else ""
        none = rows.get("judged" + way, [])
        middle = [statistics.median(x[i] for x in runs) for i in range(6)]
        whole = statistics.median((a[1] + a[2]) / (b[1] + b[2]) for a, b in zip(runs, none)) if none else 0
        own = statistics.median(a[4] / b[4] if b[4] else 0 for a, b in zip(runs, none)) if none else 0
        print(f"| {NAMES.get(name.removesuffix(way) if way else name)} | {way[1:] or 'packet'} | {1e9 / middle[3]:,.0f} | {middle[1] + middle[2]:,.0f} "
              f"| {middle[2]:,.0f} | {middle[4]:,.0f} | {whole:.2f} | {own:.2f} | {100 * middle[5]:.1f} % |")


def bursts(frames):
    return (int(frames) + 63) // 64 * 64


rows = read(sys.argv[3])
rounds = max((len(r) for r in rows.values()), default=0)
print(f"Linux {os.uname().release}; {os.cpu_count()} cores; {rounds} rounds; load {os.getloadavg()[0]:.2f} at the end\n")
throughput(rows, bursts(sys.argv[1]), bursts(sys.argv[2]))
print()
latency(read(sys.argv[4]))
copies = read(sys.argv[5])
if copies:
    print()
    copied(copies)
