#!/usr/bin/env bash
# Tenants with the same addresses and ports on both sides, in two VLANs and in a stack of two tags, all at once through one
# bridge with `mode proxy inline`: each reaches its own server, with its tags and their priorities.
set -u
EXEC=user # its bridges are user space's
. tests/e2e/live/lib.sh
. tests/lib/scratch.sh
live_begin

# A side: tenants behind cables that tag, together on a bridge of the kernel's that leads to prey.
space prey left right
for side in left right; do
    port=$([ $side = left ] && echo a || echo b)
    link $side trunk prey $port
    bridged $side lan trunk
    ip -n "$id-$side" link set dev trunk mtu 1508
    ip -n "$id-prey" link set dev $port mtu 1508
done
tags_one="8100:$((5 | 3 << 13))" tags_two="8100:$((6 | 5 << 13))" tags_three="88a8:$((5 | 2 << 13)) 8100:$((7 | 6 << 13))"
cables=
for tenant in one two three; do
    tags=tags_$tenant
    for side in left right; do
        space "$tenant-$side"
        link "$tenant-$side" eth0 $side "$tenant"
        offloads off "$tenant-$side:eth0"
        n=$([ $side = left ] && echo 1 || echo 2)
        address "$tenant-$side" eth0 10.1.0.$n/24 fd00:1::$n/64
        : >"cable-$tenant-$side"
        ip netns exec "$id-$side" python3 "$top/tests/e2e/live/tagger.py" "$tenant" "tap-$tenant" ${!tags} >"cable-$tenant-$side" &
        pids="$pids $!"
        until_true 100 'a cable is there' grep -q ready "cable-$tenant-$side"
        ip -n "$id-$side" link set dev "tap-$tenant" mtu 1508 up master lan
    done
    web "$tenant-right"
    ln -f payload "web-$tenant-right/file" 2>/dev/null || payload 1000000 "$tenant-right"
done

rules wire <<'END'
service wire on any tcp/any { mode proxy inline }
firewall f forward default accept { }
END
prey prey --bridge a:b --format json wire.pbc
for server in 10.1.0.2 fd00:1::2; do
    clients=
    for tenant in one two three; do
        : >"$tenant.out"
        background "$tenant-left" python3 "$top/tests/e2e/live/tenant.py" $server 80 40000 >"$tenant.out"
        eval "client_$tenant=$last"
    done
    for tenant in one two three; do until_true 300 "a connection of tenant $tenant is open" grep -q open "$tenant.out"; done
    for tenant in three one two; do
        client=client_$tenant
        kill -USR1 "${!client}"
        wait "${!client}"
        same "tenant $tenant reaches its own server at $server" "$(tail -n 1 "$tenant.out")" "$tenant-right"
    done
    for tenant in one two three; do
        fetches "1 MB of tenant $tenant from $server arrives as it is" "$tenant-left" "$(case $server in *:*) echo "[$server]" ;; *) echo $server ;; esac)"
    done
done
ctl counters
has 'all of them in the wire' 'services.wire.proxy.sessions +12$'
prey_ends
same 'it ends well' "$status" 0

# What is for one VLAN leaves the others alone.
rules one <<'END'
service wire on any tcp/80 vlan 6 { mode proxy inline first bytes within 20s
  when bytes payload at 0 is x"474554" -> reject
}
firewall f forward default accept { }
END
prey prey --bridge a:b --format json one.pbc
same 'a tenant whose VLAN is named is refused' "$(at two-left curl -s -m 60 http://10.1.0.2/; echo $?)" 56
same 'another is not' "$(ask one-left 10.1.0.2/)" one-right
same 'nor is one whose inner tag alone would be it' "$(ask three-left 10.1.0.2/)" three-right
prey_ends
exit $failed
