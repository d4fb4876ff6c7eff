#!/usr/bin/env bash
# A part of bench-kernel (kernel.sh): changes of live sets by whole commands, beside nft and ipset. Each time is a command's, from its start to its end:
# 100,000 members with an end by `feed`, a list of a million addresses by `replace`, one member; in both executors.
set -u
EXEC=kernel
. tests/e2e/live/lib.sh
. tests/lib/scratch.sh
pins "$@" && live_begin >&2
between one >&2
runs=5 members=100000 list=1000000 most=1000000
[ -z "${SMALL:-}" ] || runs=1 members=1000 list=1000 most=300000 # bytes a member are stable in every size
rules sets <<END
set caught = live size 200_000
set listed = live file "$work/list" size 1_000_000
set whole = live size 1_000_000
firewall f forward default accept { drop from caught; drop from listed; drop from whole }
END
python3 "$top/tests/bench/sets_lists.py" lists "$work" $members $list
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
python3 "$top/tests/bench/sets_lists.py" rows $peers

# Memory: what a set of one size takes over that of another one before any member came, and what all members take. Up to 262,144 members maps have room for
# as many ranges in any case.
for size in 1 262144 $most; do
    rules $size <<END
set caught = live size $size
firewall f forward default accept { drop from caught }
END
done
python3 "$top/tests/bench/sets_lists.py" adds $most >add
memory() { python3 "$top/tests/bench/sets_memory.py" "$prey" >"$1"; }
for exec in user kernel; do
    for size in 1 262144 $most; do
        prey prey -i wan -i lan --exec $exec $size.pbc >&2
        is_ready prey || exit 1
        memory $exec.$size
        [ $size != $most ] || { in_prey "$bin/preyctl" sets caught feed <add >&2 && memory $exec.filled; }
        prey_ends
    done
done
python3 "$top/tests/bench/sets_lists.py" memory $most
exit $failed
