#!/usr/bin/env bash
# A router with a LAN, a DMZ, a device of a VPN that is not served, and two uplinks: nat translates what leaves by its interface, by
# this machine's routes; all else arrives as it was sent, and no uplink carries a copy of it. By either executor.
set -u
EXEC=kernel
. tests/e2e/live/lib.sh
. tests/lib/scratch.sh
pins "$@" || ways=user
live_begin
RECORD=1 RECORD_SAMPLE=1 # every way of every packet is replayed, too

space client prey far branch dmzhost
link client eth0 prey lan
link prey wan far eth0
link prey dmz dmzhost eth0
link prey vpn branch eth0
address client eth0 10.1.0.7/24 fd00:1::7/64
address prey lan 10.1.0.1/24 fd00:1::1/64
address prey wan 203.0.113.2/24 fd00:f::2/64
address prey dmz 10.2.0.1/24 fd00:2::1/64
address prey vpn 10.99.0.1/24
address far eth0 203.0.113.9/24 fd00:f::9/64
address dmzhost eth0 10.2.0.5/24 fd00:2::5/64
address branch eth0 10.99.0.5/24 10.99.0.6/24
ip -n "$id-far" addr add 192.0.2.1/32 dev lo
ip -n "$id-far" -6 addr add fd00:9::1/128 dev lo nodad
ip -n "$id-prey" route add default via 203.0.113.9
ip -n "$id-prey" -6 route add default via fd00:f::9
for one in client:10.1.0.1:fd00:1::1 dmzhost:10.2.0.1:fd00:2::1; do
    IFS=: read -r name four six <<<"$one"
    ip -n "$id-$name" route add default via "$four"
    ip -n "$id-$name" -6 route add default via "$six"
done
ip -n "$id-branch" route add default via 10.99.0.1
at prey sysctl -q -w net.ipv4.ip_forward=1 net.ipv6.conf.all.forwarding=1 net.ipv4.conf.all.rp_filter=0 net.ipv4.conf.default.rp_filter=0 \
    net.ipv4.conf.wan.rp_filter=0
at far sysctl -q -w net.ipv4.conf.all.arp_ignore=1 net.ipv4.conf.all.arp_notify=1 \
    net.ipv4.conf.all.rp_filter=0 net.ipv4.conf.eth0.rp_filter=0
# The second uplink, with the same addresses whenever it is there.
second_uplink() {
    link prey up2 far eth1
    ip -n "$id-far" link set eth1 address 02:00:00:00:00:09
    address prey up2 198.51.100.2/24
    address far eth1 198.51.100.9/24 198.51.100.8/24
    at prey sysctl -q -w net.ipv4.conf.up2.rp_filter=0
    at far sysctl -q -w net.ipv4.conf.eth1.rp_filter=0
}
second_uplink
for name in far branch dmzhost client; do web "$name"; done

rules edge <<'END'
interface wan = "wan"
interface up2 = "up2"
set lans = 10.1.0.0/24, 10.99.0.0/24, fd00:1::/64
nat home {
  masquerade from lans out on wan
  source from any out on up2 to 198.51.100.77
  forward 198.51.100.2 on up2 tcp/8080 -> 10.2.0.5:80
  forward 198.51.100.2 on up2 udp/9000 -> 10.2.0.5:9000
}
firewall f forward default drop {
  accept state established, related
  accept from lans, 10.2.0.0/24, fd00:2::/64
  accept on up2 to 198.51.100.2 port 8080, 9000
}
END
{ cat edge.prey; echo 'firewall box in default accept { drop tcp to port 9 }'; } | rules again

from() { at "$1" curl -s -m 6 "http://$2/from" || echo failed; }
# Answers a datagram once `closed` is there, and says from whom it was, and what came back.
cat >late.py <<'END'
import os, socket, time
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
s.settimeout(20)
s.bind(('203.0.113.9', 99))
s.connect(s.recvfrom(9)[1])
while not os.path.exists('closed'): time.sleep(0.05)
s.send(b'late')
try: back = s.recv(9)
except OSError as e: back = e.strerror
print(s.getpeername()[0], back)
END
# Answers one datagram.
cat >echo.py <<'END'
import socket
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
s.settimeout(20)
s.bind(('203.0.113.9', 99))
open('bound', 'w')
s.sendto(*s.recvfrom(9))
END
cat >asks_once.py <<'END'
import socket
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
s.bind(("10.99.0.6", 5000))
s.sendto(b"asks", ("203.0.113.9", 99))
END
# late COMMAND...: runs it between a question of branch and the answer. The file `told` has what late.py says.
late() {
    rm -f closed
    background far python3 late.py >told
    until_true 50 "$way: somebody answers late" eval 'at far ss -Huln | grep -q :99'
    at branch bash -c 'echo asks >/dev/udp/203.0.113.9/99'
    "$@"
    touch closed
    wait "$last"
}
seen() { # FILE: packets of the inner networks that the wire carried
    tcpdump -nr "$1" 2>/dev/null | grep -cE '10\.99\.0\.5|10\.2\.0\.5|fd00:2::5' || true
}

