#!/usr/bin/env bash
# The flight recorder beside the executor in the kernel: of passthrough, translation and a host firewall nearly every packet
# that was recorded is judged once more, and none otherwise; other rules are found out.
set -u
EXEC=kernel
. tests/e2e/live/lib.sh
. tests/lib/scratch.sh
pins "$@" || { echo 'ok - recordings beside the kernel executor # SKIP this machine lets us mount no file system of BPF'; exit 0; }
live_begin
RECORD=0 # this script records by itself

space client prey far
link client eth0 prey lan
link prey wan far eth0
address client eth0 10.1.0.1/24 fd00:1::1/64
address prey lan 10.1.0.2/24 fd00:1::2/64
address prey wan 10.2.0.2/24 fd00:2::2/64
address far eth0 10.2.0.3/24 fd00:2::3/64
ip -n "$id-client" route add default via 10.1.0.2
ip -n "$id-client" -6 route add default via fd00:1::2
ip -n "$id-far" -6 route add default via fd00:2::2
ip -n "$id-far" route add 10.1.0.0/24 via 10.2.0.2
at prey sysctl -q -w net.ipv4.ip_forward=1 net.ipv6.conf.all.forwarding=1 net.ipv4.conf.all.rp_filter=0
web client
web prey
web far
udp far 53
udp prey 53
payload 3000000 far prey client

rules balanced <<'RULES'
pool farm { source 10.2.0.50, fd00:2::50; server far 10.2.0.3; server far6 fd00:2::3 }
service web on 10.1.0.100, fd00:1::100 tcp/80, udp/53 { mode passthrough; announce; -> farm }
RULES
rules guarded <<'RULES'
pool farm { source 10.2.0.50, fd00:2::50; server far 10.2.0.3; server far6 fd00:2::3 }
service web on 10.1.0.100, fd00:1::100 tcp/80, udp/53 { mode passthrough; announce; -> farm }
firewall edge in default drop {
  accept state established, related as OPEN
  accept tcp port 80 as WEB
  accept udp port 53 as DNS
  accept icmp6 type nd as ND
  accept icmp type echo-request
}
RULES
rules translated <<'RULES'
interface wan = "wan"
nat edge {
  masquerade from 10.1.0.0/24 out on wan ports 40000-50000
  forward 10.2.0.2 tcp/8000 -> 10.1.0.1:80
}
firewall crossing forward default drop {
  accept state established, related as OPEN
  accept tcp port 80, 8000 as WEB
  accept udp as DATAGRAM
  accept icmp type echo-request as PING
  accept icmp6 type echo-request as PING6
}
RULES
rules host <<'RULES'
firewall edge in default drop {
  accept state established, related as OPEN
  drop state invalid as INVALID
  accept icmp6 type nd as ND
  accept icmp type echo-request as PING
  accept icmp6 type echo-request as PING6
  accept tcp port 80 as WEB
  accept udp port 53 as DNS
  reject tcp port 81 as SHUT
}
RULES

records() { # NAME OPTION...: from now on, into that directory
    local name=$1
    shift
    cp "$name.pbc" run.pbc
    prey prey -i lan -i wan --format json --record "$name" --record-sample 3 "$@" run.pbc
}
get() { for i in 1 2 3 4; do ask "$1" "$2"; done >/dev/null; fetches "a file from $2" "$1" "$2"; }
judged() { # DIR OPTION...: "JUDGED OTHERWISE", JUDGED being yes where it is 99 of a hundred, and there are some
    "$bin/preyrun" --replay "$1" --format json "${@:2}" >again.out 2>again.err
    python3 - <<'PY'
import json
r = json.load(open("again.out"))["recording"]
same, other, rest = (r["verdicts_" + k] if "verdicts_" + k in r else r["verdicts"] for k in ("", "otherwise", "unclaimed"))
import sys
print(same, other, rest, file=sys.stderr)
print("yes" if same + other >= 99 * rest and same + other >= 150 else (same, other, rest), other)
PY
}

for name in balanced guarded; do
    records $name
    get client 10.1.0.100
    get client '[fd00:1::100]'
    talk client 10.1.0.100 >/dev/null
    talk client 10.1.0.100 >/dev/null
    prey_ends
    same "$name: all is judged" "$(judged $name)" 'yes 0'
done
records translated
get client 10.2.0.3
talk client 10.2.0.3 >/dev/null
get client '[fd00:2::3]'
at client ping -q -c20 -i0.05 -W 20 10.2.0.3 >/dev/null
get far 10.2.0.2:8000
prey_ends
same "translated: all is judged" "$(judged translated)" 'yes 0'
records host
get client 10.1.0.2
get client '[fd00:1::2]'
at client ping -q -c20 -i0.05 -W 20 10.1.0.2 >/dev/null
talk client 10.1.0.2 >/dev/null
ask client 10.1.0.2:81 >/dev/null
at client curl -s -m 0.3 http://10.1.0.2:8080/ >/dev/null
prey_ends
same "host: all is judged" "$(judged host)" 'yes 0'
exit $failed
