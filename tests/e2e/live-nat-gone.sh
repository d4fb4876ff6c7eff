#!/usr/bin/env bash
# A translated flow whose route goes: its sender hears what this machine's stack says of such routes, by each kind of route, in both
# families and both executors; nothing leaves with its inside address; and the flow goes on once the route is back. netfilter beside it.
set -u
EXEC=kernel
. tests/e2e/live/lib.sh
. tests/lib/scratch.sh
pins "$@" || ways=user
live_begin
RECORD=1 RECORD_SAMPLE=1

space client prey far
link client eth0 prey lan
link prey wan far eth0
address client eth0 10.1.0.7/24 fd00:1::7/64
address prey lan 10.1.0.1/24 fd00:1::1/64
address prey wan 203.0.113.2/24 fd00:f::2/64
address far eth0 203.0.113.9/24 fd00:f::9/64
ip -n "$id-far" addr add 192.0.2.1/32 dev lo
ip -n "$id-far" -6 addr add fd00:9::1/128 dev lo nodad
ip -n "$id-client" route add default via 10.1.0.1
ip -n "$id-client" -6 route add default via fd00:1::1
at prey sysctl -q -w net.ipv4.ip_forward=1 net.ipv6.conf.all.forwarding=1 net.ipv4.icmp_ratelimit=0 net.ipv6.icmp.ratelimit=0

rules edge <<'END'
interface wan = "wan"
nat home { masquerade from 10.1.0.0/24, fd00:1::/64 out on wan }
firewall f forward default drop {
  accept state established, related
  accept on "lan"
}
END
# The same beside a statement that asks for no way.
rules mapped <<'END'
interface wan = "wan"
nat home {
  map 203.0.113.78 <-> 10.1.0.78
  masquerade from 10.1.0.0/24, fd00:1::/64 out on wan
}
firewall f forward default drop {
  accept state established, related
  accept on "lan"
}
END

# Sends on one flow of each family, each time that it is told to, and says what it has heard since: nothing, an answer's port, or an error.
cat >flow.py <<'END'
import errno, socket, sys, time
flows = []
for family, to in (socket.AF_INET, "192.0.2.1"), (socket.AF_INET6, "fd00:9::1"):
    s = socket.socket(family, socket.SOCK_DGRAM)
    s.setsockopt(*((0, 11, 1) if family == socket.AF_INET else (41, 25, 1)))  # IP_RECVERR, IPV6_RECVERR
    s.connect((to, 99))
    s.settimeout(0.4)
    flows.append(s)
def told(s):
    try:
        s.send(b"asks")
        return "answer " + s.recv(99).decode().split()[-1]
    except TimeoutError:
        return "nothing"
    except OSError:
        try:
            from_error = s.recvmsg(99, 512, socket.MSG_ERRQUEUE)[1][0][2]
            return "%d/%d" % (from_error[5], from_error[6])
        except OSError as e:
            return "error " + errno.errorcode[e.errno]
for line in sys.stdin:
    time.sleep(float(line))
    print(", ".join(told(s) for s in flows), flush=True)
END
cat >serve.py <<'END'
import socket, select
ends = []
for family, at in (socket.AF_INET, "192.0.2.1"), (socket.AF_INET6, "fd00:9::1"):
    ends.append(socket.socket(family, socket.SOCK_DGRAM))
    ends[-1].bind((at, 99))
open("serves", "w")
while True:
    for s in select.select(ends, [], [])[0]:
        _, who = s.recvfrom(99)
        s.sendto(who[0].encode(), who)
END
background far python3 serve.py
until_there serves

# gone KIND: both routes lead nowhere, by that kind of route; "none": there is none.
gone() {
    ip -n "$id-prey" route flush root 192.0.2.0/24
    ip -n "$id-prey" -6 route flush root fd00:9::/64
    [ "$1" != back ] || set -- 'via 203.0.113.9' 'via fd00:f::9'
    [ "$1" != none ] || return 0
    case $1 in via*) to4="192.0.2.0/24 $1" to6="fd00:9::/64 $2" ;; *) to4="$1 192.0.2.0/24" to6="$1 fd00:9::/64" ;; esac
    ip -n "$id-prey" route add $to4
    ip -n "$id-prey" -6 route add $to6
}
# flows_begin; ask: what both flows have heard of what they send once prey knows the routes; flows_end
flows_begin() {
    coproc FLOW { at client python3 -u flow.py; }
    flow=$FLOW_PID
    exec 8<&"${FLOW[0]}" 9>&"${FLOW[1]}" {FLOW[0]}<&- {FLOW[1]}>&-
}
ask() {
    local said
    echo 0.6 >&9
    read -r -t 20 said <&8
    echo "$said"
}
flows_end() {
    exec 8<&- 9>&-
    wait "$flow" 2>/dev/null
}
# heard: what both flows hear, of each kind of route
heard() {
    local kind
    gone back
    flows_begin
    for kind in back none unreachable prohibit blackhole back; do
        gone $kind
        echo "$kind: $(ask)"
    done
    flows_end
}
want='back: answer 203.0.113.2, answer fd00:f::2
none: 3/0, 1/0
unreachable: 3/1, 1/0
prohibit: 3/13, 1/1
blackhole: nothing, nothing
back: answer 203.0.113.2, answer fd00:f::2'

at prey nft -f - <<'END'
table inet beside { chain out { type nat hook postrouting priority srcnat; oifname "wan" masquerade; }; }
END
same 'netfilter: the sender hears of a route that is gone' "$(heard)" "$want"
at prey nft delete table inet beside
at prey conntrack -F 2>/dev/null

IFS=, read -ra all <<<"${ways:-user,kernel tc,kernel xdp}"
for way in "${all[@]}"; do
    read -r exec hook <<<"$way"
    for program in edge mapped; do
        prey prey --format json --exec "$exec" ${hook:+--hook "$hook"} -i lan -i wan $program.pbc
        sniff inside.pcap far eth0 'src net 10.1.0.0/24 or src net fd00:1::/64'
        same "$way, $program: the sender hears of a route that is gone" "$(heard)" "$want"
        # A rule for the device of arrival: neither the guard rules nor the stack, which gets the packet from this process, know that device.
        flows_begin
        same "$way, $program: a flow begins" "$(ask)" 'answer 203.0.113.2, answer fd00:f::2'
        ip -n "$id-prey" rule add iif lan to 192.0.2.0/24 prohibit
        sniff left.pcap far eth0 'ip and udp'
        same "$way, $program: ... and hears nothing of a rule for its device of arrival" "$(ask)" 'nothing, answer fd00:f::2'
        sniffed
        same "$way, $program: ... and does not leave" "$(tcpdump -nr left.pcap 2>/dev/null | wc -l)" 0
        ip -n "$id-prey" rule del iif lan to 192.0.2.0/24 prohibit
        flows_end
        same "$way, $program: nothing left with its inside address" "$(tcpdump -nr inside.pcap 2>/dev/null | wc -l)" 0
        prey_ends
        adds_up "$way, $program: and all adds up"
    done
done
exit $failed
