"""Each contender of `make bench-live` has its rows, with figures: OUTPUT CONTENDERS LATENCIES."""
import math, re, sys
tables = []
for line in open(sys.argv[1]):
    if line.startswith("|---"): tables.append([])
    elif line.startswith("|") and tables and not line.startswith(("| at half load", "| every frame")): tables[-1].append(line.split("|")[1:-1])
carried, late, copied = tables
def number(cell): return float(re.match(r"[\d.]+", cell.strip().replace(",", ""))[0])
def bad(row, cells): return not all(re.match(r"\s*[\d,]+(\.\d+)?\s*$", row[i]) and math.isfinite(number(row[i])) for i in cells)
wrong = [r for r in carried if bad(r, (2, 3)) or r[8].strip() and number(r[8]) < 90] + [r for r in late if bad(r, (2, 3, 4, 5))]
# A contender with a process of its own used some of the CPU. Where nothing leaves, nobody waits until it has.
drops = ("only taken", "`drop`")
wrong += [r for r in carried if not r[1].strip().startswith("kernel") and not any(d in r[0] for d in drops) and not r[5].strip()]
wrong += [r for r in copied if bad(r, (2, 3, 4, 5, 6, 7)) or number(r[8]) < (0 if "counted" in r[0] else 90)]
for r in wrong: print("# " + "|".join(r))
good = len(carried) + len(copied) == int(sys.argv[2]) and len(late) == int(sys.argv[3]) and not wrong
if not good: print(f"# {len(carried)} with {len(copied)} and {len(late)} rows, not {sys.argv[2]} and {sys.argv[3]}")
sys.exit(not good)
