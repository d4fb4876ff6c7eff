#!/usr/bin/env bash
# A router with masquerade and a forwarded port in the kernel, as short as it shows.
set -u
EXEC=kernel
. tests/e2e/live/lib.sh
. tests/lib/scratch.sh
pins "$@" || { echo 'not ok - this machine lets us mount no file system of BPF'; exit 1; }
live_begin
space client prey far
link client eth0 prey lan
link prey wan far eth0
address client eth0 10.1.0.1/24
address prey lan 10.1.0.2/24
address prey wan 10.2.0.2/24
address far eth0 10.2.0.3/24
ip -n "$id-client" route add default via 10.1.0.2
at prey sysctl -q -w net.ipv4.ip_forward=1
web client
web far
udp far 53
rules edge <<'RULES'
interface wan = "wan"
const address = 10.2.0.2
set inside = 10.1.0.0/24
nat edge {
  masquerade from inside out on wan ports 40000-50000
  forward address tcp/8000 -> 10.1.0.1:80
}
firewall crossing forward default drop {
  accept state established, related as OPEN
  accept tcp port 80, 8000 as WEB
  accept udp as DATAGRAM
  accept icmp type echo-request as PING
}
RULES
prey prey -i lan -i wan --format json edge.pbc
same 'from inside, from the outer address' "$(ask client 10.2.0.3/from) $(talk client 10.2.0.3)" '10.2.0.2 far 10.2.0.2 5'
at client ping -q -c2 -i0.05 -W 20 10.2.0.3 >out
has 'a ping, translated' ' 0% packet loss'
same 'the port that is forwarded, from outside' "$(ask far 10.2.0.2:8000)" client
same 'what the rules drop' "$(at client curl -s -m 1 http://10.2.0.3:8080/ || echo nothing)" nothing
prey_ends
same 'it ends with 0' "$status" 0
adds_up 'every frame has one verdict'
