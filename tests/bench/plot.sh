#!/bin/bash
# make bench-plot: what a header costs by the number of rules, for every contender, as $B/bench/rules.tsv and rules.svg.
# UPDATE=1 puts the picture into the tree, too: on a quiet machine.
set -euo pipefail
B=${B:-build}
here=tests/bench
. $here/small.sh
work=$results/bench
mkdir -p "$work"
"$B/tests/bench/plot" >"$work/rules.tsv"
list=$(sed -n '1s/^# //p' "$work/rules.tsv")
if ! command -v gnuplot >/dev/null 2>&1; then
    echo "bench-plot: gnuplot is not installed: the figures are in $work/rules.tsv, unplotted"
    exit 0
fi
gnuplot -e "data='$work/rules.tsv'; picture='$work/rules.svg'; list='$list'" "$here/rules.gp"
echo "bench-plot: $work/rules.svg"
[ -z "${UPDATE:-}" ] || cp "$work/rules.svg" "$here/rules.svg"
