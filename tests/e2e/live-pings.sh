#!/usr/bin/env bash
# A flood of pings to a machine that translates: its share of the way up is bounded, what is over is counted by a name of its own, and
# services begin as ever. At both hooks.
set -u
EXEC=kernel
. tests/e2e/live/lib.sh
. tests/lib/scratch.sh
pins "$@" || { echo 'ok - a flood of pings, live # SKIP this machine lets us mount no file system of BPF'; exit 0; }
live_begin
site one
rules shared <<'END'
pool farm { server one 10.2.0.2:80 }
service shop on 10.1.0.100 tcp/80 { mode passthrough; announce; -> farm }
nat out { masquerade from 10.2.0.0/24 out on "wan" }
firewall edge in default drop {
  accept state established, related
  accept icmp type echo-request as PING
  accept tcp to 10.1.0.100 port 80
}
END
from=$(at client cat /sys/class/net/eth0/address) to=$(at prey cat /sys/class/net/wan/address) pings=30000
for ((i = 0; i < pings; i++)); do
    echo "eth $from > $to / ip4 10.1.$((1 + i / 200)).$((1 + i % 200)) > 10.1.0.2 / icmp type echo-request id $i"
done | capture flood
for hook in tc xdp; do
    prey prey -i wan -i lan --exec kernel --hook $hook --format json shared.pbc
    same "$hook: a ping is answered" "$(at client ping -c 1 -W 20 10.1.0.2 >/dev/null && echo yes)" yes
    ctl counters --json
    same "$hook: and none is left out" "$(python3 -c 'import json; print(json.load(open("out"))["kernel"]["pings"])')" 0
    at client python3 "$top/tests/e2e/live/send.py" eth0 flood.pcap >sent
    same "$hook: a service begins after a flood" "$(ask client 10.1.0.100/)" one
    prey_ends
    same "$hook: it ends in order, and most of the flood was left out" "$status $(($(number kernel pings) > 0))" '0 1'
done
exit $failed
