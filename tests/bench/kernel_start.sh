#!/usr/bin/env bash
# Of bench-kernel: how long preyrun takes from its start until the kernel enforces the rules of rules-examples/laptop.prey
# on an interface, which is when the first packet of a stranger does not arrive; and until it says that it is ready. One packet
# comes every 0.2 ms, to a port where somebody listens. Rows on standard output, in milliseconds.
set -u
. tests/e2e/live/lib.sh
. tests/lib/scratch.sh
. "$top/tests/bench/small.sh"
RUNS=${RUNS:-$(size 5 1)}
pins "$@" && live_begin >&2
space out host
ip -n "$id-out" link add eth0 address 02:00:00:00:00:01 type veth peer name eth0 address 02:00:00:00:00:02 netns "$id-host"
for s in out host; do ip -n "$id-$s" link set eth0 up; done
address out eth0 203.0.113.1/24
address host eth0 203.0.113.2/24
cp "$top/rules-examples/laptop.prey" laptop.prey
{ echo 'limits { flows 30_000 }'; sed '/^edition/d' "$top/rules-examples/laptop.prey"; } >few.prey
for r in laptop few; do "$bin/preyc" $r.prey -o $r.pbc >/dev/null || exit 2; done

measure() { # WHAT PROGRAM [OPTION...]
    python3 "$top/tests/bench/kernel_start.py" "$bin/preyrun" "$id" "$RUNS" "$@"
}
measure 'laptop.prey' laptop.pbc && measure 'laptop.prey with 30,000 flows' few.pbc && measure 'laptop.prey, at XDP' laptop.pbc --hook xdp
