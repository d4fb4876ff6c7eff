#!/usr/bin/env bash
# Somebody outside says both sides of conversations with a server inside, which never hears of the answers: beside connections and UDP
# tunnels that rest, the forged ones make way, sent on by a service (both executors) and by the host behind a firewall.
set -u
EXEC=user # where it says no other
. tests/e2e/live/lib.sh
. tests/lib/scratch.sh
pins "$@" || { echo 'ok - forged conversations # SKIP this machine lets us mount no file system of BPF'; exit 0; }
live_begin

between one
at prey ip route add 198.51.100.0/22 dev wan
at prey ip neigh replace 10.2.0.99 lladdr 02:00:00:00:00:99 dev lan nud permanent
at prey sysctl -q -w net.ipv4.conf.all.rp_filter=0 net.ipv4.conf.wan.rp_filter=0 net.ipv4.conf.lan.rp_filter=0
at client ip route replace 10.2.0.0/24 via 10.1.0.2
rules served <<'END_OF_RULES'
limits { flows 600; half_open 100 }
timeouts { pickup 0s }
pool farm { server one 10.2.0.2 }
pool ghosts { server gone 10.2.0.99 }
service rests on 10.1.0.100 tcp/7, udp/7 { mode passthrough keep source; announce; -> farm }
service aimed on 10.1.0.100 tcp/9, udp/9 { mode passthrough keep source; -> ghosts }
END_OF_RULES
rules crossed <<'END_OF_RULES'
limits { flows 600; half_open 100 }
timeouts { pickup 0s }
firewall cross forward default drop {
  accept state established, related
  accept tcp port 7, 9
  accept udp port 7, 9
}
END_OF_RULES
tunnels="python3 $top/tests/e2e/live/tunnels.py"

# gave_way CLASS N: so many flows of that class did.
gave_way() { ctl counters && [ "$(awk -v of="flows.ended.evicted-$1" '$1 == of { gsub(",", "", $2); print $2 }' out)" -gt "$2" ]; }

# outlives NAME KIND CLASS RESTS AIMED: what rests at that address goes on while strangers forge answers of KIND at the other one.
outlives() {
    local name=$1 kind=$2 class=$3 rests=$4 aimed=$5
    rm -f speak end stop
    mkfifo speak end stop
    at one $tunnels serve 7 7 <speak >served & pids="$pids $!"
    exec 3>speak
    until_true 100 'the server is ready' grep -q ready served
    at client $tunnels rest "$rests" 7 7 20 <end >rested &
    resting=$!
    pids="$pids $resting"
    exec 4>end
    until_true 100 'they rest' grep -q rest rested
    at client $tunnels forges "$kind" eth0 "$(at prey cat /sys/class/net/wan/address)" "$aimed" 9 10.2.0.99 <stop & flood=$!
    pids="$pids $flood"
    exec 5>stop
    until_true 300 "$name: forged ones give way" gave_way "$class" 2000 && ok 0 "$name: forged ones give way"
    exec 5>&-
    wait $flood
    echo >&3
    exec 4>&-
    wait $resting
    same "$name: all that rest go on" "$(tail -n 1 rested)" 'tcp 20 udp 20'
    ctl counters
    same "$name: none of them gave way" "$(awk '/evicted-(lasting|established)/' out)" ''
    exec 3>&-
}

for on in user kernel; do
    for kind in tcp udp; do
        prey prey -i wan -i lan --exec $on served.pbc
        outlives "$on, $kind" $kind answered 10.1.0.100 10.1.0.100
        prey_ends
        same "$on, $kind: it ends with 0" "$status" 0
    done
done
at prey sysctl -q -w net.ipv4.ip_forward=1
for kind in tcp udp; do
    prey prey -i wan -i lan --exec kernel crossed.pbc
    outlives "a firewall, $kind" $kind answered 10.2.0.2 10.2.0.99
    prey_ends
    same "a firewall, $kind: it ends with 0" "$status" 0
done
exit $failed
