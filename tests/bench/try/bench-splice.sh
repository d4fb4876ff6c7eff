#!/usr/bin/env bash
# make bench-splice on small sizes: each contender carries its bytes, and stands in the table.
set -u
. tests/lib/scratch.sh
export SMALL=1
cd "$top" || exit 2
command -v iperf3 >/dev/null || { echo 'ok - spliced connections # SKIP iperf3 is not installed'; exit 0; }
nice bash tests/bench/splice.sh >"$work/out" 2>"$work/err"
status=$?
if grep -q '# SKIP\|lets us' "$work/out"; then
    echo 'ok - spliced connections # SKIP this machine lets us make no network namespaces, or mount no file system of BPF'
    exit 0
fi
[ $status -eq 0 ] && ! grep 'nothing came\|not ok' "$work/out" "$work/err"
ok $? 'make bench-splice ends well'
[ "$(grep -c 'Gbit | [0-9.]* s a GB' "$work/out")" = 6 ]
ok $? 'each contender has a row'
[ "$(grep -c 'in the wire, .* executor | [0-9]* (' "$work/out")" = 4 ]
ok $? 'the change is measured by both executors'
[ "$(grep -c 'on a bridge, .* | [0-9]* (' "$work/out")" = 3 ] && [ "$(grep -cE '^\| (watched|cut).* \| 5 \| [0-9]+ \([0-9]+\) \|$' "$work/out")" = 3 ] && ! grep 'were cut into' "$work/err"
ok $? 'so is a cut'
exit $failed
