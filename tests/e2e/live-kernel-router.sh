#!/usr/bin/env bash
# A router with nat through the executor in the kernel, of which one interface takes programs in the driver and one does not:
# what is translated, what the host's stack sends on, and what comes by an interface that is not given; each judged once.
set -u
EXEC=kernel
. tests/e2e/live/lib.sh
. tests/lib/scratch.sh
pins "$@" || { echo 'ok - a router in the kernel # SKIP this machine lets us mount no file system of BPF'; exit 0; }
live_begin

# An inside network, a world outside, and one whose interface is not given.
space client prey far guest
link client eth0 prey lan
link prey wan far eth0
link guest eth0 prey side
long=9000 # so long frames no driver of a veth takes with a program
kernel_before 6.6 && long=1500 # frames of more than a page no program takes at all
ip -n "$id-client" link set eth0 mtu $long
ip -n "$id-prey" link set lan mtu $long
ip -n "$id-prey" link set wan mtu 1400
ip -n "$id-far" link set eth0 mtu 1400
address client eth0 10.1.0.1/24 10.1.9.1/32 fd00:1::1/64
address prey lan 10.1.0.2/24 fd00:1::2/64
address prey wan 10.2.0.2/24 fd00:2::2/64
address prey side 10.4.0.2/24
address guest eth0 10.4.0.1/24
address far eth0 10.2.0.3/24 fd00:2::3/64
ip -n "$id-client" route add default via 10.1.0.2
ip -n "$id-client" -6 route add default via fd00:1::2
ip -n "$id-guest" route add default via 10.4.0.2
ip -n "$id-far" route add 10.0.0.0/8 via 10.2.0.2
ip -n "$id-far" -6 route add default via fd00:2::2
ip -n "$id-prey" route add 10.1.9.1 via 10.1.0.1
at prey sysctl -q -w net.ipv4.ip_forward=1 net.ipv6.conf.all.forwarding=1 net.ipv4.conf.all.rp_filter=0
web client
web far
udp far 53
payload 1000000 far

edge() { # NAT-STATEMENTS
    cat <<END
interface wan = "wan"
const address = 10.2.0.2
set inside = 10.1.0.0/24
$1
firewall crossing on "*" forward default drop { # the inner interface by its pattern alone
  accept state established, related as OPEN
  accept tcp port 80, 8000 as WEB
  accept udp as DATAGRAM
  accept from 10.1.9.1 icmp type echo-request as PLAIN
  accept icmp type echo-request as PING
  accept icmp6 type echo-request as PING6
}
END
}
edge 'nat edge {
  masquerade from inside out on wan ports 40000-50000
  forward address tcp/8000 -> 10.1.0.1:80
}' | rules edge
edge '' | rules plain
cp edge.pbc run.pbc
route() { prey prey -i lan -i wan --format json run.pbc; }
pings() { at "$1" ping -q -c2 -i0.05 -W 20 "${@:2}" >out 2>&1; grep -c ' 0% packet loss' out; }

route
at far sh -c 'tcpdump -Z root -n -l --immediate-mode -i eth0 src host 10.1.0.1 >leaked 2>leaking & echo $! >sniffer'
until_true 50 'tcpdump listens' grep -q listening leaking
same 'from inside, from the outer address' "$(ask client 10.2.0.3/from) $(talk client 10.2.0.3)" '10.2.0.2 far 10.2.0.2 5'
fetches 'a megabyte' client 10.2.0.3
same 'a ping, translated; in fragments; over IPv6, which is not; and of the host itself' \
    "$(pings client 10.2.0.3) $(pings client -M dont -s 4000 10.2.0.3) $(pings client fd00:2::3) $(pings prey 10.2.0.3) $(pings far 10.2.0.2)" '1 1 1 1 1'
same 'the port that is forwarded, from outside' "$(ask far 10.2.0.2:8000)" client
same 'what is not translated keeps its address' "$(pings client -I 10.1.9.1 10.2.0.3)" 1
at client ping -c1 -W 20 -t1 10.2.0.3 >out
has 'the last hop' 'Time to live exceeded'
at client ping -c1 -W 20 -M do -s 1400 -I 10.1.9.1 10.2.0.3 >out 2>&1
has 'too long for the way' 'mtu *= *1400'
at client ping -c1 -W 20 -M do -s 1400 10.2.0.3 >out 2>&1
has 'and where it is translated' 'mtu *= *1400'
same 'what the rules drop' "$(at client curl -s -m 0.3 http://10.2.0.3:8080/ || echo nothing)" nothing
same 'by an interface that is not given it is judged where it leaves' \
    "$(ask guest 10.2.0.3/) $(at guest curl -s -m 0.3 http://10.2.0.3:8080/ || echo nothing)" 'far nothing'

# What another program does not translate any more goes on as it began.
mkfifo asks
background client python3 -u -c '
import http.client
c = http.client.HTTPConnection("10.2.0.3", timeout=5)
while True:
    for line in open("asks"):
        try:
            c.request("GET", "/from")
            print(c.getresponse().read().decode().strip())
        except Exception as e:
            print(type(e).__name__)
' >answers
again() { # SENTENCE
    local lines
    lines=$(wc -l <answers)
    timeout 60 sh -c "echo >asks"
    until_true 80 "$1: an answer" sh -c "[ \$(wc -l <answers) -gt $lines ]"
    same "$1" "$(tail -n1 answers)" 10.2.0.2
}
reload() { # PROGRAM COUNT
    cp "$1.pbc" run.pbc
    kill -HUP "$prey"
    until_true 100 "$1 is in force" sh -c "[ \$(grep -c 'reloaded: run.pbc' prey.err) -eq $2 ]"
}
again 'a connection'
same 'nothing leaked' "$(kill -INT "$(cat sniffer)"; cat leaked)" ''
reload plain 1
again 'goes on without its nat'
same 'a new one is not translated' "$(ask client 10.2.0.3/from) $(pings client -I 10.1.9.1 10.2.0.3)" '10.1.0.1 1'
reload edge 2
again 'and with it again'
same 'and new ones are' "$(ask client 10.2.0.3/from)" 10.2.0.2
truncate -s 0 prey.out
prey_ends
same 'it ends with 0, and what was too long is all that didn'\''t leave' "$status $(number live lost | tr -dc '1-9') $(number live lost too_big)" '0 1 1'
adds_up 'every frame has one verdict'
same 'each packet was judged once' "$(by_rule PLAIN)" 3

# Killed, it sends nothing up any more; what is for this machine, at a port that no nat takes, needs nobody.
web prey
route
prey_killed "$prey" "$(pgrep -P "$prey")"
same 'killed, this machine still answers where no nat does' "$(ask far 10.2.0.2/) $(at far curl -s -m 0.3 http://10.2.0.2:8000/ || echo nothing)" 'prey nothing'
at prey "$bin/preyrun" --cleanup >out 2>&1
has 'and --cleanup' undone
