#!/usr/bin/env bash
# A router with two uplinks that sends all DNS to one resolver: a packet whose destination is turned leaves by one of the
# routes' ways, with that way's address, or not at all. In either executor, and at either hook.
set -u
. tests/e2e/live/lib.sh
. tests/lib/scratch.sh
live_begin

space client prey one two
link client eth0 prey lan
link prey up1 one eth0
link prey up2 two eth0
address client eth0 10.1.0.7/24
address prey lan 10.1.0.1/24
address prey up1 203.0.113.2/24
address prey up2 198.51.100.2/24
address one eth0 203.0.113.9/24
address two eth0 198.51.100.9/24
for name in one two; do
    ip -n "$id-$name" addr add 192.0.2.53/32 dev lo
    at "$name" sysctl -q -w net.ipv4.conf.all.rp_filter=0 net.ipv4.conf.eth0.rp_filter=0
    udp "$name" 53
done
ip -n "$id-client" route add default via 10.1.0.1
at prey sysctl -q -w net.ipv4.ip_forward=1 net.ipv4.fib_multipath_hash_policy=1 net.ipv4.conf.all.rp_filter=0 \
    net.ipv4.conf.lan.rp_filter=0 net.ipv4.conf.up1.rp_filter=0 net.ipv4.conf.up2.rp_filter=0
several() { ip -n "$id-prey" route replace default nexthop via 203.0.113.9 dev up1 nexthop via 198.51.100.9 dev up2; }
by_first() { ip -n "$id-prey" route replace default via 203.0.113.9 dev up1; }
by_second() { ip -n "$id-prey" route replace default via 198.51.100.9 dev up2; }

rules redirect <<'END'
interface up1 = "up1"
interface up2 = "up2"
nat home { forward any from 10.1.0.0/24 udp/53 -> 192.0.2.53; masquerade from 10.1.0.0/24 out on up1; masquerade from 10.1.0.0/24 out on up2 }
END
rules list <<'END'
interface up1 = "up1"
interface up2 = "up2"
nat home { forward any udp/53 -> 192.0.2.53; masquerade out on up1, up2 }
END

# asks PORT...: a question from each port, to a resolver that nobody has; how many were answered.
asks() {
    at client python3 - "$@" <<'END'
import socket, sys
answered = 0
for port in sys.argv[1:]:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
        s.bind(("10.1.0.7", int(port)))
        s.settimeout(1)
        s.sendto(b"asks", ("192.0.2.99", 53))
        try:
            answered += len(s.recv(99)) > 0
        except OSError:
            pass
print(answered)
END
}
watches() { for far in one two; do sniff "$far-$1.pcap" "$far" eth0 'udp dst port 53'; done; }
# by NAME: source addresses that left by the first uplink, and by the second
by() { for far in one two; do echo "$(tcpdump -nr "$far-$1.pcap" 2>/dev/null | awk '{ sub(/\.[0-9]+$/, "", $3); print $3 }' | sort -u | tr '\n' ' ')|"; done | tr -d '\n'; }

for how in 'user' 'kernel --hook tc' 'kernel --hook xdp'; do
    by=${how##* }
    for file in redirect list; do
        several
        prey prey --exec $how -i lan -i up1 -i up2 "$file.pbc"
        asks 5000 5001 5002 5003 >/dev/null # the gateways are known then
        watches "$file-$by"
        same "$by, $file: of several ways, all are answered" "$(asks $(seq 5101 5116))" 16
        sniffed
        same "$by, $file: and each has its way's address" "$(by "$file-$by")" '203.0.113.2 |198.51.100.2 |'

        by_first
        asks 5200 >/dev/null
        watches "first-$by"
        same "$by, $file: one way" "$(asks 5200)" 1
        sniffed
        same "$by, $file: has its address" "$(by "first-$by")" '203.0.113.2 ||'
        by_second
        asks 5200 >/dev/null
        watches "second-$by"
        same "$by, $file: another way" "$(asks 5200)" 1
        sniffed
        same "$by, $file: ends the flow, and has its address" "$(by "second-$by")" '|198.51.100.2 |'

        # Another table may mark what crosses, and send it elsewhere: not by a guess.
        ip -n "$id-prey" rule add fwmark 1 table 7
        ip -n "$id-prey" route add default via 203.0.113.9 dev up1 table 7
        ctl load "$file.pbc"
        if [ "$by" != user ]; then
            watches "mark-$by"
            same "$by, $file: a way that hangs on a mark is none" "$(asks 5300)" 0
            sniffed
            same "$by, $file: and nothing leaves" "$(by "mark-$by")" '||'
            ctl explain 'udp 10.1.0.7:5301 -> 192.0.2.99:53 on lan'
            same "$by, $file: explain says so" "$(grep -c 'dropped (no-way): a policy rule asks for a mark' out) $(grep -c 'reason no-way' out)" '1 1'
        fi
        ip -n "$id-prey" route flush table 7
        ip -n "$id-prey" rule del fwmark 1 table 7
        prey_ends
        same "$by, $file: it ends with 0" "$status" 0
    done
done
[ "$failed" = 0 ]
