"""The first table of bench-splice, of the file `runs`: a line for each stream, with its name, bits a second, CPU nanoseconds a byte of both
ends, CPU nanoseconds of prey's processes, and bytes."""
import collections
import statistics

NAMES = {"direct": "nothing between them", "routed": "routed by the host", "passthrough": "`mode passthrough`, kernel executor", "spliced": "spliced, kernel executor",
         "proxy": "`mode proxy`, splice(2)", "spliced-user": "spliced, user executor"}
runs = collections.defaultdict(list)
for line in open("runs"):
    name, rate, ends, own, count = line.split()
    runs[name].append((float(rate), float(ends) + float(own) / float(count), float(own) / float(count)))
rounds = min((len(r) for r in runs.values()), default=0)


def ratio(a, b):
    """Median over rounds, of what is past a cable's cost."""
    if a not in runs or b not in runs or a == b:
        return ""
    if "direct" not in runs:
        return ""
    base = statistics.median(r[1] for r in runs["direct"])
    return f"{statistics.median((runs[a][i][1] - base) / (runs[b][i][1] - base) for i in range(rounds)):.2f}"


print("| one stream | a second | CPU of both ends and prey | spread | of it prey's processes | prey's share, to passthrough | the same, to the proxy |")
print("|---|---|---|---|---|---|---|")
for name, r in runs.items():
    cpu = [x[1] for x in r]
    print(f"| {NAMES[name]} | {statistics.median(x[0] for x in r) / 1e9:.1f} Gbit | {statistics.median(cpu):.2f} s a GB | {min(cpu):.2f}-{max(cpu):.2f} "
          f"| {statistics.median(x[2] for x in r):.2f} | {ratio(name, 'passthrough')} | {ratio(name, 'proxy')} |")
