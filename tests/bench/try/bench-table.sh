#!/usr/bin/env bash
# make bench and make bench-plot on small sizes: every program goes to its end, and says what it should.
set -u
. tests/lib/scratch.sh
export SMALL=1
cd "$top" || exit 2
small=$bin/bench-small
rm -rf "$small/bench" "$small/bench.json"

nice bash tests/bench/run.sh >"$work/out" 2>"$work/err"
status=$?
[ $status -eq 0 ] || grep -v '^bench: ' "$work/err" | sed 's/^/# /'
ok $status 'make bench ends well'
python3 tests/bench/try/rows.py "$small/bench/rows" '' || failed=1
python3 - "$small/bench.json" "$work/out" <<'END'
import json, sys
with open(sys.argv[1]) as f: rows = json.load(f)["rows"]
printed = open(sys.argv[2]).read()
missing = [r["what"] for r in rows if r["what"] not in printed or not isinstance(r["ours"]["median"], (int, float))]
for what in missing[:5]: print(f"# {what}")
sys.exit(bool(missing) or not rows)
END
ok $? 'its JSON has the rows of the table'

nice bash tests/bench/plot.sh >"$work/out" 2>"$work/err" || { sed 's/^/# /' "$work/err"; failed=1; }
# Nine numbers of rules; ours twice, a list in C and bpf_filter are always there.
awk -F '\t' '/^#/ { next } NF != 5 || $3 + 0 <= 0 || $4 + 0 <= 0 || $5 + 0 < $3 + 0 { bad = 1; print "# " $0 } { of[$2]++ }
    END { exit bad || of["prey, batches of 64"] != 9 || of["prey, one at a time"] != 9 || of["linear list in C"] != 9 || of["bpf_filter"] != 9 }' \
    "$small/bench/rules.tsv"
ok $? 'make bench-plot has a point for each contender and number of rules'
exit $failed
