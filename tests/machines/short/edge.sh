#!/usr/bin/env bash
# An edge in the kernel, as short as it shows, for each start of the executor is dear: a router with masquerade and a forwarded
# port, a service in passthrough, a proxy, and the firewall before them.
set -u
EXEC=kernel
. tests/e2e/live/lib.sh
. tests/lib/scratch.sh
pins "$@" || { echo 'not ok - this machine lets us mount no file system of BPF'; exit 1; }
live_begin
site one two
address client eth0 10.1.0.8/24 10.1.0.9/24
at prey sysctl -q -w net.ipv4.ip_forward=1
web client
udp client 53
rules edge <<'RULES'
interface wan = "wan"
const address = 10.1.0.2
set inside = 10.2.0.0/24
nat edge {
  masquerade from inside out on wan ports 40000-50000
  forward address tcp/8000 -> 10.2.0.2:8080
}
firewall gate in default drop {
  accept state established, related as ANSWERS
  accept icmp6 type nd
  accept icmp
  accept tcp from 10.1.0.1 to port 80 flags has syn lacks ack as WEB
  accept tcp port 8000 as FORWARD
  reject tcp from 10.1.0.8 to port 80 with rst as NO
}
firewall crossing forward default drop {
  accept state established, related as OPEN
  accept tcp port 80 as OUT
  accept tcp to 10.2.0.2 port 8000, 8080 as FORWARDED
  accept udp as DATAGRAM
  accept icmp type echo-request as PING
}
pool farm { balance round_robin; server one 10.2.0.2:80; server two 10.2.0.3:80 }
service spread on 10.1.0.100 tcp/80 { mode passthrough; announce; -> farm }
service asked on 10.1.0.101 tcp/80 { mode proxy; announce; -> farm }
RULES
# Frames of more than a page come in pieces, which Linux before 6.6 does not have.
if kernel_before 6.6; then large=1; else large=0; fi
ip -n "$id-prey" link set wan mtu 9000
at prey "$bin/preyrun" --preflight --exec kernel --hook xdp -i wan -i lan edge.pbc >out 2>err </dev/null
grep -q 'wan has an MTU of 9000, and before Linux 6.6 XDP takes only frames that fit into a page: ip link set wan mtu' err
same 'preflight tells of an MTU that is too large here' "$((1 - $?))" "$large"
ip -n "$id-prey" link set wan mtu 1500
prey prey -i wan -i lan --format json edge.pbc
same 'masqueraded: the outer address is seen' "$(ask one 10.1.0.1/from) $(talk one 10.1.0.1)" '10.1.0.2 client 10.1.0.2 5'
at one ping -q -c2 -i0.05 -W 20 10.1.0.1 >out
has 'a ping, translated' ' 0% packet loss'
same 'the port that is forwarded' "$(ask client 10.1.0.2:8000)" one
same 'what the rules drop on its way' "$(at one curl -s -m 1 http://10.1.0.1:8080/ || echo nothing)" nothing
from() { at client curl -s -m "$3" --interface "$1" "http://$2/" || echo "curl $?"; }
for service in 10.1.0.100 10.1.0.101; do
    for i in 1 2 3 4; do from 10.1.0.1 $service 20; done >answers
    same "$service serves, shared" "$(shares <answers)" ' 2 one 2 two '
    same "$service: who may not gets a reset, or nothing" "$(from 10.1.0.8 $service 20) $(from 10.1.0.9 $service 1)" 'curl 7 curl 28'
done
# Where the other ends do not receive by NAPI, what programs send would be lost there; before Linux 6.3 no kernel tells.
at outside ethtool -K port2 gro off >/dev/null
at inside ethtool -K port1 gro off >/dev/null
payload 300000 one two
fetches 'what other ends do not take from programs this process sends' client 10.1.0.100
prey_ends
same 'it ends with 0' "$status" 0
adds_up 'every frame has one verdict'
