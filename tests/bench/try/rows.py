"""What a bench printed on small sizes: rows.py ROWS SECTION

ROWS: lines of tests/lib/bench.h. Each figure is a number that can be, in the units that are stable of the order that RESULTS.md
keeps, and no row of the table is missing that stands there, under that heading (empty: at its top). No speed is judged."""
import collections
import math
import os
import re
import shutil
import sys

UNITS = "ns/pkt|ns/frame|ns|ms|s|MiB|bytes|B|k/s|M/s|million"
MOST = 1e9  # of any unit
rows_path, section = sys.argv[1:]
corpus = os.path.isdir(os.environ.get("PREY_CORPUS", "../shared/corpus"))


def ok(good, sentence):
    print(("ok - " if good else "not ok - ") + sentence)
    return good


def name_of(name):
    """Lists of the corpus and those made in their place have one name."""
    name = name.replace(", made here", "").replace(" of our own", "1_100k_s1")
    return re.sub(r"(acl|fw|ipc)1_100k_s1, \d+ rules", r"\1, 100000 rules", name)


def kept():
    """Name, unit, median of each row of the section's first fence."""
    here, fence = not section, 0
    for line in open("tests/bench/RESULTS.md"):
        if line.startswith("## "):
            here = line.rstrip() == f"## {section}"
        fence += here and line.startswith("```")
        m = re.match(rf"(.+?)\s+({UNITS})\s+(-?[\d.e+-]+) \(", line)
        if here and fence == 1 and m:
            yield name_of(m[1]), m[2], float(m[3])


def elsewhere(name):
    """Rows that another machine need not have."""
    if re.search(r"(sse4\.1|avx2|neon) walk$", name):
        return True  # what this CPU knows
    if name.endswith("two CPUs"):
        return os.cpu_count() == 1
    if "CrowdSec" in name:
        return not shutil.which("crowdsec-firewall-bouncer")
    return "under a cap" in name and not corpus


def sane(row):
    """Is each figure a number, and are they in their order?"""
    for at in (3, 7):
        if row[at] == "-" and at == 7:
            continue
        try:
            median, least, most = (float(v) for v in row[at:at + 3])
        except ValueError:
            return False
        if not all(math.isfinite(v) and abs(v) < MOST for v in (median, least, most)) or not least <= median <= most:
            return False
        # What is over a program that does nothing may be less than it, among so few packets.
        if least < 0 and not row[1].startswith("kernel: "):
            return False
    return row[10] == "-" or math.isfinite(float(row[10]))


rows = [line.rstrip("\n").split("\t") for line in open(rows_path) if line.startswith("row\t")]
bad = [row for row in rows if len(row) != 13 or not sane(row)]
for row in bad:
    print("# " + " | ".join(row[1:]))
good = ok(rows and not bad, f"{len(rows)} rows, each with figures")

there = collections.Counter((name_of(row[1]), row[2]) for row in rows)
expected = collections.Counter((name, unit) for name, unit, _ in kept() if not elsewhere(name))
missing = expected - there
for (name, unit), count in missing.items():
    print(f"# missing: {name}, {unit}" + (f", {count} times" if count > 1 else ""))
good &= ok(expected and not missing, f"of the {expected.total()} that RESULTS.md keeps, and that this machine can have, none is missing")

stable = {(name, unit): value for name, unit, value in kept() if unit in ("bytes", "B")}
off = [(row[1], row[3], stable[key]) for row in rows if (key := (name_of(row[1]), row[2])) in stable
       and not stable[key] / 2 <= float(row[3]) <= stable[key] * 2]
for name, got, wanted in off:
    print(f"# {name}: {got}, RESULTS.md: {wanted}")
if stable:
    good &= ok(not off, f"{len(stable)} of memory are what RESULTS.md keeps, within a factor of two")
sys.exit(not good)
