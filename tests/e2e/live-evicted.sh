#!/usr/bin/env bash
# A flood of pings, each of which is answered, beside connections and UDP tunnels that rest: of a full table of flows the pings alone
# make way, in both executors.
set -u
EXEC=user # where it says no other
. tests/e2e/live/lib.sh
. tests/lib/scratch.sh
pins "$@" || { echo 'ok - a flood of answered pings # SKIP this machine lets us mount no file system of BPF'; exit 0; }
live_begin

between one
at one sysctl -q -w net.ipv4.icmp_ratelimit=0 net.ipv4.icmp_msgs_per_sec=1000000 2>/dev/null
at prey ip route add 198.51.100.0/22 dev wan
at one ip route add 198.51.100.0/22 via 10.2.0.1
rules flooded <<'END_OF_RULES'
limits { flows 600; half_open 100 }
timeouts { pickup 0s }
pool farm { server one 10.2.0.2 }
service rests on 10.1.0.100 tcp/7, udp/7 { mode passthrough keep source; announce; -> farm }
service pings on 10.1.0.100 icmp { mode passthrough keep source; -> farm }
END_OF_RULES
tunnels="python3 $top/tests/e2e/live/tunnels.py"

# gave_way N: so many answered flows did.
gave_way() { ctl counters && [ "$(awk '$1 == "flows.ended.evicted-answered" { gsub(",", "", $2); print $2 }' out)" -gt "$1" ]; }

for on in user kernel; do
    rm -f speak end stop
    mkfifo speak end stop
    prey prey -i wan -i lan --exec $on flooded.pbc
    at one $tunnels serve 7 7 <speak >served & pids="$pids $!"
    exec 3>speak
    until_true 100 'the server is ready' grep -q ready served
    at client $tunnels rest 10.1.0.100 7 7 20 <end >rested &
    resting=$!
    pids="$pids $resting"
    exec 4>end
    until_true 100 'they rest' grep -q rest rested
    at client $tunnels pings eth0 "$(at prey cat /sys/class/net/wan/address)" 10.1.0.100 <stop & flood=$!
    pids="$pids $flood"
    exec 5>stop
    until_true 300 "$on: answered pings give way" gave_way 2000 && ok 0 "$on: answered pings give way"
    exec 5>&-
    wait $flood
    echo >&3
    exec 4>&-
    wait $resting
    same "$on: all that rest go on" "$(tail -n 1 rested)" 'tcp 20 udp 20'
    ctl counters
    same "$on: none of them gave way" "$(awk '/evicted-(lasting|established)/' out)" ''
    exec 3>&-
    prey_ends
    same "$on: it ends with 0" "$status" 0
done
exit $failed
