"""The tables of bench-proxy, as Markdown: proxy_table.py RUNS

A line of RUNS: contender, test, figures; of short, echo, http and their halves: a second, CPU ns each, latency's median,
99 % and 99.9 % in µs; of bulk, requests, handshakes: a second, CPU ns in all, how many; of idle, idle-tls: connections,
bytes each."""
import collections
import statistics
import sys

NAMES = {"haproxy": "HAProxy", "haproxy-64k": "HAProxy, buffers of 64 KiB", "haproxy-splice": "HAProxy, splice",
         "haproxy-splice-1m": "HAProxy, splice, pipes of 1 MiB", "nginx": "nginx", "inline": "prey, in the wire", "nginx-64k": "nginx, buffers of 64 KiB"}
SENTENCES = {"short": "new connections", "echo": "kept-alive messages of 64 bytes", "http": "HTTP requests by host",
             "requests": "HTTP requests by host, asked by wrk", "handshakes": "TLS handshakes, P-256, none resumed",
             "bulk": "bulk, one stream"}
# Goals (docs/performance.md): prey's figure to the best peer's of the same round.
CPU_MOST = {"short": 0.9, "echo": 0.95, "http": 0.95, "requests": 0.95, "bulk": 0.8}
RATE_LEAST = {"http": 1.1, "requests": 1.1, "bulk": 1.0}
# In the wire (`mode proxy inline`), to `mode proxy` of the same round.
INLINE_CPU_MOST = {"short": 1.4}
INLINE_RATE_LEAST = {"bulk": 0.8}
IN_ALL = ("bulk", "requests", "handshakes")


def read(path):
    tests = collections.defaultdict(lambda: collections.defaultdict(list))
    for line in open(path):
        name, test, *values = line.split()
        tests[test][name].append([float(v) for v in values])
    return tests


def cpu_of(test, run):
    """Microseconds each; of bulk, seconds a GB."""
    if test in IN_ALL:
        return run[1] / run[2] / (1 if test == "bulk" else 1000)
    return run[1] / 1000


def to_best(rows, of, best):
    """prey's figure to the best peer's of the same round, median over rounds; None: there are no two."""
    peers = [r for name, r in rows.items() if name not in ("prey", "inline")]
    if not peers or "prey" not in rows:
        return None
    rounds = min(len(r) for r in rows.values())
    return statistics.median(of(rows["prey"][i]) / best(of(r[i]) for r in peers) for i in range(rounds))


def to_prey(rows, of):
    """The figure in the wire to that of `mode proxy` in the same round, median over rounds."""
    return statistics.median(of(a) / of(b) for a, b in zip(rows["inline"], rows["prey"]))


def judged(ratio, sign, bound):
    if ratio is None or bound is None:
        return "" if ratio is None else f"{ratio:.2f}"
    met = ratio >= bound if sign == "≥" else ratio <= bound
    return f"{ratio:.2f} ({sign} {bound}: {'met' if met else 'not met'})"


def costs(tests):
    print("| what | balancer | a second | CPU | spread | rate, to the best peer | CPU, to the best peer |")
    print("|---|---|---|---|---|---|---|")
    for test in (t for t in SENTENCES if t in tests):
        rows = tests[test]
        rate_to = judged(to_best(rows, lambda r: r[0], max), "≥", RATE_LEAST.get(test))
        cpu_to = judged(to_best(rows, lambda r: cpu_of(test, r), min), "≤", CPU_MOST.get(test))
        for name, runs in rows.items():
            cpu = [cpu_of(test, r) for r in runs]
            rate = statistics.median(r[0] for r in runs)
            said = f"{rate / 1e9:.1f} Gbit" if test == "bulk" else f"{rate:,.0f}"
            unit, digits = ("s a GB", 2) if test == "bulk" else ("µs", 1)
            ratios = f"{rate_to} | {cpu_to}" if name == "prey" else " | "
            if name == "inline" and "prey" in rows:
                rate_in = judged(to_prey(rows, lambda r: r[0]), "≥", INLINE_RATE_LEAST.get(test))
                cpu_in = judged(to_prey(rows, lambda r: cpu_of(test, r)), "≤", INLINE_CPU_MOST.get(test))
                ratios = f"to `mode proxy`: {rate_in} | to `mode proxy`: {cpu_in}"
            print(f"| {SENTENCES[test]} | {NAMES.get(name, name)} | {said} | {statistics.median(cpu):.{digits}f} {unit} "
                  f"| {min(cpu):.{digits}f}-{max(cpu):.{digits}f} | {ratios} |")


def latency(tests):
    print("| at half load | balancer | a second | median, µs | 99 % | 99.9 % | 99 %, to the best peer |")
    print("|---|---|---|---|---|---|---|")
    for test in (t for t in ("echo", "http") if t + "-half" in tests):
        rows = tests[test + "-half"]
        ratio = judged(to_best(rows, lambda r: r[3], min), "≤", 1.0)
        for name, runs in rows.items():
            middle = [statistics.median(r[i] for r in runs) for i in range(5)]
            print(f"| {SENTENCES[test]} | {NAMES.get(name, name)} | {middle[0]:,.0f} | {middle[2]:.0f} | {middle[3]:.0f} "
                  f"| {middle[4]:.0f} | {ratio if name == 'prey' else ''} |")


def idle(tests):
    print("| idle connections | balancer | bytes of its memory each |\n|---|---|---|")
    for test, words in ("idle", ""), ("idle-tls", " in TLS"):
        for name, runs in tests[test].items():
            print(f"| {runs[0][0]:,.0f}{words} | {NAMES.get(name, name)} | {runs[0][1]:,.0f} |")


tests = read(sys.argv[1])
rounds = max((len(r) for rows in tests.values() for r in rows.values()), default=0)
print(f"{rounds} rounds; the rate of `at half load` is half of what the first balancer of each round reached\n")
costs(tests)
print()
latency(tests)
print()
idle(tests)
