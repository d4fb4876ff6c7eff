#!/usr/bin/env bash
# The service of `mode proxy inline` is killed while connections cross to servers of a pool, from interface to interface, and in
# VLANs whose tenants have equal addresses and ports: whoever speaks next gets a reset, client or server, and no tenant another's.
set -u
. tests/e2e/live/lib.sh
. tests/lib/scratch.sh
live_begin

client="$top/tests/e2e/live/inline.py"
# open_one TENANT PORT [SERVER]: a server that will speak, and a client of it, each when it is told to.
open_one() {
    background "$1-right" python3 "$client" tells "${3:-$to}" "$2" >"tells.$1.$2"
    tells[$2]=$last
    until_true 100 "a server of $1 listens on port $2" grep -q listens "tells.$1.$2"
    background "$1-left" python3 "$client" "${holds:-holds}" "$to" "$2" >"holds.$1.$2"
    holders[$2]=$last
    until_true 100 "its client is connected" grep -q accepted "tells.$1.$2"
    until_true 100 'and knows it' grep -q open "holds.$1.$2"
}
killed() { # CONNECTIONS
    prey_killed "$(pgrep -P "$prey")"
    cp prey.err out
    has "$it: $1 connections are answered" "^preyrun: $1 interrupted connections? (is|are) answered by RST, for 120 s"
    resets=$(sed -n 's/.*by process \([0-9]*\)$/\1/p' prey.err)
    pids="$pids $resets"
}
# is_reset SENTENCE FILE PROCESS
is_reset() {
    kill -USR1 "$3"
    wait "$3"
    same "$it: $1" "$(tail -n 1 "$2")" reset
}

# ---- from interface to interface, where a pool has the servers ----
between one two
ip -n "$id-client" route add default via 10.1.0.2
ip -n "$id-client" -6 route add default via fd00:1::2
for name in client:left two:right; do
    ln -s "/run/netns/$id-${name%:*}" "/run/netns/$id-routed-${name#*:}" && links="${links-} /run/netns/$id-routed-${name#*:}"
done
trap 'rm -f $links; live_end' EXIT
rules pool <<'END'
pool farm { server two 10.2.0.3; server two6 fd00:2::3 }
service wire on any tcp/85, tcp/86 { mode proxy inline; -> farm }
service rest on any tcp/87, tcp/88 { mode proxy inline }
END
for to in 10.2.0.2 fd00:2::2; do
    it="routed, $to"
    tells=() holders=()
    two=${to%2}3
    prey prey -i wan -i lan --format json pool.pbc
    for port in 85 86; do open_one routed $port "$two"; done
    to=$two
    for port in 87 88; do open_one routed $port; done
    killed 4
    is_reset 'the client of a server of a pool' holds.routed.85 "${holders[85]}"
    is_reset 'a server of a pool' tells.routed.86 "${tells[86]}"
    is_reset 'a client' holds.routed.87 "${holders[87]}"
    is_reset 'a server' tells.routed.88 "${tells[88]}"
done
# ---- in VLANs: who has no connection of the service's is left alone ----
for p in $pids; do kill -KILL "$p" 2>/dev/null; done
wait 2>/dev/null
for s in $spaces; do ip netns del "$s"; done
spaces= pids=
space prey left right
for side in left right; do
    port=$([ $side = left ] && echo a || echo b)
    link $side trunk prey $port
    bridged $side lan trunk
    for tenant in one two; do
        space "$tenant-$side"
        link "$tenant-$side" eth0 $side "$tenant"
        offloads off "$tenant-$side:eth0"
        n=$([ $side = left ] && echo 1 || echo 2)
        address "$tenant-$side" eth0 10.1.0.$n/24 fd00:1::$n/64
        : >"cable-$tenant-$side"
        # shellcheck disable=SC2046
        background $side python3 "$top/tests/e2e/live/tagger.py" "$tenant" "tap-$tenant" $([ $tenant = one ] && echo 88a8:5 8100:7 || echo 8100:6) >"cable-$tenant-$side"
        until_true 100 'a cable is there' grep -q ready "cable-$tenant-$side"
        ip -n "$id-$side" link set dev "tap-$tenant" up master lan
    done
done
rules tags <<'END'
service wire on any tcp/any vlan 5 { mode proxy inline }
firewall f forward default accept { }
END
to=10.1.0.2 it='in VLANs' holds=bound
declare -A holder teller
prey prey --bridge a:b --format json tags.pbc
for tenant in one two; do
    for port in 85 86; do
        open_one $tenant $port
        holder[$tenant$port]=${holders[$port]} teller[$tenant$port]=${tells[$port]}
    done
done
killed 2
is_reset 'a client behind two tags' holds.one.85 "${holder[one85]}"
is_reset 'a server behind them' tells.one.86 "${teller[one86]}"
sniff others.pcap two-right eth0 tcp
kill -USR1 "${teller[two85]}"
has_repeated() { [ "$(tcpdump -n -r others.pcap 'src host 10.1.0.2' 2>/dev/null | wc -l)" -ge 2 ]; }
until_true 100 'a tenant with the same addresses and ports repeats its segment' has_repeated
sniffed
same "$it: and is not reset" "$(tcpdump -n -r others.pcap 'tcp[tcpflags] & tcp-rst != 0' 2>/dev/null | wc -l)" 0
if [ -n "${LONG-}" ]; then
    until_true 1300 'the answers end after 120 s' is_over "$resets"
    ok $? 'the answers end after 120 s'
fi
exit $failed