# A question from behind far, by up2, which the DMZ answers as often as it is told to; far writes down by which device each answer came.
cat >answers.py <<'END'
import socket, sys
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
s.bind(("10.2.0.5", 9000))
open("answers.ready", "w")
who = s.recvfrom(99)[1]
for line in sys.stdin:
    s.sendto(line.strip().encode(), who)
END
cat >asks.py <<'END'
import socket, struct
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
s.setsockopt(socket.IPPROTO_IP, 8, 1)  # IP_PKTINFO
s.bind(("192.0.2.1", 5000))
s.sendto(b"asked", ("198.51.100.2", 9000))
while True:
    what, told, _, _ = s.recvmsg(99, 99)
    print(what.decode(), socket.if_indextoname(struct.unpack("i", told[0][2][:4])[0]), flush=True)
END
mkfifo answers.fifo
# by SENTENCE DEVICE of far: an answer of now comes by it.
by() { until_true 50 "$1" answered "$2" && ok 0 "$1"; }
answered() {
    echo >&7
    tail -n 1 asked | grep -q " $1\$"
}
# says SENTENCE PATTERN [ARGUMENT...]: status does, as soon as its document is made anew.
says() { until_true 50 "$1" status_says "$2" "${@:3}" && ok 0 "$1"; }
status_says() { ctl "${@:2}" status && grep -qE -- "$1" out; }
# An answer leaves by the uplink that the question came by; while that is down, by the routes; back once it is up.
replies_follow() {
    rm -f answers.ready
    exec 7<>answers.fifo
    ip netns exec "$id-dmzhost" python3 answers.py <answers.fifo &
    local answering=$! asking
    pids="$pids $answering"
    until_there answers.ready
    : >asked
    ip netns exec "$id-far" python3 asks.py >>asked &
    asking=$!
    pids="$pids $asking"
    by "$1: an answer leaves by the uplink that the question came by" eth1
    says "$1: status says so" '^replies of translated and balanced connections leave by the interface where the connection arrived, on these interfaces: lan, wan, up2, dmz$'
    ip -n "$id-prey" link set up2 down
    by "$1: while that is down it leaves by the routes" eth0
    says "$1: status says that, too" '^replies of .* on these interfaces: lan, wan, dmz; on interfaces without a link, the routes decide: up2 \(down\)$'
    ip -n "$id-prey" link set up2 up
    by "$1: by the uplink again, once it is up" eth1
    ip -n "$id-far" link set eth1 down
    by "$1: without a carrier, by the routes" eth0
    says "$1: status has it as JSON" '"interface":"up2",[^}]*"link":"no carrier","replies":"by the routes"' --json
    ip -n "$id-prey" link del up2
    hears "$1: it is gone" 'up2 is gone'
    by "$1: and that is still by the routes" eth0
    second_uplink
    by "$1: by the new uplink" eth1
    kill "$answering" "$asking"
    exec 7>&-
}

routed() { # packets that a nat has looked at behind the routing, up to now
    : >prey.out
    kill -USR1 "$prey"
    until_true 50 'counters are printed' grep -q '^}' prey.out
    number translated routed
}
head -c 900000 /dev/zero >upload

