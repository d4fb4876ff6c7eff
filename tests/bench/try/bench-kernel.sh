#!/usr/bin/env bash
# make bench-kernel on small sizes: every part goes to its end, and says what it should.
set -u
. tests/lib/scratch.sh
export SMALL=1
cd "$top" || exit 2
rows=$bin/bench-small/bench-kernel.rows
rm -f "$rows"
skip() {
    echo "ok - benches in the kernel # SKIP $1"
    exit 0
}
[ "$(id -u)" -eq 0 ] || skip 'that takes root'
[ -x "$bin/tests/bench/kernel" ] || skip 'this is built without the kernel'"'"'s programs'
ip netns add "prey$$-try" 2>/dev/null || skip 'this machine lets us make no network namespaces'
ip netns del "prey$$-try"
nice bash tests/bench/kernel.sh >"$work/out" 2>"$work/err"
status=$?
why=$(sed -n 's/^note\tskipped: //p' "$rows" | head -1)
[ -z "$why" ] || skip "$why"
[ $status -eq 0 ] || grep -v '^bench-kernel: ' "$work/err" | sed 's/^/# /'
ok $status 'make bench-kernel ends well'
python3 tests/bench/try/rows.py "$rows" 'The executor in the kernel' || failed=1
exit $failed
