#!/usr/bin/env bash
# `mode proxy inline` between two tenants' VLAN devices at both ends of a bridge, with the same addresses and ports, over cables that lose,
# reorder and double frames (netem): all bytes arrive, both ways at once, and behind a half that is closed. It wants VLAN devices and netem.
set -u
EXEC=user # its bridges are user space's
. tests/e2e/live/lib.sh
. tests/lib/scratch.sh
live_begin

# left and right have trunks; a cable is a bridge of the kernel's between a trunk and prey.
space left prey right near far
link left eth0 near end
link near prey prey a
link right eth0 far end
link far prey prey b
bridged near cable end prey
bridged far cable end prey
ip -n "$id-left" link add link eth0 name try type vlan id 9 2>said && lossy near:end near:prey far:end far:prey || {
    echo 'ok - the wire in VLANs, over cables that lose frames # SKIP this kernel has no VLAN devices or no netem'
    exit 0
}
vlan() { # SIDE TENANT VID [INNER]
    local dev=v$2
    ip -n "$id-$1" link add link eth0 name "$dev" type vlan id "$3" $([ -z "${4-}" ] || echo protocol 802.1ad)
    if [ -n "${4-}" ]; then
        ip -n "$id-$1" link set dev "$dev" up
        ip -n "$id-$1" link add link "$dev" name "w$2" type vlan id "$4"
        dev=w$2
    fi
    ip -n "$id-$1" link set dev "$dev" netns "$id-$2-$1"
    ip -n "$id-$2-$1" link set dev "$dev" up
    address "$2-$1" "$dev" 10.1.0.$([ "$1" = left ] && echo 1 || echo 2)/24 fd00:1::$([ "$1" = left ] && echo 1 || echo 2)/64
}
for side in left right; do
    n=4
    for tenant in one two three; do
        space "$tenant-$side"
        n=$((n + 1))
        vlan $side $tenant $n $([ $tenant != three ] || echo 7)
    done
done
for tenant in one two three; do
    background "$tenant-right" python3 "$top/tests/e2e/live/lossy.py" serve "$tenant" >"$tenant.serves"
    until_true 100 "the server of $tenant listens" grep -q listens "$tenant.serves"
done

for first in server bytes; do
    rules $first <<END
service wire on any tcp/any { mode proxy inline; $first first }
firewall f forward default accept { }
END
    prey prey --bridge a:b --format json $first.pbc
    for server in 10.1.0.2 fd00:1::2; do
        clients=
        for tenant in one two three; do
            : >"$tenant.out"
            background "$tenant-left" python3 "$top/tests/e2e/live/lossy.py" ask $server $([ $first = server ] && echo 40000 || echo 41000) "${BYTES:-300000}" >"$tenant.out" 2>&1
            clients="$clients $last"
        done
        wait $clients
        for tenant in one two three; do
            same "$first first: all bytes of tenant $tenant, to and from $server, also behind a half that is closed" "$(tail -n 1 "$tenant.out")" "$tenant True True"
        done
    done
    ctl counters
    has 'all of them in the wire' 'services.wire.proxy.sessions +18$'
    prey_ends
    same 'it ends well' "$status" 0
done
same 'frames were lost on each cable, each way' "$(losses near:end near:prey far:end far:prey)" 1111
exit $failed