# For the kernel executor, by the hook that takes what arrives.
IFS=, read -ra all <<<"${ways:-user,kernel tc,kernel xdp}"
for way in "${all[@]}"; do
    read -r exec hook <<<"$way"
    prey prey --format json --exec "$exec" ${hook:+--hook "$hook"} -i lan -i wan -i up2 -i dmz edge.pbc
    sniff "wan-$exec$hook.pcap" far eth0 'ip or ip6'
    same "$way: to the internet as this machine" "$(from client 192.0.2.1) $(from client '[fd00:9::1]')" '203.0.113.2 fd00:f::2'
    same "$way: to the DMZ as it is, in both families" "$(from client 10.2.0.5) $(from client '[fd00:2::5]')" '10.1.0.7 fd00:1::7'
    same "$way: to the VPN as it is, by a device that isn't served" "$(from client 10.99.0.5)" 10.1.0.7
    sniffed
    same "$way: the uplink saw nothing of that" "$(seen "wan-$exec$hook.pcap")" 0
    ip -n "$id-prey" route add 192.0.2.1/32 via 198.51.100.9 dev up2
    until_true 50 "$way: the other uplink is taken, once the routes are known" eval '[ "$(from client 192.0.2.1)" = 198.51.100.77 ]'
    same "$way: ... with its own statement" "$(from client 192.0.2.1)" 198.51.100.77
    same "$way: a forward's answers leave by the uplink that it came in by" "$(at far curl -s -m 6 --interface 198.51.100.9 http://198.51.100.2:8080/)" dmzhost
    ip -n "$id-prey" route del 192.0.2.1/32
    replies_follow "$way"
    if [ "$exec" = kernel ]; then
        # Ways that nobody can tell before the stack has routed: a mark, several interfaces. The mark's gateway is one that
        # prey itself asks nothing of.
        sniff "inside-$hook.pcap" far any 'ip src 10.1.0.7 or ip src 10.99.0.5 or (icmp[0] = 8 and ip src 198.51.100.77)'
        ip -n "$id-prey" route add default via 198.51.100.8 dev up2 table 7
        ip -n "$id-prey" rule add fwmark 7 table 7
        printf 'table inet marks { chain p { type filter hook prerouting priority mangle; ip saddr 10.1.0.7 tcp dport 80 meta mark set 7; ip saddr 10.1.0.7 meta l4proto icmp meta mark set 7; }\n}\n' |
            at prey nft -f -
        until_true 50 "$way: a mark of another table decides" eval '[ "$(from client 192.0.2.1)" = 198.51.100.77 ]'
        same "$way: what has no mark goes the usual way" "$(at client curl -s -m 6 http://203.0.113.9:8080/from)" 203.0.113.2
        at client ping -q -c 4 -i 0.2 -W 5 192.0.2.1 >out
        has "$way: so it does of pings, each of them" '^4 packets transmitted, 4 received'
        says "$way: status counts such packets by cause" "^  way +[1-9][0-9,]* unknown, routed by this machine, then translated if a \`nat\` takes it: a policy rule matches a mark, .*; to make it known, use: "
        says "$way: as JSON, too" '"unknown_ways":[[][^]]*"cause":"mark","packets":[1-9]' --json
        ctl explain 'tcp 10.1.0.7:5000 -> 192.0.2.1:80 syn on lan'
        has "$way: explain says why, and what becomes of it" "^  way unknown, routed by this machine, then translated if a \`nat\` takes it: a policy rule matches a mark, "
        has "$way: it is accepted" '^verdict: accept '
        before=$(routed)
        at client curl -s -m 20 -o /dev/null --data-binary @upload http://192.0.2.1/from
        same "$way: the host routes a connection's first packet alone" \
            "$(awk -v was="$before" -v now="$(routed)" 'BEGIN { print (now > was && now <= was + 3) }')" 1
        at client curl -s -m 9 --limit-rate 300k --data-binary @upload -o /dev/null http://192.0.2.1/from &
        moving=$!
        pids="$pids $moving"
        until_true 50 "$way: such a connection goes on" eval '[ "$(at far ss -Htn state established sport = :80 | wc -l)" = 1 ]'
        ip -n "$id-far" link set eth1 address 02:00:00:00:00:0a
        wait "$moving"
        same "$way: ... also when its gateway gets another MAC address" $? 0
        ip -n "$id-far" link set eth1 address 02:00:00:00:00:09
        at prey nft delete table inet marks
        ip -n "$id-prey" rule del fwmark 7
        ip -n "$id-prey" route replace default nexthop via 203.0.113.9 dev wan nexthop via 198.51.100.9 dev up2
        answers=$(for i in $(seq 1 24); do from client 192.0.2.1; done | sort -u | tr '\n' ' ')
        same "$way: each of two ways has its own address" "$(tr ' ' '\n' <<<"$answers" | grep -vxE '198\.51\.100\.77|203\.0\.113\.2|')" ''
        same "$way: from a device that isn't served, by the uplink's address" "$(from branch 203.0.113.9)" 203.0.113.2
        late true
        same "$way: ... and so does an error about an answer" "$(cat told)" '203.0.113.2 Connection refused'
        late ip -n "$id-prey" route add prohibit 10.99.0.5
        same "$way: ... and this machine's own" "$(cat told)" '203.0.113.2 No route to host'
        ip -n "$id-prey" route del prohibit 10.99.0.5
        for program in again edge again; do
            until_true 50 "$way: another program is loaded" at prey "$bin/preyctl" load "$program.pbc"
            same "$way: ... which translates that, too" "$(from branch 203.0.113.9)" 203.0.113.2
        done
        same "$way: ... and what it brings joined" "$(at branch curl -s -m 20 --data-binary @upload http://203.0.113.9/from)" 203.0.113.2
        ctl counters
        same "$way: ... all of it" "$(grep not_sent out)" ''
        sniffed
        same "$way: pings have left by the uplink of the mark, and nothing untranslated" \
            "$(tcpdump -nr "inside-$hook.pcap" 2>/dev/null | grep -oE 'IP 198[^ ]*|IP 10[.].*' | sort | uniq -c | tr -s ' ')" ' 4 IP 198.51.100.77'
        ip -n "$id-prey" route replace default via 203.0.113.9 dev wan
        ip -n "$id-prey" route flush table 7
    else
        # A way that no worker can tell: what a nat may take does not leave with its inside address.
        sniff no-way.pcap far any 'ip src 10.1.0.7'
        ip -n "$id-prey" route add 192.0.2.1/32 encap ip id 7 dst 203.0.113.9 via 203.0.113.9 dev wan
        until_true 50 "$way: what has no way is dropped" eval '[ "$(at client curl -s -m 0.5 http://192.0.2.1/from)" = "" ] && at prey "$bin/preyctl" counters | grep -q "no-way"'
        sniffed
        says "$way: status counts such packets by cause" '^  way +[1-9][0-9,]* unknown, dropped \(no-way\): the route puts another header in front .*; to translate it, use: --exec kernel'
        ctl explain 'tcp 10.1.0.7:5000 -> 192.0.2.1:80 syn on lan'
        has "$way: explain says why, and what becomes of it" '^  way unknown, dropped \(no-way\): the route puts another header in front'
        has "$way: it is dropped" '^verdict: drop .* reason no-way$'
        same "$way: nothing left untranslated" "$(tcpdump -nr no-way.pcap 2>/dev/null | wc -l)" 0
        ip -n "$id-prey" route del 192.0.2.1/32
    fi
    prey_ends
    same "$way: it ends with 0" "$status" 0
