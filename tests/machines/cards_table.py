"""The table of cards.sh: cards_table.py JOB.OUT LINUX. Medians of a contender's rounds, and their ratio to IPVS that does the same."""
import statistics
import sys

rows, idle = {}, {}
for line in open(sys.argv[1], errors="replace"):
    fields = line.rstrip("\n").split("\t")
    if len(fields) == 4:
        rows.setdefault(fields[0], []).append(int(fields[1]) / int(fields[2]))
        idle.setdefault(fields[0], []).append(fields[3])
if not rows:
    sys.exit(1)


def beside(name):
    return "IPVS, dr" if name.endswith(("dsr-l2", " dr")) else "IPVS, nat"


print(f"| Linux {sys.argv[2]} | beside IPVS | least and most | rounds |\n|---|---|---|---|")
for name, each in rows.items():
    base = rows.get(beside(name))
    if base:
        m = statistics.median(base)
        print(f"| {name} | {statistics.median(each) / m:.2f} | {min(each) / m:.2f}–{max(each) / m:.2f} | {len(each)} |")
print("# a unit, in instructions: " + "; ".join(f"{n} {statistics.median(e):.0f} ({', '.join(idle[n])})" for n, e in rows.items()), file=sys.stderr)
