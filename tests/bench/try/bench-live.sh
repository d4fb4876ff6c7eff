#!/usr/bin/env bash
# make bench-live on small sizes: a contender of each kind forwards, and stands in the tables.
set -u
. tests/lib/scratch.sh
export SMALL=1
export ONLY='bare-drop drop bare passthrough recorded asked kernel dnat two-both hashed'
latencies=3
[ ! -x "$bin/tests/bench/bare_xdp" ] || { ONLY="$ONLY bare-drop-xdp bare-xdp passthrough-xdp two-0-xdp"; latencies=5; }
cd "$top" || exit 2
nice bash tests/bench/live.sh >"$work/out" 2>"$work/err"
status=$?
if grep -q '^ok - .* # SKIP' "$work/out"; then
    cat "$work/out"
    exit 0
fi
[ $status -eq 0 ] && ! grep 'nothing came\|not ok' "$work/out" "$work/err"
status=$?
[ $status -eq 0 ] || sed 's/^/# /' "$work/out" "$work/err"
ok $status 'make bench-live ends well'
python3 - "$work/out" "$(echo "$ONLY" | wc -w)" $latencies <<'END'
import math, re, sys
tables = []
for line in open(sys.argv[1]):
    if line.startswith("|---"): tables.append([])
    elif line.startswith("|") and tables and not line.startswith("| at half load"): tables[-1].append(line.split("|")[1:-1])
carried, late = tables
def number(cell): return float(re.match(r"[\d.]+", cell.strip().replace(",", ""))[0])
def bad(row, cells): return not all(re.match(r"\s*[\d,]+(\.\d+)?\s*$", row[i]) and math.isfinite(number(row[i])) for i in cells)
wrong = [r for r in carried if bad(r, (2, 3)) or r[8].strip() and number(r[8]) < 90] + [r for r in late if bad(r, (2, 3, 4, 5))]
# Whose process it is has been found: it used some of the CPU.
wrong += [r for r in carried if r[1].strip() != "kernel" and not r[5].strip()]
for r in wrong: print("# " + "|".join(r))
good = len(carried) == int(sys.argv[2]) and len(late) == int(sys.argv[3]) and not wrong
if not good: print(f"# {len(carried)} and {len(late)} rows, not {sys.argv[2]} and {sys.argv[3]}")
sys.exit(not good)
END
ok $? 'each contender has forwarded what came, and has its rows'
exit $failed