done

# By XDP only interfaces of a nat's statements have rings: a reload with one more brings one.
if [ "${ways-}" != user ]; then
    rules fewer <<'END'
interface up2 = "up2"
nat home { source from 10.1.0.0/24 out on up2 -> 198.51.100.77 }
firewall f forward default drop {
  accept state established, related
  accept from 10.1.0.0/24, 10.99.0.0/24
}
END
    ip -n "$id-far" route add 10.0.0.0/8 via 203.0.113.2
    prey prey --exec kernel --hook xdp -i lan -i wan -i up2 fewer.pbc
    same 'reload: what leaves by no statement stays as it is' "$(from client 203.0.113.9)" 10.1.0.7
    ctl load edge.pbc
    same 'reload: it is loaded' "$status" 0
    same 'reload: one more statement translates what the host has routed' "$(from branch 203.0.113.9)" 203.0.113.2
    prey_ends
    # Guard rules shut what passes by prey, and nothing that prey gives back.
    rules named <<'END'
nat home { masquerade from 10.1.0.0/24, 10.99.0.0/24 out on "wan" }
firewall f forward default drop {
  accept state established, related
  accept on "lan", "vpn"
}
END
    prey prey --exec kernel -i lan -i wan named.pbc
    same 'a device that rules name: its answers come back' "$(from branch 203.0.113.9)" 203.0.113.2
    same 'a device that rules name: it is reached as before' "$(from client 10.99.0.5)" 10.1.0.7
    prey_ends
    # Without a firewall the host routes what crosses: an answer that prey has turned, too, to an opener whose interface is
    # not served. Where it leaves by another uplink, no statement takes it once more.
    rules alone <<'END'
nat home {
  masquerade from 10.99.0.0/24 out on "wan"
  source from any out on "up2" -> 198.51.100.77
}
END
    ip -n "$id-prey" route add 10.99.0.6/32 via 198.51.100.9 dev up2
    for hook in tc xdp; do
        prey prey --exec kernel --hook "$hook" -i lan -i wan -i up2 alone.pbc
        sniff "back-$hook.pcap" far eth1 udp
        rm -f bound
        background far python3 echo.py
        until_there bound
        at branch python3 asks_once.py
        wait "$last"
        sniffed
        same "$hook: an answer leaves by the uplink that routes lead to, translated once" \
            "$(tcpdump -nr "back-$hook.pcap" 2>/dev/null | grep -oE 'IP [^,]*')" 'IP 203.0.113.9.99 > 10.99.0.6.5000: UDP'
        prey_ends
    done
fi
