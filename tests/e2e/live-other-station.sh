#!/usr/bin/env bash
# Frames to another station's MAC, which a promiscuous port gets from a switch that floods, whoever judges: nothing of them is sent on or
# answered, and they go on to whoever takes them, such as a macvlan above. The executor in the kernel judges them on their way.
set -u
. tests/e2e/live/lib.sh
. tests/lib/scratch.sh
[ "${EXEC-}" = user ] || pins "$@" || { echo 'ok - frames to another station, live # SKIP this machine lets us mount no file system of BPF'; exit 0; }
live_begin

space client prey one far box
lan switch 1 client prey one
link prey wan far eth0
address prey wan 10.2.0.1/24 fd00:2::1/64
address far eth0 10.2.0.3/24 fd00:2::3/64
ip -n "$id-client" route add 10.2.0.0/24 via 10.1.0.2
ip -n "$id-client" -6 route add fd00:2::/64 via fd00:1::2
ip -n "$id-far" route add default via 10.2.0.1
ip -n "$id-far" -6 route add default via fd00:2::1
ip -n "$id-prey" link set eth0 promisc on
for name in one far; do web $name && udp $name 53; done
macvlan=
if ip -n "$id-prey" link add link eth0 name above type macvlan mode bridge 2>said; then
    ip -n "$id-prey" link set above netns "$id-box" name eth0
    at box sysctl -q -w net.ipv4.conf.all.arp_ignore=1 # the service's address is not asked for there
    ip -n "$id-box" link set eth0 up
    address box eth0 10.1.0.9/24 fd00:1::9/64
    address box lo 10.1.0.100/32
    web box
    macvlan=$(at box cat /sys/class/net/eth0/address)
else
    echo "ok - a macvlan above # SKIP $(cat said)"
fi

rules shop <<'RULES'
pool farm { source 10.1.0.50, fd00:1::50; server one 10.1.0.3; server six fd00:1::3 }
service shop on 10.1.0.100, fd00:1::100 tcp/80, udp/53 { mode passthrough; announce; -> farm }
RULES
rules nat <<'RULES'
interface wan = "wan"
nat edge { masquerade from 10.1.0.0/24, fd00:1::/64 out on wan ports 40000-50000 }
firewall crossing forward default accept {
  accept state established, related as OPEN
  reject tcp port 80 as CLOSED
}
RULES
rules routed <<'RULES'
firewall crossing forward default accept { reject tcp port 80 as CLOSED }
RULES
rules guard <<'RULES'
firewall edge default accept {
  accept state established, related as OPEN # so that fragments follow their first
  reject tcp port 8080 as CLOSED
}
RULES

