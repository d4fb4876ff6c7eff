#!/usr/bin/env bash
# A part of bench-kernel (kernel.sh): changes of live sets by whole commands, beside nft and ipset. Each time is a command's, from its start to its end:
# 100,000 members with an end by `feed`, a list of a million addresses by `replace`, one member; in both executors.
set -u
EXEC=kernel
. tests/e2e/live/lib.sh
. tests/lib/scratch.sh
pins "$@" && live_begin >&2
between one >&2
runs=5 members=100000 list=1000000
[ -z "${SMALL:-}" ] || runs=1 members=1000 list=1000
rules sets <<END
set caught = live size 200_000
set listed = live file "$work/list" size 1_000_000
set whole = live size 1_000_000
firewall f forward default accept { drop from caught; drop from listed; drop from whole }
END
python3 - "$work" $members $list <<'PY'
import random, sys
work, members, count = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
r = random.Random(7)
a = lambda n: "%d.%d.%d.%d" % (n >> 24, n >> 16 & 255, n >> 8 & 255, n & 255)
some = [a(n) for n in r.sample(range(0x14000000, 0xd0000000), members)]
many = [a(2 * n) for n in r.sample(range(0x0a000000, 0x68000000), count)]
with open(work + "/feed", "w") as f: f.writelines("+%s 1h\n" % x for x in some)
with open(work + "/feed.nft", "w") as f:
    for i in range(0, members, 1000):
        f.write("add element ip t caught { " + ", ".join("%s timeout 1h" % x for x in some[i:i + 1000]) + " }\n")
with open(work + "/feed.ipset", "w") as f: f.writelines("add caught %s timeout 3600\n" % x for x in some)
with open(work + "/list.ipset", "w") as f:
    f.write("create fresh hash:ip maxelem 2000000\n")
    f.writelines("add fresh %s\n" % x for x in many)
    f.write("swap fresh whole\ndestroy fresh\n")
with open(work + "/list", "w") as f: f.writelines(x + "\n" for x in many)
with open(work + "/list.nft", "w") as f:
    f.write("flush set ip t whole\n")
    for i in range(0, count, 1000): f.write("add element ip t whole { " + ", ".join(many[i:i + 1000]) + " }\n")
PY
at prey nft -f - <<'END'
add table ip t
add set ip t caught { type ipv4_addr; flags timeout; size 2000000; }
add set ip t whole { type ipv4_addr; size 2000000; }
END

peers=nft
if command -v ipset >/dev/null && at prey ipset create caught hash:ip timeout 0 maxelem 2000000 2>/dev/null; then
    at prey ipset create whole hash:ip maxelem 2000000
    peers='nft ipset'
fi

# timed NAME COMMAND...: its milliseconds, behind those before in NAME.ms
timed() {
    local name=$1 begun
    shift
    begun=$(date +%s%N)
    "$@" >/dev/null 2>said || { echo "$name: $(head -1 said)" >&2; exit 1; }
    echo $((($(date +%s%N) - begun) / 1000)) >>"$name.us"
}
in_prey() { ip netns exec "$id-prey" "$@"; }
feed() { in_prey "$bin/preyctl" sets caught feed <feed; }
whole() { in_prey "$bin/preyctl" sets whole replace <list; }
for exec in user kernel; do
    prey prey -i wan -i lan --exec $exec sets.pbc >&2
    is_ready prey || exit 1
    for _ in $(seq $runs); do
        timed feed.$exec feed
        ctl sets caught flush
        timed whole.$exec whole
        timed one.$exec in_prey "$bin/preyctl" sets caught add 10.9.9.9 for 1h
        ctl sets caught flush
    done
    prey_ends
done
for _ in $(seq $runs); do
    timed feed.nft in_prey nft -f feed.nft
    in_prey nft flush set ip t caught
    timed whole.nft in_prey nft -f list.nft
    timed one.nft in_prey nft add element ip t caught '{ 10.9.9.9 timeout 1h }'
    in_prey nft flush set ip t caught
    [ "$peers" != nft ] || continue
    timed feed.ipset in_prey ipset restore <feed.ipset
    timed whole.ipset in_prey ipset restore <list.ipset
    timed one.ipset in_prey ipset add caught 10.9.9.9 timeout 3600
    in_prey ipset flush caught
done
python3 - $peers <<'PY'
import statistics, sys
def series(name):
    v = sorted(int(x) / 1000 for x in open(name + ".us"))
    return statistics.median(v), v[0], v[-1]
for what, name in (("100,000 members by feed", "feed"), ("a list of 1,000,000 in place of all", "whole"), ("one member, the whole command", "one")):
    for exec in ("user", "kernel"):
        for peer in sys.argv[1:]:
            ours, its = series(name + "." + exec), series(name + "." + peer)
            print("\t".join(["row", f"live sets, {exec}: {what}", "ms"] + ["%.4g" % x for x in ours] + [peer] + ["%.4g" % x for x in its] + ["%.3g" % (ours[0] / its[0]), "-", "-"]))
PY
exit $failed