other=02:00:00:00:00:99
mine() { at prey cat /sys/class/net/eth0/address; }
from=$(at client cat /sys/class/net/eth0/address)
# datagrams PORT TO PAYLOAD: port 4000 has a flow, 4001 has none at first. strangers: none has, and some ask for an answer.
datagrams() {
    echo "eth $from > $2 / ip4 10.1.0.1 > $four / udp $1 > 53 / payload \"$3\""
    echo "eth $from > $2 / ip6 fd00:1::1 > $six / udp $1 > 53 / payload \"$3\""
}
strangers() {
    local to="eth $from > $other"
    echo "$to / ip4 10.1.0.1 > $four / tcp 4002 > 80 syn"
    echo "$to / ip6 fd00:1::1 > $six / tcp 4002 > 80 syn"
    echo "$to / ip4 10.1.0.1 > $four id 7 frag 0 more proto 17 / payload x\"0fa3003500100000\""
    echo "$to / ip4 10.1.0.1 > $four id 7 frag 8 proto 17 / payload x\"48454c4c4f212121\""
    echo "$to / ip4 10.1.0.1 > $four / icmp type echo-request id 7 seq 1"
    echo "$to / arp who-has $four tell 10.1.0.77"
}
said_in() { tcpdump -n -A -r "$1" 2>/dev/null | grep -o 'to another\|to prey' | sort | uniq -c | tr -s ' \n' ' '; }
all_are_there() { [ "$(tcpdump -n -A -r there.pcap 2>/dev/null | grep -c 'to prey')" -ge 4 ]; }
# leaves_alone SENTENCE NAME [UNCHANGED]: what becomes of both kinds; that is where prey sends them, and so many of the four still with the
# client's address. Neighbours ask for one another at times: of ARP only the stranger's counts. What another station got is no flow: the same to prey, from the same port, is sent on all the same.
leaves_alone() {
    {
        datagrams 4000 "$other" 'to another' && datagrams 4001 "$other" 'to another' && strangers
        datagrams 4000 "$(mine)" 'to prey' && datagrams 4001 "$(mine)" 'to prey'
    } | capture frames
    sniff there.pcap "$2" eth0 "not ether src $from and not icmp6"
    sniff back.pcap client eth0 "not ether src $from and (arp dst host 10.1.0.77 or icmp or icmp6[icmp6type] == 1)"
    sniff passed.pcap prey eth0 "ether dst $other and not tcp"
    at client python3 "$top/tests/e2e/live/send.py" eth0 frames.pcap >/dev/null
    until_true 100 'frames to prey arrive behind it' all_are_there
    sniffed
    same "$1: frames to prey are sent on, and nothing of another station's" "$(said_in there.pcap) $(tcpdump -n -r there.pcap "tcp or arp and host 10.1.0.77 or icmp[icmptype] == 8 or ip[6:2] & 0x3fff != 0" 2>/dev/null | wc -l)" ' 4 to prey  0'
    same "$1: from the right address" "$(tcpdump -n -r there.pcap "udp dst port 53 and (src 10.1.0.1 or src fd00:1::1)" 2>/dev/null | wc -l)" "${3:-0}"
    same "$1: they are not answered" "$(frames_of back.pcap)" 0
    same "$1: and go on as they came" "$(frames_of passed.pcap)" 8
}
# talks [PORT]
talks() { echo "$(talk client $four 53 "${1:-4000}" | cut -d' ' -f1) $(talk client $six 53 "${1:-4000}" | cut -d' ' -f1)"; }

four=10.1.0.100 six=fd00:1::100
prey prey -i eth0 --format json shop.pbc
way=${EXEC:-$(sed -n 's/^--exec auto: \([a-z]*\), because .*/\1/p' prey.err)}
same 'a service' "$(talks) $(talks)" 'one one one one'
if [ -n "$macvlan" ]; then
    from=$macvlan datagrams 4002 "$other" 'in its name' | capture named
    at box python3 "$top/tests/e2e/live/send.py" eth0 named.pcap >/dev/null
    same 'what a device above sends in the name of a client takes nothing from it' "$(talks 4002)" 'one one'
fi
leaves_alone 'a service' one
[ -z "$macvlan" ] || same 'a macvlan above gets what is for it' "$(ask client 10.1.0.9) $(ask client '[fd00:1::9]')" 'box box'

at prey ip link set eth0 address 02:00:00:00:00:77
for name in client one; do ip -n "$id-$name" neigh flush dev eth0; done
same 'another MAC' "$(ask client 10.1.0.100) $(talks)" 'one one one'
leaves_alone 'another MAC' one
prey_sums 'a service'

four=10.2.0.3 six=fd00:2::3
prey prey -i eth0 -i wan --format json nat.pbc
same 'translation' "$(talks) $(talks)" 'far far far far'
leaves_alone 'translation' far
prey_sums 'translation'
prey prey -i eth0 -i wan --format json routed.pbc
same 'a router' "$(talks) $(talks)" 'far far far far'
leaves_alone 'a router' far 4
prey_sums 'a router'

if [ "$way" = kernel ] && [ -n "$macvlan" ]; then
    prey prey -i eth0 --format json guard.pbc
    same 'rules judge what a macvlan above gets, and answer nothing' "$(ask client 10.1.0.9) $(ask client 10.1.0.9:8080 0.5)" 'box failed: 28'
    same 'in fragments, too' "$(at client ping -q -c1 -W20 -s 4000 10.1.0.9 >/dev/null && echo answers)" answers
    prey_sums 'a firewall'
    same 'a firewall: by its rule' "$([ "$(by_rule CLOSED)" -gt 0 ] && echo some)" some
fi
exit $failed
